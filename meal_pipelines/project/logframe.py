"""What `logframe.yaml` means: the result chain, the indicators, baselines and targets. Measures are in `measures.py`.

Illustrative values carry that status from here to every place that shows them.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, model_validator

from meal_pipelines.project.measures import CountUnique, Derived, IndicatorCode, Measure, RatioOf, Sum, SurveyRatio
from meal_pipelines.project.strict import Strict

OF_RECORDS = ("ratio", "survey_ratio", "mean", "median", "quantile")
"""Measures that say a share, a mean or a rank of as many records as `units` says."""
Level = Literal["impact", "outcome", "output"]


class Result(Strict):
    """One statement of the result chain."""

    code: IndicatorCode
    level: Level
    label: str
    assumptions: list[str] = Field(default_factory=list)


class Dimension(Strict):
    """A mart column by which values may be broken down; `values` gives the order and the labels people read."""

    label: str
    values: dict[str, str] = Field(default_factory=dict)


class Baseline(Strict):
    """`value` stays empty while the baseline is « à établir »: missing is not zero. `by` gives it per category."""

    value: Decimal | None = None
    by: dict[str, Decimal] = Field(default_factory=dict)
    date: dt.date | None = None
    status: str


class Target(Strict):
    """A target at the end of month `month` of the project, cumulative unless the measure is a ratio or a latest.

    `text` is what the logframe says when no figure can be given (« +5 pts » over a baseline not yet known).
    """

    month: int = Field(ge=1, le=120)
    value: Decimal | None = None
    by: dict[str, Decimal] = Field(default_factory=dict)
    text: str | None = None
    status: str = "illustratif"

    @model_validator(mode="after")
    def _says_something(self) -> Target:
        if self.value is None and not self.by and self.text is None:
            raise ValueError("une cible demande « value », « by » ou « text »")
        return self


class DonorCode(Strict):
    """A line of a donor's framework that this indicator feeds, with what is known of it and who checked it."""

    framework: str
    version: str = ""
    code: str = ""
    label: str = ""
    mode: Literal["custom", "predefined", "matched", "candidate", "none"] = "custom"
    confidence: str = "à confirmer"
    source: str = ""
    verified_on: dt.date | None = None
    verified_by: str | None = None


class Indicator(Strict):
    """One line of the logframe: everything that is said of the indicator anywhere comes from here.

    publish_from: how many records must be behind a share, a mean or a median for it to be in an extract.
    """

    code: IndicatorCode
    result: IndicatorCode
    label: str
    unit: str
    direction: Literal["asc", "desc"] = "asc"
    cumulative: bool = False
    measure: Measure
    disaggregations: list[str] = Field(default_factory=list)
    crossings: list[list[str]] = Field(default_factory=list)
    by: str | None = None
    baseline: Baseline
    targets: list[Target] = Field(default_factory=list)
    calculation: str
    forms: list[str] = Field(default_factory=list)
    verification: str
    responsible: str
    frequency: str
    limits: str = ""
    publish_from: int | None = Field(default=None, ge=2)
    opsys_source: str = ""
    donors: dict[Literal["opsys", "thema", "afd", "tei", "iati"], DonorCode] = Field(default_factory=dict)

    @property
    def is_count(self) -> bool:
        """Whether nothing below zero can be measured: distinct units, records, or a share of them."""
        measure = self.measure
        return isinstance(measure, CountUnique | RatioOf | SurveyRatio) or (
            isinstance(measure, Sum) and measure.value == "1"
        )

    @model_validator(mode="after")
    def _is_not_negative(self) -> Indicator:
        said: dict[str, Baseline | Target] = {"référence": self.baseline}
        said |= {f"cible M{target.month}": target for target in self.targets}
        for name, figure in said.items():
            if self.is_count and any(value is not None and value < 0 for value in (figure.value, *figure.by.values())):
                raise ValueError(f"{self.code} : la {name} est négative, et un dénombrement ne l'est jamais")
        return self

    def donor(self, recipient: str) -> DonorCode | None:
        """The line of a recipient's framework, by its name; None when the logframe relates the indicator to none."""
        return next((line for name, line in self.donors.items() if name == recipient), None)

    def groupings(self) -> list[tuple[str, ...]]:
        """Every set of dimensions a value is broken down by, the total (empty) first, without repetition."""
        sets: list[tuple[str, ...]] = [(), *((name,) for name in self.disaggregations), *map(tuple, self.crossings)]
        return list(dict.fromkeys(sets))

    @model_validator(mode="after")
    def _publishes(self) -> Indicator:
        if self.publish_from is not None and self.measure.kind not in OF_RECORDS:
            raise ValueError(
                f"{self.code} : « publish_from » compte les réponses derrière une part, une moyenne ou une médiane ; une mesure "
                f"« {self.measure.kind} » n'en est pas une"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _targets(cls, data: Any) -> Any:
        """`targets: {M12: 700}` is the usual way to write `targets: [{month: 12, value: 700}]`."""
        if isinstance(data, dict) and isinstance(data.get("targets"), dict):
            listed = []
            for key, value in data["targets"].items():
                month = str(key).removeprefix("M")
                if not month.isdigit():
                    raise ValueError(f"cible « {key} » : écrivez M12, M24 ou M36")
                if isinstance(value, dict):
                    listed.append({"month": int(month), "by": value})
                elif isinstance(value, str):
                    listed.append({"month": int(month), "text": value})
                else:
                    listed.append({"month": int(month), "value": value})
            data = {**data, "targets": listed}
        return data


class Logframe(Strict):
    """One `projects/<project>/logframe.yaml`. declarations: the mart of what partners declare as aggregates."""

    project: str
    version: str
    illustrative: bool
    source: str
    declarations: str | None = None
    results: list[Result]
    dimensions: dict[str, Dimension] = Field(default_factory=dict)
    indicators: list[Indicator]

    @model_validator(mode="after")
    def _agree(self) -> Logframe:
        results = {result.code for result in self.results}
        codes = [indicator.code for indicator in self.indicators]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise ValueError(f"indicateur déclaré deux fois : {', '.join(twice)}")
        for indicator in self.indicators:
            if indicator.result not in results:
                raise ValueError(f"{indicator.code} : le résultat « {indicator.result} » n'est pas déclaré")
            unknown = {name for grouping in indicator.groupings() for name in grouping} - set(self.dimensions)
            if unknown:
                raise ValueError(f"{indicator.code} : dimension non déclarée : {', '.join(sorted(unknown))}")
            measure = indicator.measure
            if isinstance(measure, Derived):
                absent = {measure.numerator, measure.denominator} - set(codes)
                if absent:
                    raise ValueError(f"{indicator.code} : indicateur inconnu : {', '.join(sorted(absent))}")
        return self
