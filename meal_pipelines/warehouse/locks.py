"""Locks between processes, on files of `MEAL_HOME`; the operating system releases them on kill -9.

Three files: `postgres.starting` (exclusive, for the moment of a start or a stop), `postgres.users` (shared, by every
process that uses the embedded server) and `postgres.keeper` (exclusive, by the one process that stops the server).
Whoever wants `postgres.users` in either mode holds `postgres.starting`: that order is what excludes races.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import portalocker

from meal_pipelines.errors import TransientError

WAIT_S = 180.0
"""How long an opener waits for another one's start: a first start makes the data folder, slow on an old laptop."""


def _open(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)


def try_lock(path: Path, *, shared: bool = False) -> IO[bytes] | None:
    """The open, locked file, or None when another process stands in the way. Closing the file releases the lock."""
    file = _open(path)
    mode = portalocker.LockFlags.SHARED if shared else portalocker.LockFlags.EXCLUSIVE
    try:
        portalocker.lock(file, mode | portalocker.LockFlags.NON_BLOCKING)
    except portalocker.LockException:
        file.close()
        return None
    return file


def still_there(file: IO[bytes], path: Path) -> bool:
    """Whether the locked file is still the one at this path (somebody may have removed the folder)."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def lock(path: Path, *, shared: bool = False, wait_s: float = WAIT_S) -> IO[bytes]:
    """Wait for the lock. Raises: TransientError, when it is still held after `wait_s` seconds."""
    deadline = time.monotonic() + wait_s
    while (file := try_lock(path, shared=shared)) is None:
        if time.monotonic() > deadline:
            raise TransientError(
                f"Un autre processus démarre ou arrête la base de données depuis plus de {wait_s:.0f} s "
                f"(verrou {path}). Attendez qu'il ait fini, ou arrêtez-le, puis relancez."
            )
        time.sleep(0.05)
    return file


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the exclusive lock for the length of a block."""
    file = lock(path)
    try:
        yield
    finally:
        file.close()
