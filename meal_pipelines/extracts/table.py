"""The content of one sheet, independent of Excel: the JSON of an extract is made from the same object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["text", "wrap", "number", "decimal", "date", "center"]
Tone = Literal["good", "warning", "bad", "muted", "strong", "caution"]


@dataclass(frozen=True)
class Column:
    """A column of a sheet. group: the heading above it that neighbours share."""

    key: str
    header: str
    width: float
    kind: Kind = "text"
    group: str = ""


@dataclass
class Table:
    """One sheet: columns, rows of raw values, and how rows or cells look (by index). frozen: columns that stay ·
    portrait: a narrow table of many rows, to print upright.
    """

    sheet: str
    title: str
    note: str
    columns: Sequence[Column]
    rows: list[Sequence[Any]]
    frozen: int = 1
    row_tones: dict[int, Tone] = field(default_factory=dict)
    cell_tones: dict[tuple[int, int], Tone] = field(default_factory=dict)
    breaks: set[int] = field(default_factory=set)
    empty: str = "Aucune ligne."
    portrait: bool = False

    def records(self) -> list[dict[str, Any]]:
        """The same content for JSON: one object per row; columns of a group are put together under its name."""
        found = []
        for row in self.rows:
            record: dict[str, Any] = {}
            for column, value in zip(self.columns, row, strict=True):
                place = record.setdefault(column.group, {}) if column.group else record
                if not column.group or value is not None:
                    place[column.header if column.group else column.key] = value
            found.append({key: value for key, value in record.items() if value != {}})
        return found
