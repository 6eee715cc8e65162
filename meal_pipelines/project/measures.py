"""How an indicator is measured: the kinds of `measure:` that a logframe may hold.

A measure names a mart and columns of it; whether they exist and are of the right kind is judged in `indicators/`, which
reads the marts' own declaration. `docs/langage_indicateurs.md` says the same to officers, with an example of each.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from meal_pipelines.project.strict import Strict

IndicatorCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9.\-]{1,30}$")]


class CountUnique(Strict):
    """How many distinct `unit` have at least one record (persons, institutions, employers)."""

    kind: Literal["count_unique"]
    mart: str
    unit: str
    date: str
    where: str | None = None


class Sum(Strict):
    """The sum of `value` (an expression over the mart's columns); a record counts 1 by default."""

    kind: Literal["sum"]
    mart: str
    date: str
    value: str = "1"
    where: str | None = None


class Ratio(Strict):
    """`numerator` over `denominator`, both sums of an expression; times `scale` (100 for a percentage).

    A record counts when both are known: an unknown answer is not a « no ».
    """

    kind: Literal["ratio"]
    mart: str
    date: str
    numerator: str
    denominator: str = "1"
    where: str | None = None
    scale: Decimal = Decimal(100)


class RatioOf(Strict):
    """One count over another, each with a mart, a date and a filter of its own; times `scale`.

    Nothing in the numerator is 0; nothing in the denominator leaves the value empty.
    """

    kind: Literal["ratio_of"]
    numerator: Annotated[CountUnique | Sum, Field(discriminator="kind")]
    denominator: Annotated[CountUnique | Sum, Field(discriminator="kind")]
    scale: Decimal = Decimal(100)


class SurveyRatio(Strict):
    """The share of the records of a survey for which `numerator` holds, among those for which `denominator` does.

    Both are conditions, unlike those of a ratio. stratum: the expression that names a record's stratum · weight: that of
    a record · population: how many units each stratum has, where it is known; without `weight`, a record then stands for
    population / sampled · wave: the expression that names a record's round of the survey; in each period, only the round
    that began last counts, so that two rounds are never one sample. The value comes with the number of records asked and a
    confidence interval of 95 %.
    """

    kind: Literal["survey_ratio"]
    mart: str
    date: str
    numerator: str
    denominator: str = "true"
    where: str | None = None
    stratum: str | None = None
    weight: str | None = None
    population: dict[str, Annotated[int, Field(gt=0)]] = Field(default_factory=dict)
    wave: str | None = None
    scale: Decimal = Decimal(100)

    @model_validator(mode="after")
    def _strata(self) -> SurveyRatio:
        if self.population and self.stratum is None:
            raise ValueError("« population » donne un effectif par strate : dites laquelle avec « stratum »")
        return self


class Mean(Strict):
    """The mean of `value` over the records that have one, divided again at every level."""

    kind: Literal["mean"]
    mart: str
    date: str
    value: str
    where: str | None = None


class Median(Strict):
    """The median of `value` over the records, never of averages."""

    kind: Literal["median"]
    mart: str
    date: str
    value: str
    where: str | None = None


class Quantile(Strict):
    """The `quantile` (0.9 for the ninth decile) of `value` over the records, interpolated between the two nearest."""

    kind: Literal["quantile"]
    mart: str
    date: str
    value: str
    quantile: Annotated[Decimal, Field(gt=0, lt=1, max_digits=6)]
    where: str | None = None


class Latest(Strict):
    """The most recent `value` of each `unit` up to the end of the period.

    total: what a total over units is: `none` (there is none), `sum` or `mean` of the latest values.
    """

    kind: Literal["latest"]
    mart: str
    date: str
    unit: str
    value: str
    where: str | None = None
    total: Literal["none", "sum", "mean"] = "none"


class Score(Strict):
    """The level that each `unit` last had, on a scale whose steps have an order but no size: never summed or averaged.

    show: `median`, the level that half the units reach (the lower one of two) · `distribution`, how many units have a
    level; a disaggregation by the level's own column then tells how many are on each.
    """

    kind: Literal["score"]
    mart: str
    date: str
    unit: str
    value: str
    where: str | None = None
    show: Literal["median", "distribution"] = "median"


class Derived(Strict):
    """One indicator over another (or over itself, restricted): never typed in, always divided again."""

    kind: Literal["derived"]
    numerator: IndicatorCode
    numerator_where: dict[str, str] = Field(default_factory=dict)
    denominator: IndicatorCode
    scale: Decimal = Decimal(100)


class FromSql(Strict):
    """What the language cannot say: one query in a file beside the logframe, held to the columns of every measure.

    marts: those that it reads; it sees only the project's rows of them · max_seconds: after so many it is stopped.
    """

    kind: Literal["sql"]
    file: Annotated[str, StringConstraints(pattern=r"^[\w\-/]+\.sql$")]
    marts: Annotated[list[str], Field(min_length=1)]
    max_seconds: int = Field(default=60, ge=1, le=3600)


OverMart = CountUnique | Sum | Ratio | SurveyRatio | Mean | Median | Quantile | Latest | Score
"""The measures over the records of one mart."""

Measure = Annotated[OverMart | RatioOf | Derived | FromSql, Field(discriminator="kind")]


def marts_of(measure: OverMart | RatioOf | Derived | FromSql) -> tuple[str, ...]:
    """The marts that a measure reads, each once; none for a derived one."""
    if isinstance(measure, Derived):
        return ()
    if isinstance(measure, FromSql):
        return tuple(dict.fromkeys(measure.marts))
    if isinstance(measure, RatioOf):
        return tuple(dict.fromkeys((measure.numerator.mart, measure.denominator.mart)))
    return (measure.mart,)
