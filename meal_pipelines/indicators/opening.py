"""The parts of an indicator's query that are written from its entry: periods, groupings, declared categories, options.

Everything is a tree of sqlglot: no value is ever pasted into SQL text. What the entry means is judged in `compile.py`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path

from sqlglot import exp

from meal_pipelines.indicators.periods import Calendar
from meal_pipelines.project.logframe import CountUnique, Derived, Dimension, Indicator, Latest, Median, Ratio, Sum

UNKNOWN = "inconnu"
"""The category of records whose dimension is empty: with it, the categories of a sum add up to its total."""

MEASURES = Path(__file__).parent / "measures"
OverMart = CountUnique | Sum | Ratio | Median | Latest


@cache
def text(name: str) -> str:
    """The SQL of one file of `measures/`."""
    return (MEASURES / f"{name}.sql").read_text(encoding="utf-8").strip() + "\n"


def assemble(ctes: Sequence[exp.CTE], body: str) -> str:
    """One query of an opening and a body that begins, after its comments, with « with »."""
    head, found, rest = body.partition("\nwith\n")
    assert found, "a measure's text begins with its import CTEs"
    written = [f"{cte.sql('postgres', pretty=True, comments=False)}," for cte in ctes]
    return "\n\n".join([f"{head}\nwith", *written, rest.lstrip("\n")])


def cte(name: str, body: exp.Expr, *columns: str) -> exp.CTE:
    alias = exp.TableAlias(this=exp.to_identifier(name), columns=[exp.to_identifier(column) for column in columns])
    return exp.CTE(this=body, alias=alias)


def periods(calendar: Calendar) -> exp.Expr:
    """One row per period: its number, kind, label, bounds, first and last slice; none while nothing was received."""
    rows = []
    for rank, period in enumerate(calendar.periods, start=1):
        first, last = calendar.span(period)
        texts = [exp.Literal.string(period.kind), exp.Literal.string(period.label)]
        rows.append(
            [
                exp.Literal.number(rank),
                *texts,
                day(period.start),
                day(period.end),
                *map(exp.Literal.number, (first, last)),
            ]
        )
    if rows:
        return exp.Values(expressions=[exp.Tuple(expressions=row) for row in rows])
    kinds = ("int", "text", "text", "date", "date", "int", "int")
    return exp.select(*(cast(exp.null(), kind) for kind in kinds)).where(exp.false())


PERIOD_COLUMNS = ("period_id", "period_kind", "period", "period_start", "period_end", "first_slice", "last_slice")


def groupings(indicator: Indicator) -> list[tuple[str, ...]]:
    """The sets of dimensions of an indicator, each in alphabetical order and once; the total first."""
    return list(dict.fromkeys(tuple(sorted(set(grouping))) for grouping in indicator.groupings()))


def dimensions(indicator: Indicator) -> list[str]:
    """Every dimension of an indicator, in the order in which `records.dims` holds them."""
    return sorted({name for grouping in groupings(indicator) for name in grouping})


def places(indicator: Indicator) -> exp.Values:
    """One row per grouping: its dimensions, and where `records.dims` holds them (from 1)."""
    order = {name: place for place, name in enumerate(dimensions(indicator), start=1)}
    rows = [
        exp.Tuple(expressions=[array(grouping, "text[]"), array([order[name] for name in grouping], "int[]")])
        for grouping in groupings(indicator)
    ]
    return exp.Values(expressions=rows)


def declared(indicator: Indicator, known: Mapping[str, Dimension]) -> exp.Select:
    """One row per category that the logframe declares, crossings included; the total is one."""
    categories = [
        dict(zip(grouping, codes, strict=True))
        for grouping in groupings(indicator)
        for codes in product(*(known[name].values for name in grouping))
    ]
    unnested = exp.func("unnest", array([dumped(category) for category in categories], "jsonb[]"))
    return exp.select(exp.alias_(unnested, "disaggregation"))


def options(measure: OverMart) -> exp.Select:
    """One row with what the measure's text needs to know besides its records."""
    scale = number(measure.scale) if isinstance(measure, Ratio) else number(1)
    total = measure.total if isinstance(measure, Latest) else "none"
    return exp.select(exp.alias_(scale, "scale"), exp.alias_(exp.Literal.string(total), "total"))


def derivation(measure: Derived, *, counts: bool) -> exp.Select:
    """The options of a derived indicator; counts: whether nothing in the numerator is 0."""
    return exp.select(
        exp.alias_(exp.Literal.string(measure.numerator), "numerator"),
        exp.alias_(exp.Literal.string(measure.denominator), "denominator"),
        exp.alias_(cast(exp.Literal.string(dumped(measure.numerator_where)), "jsonb"), "numerator_where"),
        exp.alias_(cast(exp.Literal.number("0") if counts else exp.null(), "numeric"), "when_absent"),
        exp.alias_(number(measure.scale), "scale"),
    )


def category(name: str) -> exp.Expr:
    """A dimension as the text of a category."""
    return exp.func("coalesce", cast(exp.column(name, quoted=True), "text"), exp.Literal.string(UNKNOWN))


def array(values: Sequence[str | int], kind: str) -> exp.Cast:
    """An array of constants."""
    literals = [exp.convert(value) for value in values]
    return cast(exp.array(*literals, dialect="postgres"), kind)


def days(values: Sequence[dt.date]) -> exp.Cast:
    """An array of days, on one line."""
    return cast(exp.Literal.string("{" + ", ".join(map(str, values)) + "}"), "date[]")


def cast(expression: exp.Expr, kind: str) -> exp.Cast:
    return exp.Cast(this=expression, to=_type(kind).copy())


@cache
def _type(kind: str) -> exp.DataType:
    """sqlglot parses a type's name, and a query of three years has some 200 casts."""
    return exp.DataType.build(kind, dialect="postgres")


def day(value: dt.date | None) -> exp.Cast:
    return cast(exp.Literal.string(str(value)) if value else exp.null(), "date")


def number(value: object) -> exp.Cast:
    return cast(exp.Literal.string(str(value)), "numeric")


def dumped(value: Mapping[str, str]) -> str:
    return json.dumps(dict(value), ensure_ascii=False)
