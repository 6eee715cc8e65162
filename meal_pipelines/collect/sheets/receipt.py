"""What is told of one received file: names of columns, numbers of lines, counts; never a value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

SHOWN = 12
"""Line numbers written out before « … »."""


class Refused(Exception):
    """A file that cannot be read without guessing; the text says what, where and what to do, in French, without values."""


@dataclass
class Receipt:
    """One file of an inbox, after it was read.

    rows: submissions in it · notes: what was done, for information · warnings: what somebody should look at ·
    refused: why nothing of it was read, None when it was.
    """

    file: str
    modified_at: datetime
    size: int
    digest: str = ""
    sheet: str = ""
    rows: int = 0
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    refused: str | None = None

    @property
    def state(self) -> str:
        return "read" if self.refused is None else "refused"

    @property
    def trouble(self) -> str | None:
        """What somebody should look at: why it was refused, else the warnings."""
        if self.refused is not None:
            return self.refused
        return f"{self.file} : {' ; '.join(self.warnings)}." if self.warnings else None

    @property
    def told(self) -> str:
        """One paragraph for people."""
        if self.refused is not None:
            return self.refused
        parts = [f"{self.file} : {counted(self.rows, 'ligne lue', 'lignes lues')}", *self.warnings, *self.notes]
        return " ; ".join(part.rstrip(".") for part in parts) + "."


def counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number < 2 else many}"


def lines(numbers: Iterable[int]) -> str:
    """`ligne 3`, `lignes 3, 5 à 9 et 12`: as a spreadsheet counts, from 1."""
    ordered = sorted(set(numbers))
    runs = [
        [number for _, number in run] for _, run in groupby(enumerate(ordered), key=lambda place: place[1] - place[0])
    ]
    parts: list[str] = []
    for run in runs:
        parts += [str(number) for number in run] if len(run) < 3 else [f"{run[0]} à {run[-1]}"]
    if len(parts) > SHOWN:
        parts = [*parts[:SHOWN], "…"]
    word = "ligne" if len(ordered) == 1 else "lignes"
    if len(parts) == 1:
        return f"{word} {parts[0]}"
    return f"{word} {', '.join(parts[:-1])} et {parts[-1]}" if parts[-1] != "…" else f"{word} {', '.join(parts)}"
