"""The records of one mart that a measure counts: which they are, and what is read of each.

What counts is a record dated from the project's first day to the last day received, whose `where` holds, and which has
what its measure needs: a unit, a value, both sums of a ratio, the weight and the stratum of a survey.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.indicators import opening
from meal_pipelines.indicators.expressions import parse_expression, require_column
from meal_pipelines.indicators.periods import Calendar
from meal_pipelines.indicators.value_types import Family, judge_types
from meal_pipelines.project.measures import (
    CountUnique,
    Latest,
    Mean,
    Median,
    OverMart,
    Quantile,
    Ratio,
    Score,
    Sum,
    SurveyRatio,
)
from meal_pipelines.warehouse.tables import TableSpec

Expressions = Mapping[str, exp.Expr]


@dataclass(frozen=True)
class Records:
    """What is read of the records that count, as expressions over the mart's columns.

    slice: the slice of time · dims: the categories, in the order of the dimensions' names · apart: what the measure tells
    records apart by, by name · aggregates: what it needs of those it does not tell apart; None when it needs each record ·
    kept: the conditions to count; the first says whose the record is.
    """

    mart: TableSpec
    slice: exp.Expr
    dims: tuple[exp.Expr, ...]
    apart: Expressions
    aggregates: Expressions | None
    kept: tuple[exp.Expr, ...]

    def select(self) -> exp.Select:
        """One row per slice, dimensions and what is told apart: the scan is where the rows are many."""
        dims = opening.cast(exp.array(*self.dims, dialect="postgres"), "text[]")
        shown = {"slice": self.slice, "dims": dims, **self.apart}
        selected = {**shown, **(self.aggregates or {})}
        select = exp.select(*(exp.alias_(value.copy(), name) for name, value in selected.items()))
        select = select.from_(exp.table_(self.mart.name, db=self.mart.schema, quoted=True)).where(*self.kept)
        if self.aggregates is None:
            return select
        # By position: a name would mean the mart's column where it has one of that name.
        return select.group_by(*(exp.Literal.number(place) for place in range(1, len(shown) + 1)))

    def columns(self) -> set[str]:
        """The columns of the mart that are read."""
        return {column.name for column in self.select().find_all(exp.Column)}


@dataclass(frozen=True)
class Reader:
    """Reads the expressions of one measure. where: file and line of a key of the entry, for messages."""

    mart: TableSpec
    where: Callable[[str], str]

    def read(self, key: str, text: str, wanted: Family | None = None) -> exp.Expr:
        """A judged expression, in parentheses where it needs them."""
        where = self.where(key)
        tree = parse_expression(text, self.mart, where)
        judge_types(tree, self.mart, where, wanted)
        return tree if isinstance(tree, (exp.Column, exp.Literal, exp.Case)) else exp.Paren(this=tree)

    def number(self, key: str, text: str) -> exp.Expr:
        return opening.cast(self.read(key, text, "number"), "numeric")

    def date(self, text: str) -> exp.Expr:
        """A column of type date: the day of a moment depends on where one stands."""
        where, read = self.where("date"), parse_expression(text, self.mart, self.where("date"))
        column = self.mart.column(read.name) if isinstance(read, exp.Column) else None
        if column is not None and column.type != "date":
            raise ConfigurationError(
                f"{where} : « {column.name} » est de type {column.type} ; "
                "un indicateur se date par une colonne de type date."
            )
        return self.read("date", text, "date")


def records_of(
    measure: OverMart, names: list[str], project: str, mart: TableSpec, calendar: Calendar, where: Callable[[str], str]
) -> Records:
    """Read and judge a measure's expressions. names: the dimensions.

    Raises: ConfigurationError, with file and line, for a column that is not there, or what is not the expression needed.
    """
    for name in names:
        require_column(name, mart, where(""))
    require_column("project", mart, where("mart"))
    reader = Reader(mart, where)
    date = reader.date(measure.date)
    apart, aggregates, needed = _measured(measure, reader, date)
    kept: list[exp.Expr] = [
        exp.column("project", quoted=True).eq(exp.Literal.string(project)),
        exp.GTE(this=date.copy(), expression=opening.day(calendar.starts_on)),
        exp.LTE(this=date.copy(), expression=opening.day(calendar.until)),
    ]
    if measure.where is not None:
        kept.append(reader.read("where", measure.where, "boolean"))
    return Records(
        mart=mart,
        slice=exp.func("width_bucket", date.copy(), opening.days(calendar.slices()), dialect="postgres"),
        dims=tuple(opening.category(name) for name in names),
        apart=apart,
        aggregates=aggregates,
        kept=(*kept, *needed),
    )


def _measured(
    measure: OverMart, reader: Reader, date: exp.Expr
) -> tuple[Expressions, Expressions | None, Iterator[exp.Expr]]:
    """What records are told apart by, what is needed of the others, and the conditions for that to be known."""
    units: dict[str, exp.Expr] = {"units": exp.Count(this=exp.Star())}
    if isinstance(measure, CountUnique):
        unit = reader.read("unit", measure.unit)
        return {"unit": unit}, {}, _known(unit)
    if isinstance(measure, Sum):
        value = reader.number("value", measure.value)
        return {}, {"total": _sum(value), "known": exp.Count(this=value.copy()), **units}, _known()
    if isinstance(measure, Ratio):
        above = reader.number("numerator", measure.numerator)
        below = reader.number("denominator", measure.denominator)
        return {}, {"numerator": _sum(above), "denominator": _sum(below), **units}, _known(above, below)
    if isinstance(measure, SurveyRatio):
        return _surveyed(measure, reader)
    value = reader.number("value", measure.value)
    if isinstance(measure, Mean):
        return {}, {"total": _sum(value), **units}, _known(value)
    if isinstance(measure, (Median, Quantile)):
        return {"value": value}, units, _known(value)
    return _standing(measure, reader, date, value)


def _standing(
    measure: Latest | Score, reader: Reader, date: exp.Expr, value: exp.Expr
) -> tuple[Expressions, None, Iterator[exp.Expr]]:
    unit = reader.read("unit", measure.unit)
    found: dict[str, exp.Expr] = {"unit": unit, "value": value, "dated_on": date.copy()}
    # Two records of a unit on one day: the submission whose identifier comes last, so that every run agrees.
    for name, empty in (("submission_id", exp.Literal.string("")), ("repeat_index", exp.Literal.number("0"))):
        present = reader.mart.column(name) is not None
        found[name] = exp.func("coalesce", exp.column(name, quoted=True), empty) if present else empty
    return found, None, _known(unit, value)


def _surveyed(measure: SurveyRatio, reader: Reader) -> tuple[Expressions, Expressions, Iterator[exp.Expr]]:
    """A record is asked when the denominator holds and the numerator is known: an unknown answer is not a « no »."""
    yes = reader.read("numerator", measure.numerator, "boolean")
    among = reader.read("denominator", measure.denominator, "boolean")
    answered = exp.and_(among.copy(), exp.Not(this=exp.Is(this=yes.copy(), expression=exp.null())))
    weight = None if measure.weight is None else reader.number("weight", measure.weight)
    stratum = exp.Literal.string("") if measure.stratum is None else reader.read("stratum", measure.stratum)
    stratum = opening.cast(stratum, "text")
    wave = exp.Literal.string("") if measure.wave is None else reader.read("wave", measure.wave)
    wave = opening.cast(wave, "text")

    def flag(condition: exp.Expr, times: int) -> exp.Expr:
        counted = exp.Case().when(condition.copy(), exp.Literal.number("1")).else_(exp.Literal.number("0"))
        product: exp.Expr = opening.cast(counted, "numeric")
        for _ in range(times if weight is not None else 0):
            assert weight is not None
            product = exp.Mul(this=product, expression=weight.copy())
        return _sum(product)

    says_yes = exp.and_(among.copy(), yes.copy())
    counted = {
        "sampled": exp.Count(this=exp.Star()),
        "asked": flag(answered, 0),
        "weighted_yes": flag(says_yes, 1),
        "weighted_asked": flag(answered, 1),
        "squared_yes": flag(says_yes, 2),
        "squared_asked": flag(answered, 2),
    }
    return {"stratum": stratum, "wave": wave}, counted, _designed(measure, stratum, wave, weight)


def _designed(measure: SurveyRatio, stratum: exp.Expr, wave: exp.Expr, weight: exp.Expr | None) -> Iterator[exp.Expr]:
    """A record without a place in the design stands for nobody: no stratum, round or weight, a stratum of unknown size."""
    yield from _known(wave)
    if measure.stratum is not None:
        yield from _known(stratum)
    if weight is not None:
        yield exp.GT(this=weight.copy(), expression=exp.Literal.number("0"))
    if measure.population:
        yield exp.In(this=stratum.copy(), expressions=[exp.Literal.string(name) for name in measure.population])


def _known(*expressions: exp.Expr) -> Iterator[exp.Expr]:
    for expression in expressions:
        if expression.find(exp.Column) is not None:  # a constant is known
            yield exp.Not(this=exp.Is(this=expression.copy(), expression=exp.null()))


def _sum(value: exp.Expr) -> exp.Sum:
    return exp.Sum(this=value.copy())
