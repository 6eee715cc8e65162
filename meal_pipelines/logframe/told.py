"""How a change of the logframe is said: what, of which indicator, before and after, in French."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from meal_pipelines.extracts.wording import day
from meal_pipelines.logframe.fields import Kind, shown
from meal_pipelines.logframe.layout import LAYOUTS, header
from meal_pipelines.logframe.read import MISSING, Change

NOTHING = "—"


@dataclass(frozen=True)
class Line:
    """One difference. what: « cible M24 · valeur » · old, new: « — » where there is nothing."""

    whose: str
    what: str
    old: str
    new: str


def lines(changes: Sequence[Change]) -> list[Line]:
    """One line per change; rows that are added or removed say only what they hold."""
    found = []
    for change in changes:
        old, new = _told(change.old, change.kind), _told(change.new, change.kind)
        if old != new:
            whose, what = _place(change)
            found.append(Line(whose, what, old, new))
    return found


def _place(change: Change) -> tuple[str, str]:
    for layout in LAYOUTS.values():
        if (place := layout.place(change.path)) is not None:
            key, column = place
            if layout.sheet == "Cadre":
                return "Cadre logique", header(key[0])
            rest = [f"M{part}" if name == "mois" else part for name, part in zip(layout.keys[1:], key[1:], strict=True)]
            named = [] if layout.sheet == "Mesures" else [header(column)]
            return key[0], " · ".join(part for part in [layout.sheet, *rest, *named] if part)
    return change.path[0], ".".join(change.path[1:])


def _told(value: Any, kind: Kind) -> str:
    if value is MISSING or value is None or value in ("", []):
        return NOTHING
    if isinstance(value, Decimal):
        return f"{value:f}".replace(".", ",")
    if kind.shape == "date":
        return day(value)
    return " / ".join(str(shown(value, kind)).split("\n"))
