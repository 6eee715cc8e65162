"""The lines of the OPSYS sheet: baseline, targets and current value of each indicator, in the order one types them.

One line per indicator, kind of value and date, and one per partner that declares a total. Figures come from the logframe
(baseline, targets), from `indicators.value` (current) and from `declared.py`; comments are proposed here, decisions about
them are a person's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any

from meal_pipelines.extracts.declared import Declaration
from meal_pipelines.extracts.donor_codes import code_status
from meal_pipelines.extracts.opsys.comments import baseline_comment, current_comment, declared_comment, target_comment
from meal_pipelines.extracts.opsys.sources import Sources
from meal_pipelines.extracts.values import Labels, Value, by_dimension, milestone
from meal_pipelines.extracts.wording import NO_TOTAL, NOT_MEASURED, TO_ESTABLISH
from meal_pipelines.indicators.declared import STATUS
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator, Logframe, Result

VALUE_TYPES = {
    "baseline": "Valeur de référence",
    "intermediate_target": "Cible intermédiaire",
    "final_target": "Cible finale",
    "current": "Valeur actuelle",
    "declared": "Déclaré par un partenaire",
}
Categories = dict[str, dict[str, Decimal]]
Shown = dict[str, dict[str, Decimal | str]]
"""Dimension → category → figure, or the mark in its place."""


@dataclass(frozen=True)
class OpsysRow:
    """One line of `extracts.opsys`; fields are its columns, in the unit of the indicator throughout.

    declared_source: who declares the total of this line; None for every other kind of value.
    """

    project: str
    period: str
    reporting_date: dt.date
    position: int
    result: str
    result_level: str
    indicator: str
    label: str
    measure: str
    unit: str
    dimensions: list[str]
    value_type: str
    value_date: dt.date | None
    total: Decimal | None
    total_text: str | None
    disaggregation: Mapping[str, Mapping[str, Decimal | str]]
    units: int | None
    comment: str
    source_of_data: str | None
    source_status: str
    status: str
    framework: str | None
    framework_version: str | None
    code: str | None
    code_label: str | None
    mode: str
    confidence: str | None
    code_status: str
    verified_on: dt.date | None
    verified_by: str | None
    logframe_version: str
    computed_at: dt.datetime | None = field(default=None)
    declared_source: str | None = None

    @classmethod
    def columns(cls) -> list[str]:
        return [column.name for column in fields(cls)]

    def values(self) -> list[Any]:
        return [getattr(self, name) for name in self.columns()]


@dataclass(frozen=True)
class _Figure:
    """One value before it is put in its line."""

    value_type: str
    date: dt.date | None
    total: Decimal | None
    text: str | None
    categories: Mapping[str, Mapping[str, Decimal | str]]
    comment: str
    status: str
    units: int | None = None
    computed_at: dt.datetime | None = None
    declared_source: str | None = None


def opsys_rows(
    project: LoadedProject,
    logframe: Logframe,
    current: Mapping[str, Value],
    declared: Mapping[str, Sequence[Declaration]],
    labels: Labels,
    sources: Sources,
    *,
    period: str,
    reporting_date: dt.date,
) -> list[OpsysRow]:
    """Every line of the extract, results in the order of the chain; n indicators give at least 2 n lines."""
    found: list[OpsysRow] = []
    for result in logframe.results:
        for indicator in logframe.indicators:
            if indicator.result != result.code:
                continue
            figures = [
                _baseline(project, indicator, labels),
                *_targets(project, indicator, labels),
                _current(project, indicator, current.get(indicator.code), labels, reporting_date),
                *(_declared(one) for one in declared.get(indicator.code, [])),
            ]
            for figure in figures:
                about = {"project": project.id, "period": period, "reporting_date": reporting_date}
                found.append(_line(about, logframe, result, indicator, figure, sources, position=len(found) + 1))
    return found


def _line(
    about: Mapping[str, Any],
    logframe: Logframe,
    result: Result,
    indicator: Indicator,
    figure: _Figure,
    sources: Sources,
    *,
    position: int,
) -> OpsysRow:
    donor, is_declared = indicator.donors.get("opsys"), figure.declared_source is not None
    # Whoever declares has a source of its own: the indicator's choice is not said of it.
    source = "" if is_declared else indicator.opsys_source
    return OpsysRow(
        **about,
        position=position,
        result=result.code,
        result_level=result.level,
        indicator=indicator.code,
        label=indicator.label,
        measure=indicator.measure.kind,
        unit=indicator.unit,
        dimensions=list(indicator.disaggregations),
        value_type=figure.value_type,
        value_date=figure.date,
        total=figure.total,
        total_text=figure.text,
        disaggregation=figure.categories,
        units=figure.units,
        comment=figure.comment,
        source_of_data=source or None,
        source_status=sources.status_of(source),
        status=figure.status,
        framework=donor.framework if donor else None,
        framework_version=(donor.version or None) if donor else None,
        code=(donor.code or None) if donor else None,
        code_label=(donor.label or None) if donor else None,
        mode=donor.mode if donor else "none",
        confidence=donor.confidence if donor else None,
        code_status=code_status(donor),
        verified_on=donor.verified_on if donor else None,
        verified_by=donor.verified_by if donor else None,
        logframe_version=logframe.version,
        computed_at=figure.computed_at,
        declared_source=figure.declared_source,
    )


def _baseline(project: LoadedProject, indicator: Indicator, labels: Labels) -> _Figure:
    baseline = indicator.baseline
    categories = _by(indicator, baseline.by)
    text = None
    if baseline.value is None:
        text = NO_TOTAL if categories else baseline_text(baseline.status)
    return _Figure(
        "baseline", baseline.date, baseline.value, text, categories,
        baseline_comment(project, indicator, categories, labels), baseline.status,
    )  # fmt: skip


def baseline_text(status: str) -> str:
    """What stands where a baseline has no figure: « à établir », or « sans objet » where its status says so."""
    return "sans objet" if status.strip().lower().startswith(("sans objet", "s.o")) else TO_ESTABLISH


def _targets(project: LoadedProject, indicator: Indicator, labels: Labels) -> list[_Figure]:
    targets = sorted(indicator.targets, key=lambda target: target.month)
    figures = []
    for target in targets:
        categories = _by(indicator, target.by)
        text = None
        if target.value is None:
            text = target.text or NO_TOTAL
        kind = "final_target" if target is targets[-1] else "intermediate_target"
        comment = target_comment(project, indicator, target, categories, labels)
        figures.append(
            _Figure(kind, milestone(project, target), target.value, text, categories, comment, target.status)
        )
    return figures


def _current(
    project: LoadedProject, indicator: Indicator, value: Value | None, labels: Labels, reporting_date: dt.date
) -> _Figure:
    if value is None or not value.is_measured:
        comment = current_comment(project, indicator, None, labels, reporting_date)
        return _Figure("current", reporting_date, None, NOT_MEASURED, {}, comment, NOT_MEASURED)
    categories: Shown = {
        dimension: {
            category: figure
            for category in labels.ordered(dimension, value.cells[dimension])
            if (figure := value.cells[dimension][category].shown) is not None
        }
        for dimension in indicator.disaggregations
        if dimension in value.cells
    }
    return _Figure(
        "current", value.period_end, value.value, value.mark or (NO_TOTAL if value.value is None else None),
        {dimension: figures for dimension, figures in categories.items() if figures},
        current_comment(project, indicator, value, labels, reporting_date), "mesurée", value.units, value.computed_at,
    )  # fmt: skip


def _declared(one: Declaration) -> _Figure:
    return _Figure(
        "declared", one.period_end, one.value, one.mark, {}, declared_comment(one), STATUS, declared_source=one.source,
    )  # fmt: skip


def _by(indicator: Indicator, figures: Mapping[str, Decimal]) -> Categories:
    dimension = by_dimension(indicator)
    return {dimension: dict(figures)} if figures and dimension else {}
