"""The figures that the IATI file holds: baseline, targets and actual value of each indicator, total and categories; beside
them, the totals that partners declare.

One row per (indicator, kind, period, dimension, category). How they become XML is `document.py`'s business.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from meal_pipelines.extracts.declared import Declaration
from meal_pipelines.extracts.values import Labels, Value, by_dimension, milestone
from meal_pipelines.indicators.declared import STATUS
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator, Logframe, Result

RESULT_TYPES = {"output": "1", "outcome": "2", "impact": "3"}
UNIT, PERCENTAGE, ORDINAL = "1", "2", "4"
"""Codes of the IATI lists ResultType and IndicatorMeasure."""


@dataclass(frozen=True)
class IatiRow:
    """One line of `extracts.iati`; fields are its columns.

    value: None where there is no figure, or where it is hidden · mark: what stands in the place of a hidden one; such a
    row is not in the file · category: as people read it; both empty for a total · declared_source: who declares this total;
    such a row is told in words, since an `actual` of the file would be taken for one that was counted.
    """

    project: str
    period: str
    reporting_date: dt.date
    position: int
    result: str
    indicator: str
    measure: str
    is_ascending: bool
    value_type: str
    period_start: dt.date
    period_end: dt.date
    dimension: str | None
    category: str | None
    value: Decimal | None
    value_text: str | None
    mark: str | None
    status: str
    illustrative: bool
    computed_at: dt.datetime | None = None
    declared_source: str | None = None

    @classmethod
    def columns(cls) -> list[str]:
        return [column.name for column in fields(cls)]

    def values(self) -> list[Any]:
        return [getattr(self, name) for name in self.columns()]


def measure_code(indicator: Indicator) -> str:
    """The IATI measure: levels of a scale are ordinal, which no total adds up; a rate is a percentage; else units."""
    measure = indicator.measure
    if str(measure.kind) in ("ordinal", "score") or getattr(measure, "total", None) == "none":
        return ORDINAL
    return PERCENTAGE if "%" in indicator.unit else UNIT


def can_be_added(indicator: Indicator) -> bool:
    """Whether values of several activities may be added: not rates, nor levels, nor persons who may be in both."""
    return indicator.measure.kind == "sum"


def reported_results(logframe: Logframe) -> list[tuple[Result, list[Indicator]]]:
    """Results with their indicators, in the order of the chain; IATI takes no result that has none."""
    found = [(result, [at for at in logframe.indicators if at.result == result.code]) for result in logframe.results]
    return [(result, indicators) for result, indicators in found if indicators]


def iati_rows(
    project: LoadedProject,
    logframe: Logframe,
    current: Mapping[str, Value],
    declared: Mapping[str, Sequence[Declaration]],
    labels: Labels,
    *,
    period: str,
    reporting_date: dt.date,
) -> list[IatiRow]:
    """Every figure of the file and every hidden one, in the order of the file."""
    about: dict[str, Any] = {
        "project": project.id,
        "period": period,
        "reporting_date": reporting_date,
        "illustrative": logframe.illustrative,
    }
    found: list[IatiRow] = []
    for _, indicators in reported_results(logframe):
        for indicator in indicators:
            measured = _figures(project, indicator, current.get(indicator.code), labels)
            for figure in (*measured, *map(_by_a_partner, declared.get(indicator.code, []))):
                found.append(
                    IatiRow(
                        **about, **figure, position=len(found) + 1, result=indicator.result, indicator=indicator.code,
                        measure=measure_code(indicator), is_ascending=indicator.direction == "asc",
                    )
                )  # fmt: skip
    return found


def _figures(
    project: LoadedProject, indicator: Indicator, value: Value | None, labels: Labels
) -> Iterator[dict[str, Any]]:
    start, baseline = project.project.starts_on, indicator.baseline
    on = baseline.date or start
    yield from _planned("baseline", (on, on), indicator, baseline.value, None, baseline.by, baseline.status, labels)
    for target in sorted(indicator.targets, key=lambda target: target.month):
        span = (start, milestone(project, target))
        text = target.text if target.value is None else None
        yield from _planned("target", span, indicator, target.value, text, target.by, target.status, labels)
    if value is not None and value.is_measured:
        yield from _measured(project, indicator, value, labels)


def _planned(
    kind: str,
    span: tuple[dt.date, dt.date],
    indicator: Indicator,
    value: Decimal | None,
    text: str | None,
    by: Mapping[str, Decimal],
    status: str,
    labels: Labels,
) -> Iterator[dict[str, Any]]:
    said = {"value_type": kind, "period_start": span[0], "period_end": span[1], "status": status, "mark": None}
    if value is not None or text is not None or not by:
        yield {**said, "dimension": None, "category": None, "value": value, "value_text": text}
    dimension = by_dimension(indicator)
    for category in labels.ordered(dimension, by) if dimension else []:
        yield {**said, **_named(labels, dimension or "", category), "value": by[category], "value_text": None}


def _measured(project: LoadedProject, indicator: Indicator, value: Value, labels: Labels) -> Iterator[dict[str, Any]]:
    start = value.period_start or project.project.starts_on
    said = {
        "value_type": "actual", "period_start": start, "period_end": value.period_end, "status": "mesurée",
        "value_text": None, "computed_at": value.computed_at,
    }  # fmt: skip
    if value.shown is not None:
        yield {**said, "dimension": None, "category": None, "value": value.value, "mark": value.mark}
    for dimension in indicator.disaggregations:
        cells = value.cells.get(dimension, {})
        for category in labels.ordered(dimension, cells):
            cell = cells[category]
            if cell.shown is not None:
                yield {**said, **_named(labels, dimension, category), "value": cell.value, "mark": cell.mark}


def _by_a_partner(one: Declaration) -> dict[str, Any]:
    return {
        "value_type": "declared", "period_start": one.period_start, "period_end": one.period_end, "status": STATUS,
        "dimension": None, "category": None, "value": one.value, "value_text": one.told, "mark": one.mark,
        "declared_source": one.source,
    }  # fmt: skip


def _named(labels: Labels, dimension: str, category: str) -> dict[str, str]:
    return {"dimension": labels.dimension(dimension), "category": labels.category(dimension, category)}
