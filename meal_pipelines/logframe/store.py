"""Write `logframe.yaml` in one step, keep what was there before, and put it back when asked.

Copies are in `MEAL_HOME/logframes/<project>/`, one per import, each with the fingerprint of what that import wrote: what
somebody changed by hand since is seen before it is undone with it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from pathlib import Path

from meal_pipelines.errors import ConfigurationError

NAME = "logframe.yaml"
MARK = "\ufeff"
WRITTEN = ".sha256"
"""Beside each copy: the fingerprint of the file that replaced it."""


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
    after = (MARK if before.startswith(MARK.encode()) else "").encode() + body.encode()
    _write(copy.with_suffix(WRITTEN), _fingerprint(after).encode())
    _write(file, after)
    return copy


def undo(folder: Path, copies: Path, *, force: bool = False) -> Path | None:
    """Put the last copy back, byte for byte; the copy is used up.

    force: also when the file was changed by hand since the import, or when nobody can tell; it is then kept first.
    Returns: where the file as it was changed since is kept; None, when it was not.
    Raises: ConfigurationError, when there is no import to undo, or when the file was changed since and force is not asked.
    """
    kept = sorted(copies.glob("*.yaml"))
    if not kept:
        raise ConfigurationError("Aucun import à défaire pour ce projet.")
    file, written = folder / NAME, kept[-1].with_suffix(WRITTEN)
    now, lost = file.read_bytes(), None
    if not written.is_file() or written.read_text("utf-8") != _fingerprint(now):
        if not force:
            raise ConfigurationError(
                f"{folder.name}/{NAME} a été modifié depuis le dernier import : le défaire effacerait aussi ces modifications. Rien "
                f"n'a été changé. Le fichier d'avant l'import est {kept[-1]} ; reprenez-y ce qu'il vous faut, ou ajoutez --force."
            )
        lost = kept[-1].with_suffix(".avant-retour")
        _write(lost, now)
    _write(file, kept[-1].read_bytes())
    kept[-1].unlink()
    written.unlink(missing_ok=True)
    return lost


def _fingerprint(content: bytes) -> str:
    """The same whichever line ends an editor has left."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


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
