"""Walk one figure back to the records it is made of: pseudonymous rows of the marts, counted again by whoever doubts it.

Which records count is the compiled measure's own condition (`records.py`), narrowed to a period and a cell. What a figure comes
from before the marts is in `lineage.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from psycopg2 import sql
from sqlglot import exp

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.indicators import opening
from meal_pipelines.indicators.cells import named_cell
from meal_pipelines.indicators.compile import Compiled, compile_logframe, entry_of
from meal_pipelines.indicators.compute import cutoff
from meal_pipelines.indicators.periods import Calendar, Period
from meal_pipelines.indicators.records import Records
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator
from meal_pipelines.project.measures import Derived
from meal_pipelines.warehouse.tables import TableSpec

STANDING = ("latest", "score")
"""Measures of what stands at the end of a period: the last record of each unit up to then."""


@dataclass(frozen=True)
class Asked:
    """One cell: an indicator, a period and the pairs of its disaggregation ({} for the total)."""

    indicator: str
    period: str
    where: Mapping[str, str]
    kind: str | None = None


@dataclass(frozen=True)
class Part:
    """The records behind one measure of a figure. name: « numérateur » or « dénominateur » when there are two, else empty.

    columns: of each row: what names the record in its mart, its date, its unit, then what is summed or ranked of it.
    """

    name: str
    indicator: str
    mart: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True)
class Reported:
    """The same cell in one frozen report."""

    freeze_id: int
    period: str
    version: int
    label: str
    frozen_at: dt.datetime
    value: Decimal | None


@dataclass(frozen=True)
class Published:
    """Today's figure. value: None when nothing was measured; low, high: its interval at 95 %, of a survey."""

    value: Decimal | None = None
    units: int | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    computed_at: dt.datetime | None = None


@dataclass(frozen=True)
class Trace:
    """One figure, and what it is made of."""

    indicator: Indicator
    period: Period
    disaggregation: dict[str, str]
    published: Published
    reported: list[Reported]
    parts: list[Part]
    formula_sql: str


def trace(cursor: Any, project: LoadedProject, marts: Mapping[str, TableSpec], asked: Asked) -> Trace:
    """One published figure with every record behind it.

    Raises: ConfigurationError, for an indicator, a period or a category that the project does not have.
    """
    if project.logframe is None or asked.indicator not in {entry.code for entry in project.logframe.indicators}:
        raise ConfigurationError(f"« {project.id} » n'a pas d'indicateur « {asked.indicator} ».")
    plan = project.project
    calendar = Calendar.of(plan.starts_on, plan.ends_on, cutoff(cursor, project))
    queries, indicator = compile_logframe(project, marts, calendar), entry_of(project, asked.indicator)
    period = _period(calendar, indicator, asked)
    cell = named_cell(cursor, project, indicator, asked.where)
    return Trace(
        indicator, period, cell, _published(cursor, project.id, indicator.code, period, cell),
        _reported(cursor, project.id, indicator.code, period, cell),
        _parts(cursor, project, queries, indicator, period, cell), queries[indicator.code].sql,
    )  # fmt: skip


def _period(calendar: Calendar, indicator: Indicator, asked: Asked) -> Period:
    """A month's name is that of two periods: the month, and everything up to its end."""
    kinds = [asked.kind] if asked.kind else (["to_date"] if indicator.cumulative else []) + ["month"]
    named = [period for period in calendar.periods if period.label == asked.period]
    found = [period for kind in kinds for period in named if period.kind == kind] or ([] if asked.kind else named)
    if not found:
        raise ConfigurationError(
            f"« {asked.period} » n'est pas une période mesurée ({asked.kind or 'mois, trimestre, semestre, année, A1 …'}). "
            "Exemples : 2028-12, 2028-Q4, 2028-S2, 2028, A3 ; « --kind to_date » pour le cumul."
        )
    return found[0]


def _published(cursor: Any, project: str, code: str, period: Period, cell: Mapping[str, str]) -> Published:
    cursor.execute(
        "select value, units, ci_low, ci_high, computed_at from indicators.value where project = %s and indicator = %s"
        " and period_kind = %s and period = %s and disaggregation = %s",
        (project, code, period.kind, period.label, opening.dumped(cell)),
    )
    return Published(*(cursor.fetchone() or ()))


def _reported(cursor: Any, project: str, code: str, period: Period, cell: Mapping[str, str]) -> list[Reported]:
    cursor.execute(
        "select f.freeze_id, f.period, f.version, f.label, f.frozen_at, r.value from indicators.reported as r"
        " join indicators.freeze as f using (freeze_id) where r.project = %s and r.indicator = %s and r.period_kind = %s"
        " and r.period = %s and r.disaggregation = %s order by f.freeze_id",
        (project, code, period.kind, period.label, opening.dumped(cell)),
    )
    return [Reported(*row) for row in cursor.fetchall()]


