"""What an extract reads: measured values with their categories, labels, milestones and dates.

Values come from `indicators.value` as they are, or from the frozen report when their period was frozen; nothing here
computes an indicator again.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from psycopg2 import sql

from meal_pipelines.indicators.periods import add_months, target_period
from meal_pipelines.indicators.reports.frozen import Freeze, frozen_on, frozen_year
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator, Logframe, Target

ADDITIVE = ("count_unique", "sum")
"""Measures whose categories may be set against the total; a rate or a median may not."""
UNKNOWN = "inconnu"
"""The category of a unit whose dimension is empty, as `indicators.value` names it."""
UNKNOWN_LABEL = "Non précisé"
SEX, WOMEN = "sex", "F"
"""The dimension and the category by which every mart of the warehouse tells women."""


@dataclass(frozen=True)
class Cell:
    """One category of one dimension of a value. mark: what stands in the place of a value that is hidden."""

    value: Decimal | None
    units: int | None
    mark: str | None = None

    @property
    def shown(self) -> Decimal | str | None:
        return self.value if self.mark is None else self.mark


@dataclass
class Value:
    """One indicator over one period: the total and, for each dimension, its categories.

    value: None when nothing was measured, when the measure has no total, or when it is hidden; never zero in its place.
    mark: what stands in the place of a hidden value · is_size_hidden: whether how many it is about is hidden · freeze_id:
    the frozen report it was read from, None when it follows the data.
    """

    indicator: str
    period_start: dt.date | None
    period_end: dt.date
    value: Decimal | None = None
    numerator: Decimal | None = None
    denominator: Decimal | None = None
    units: int | None = None
    computed_at: dt.datetime | None = None
    trend: str | None = None
    cells: dict[str, dict[str, Cell]] = field(default_factory=dict)
    mark: str | None = None
    is_size_hidden: bool = False
    freeze_id: int | None = None

    @property
    def shown(self) -> Decimal | str | None:
        return self.value if self.mark is None else self.mark

    @property
    def is_measured(self) -> bool:
        return self.shown is not None or any(
            cell.shown is not None for cells in self.cells.values() for cell in cells.values()
        )


def month_end(day: dt.date) -> dt.date:
    """The last day of its month: data are cut off by whole months."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def label_of(day: dt.date) -> str:
    """`2029-02`, the reporting period and the name of its folder."""
    return f"{day:%Y-%m}"


def milestone(project: LoadedProject, target: Target) -> dt.date:
    """The day a target falls due: M12 is the end of the month in which the twelfth month of the project ends."""
    return target_period(project.project.starts_on, target.month).end


def campaign_year(project: LoadedProject, reporting_date: dt.date) -> int:
    """The last calendar year that the data cover to its end (or to the project's), never before the project's first."""
    last = reporting_date.year if is_complete(project, reporting_date.year, reporting_date) else reporting_date.year - 1
    return min(max(last, project.project.starts_on.year), project.project.ends_on.year)


def is_complete(project: LoadedProject, year: int, reporting_date: dt.date) -> bool:
    """Whether the data cover what the project has of a calendar year."""
    return reporting_date >= min(dt.date(year, 12, 31), project.project.ends_on)


