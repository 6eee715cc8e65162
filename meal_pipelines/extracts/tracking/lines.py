"""What the tracking workbook says, line by line: made by `extract.py`, drawn by `sheet.py`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from meal_pipelines.extracts.disclosed import Disclosed
from meal_pipelines.extracts.extract import Check
from meal_pipelines.extracts.values import milestone
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Logframe

ON_TRACK, WATCH, LATE = "Sur la trajectoire", "À surveiller", "En retard"
NO_TARGET, NO_VALUE, DECLARED, TOO_FEW = "Sans cible chiffrée", "Non mesuré", "Déclaré", "Trop peu de réponses"


@dataclass(frozen=True)
class Line:
    """One line of the sheet: an indicator, one category of an indicator that has no total, or what a partner declares of it.

    Percentages are value over target, as in `indicators.progress`. quarterly: the oldest first, None: not measured.
    mark: what stands in the place of a value that is hidden, and of all that would tell it · targets: by month · declared: by
    whom and over what; such a line has neither baseline nor target, and is judged against none.
    """

    result: str
    indicator: str
    label: str
    unit: str
    category: str | None
    baseline: Decimal | None
    baseline_text: str | None
    baseline_status: str
    value: Decimal | None
    mark: str | None
    next_date: dt.date | None
    next_target: Decimal | None
    next_text: str | None
    next_pct: Decimal | None
    final_target: Decimal | None
    final_text: str | None
    final_pct: Decimal | None
    situation: str
    trend: str | None
    targets: dict[int, Decimal | str | None]
    quarterly: list[Decimal | str | None]
    declared: str | None = None


@dataclass(frozen=True)
class Tracking:
    """Everything the sheet shows. standing: what it says of forms that stand still."""

    project: LoadedProject
    logframe: Logframe
    reporting_date: dt.date
    quarters: list[tuple[dt.date, dt.date]]
    lines: list[Line]
    checks: list[Check]
    may_show: Disclosed
    standing: list[str]


def target_columns(tracking: Tracking, indicators: Collection[str]) -> list[tuple[int, dt.date]]:
    """The months in which a target of these indicators falls due, with the day."""
    months = {
        target.month: milestone(tracking.project, target)
        for indicator in tracking.logframe.indicators
        if indicator.code in indicators
        for target in indicator.targets
    }
    return sorted(months.items())
