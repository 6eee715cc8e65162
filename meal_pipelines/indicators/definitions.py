"""What the logframe says beside the values: definitions and targets, as readers find them in `indicators`.

Written anew at every publication, so that a label or a target corrected in the YAML is seen at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg2 import extensions, extras

from meal_pipelines.indicators.periods import target_period
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator, Target


def write_definitions(cursor: extensions.cursor, project: LoadedProject, formulas: Mapping[str, str]) -> None:
    """One row per indicator of the project. formulas: the query of each, by its code."""
    cursor.execute("delete from indicators.definition where project = %s", (project.id,))
    if project.logframe is None:
        return
    results = {result.code: result for result in project.logframe.results}
    rows = []
    for position, indicator in enumerate(project.logframe.indicators, start=1):
        result, baseline = results[indicator.result], indicator.baseline
        rows.append(
            (
                *(project.id, indicator.code, position, indicator.label, indicator.unit),
                *(result.level, result.code, result.label),
                *(indicator.measure.kind, indicator.direction, indicator.cumulative),
                *(baseline.value, baseline.status, baseline.date, project.logframe.illustrative),
                *(indicator.calculation, ", ".join(indicator.forms), formulas[indicator.code], indicator.limits),
            )
        )
    extras.execute_values(
        cursor,
        "insert into indicators.definition (project, indicator, position, label, unit, level, result, result_label,"
        " aggregation, direction, cumulative, baseline, baseline_status, baseline_date, illustrative, method,"
        " source_forms, formula_sql, limits) values %s",
        rows,
    )


def write_targets(cursor: extensions.cursor, project: LoadedProject) -> None:
    """One row per target and category: cumulative, at the end of the month in which the project's month N ends."""
    cursor.execute("delete from indicators.target where project = %s", (project.id,))
    if project.logframe is None:
        return
    rows = [
        row
        for indicator in project.logframe.indicators
        for target in indicator.targets
        for row in _target_rows(project, indicator, target)
    ]
    extras.execute_values(
        cursor,
        "insert into indicators.target (project, indicator, period_kind, period, period_end, disaggregation, target,"
        " status, label) values %s",
        rows,
    )


def _target_rows(project: LoadedProject, indicator: Indicator, target: Target) -> list[tuple[Any, ...]]:
    period = target_period(project.project.starts_on, target.month)
    # « M24 : +5 pts » when no figure can be given yet.
    label = f"M{target.month}" + (f" : {target.text}" if target.text else "")
    categories: list[tuple[dict[str, str], Any]] = [
        ({indicator.by: key}, value) for key, value in target.by.items() if indicator.by
    ]
    if target.value is not None or not categories:
        categories.insert(0, ({}, target.value))
    return [
        (
            *(project.id, indicator.code, period.kind, period.label, period.end),
            *(extras.Json(category), value, target.status, label),
        )
        for category, value in categories
    ]