def quarters(cutoff: dt.date, count: int) -> list[tuple[dt.date, dt.date]]:
    """The last `count` quarters that are closed on that day, the oldest first: (first day, last day)."""
    start = dt.date(cutoff.year, 3 * ((cutoff.month - 1) // 3) + 1, 1)
    if add_months(start, 3) - dt.timedelta(days=1) > cutoff:
        start = add_months(start, -3)
    starts = [add_months(start, -3 * back) for back in range(count - 1, -1, -1)]
    return [(first, add_months(first, 3) - dt.timedelta(days=1)) for first in starts]


def to_date(cursor: Any, project: str, until: dt.date) -> dict[str, Value]:
    """By indicator, the last value since the start whose period ends by `until`, with its categories."""
    frozen = frozen_on(cursor, project, until)
    cursor.execute(
        sql.SQL(
            "with latest as ("
            "  select indicator, max(period_end) as period_end from {values} where {mine}"
            "  and period_kind = 'to_date' and period_end <= %(until)s group by indicator"
            ") "
            "select {columns}, null from {values} join latest using (indicator, period_end)"
            " where {mine} and period_kind = 'to_date'"
        ).format(**_read_from(frozen)),
        _named(project, frozen) | {"until": until},
    )
    return {value.indicator: value for value in _assemble(cursor.fetchall(), frozen)}


def in_year(cursor: Any, project: str, year: int) -> dict[str, Value]:
    """By indicator, the value of a calendar year, with its categories."""
    frozen = frozen_year(cursor, project, year)
    cursor.execute(
        sql.SQL(
            "select {columns}, null from {values} where {mine} and period_kind = 'year' and period = %(year)s"
        ).format(**_read_from(frozen)),
        _named(project, frozen) | {"year": str(year)},
    )
    return {value.indicator: value for value in _assemble(cursor.fetchall(), frozen)}


def in_quarters(
    cursor: Any, project: str, since: dt.date, until: dt.date, *, reported_on: dt.date
) -> dict[tuple[str, dt.date], Value]:
    """Quarterly values that end between two days, by indicator and last day, with their trend.

    reported_on: the day of the report that shows them.
    """
    frozen = frozen_on(cursor, project, reported_on)
    cursor.execute(
        sql.SQL(
            "select {columns}, case when value > before then 'hausse' when value < before then 'baisse'"
            " when value = before then 'stable' end from ("
            "  select *, lag(value) over (partition by indicator, disaggregation order by period_end) as before"
            "  from {values} where {mine} and period_kind = 'quarter'"
            ") as quarterly where period_end between %(since)s and %(until)s"
        ).format(**_read_from(frozen)),
        _named(project, frozen) | {"since": since, "until": until},
    )
    return {(value.indicator, value.period_end): value for value in _assemble(cursor.fetchall(), frozen)}


def _read_from(frozen: Freeze | None) -> dict[str, sql.Composable]:
    """The table of the values, which of its rows, and its columns."""
    table = "value" if frozen is None else "reported"
    return {
        "values": sql.Identifier("indicators", table),
        "mine": sql.SQL("project = %(project)s" if frozen is None else "freeze_id = %(freeze)s"),
        "columns": sql.SQL(
            "indicator, period_start, period_end, disaggregation, value, numerator, denominator, units, computed_at"
        ),
    }


def _named(project: str, frozen: Freeze | None) -> dict[str, Any]:
    return {"project": project, "freeze": frozen.freeze_id if frozen else None}


def _assemble(rows: Iterable[tuple[Any, ...]], frozen: Freeze | None) -> list[Value]:
    """Totals and categories of one dimension, put together; crossings of several dimensions are left out."""
    found: dict[tuple[str, dt.date], Value] = {}
    for indicator, start, end, disaggregation, value, numerator, denominator, units, computed_at, trend in rows:
        at = found.setdefault(
            (indicator, end), Value(indicator, start, end, freeze_id=frozen.freeze_id if frozen else None)
        )
        if computed_at is not None:
            at.computed_at = max(at.computed_at or computed_at, computed_at)
        if not disaggregation:
            at.value, at.numerator, at.denominator, at.units, at.trend = value, numerator, denominator, units, trend
        elif len(disaggregation) == 1:
            ((dimension, category),) = disaggregation.items()
            at.cells.setdefault(dimension, {})[_category(category)] = Cell(value, units)
    return list(found.values())


def _category(value: Any) -> str:
    if value is None or value == "":
        return UNKNOWN
    return str(value).lower() if isinstance(value, bool) else str(value)


class Labels:
    """The French names of dimensions and categories, and the order in which people read them."""

    def __init__(self, logframe: Logframe, communes: dict[str, str]) -> None:
        self._dimensions, self._communes = logframe.dimensions, communes

    @classmethod
    def read(cls, cursor: Any, logframe: Logframe) -> Labels:
        """Names of communes come from `marts.commune`, where it has been loaded: there are too many for a logframe."""
        cursor.execute("select to_regclass('marts.commune') is not null")
        communes: dict[str, str] = {}
        if cursor.fetchone()[0] and "commune_code" in logframe.dimensions:
            cursor.execute("select commune_code, name_fr from marts.commune")
            communes = dict(cursor.fetchall())
        return cls(logframe, communes)

    def dimension(self, name: str) -> str:
        """The name itself for a dimension that the logframe no longer has (an earlier extract may)."""
        return self._dimensions[name].label if name in self._dimensions else name

    def category(self, dimension: str, category: str) -> str:
        if category == UNKNOWN:
            return UNKNOWN_LABEL
        return self._values(dimension).get(category) or self._communes.get(category) or category

    def pair(self, dimension: str, category: str) -> str:
        """« Sexe · Femmes »."""
        return f"{self.dimension(dimension)} · {self.category(dimension, category)}"

    def ordered(self, dimension: str, categories: Iterable[str]) -> list[str]:
        """As the logframe lists them, then what it does not list, what is not stated last."""
        place = {code: index for index, code in enumerate(self._values(dimension))}
        return sorted(set(categories), key=lambda code: (code == UNKNOWN, place.get(code, len(place)), code))

    def _values(self, dimension: str) -> dict[str, str]:
        return self._dimensions[dimension].values if dimension in self._dimensions else {}


def by_dimension(indicator: Indicator) -> str | None:
    """The dimension that `by:` values of a baseline or a target belong to."""
    return indicator.by or (indicator.disaggregations[0] if indicator.disaggregations else None)
