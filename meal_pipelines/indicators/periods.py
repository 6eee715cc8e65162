"""The calendar of a project: its periods, and the slices of time of which every period is made.

Pure dates; nothing here knows indicators or the database. Every period kind is treated alike because each period is an
unbroken run of slices: a slice ends where any period of any kind begins.
"""

from __future__ import annotations

import calendar
import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

PeriodKind = Literal["month", "quarter", "semester", "year", "project_year", "to_date"]
KINDS: tuple[PeriodKind, ...] = ("month", "quarter", "semester", "year", "project_year", "to_date")
MONTHS_IN: dict[PeriodKind, int] = {"month": 1, "quarter": 3, "semester": 6, "year": 12}
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """One period, bounds included: those of the calendar; `to_date` runs from the project's first day."""

    kind: PeriodKind
    label: str
    start: dt.date
    end: dt.date


@dataclass(frozen=True)
class Calendar:
    """The periods of a project that have begun, and the days that count.

    Records count from `starts_on` to `until`, both included; there are no periods while nothing has been received
    (`until` is None) or the project has not begun.
    """

    starts_on: dt.date
    until: dt.date | None
    periods: tuple[Period, ...]

    @classmethod
    def of(cls, starts_on: dt.date, ends_on: dt.date, cutoff: dt.date | None) -> Calendar:
        """cutoff: the local day of the last submission received; None when there is none."""
        if cutoff is None or cutoff < starts_on:
            return cls(starts_on, None, ())
        until = min(cutoff, ends_on)
        found = [period for kind in KINDS for period in _periods(kind, starts_on, until)]
        return cls(starts_on, until, tuple(found))

    def slices(self) -> list[dt.date]:
        """The first day of each slice, in order: slice 1 begins on `starts_on`."""
        if self.until is None:
            return []
        return sorted({max(period.start, self.starts_on) for period in self.periods})

    def span(self, period: Period) -> tuple[int, int]:
        """The numbers (from 1) of the first and the last slice of a period."""
        assert self.until is not None, "a calendar without days has no periods"
        slices = self.slices()
        first = bisect_right(slices, max(period.start, self.starts_on))
        return first, bisect_right(slices, min(period.end, self.until))


def add_months(day: dt.date, months: int) -> dt.date:
    """The same day of the month, or the month's last when it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def target_period(starts_on: dt.date, month: int) -> Period:
    """The `to_date` period that ends with the month in which month `month` of the project ends.

    M12 of a project that starts on 2026-03-01 is 2027-02.
    """
    last_day = add_months(starts_on, month) - DAY
    return _to_date(starts_on, last_day.replace(day=1))


def _periods(kind: PeriodKind, starts_on: dt.date, until: dt.date) -> list[Period]:
    if kind == "project_year":
        return _project_years(starts_on, until)
    months = MONTHS_IN.get(kind, 1)
    start = dt.date(starts_on.year, (starts_on.month - 1) // months * months + 1, 1)
    found = []
    while start <= until:
        if kind == "to_date":
            found.append(_to_date(starts_on, start))
        else:
            found.append(Period(kind, _label(kind, start), start, add_months(start, months) - DAY))
        start = add_months(start, months)
    return found


def _project_years(starts_on: dt.date, until: dt.date) -> list[Period]:
    found = []
    start, number = starts_on, 1
    while start <= until:
        # From the first day each time: a 29 February must not become a 28 for good.
        following = add_months(starts_on, 12 * number)
        found.append(Period("project_year", f"A{number}", start, following - DAY))
        start, number = following, number + 1
    return found


def _to_date(starts_on: dt.date, month: dt.date) -> Period:
    return Period("to_date", _label("month", month), starts_on, add_months(month, 1) - DAY)


def _label(kind: PeriodKind, start: dt.date) -> str:
    if kind == "quarter":
        return f"{start.year}-Q{(start.month + 2) // 3}"
    if kind == "semester":
        return f"{start.year}-S{(start.month + 5) // 6}"
    return f"{start.year}" if kind == "year" else f"{start.year}-{start.month:02d}"
