"""The parts of an indicator's query that are written from its entry: periods, groupings, declared categories, options.

Everything is a tree of sqlglot: no value is ever pasted into SQL text. What the entry means is judged in `compile.py`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from itertools import product
from pathlib import Path

from sqlglot import exp

from meal_pipelines.indicators.periods import Calendar
from meal_pipelines.project.logframe import Dimension, Indicator
from meal_pipelines.project.measures import (
    Derived,
    Latest,
    Median,
    OverMart,
    Quantile,
    RatioOf,
    Score,
    SurveyRatio,
)

UNKNOWN = "inconnu"
"""The category of records whose dimension is empty: with it, the categories of a sum add up to its total."""

MEASURES = Path(__file__).parent / "measures"


@cache
def text(name: str) -> str:
    """The SQL of one file of `measures/`."""
    return (MEASURES / f"{name}.sql").read_text(encoding="utf-8").strip() + "\n"


def assemble(ctes: Sequence[exp.CTE], body: str) -> str:
    """One query of an opening and a body that begins, after its comments, with « with »."""
    head, found, rest = body.partition("\nwith\n")
    assert found, "a measure's text begins with its import CTEs"
    return "\n\n".join([f"{head}\nwith", *map(written, ctes), rest.lstrip("\n")])


def written(cte: exp.CTE) -> str:
    """One CTE as PostgreSQL text, with the comma after it."""
    return f"{cte.sql('postgres', pretty=True, comments=False)},"


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
    """One row per grouping: its number (the total is 1), its dimensions, and where `dims` holds them (from 1)."""
    order = {name: place for place, name in enumerate(dimensions(indicator), start=1)}
    rows = [
        exp.Tuple(
            expressions=[
                exp.Literal.number(number),
                array(grouping, "text[]"),
                array([order[name] for name in grouping], "int[]"),
            ]
        )
        for number, grouping in enumerate(groupings(indicator), start=1)
    ]
    return exp.Values(expressions=rows)


GROUPING_COLUMNS = ("grouping_id", "dimensions", "places")


def declared(indicator: Indicator, known: Mapping[str, Dimension]) -> exp.Values:
    """One row per category that the logframe declares, crossings included; the total is one.

    A category is its grouping and a code for each dimension of the indicator, empty where the grouping does not ask.
    """
    names = dimensions(indicator)
    rows = []
    for number, grouping in enumerate(groupings(indicator), start=1):
        for codes in product(*(known[name].values for name in grouping)):
            given = dict(zip(grouping, codes, strict=True))
            rows.append(
                exp.Tuple(expressions=[exp.Literal.number(number), array([given.get(n, "") for n in names], "text[]")])
            )
    return exp.Values(expressions=rows)


CATEGORY_COLUMNS = ("grouping_id", "codes")


def members(indicator: Indicator) -> exp.CTE:
    """What each combination of dimensions is in each grouping: its codes, without those the grouping does not ask."""
    codes = [
        exp.Case(
            ifs=[
                exp.If(
                    this=exp.EQ(
                        this=exp.Literal.number(place),
                        expression=exp.Any(this=exp.paren(exp.column("places", "groupings"), copy=False)),
                    ),
                    # sqlglot counts from 0, and writes what the dialect counts from.
                    true=exp.Bracket(this=exp.column("dims", "combos"), expressions=[exp.Literal.number(place - 1)]),
                )
            ],
            default=exp.Literal.string(""),
        )
        for place in range(1, len(dimensions(indicator)) + 1)
    ]
    listed = cast(exp.array(*codes, dialect="postgres"), "text[]")
    query = exp.select("combos.combo", "groupings.grouping_id", exp.alias_(listed, "codes"))
    return cte("members", query.from_("combos").join("groupings", join_type="cross"))


def options(measure: OverMart | RatioOf) -> exp.Select:
    """One row with what the measure's text needs to know besides its records."""
    scale = number(getattr(measure, "scale", 1))
    shown: dict[str, exp.Expr] = {"scale": scale}
    if isinstance(measure, Latest):
        shown["total"] = exp.Literal.string(measure.total)
    elif isinstance(measure, Score):
        shown["total"] = exp.Literal.string(measure.show)
    elif isinstance(measure, (Median, Quantile)):
        fraction = Fraction(measure.quantile) if isinstance(measure, Quantile) else Fraction(1, 2)
        shown["quantile_above"] = exp.Literal.number(fraction.numerator)
        shown["quantile_of"] = exp.Literal.number(fraction.denominator)
    elif isinstance(measure, SurveyRatio):
        shown["is_simple"] = exp.convert(measure.stratum is None and measure.weight is None)
        shown["expands"] = exp.convert(bool(measure.population) and measure.weight is None)
    return exp.select(*(exp.alias_(value, name) for name, value in shown.items()))


def populations(measure: SurveyRatio) -> exp.Expr:
    """One row per stratum whose population is known."""
    rows = [
        exp.Tuple(expressions=[exp.Literal.string(stratum), exp.Literal.number(population)])
        for stratum, population in measure.population.items()
    ]
    if rows:
        return exp.Values(expressions=rows)
    return exp.select(cast(exp.null(), "text"), cast(exp.null(), "bigint")).where(exp.false())


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
