"""Write `logframe.yaml` in one step, keep what was there before, and put it back when asked.

Copies are in `MEAL_HOME/logframes/<project>/`, one per import, never removed by the platform.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

from meal_pipelines.errors import ConfigurationError

NAME = "logframe.yaml"
MARK = "\ufeff"


def text_of(folder: Path) -> str:
    """The file with `\\n` for line ends. Raises: ConfigurationError, when there is none."""
    file = folder / NAME
    if not file.is_file():
        raise ConfigurationError(f"Le projet n'a pas de cadre logique : {folder.name}/{NAME} n'existe pas.")
    return file.read_bytes().decode("utf-8").removeprefix(MARK).replace("\r\n", "\n")


def replace(folder: Path, text: str, copies: Path) -> Path:
    """Keep a copy of the file as it is, then put the text in its place, with the line ends that it had.

    Returns: the copy. A process that dies leaves either the old file or the new one.
    """
    file = folder / NAME
    before = file.read_bytes()
    copies.mkdir(parents=True, exist_ok=True)
    copy = copies / f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S%f}.yaml"
    _write(copy, before)
    body = text.replace("\n", "\r\n") if b"\r\n" in before else text
    _write(file, (MARK if before.startswith(MARK.encode()) else "").encode() + body.encode())
    return copy


def undo(folder: Path, copies: Path) -> Path:
    """Put the last copy back, byte for byte. Returns: which one; the copy is used up.

    Raises: ConfigurationError, when there is none.
    """
    kept = sorted(copies.glob("*.yaml"))
    if not kept:
        raise ConfigurationError("Aucun import à défaire pour ce projet.")
    _write(folder / NAME, kept[-1].read_bytes())
    kept[-1].unlink()
    return kept[-1]


def _write(file: Path, content: bytes) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