def _parts(
    cursor: Any, project: LoadedProject, queries: Mapping[str, Compiled], indicator: Indicator, period: Period,
    cell: Mapping[str, str],
) -> list[Part]:  # fmt: skip
    measure = indicator.measure
    if isinstance(measure, Derived):
        sides = (
            ("numérateur", measure.numerator, {**cell, **measure.numerator_where}),
            ("dénominateur", measure.denominator, cell),
        )
        return [
            Part(name, each.indicator, each.mart, each.columns, each.rows)
            for name, code, where in sides
            for each in _parts(cursor, project, queries, entry_of(project, code), period, dict(sorted(where.items())))
        ]
    pieces = queries[indicator.code].pieces
    names = ("numérateur", "dénominateur") if len(pieces) > 1 else ("",)
    found = []
    for name, piece in zip(names, pieces, strict=False):  # a query written by hand has none
        select, columns = _select(piece.records, piece.kind, opening.dimensions(indicator), period, cell)
        cursor.execute(sql.SQL(select.sql("postgres")))
        rows = sorted(cursor.fetchall(), key=lambda row: tuple((cell is None, str(cell)) for cell in row))
        found.append(Part(name, indicator.code, piece.records.mart.qualified, columns, rows))
    return found


def _select(
    records: Records, kind: str, dimensions: list[str], period: Period, cell: Mapping[str, str]
) -> tuple[exp.Select, tuple[str, ...]]:
    """The records of a cell, one row each, and the names of their columns."""
    date = records.kept[1].this
    shown = _shown(records, date)
    inside: list[exp.Expr] = [exp.LTE(this=date.copy(), expression=opening.day(period.end))]
    if kind not in STANDING:
        inside.append(exp.GTE(this=date.copy(), expression=opening.day(period.start)))
    of_cell: list[exp.Expr] = [
        each.copy().eq(exp.Literal.string(cell[name]))
        for name, each in zip(dimensions, records.dims, strict=True)
        if name in cell
    ]
    select = exp.select(*(exp.alias_(value.copy(), name, quoted=True) for name, value in shown.items()))
    select = select.from_(exp.table_(records.mart.name, db=records.mart.schema, quoted=True)).where(
        *(condition.copy() for condition in records.kept), *inside
    )
    if "wave" in records.apart and records.apart["wave"].find(exp.Column) is not None:
        inside_period = [exp.LTE(this=opening.day(period.start), expression=date.copy()), inside[0].copy()]
        select = select.where(records.apart["wave"].copy().eq(_last_wave(records, inside_period)))
    if kind not in STANDING:
        return select.where(*of_cell), tuple(shown)
    return _standing(select, records, of_cell, tuple(shown))


def _shown(records: Records, date: exp.Expr) -> dict[str, exp.Expr]:
    """What names a record, its date, its unit, and what is summed or ranked of it."""
    keys = [name for name in records.mart.key if name != "project"]
    found: dict[str, exp.Expr] = {name: exp.column(name, quoted=True) for name in keys}
    found["dated_on"] = date
    found |= {name: value for name, value in records.apart.items() if name not in found}
    sums = {name: value.this for name, value in (records.aggregates or {}).items() if isinstance(value, exp.Sum)}
    return found | {name: value for name, value in sums.items() if name not in found}


def _last_wave(records: Records, inside: list[exp.Expr]) -> exp.Expr:
    """Of the rounds of a survey that a period meets, the one that began last, as `measures/survey_ratio.sql` chooses it."""
    waves = (
        exp.select(
            exp.alias_(records.apart["wave"].copy(), "wave"),
            exp.alias_(exp.Min(this=records.slice.copy()), "began"),
            exp.alias_(exp.LogicalOr(this=exp.and_(*inside)), "is_met"),
        )
        .from_(exp.table_(records.mart.name, db=records.mart.schema, quoted=True))
        .where(*(condition.copy() for condition in records.kept))
        .group_by(exp.Literal.number(1))
    )
    by_name = exp.Collate(this=exp.column("wave", "waves"), expression=exp.column("C", quoted=True))
    last = exp.select(exp.column("wave", "waves")).from_(waves.subquery("waves")).where(exp.column("is_met", "waves"))
    order = (exp.Ordered(this=exp.column("began", "waves"), desc=True), exp.Ordered(this=by_name, desc=True))
    return last.order_by(*order).limit(1).subquery()


def _standing(
    select: exp.Select, records: Records, of_cell: list[exp.Expr], columns: tuple[str, ...]
) -> tuple[exp.Select, tuple[str, ...]]:
    """Of each unit the last record, as `measures/latest.sql` chooses it; then those of the cell."""
    apart = records.apart
    for place, condition in enumerate(of_cell):
        select = select.select(exp.alias_(condition, f"of_cell_{place}"))
    order: list[exp.Expr] = [exp.Ordered(this=apart["unit"].copy())]
    for name in ("dated_on", "submission_id", "repeat_index", "value"):
        value = apart[name].copy()
        if isinstance(value, exp.Literal):  # of a mart without such a column; here a number would mean a column's place
            continue
        if name == "submission_id":
            value = exp.Collate(this=value, expression=exp.column("C", quoted=True))
        order.append(exp.Ordered(this=value, desc=True))
    inner = select.distinct(apart["unit"].copy()).order_by(*order)
    outer = exp.select(*(exp.column(name, quoted=True) for name in columns)).from_(inner.subquery("standing"))
    return outer.where(*(exp.column(f"of_cell_{place}") for place in range(len(of_cell)))), columns
