"""Which code makes the figures: the version of the package, and a hash of what turns answers into values.

Git may be absent where it runs, so the files themselves are read. Projects' own files are not part of it: definitions are
kept whole with each freeze.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from meal_pipelines.settings import CHECKOUT

ROOMS = ("clean", "protect", "indicators", "warehouse")
"""The folders of `meal_pipelines/` through which an answer goes on its way to a value."""


def code_version() -> str:
    """« 0.1.0+3f9a0c21b7d4 »."""
    seen = hashlib.sha256()
    for path in _files():
        seen.update(path.relative_to(CHECKOUT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{metadata.version('meal-pipelines')}+{seen.hexdigest()[:12]}"


def _files() -> Iterator[Path]:
    """In an order that does not depend on the machine."""
    folders = [*(CHECKOUT / "meal_pipelines" / room for room in ROOMS), CHECKOUT / "dbt_like_sql"]
    for folder in folders:
        yield from sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".sql", ".yml"))
