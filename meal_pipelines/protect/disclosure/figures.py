"""Which counts stand behind a published figure: a count is its own, a rate has two, a median has only its size.

Knows indicators by their measure, not who reads them. Counts are named by what they count, so that a figure printed in
two files is one count.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from meal_pipelines.project.logframe import Indicator, Logframe
from meal_pipelines.project.measures import Derived, Measure, Ratio, RatioOf, SurveyRatio

Cell = tuple[tuple[str, str], ...]
"""The categories of a figure, in the order of their dimensions; empty for a total."""
COUNTS = ("count_unique", "sum")


@dataclass(frozen=True, order=True)
class Key:
    """The name of a figure or a count: what `indicators.value` calls it, and which of its columns."""

    indicator: str
    kind: str
    period: str
    cell: Cell = ()
    quantity: str = "value"

    def within(self, cell: Cell, quantity: str | None = None) -> Key:
        return Key(self.indicator, self.kind, self.period, cell, quantity or self.quantity)


@dataclass(frozen=True)
class Figure:
    """One row of `indicators.value`."""

    start: dt.date
    end: dt.date
    value: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None
    units: int | None


@dataclass(frozen=True)
class Offer:
    """One figure that a recipient would be shown.

    numerator, denominator: the counts behind it (their sums); a count has no denominator, a median neither · units: how
    many it is about, where no count says it.
    """

    recipient: str
    publication: str
    key: Key
    numerator: tuple[Key, ...] = ()
    denominator: tuple[Key, ...] = ()
    units: int | None = None


class Figures:
    """The values of one project over the periods asked for, and what counts each of them is made of."""

    def __init__(self, logframe: Logframe, found: Mapping[Key, Figure]) -> None:
        self.measures = {indicator.code: indicator.measure for indicator in logframe.indicators}
        self.found = dict(found)

    @classmethod
    def read(
        cls, cursor: Any, project: str, logframe: Logframe, periods: Iterable[tuple[str, str, int | None]]
    ) -> Figures:
        """Every value of these (kind, period, number of the frozen report or None), crossings included."""
        wanted = sorted({(kind, period, freeze or 0) for kind, period, freeze in periods})
        cursor.execute(
            "with wanted as (select * from unnest(%s::text[], %s::text[], %s::bigint[]) as w (period_kind, period, freeze_id))"
            " select indicator, period_kind, period, disaggregation, period_start, period_end, value, numerator,"
            " denominator, units from indicators.value join wanted using (period_kind, period)"
            " where project = %s and freeze_id = 0"
            " union all select indicator, period_kind, period, disaggregation, period_start, period_end, value, numerator,"
            " denominator, units from indicators.reported join wanted using (period_kind, period, freeze_id)",
            (*([each[place] for each in wanted] for place in range(3)), project),
        )
        return cls(
            logframe,
            {Key(row[0], row[1], row[2], cell_of(row[3])): Figure(*row[4:]) for row in cursor.fetchall()},
        )

    def count(self, key: Key) -> float | None:
        """The true value of a count; None when there is no such row."""
        figure = self.found.get(key.within(key.cell, "value"))
        number = getattr(figure, key.quantity) if figure is not None else None
        return None if number is None else float(number)

    def parts(self, key: Key) -> tuple[Key, Key | None] | None:
        """The count behind a count, or the two behind a rate; None for a median, a level or a weighted share."""
        measure = self.measures[key.indicator]
        if measure.kind in COUNTS:
            return key, None
        if _has_counts(measure):
            return key.within(key.cell, "numerator"), key.within(key.cell, "denominator")
        if not isinstance(measure, Derived):
            return None
        named = (measure.numerator, measure.denominator)
        if any(self.measures[name].kind not in COUNTS for name in named):
            return key.within(key.cell, "numerator"), key.within(key.cell, "denominator")
        numerator = cell_of({**dict(key.cell), **measure.numerator_where})
        return Key(named[0], key.kind, key.period, numerator), Key(named[1], key.kind, key.period, key.cell)

    def is_additive(self, indicator: str) -> bool:
        """Whether the categories of its counts add up exactly, as records do and persons need not."""
        return self.measures[indicator].kind != "count_unique"


def _has_counts(measure: Measure) -> bool:
    """A weighted share has estimates for numerator and denominator: only its size is a count."""
    if isinstance(measure, SurveyRatio):
        return measure.weight is None and not measure.population
    return isinstance(measure, (Ratio, RatioOf))


def cell_of(disaggregation: Mapping[str, Any]) -> Cell:
    return tuple(sorted((name, str(value)) for name, value in disaggregation.items()))


def about_persons(indicator: Indicator, without_persons: Iterable[str]) -> bool:
    """Protected unless the project says that no person is behind it."""
    return indicator.code not in set(without_persons)
