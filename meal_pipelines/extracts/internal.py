"""Where what is for the team alone lies: pages and workbooks with exact small counts, beside the extracts of a project.

Only whoever runs the platform reads them there, as far as the file system knows whose a file is. What is in them is written
elsewhere.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

INTERNAL = "interne"
"""The folder beside the extracts of a project for what is not sent."""


def folder_of(out: Path, project: str, *below: str) -> Path:
    """`<out>/<project>/interne/…`, made when it is not there, 0700 from `interne` on; whatever its modes were before."""
    folder = out / project
    folder.mkdir(parents=True, exist_ok=True)
    for name in (INTERNAL, *below):
        folder = folder / name
        folder.mkdir(mode=0o700, exist_ok=True)
        _allow(folder, 0o700)
    return folder


def keep_private(file: Path) -> None:
    """Make a file that was written there 0600."""
    _allow(file, 0o600)


def _allow(path: Path, mode: int) -> None:
    if path.stat().st_mode & 0o777 != mode:
        with suppress(OSError):  # FAT and Windows shares know no modes: the administrator's guide says what to do there
            path.chmod(mode)
