"""What a run left behind, read from the warehouse: counts per stage, checks, indicators, files. No values of persons."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.outcomes import Behind, forms_behind

PERIOD = re.compile(r"\d{4}(-\d{2})?")
"""The folder of an extract: `2029-02`, or `2029` for a year's."""


@dataclass(frozen=True)
class FormCounts:
    """One form: submissions ever received, present, deleted; cleaned, quarantined; rows protected (repeats included)."""

    project: str
    form: str
    received: int
    present: int
    deleted: int
    cleaned: int
    quarantined: int
    protected: int


@dataclass(frozen=True)
class CheckCounts:
    """Current checks: how many, how many pass, and those that do not: (severity, table, name, failing rows)."""

    total: int
    passed: int
    failed: list[tuple[str, str, str, int | None]]


@dataclass(frozen=True)
class IndicatorLine:
    """One indicator to date, beside its next target. falls: it is meant to go down; by_category: it has no total.

    declared: what each source declares for the same period, « anapec 120 ; ofii 40 »; never part of `value`.
    """

    project: str
    code: str
    label: str
    unit: str
    period: str | None
    value: Decimal | None
    target: Decimal | None
    target_period: str | None
    percentage: Decimal | None
    illustrative: bool
    falls: bool
    by_category: bool
    declared: str | None


def form_counts(warehouse: Warehouse, projects: dict[str, LoadedProject]) -> list[FormCounts]:
    """One line per form, in the projects' order."""
    lines = []
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for project in projects.values():
            for form in project.forms.values():
                cursor.execute(SUBMISSIONS, (project.id, form.name))
                received, present = _one(cursor)
                cursor.execute(
                    "select coalesce(max(rows), 0) from quality.build where table_name = %s", (f"cleaned.{form.table}",)
                )
                (cleaned,) = _one(cursor)
                cursor.execute(
                    "select coalesce(sum(rows), 0) from quality.build where stage = 'pseudonymised' and project = %s and form = %s",
                    (project.id, form.name),
                )
                (protected,) = _one(cursor)
                cursor.execute(QUARANTINED, (project.id, form.name))
                (quarantined,) = _one(cursor)
                lines.append(
                    FormCounts(
                        project.id,
                        form.name,
                        received,
                        present,
                        received - present,
                        cleaned,
                        quarantined,
                        int(protected),
                    )
                )
    return lines


def mart_counts(warehouse: Warehouse) -> list[tuple[str, int]]:
    """(table, rows) of every published mart."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select table_name, rows from quality.build where stage = 'marts' order by table_name")
        return [(name, rows) for name, rows in cursor.fetchall()]


def check_counts(warehouse: Warehouse) -> CheckCounts:
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select count(*), count(*) filter (where passed) from quality.check_result where is_current")
        total, passed = _one(cursor)
        cursor.execute(
            "select severity, table_name, check_name, failing_rows from quality.check_result"
            " where is_current and not passed order by severity, table_name, check_name"
        )
        return CheckCounts(total, passed, cursor.fetchall())


def standing_still(warehouse: Warehouse, projects: dict[str, LoadedProject]) -> list[Behind]:
    """The forms of these projects that could not be brought up to date."""
    forms = [(project.id, name) for project in projects.values() for name in project.forms]
    with warehouse.connect() as connection, connection.cursor() as cursor:
        return forms_behind(cursor, forms)


def indicator_lines(warehouse: Warehouse, projects: dict[str, LoadedProject]) -> list[IndicatorLine]:
    """One line per indicator, in the logframes' order: its last value to date and the target it is measured against."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(INDICATORS, (list(projects),))
        return [IndicatorLine(*row) for row in cursor.fetchall()]


def files(out: Path, projects: Iterable[str]) -> list[Path]:
    """The newest extract of each kind of these projects; neither older ones nor what other commands put beside them.

    A name that begins with a dot is of a file that was being written when somebody ended the program.
    """
    newest: dict[tuple[str, str], Path] = {}
    for project in projects:
        periods = sorted(path for path in (out / project).glob("*") if PERIOD.fullmatch(path.name))
        for path in (each for period in periods for each in sorted(period.iterdir())):
            if path.suffix in (".xlsx", ".json", ".xml") and not path.name.startswith("."):
                newest[project, path.name] = path
    return sorted(newest.values())


def _one(cursor: Any) -> tuple[Any, ...]:
    row = cursor.fetchone()
    assert row is not None
    return tuple(row)


SUBMISSIONS = """
    select count(*), count(*) filter (where state = 'present') from (
        select distinct on (submission_id) state from raw.submission
        where project = %s and form = %s order by submission_id, version desc
    ) as last
"""
QUARANTINED = """
    select count(distinct submission_id) from quality.rejection
    where project = %s and form = %s and state = 'open' and severity = 'critical' and repeat = ''
"""
INDICATORS = """
    with last as (
        select distinct on (project, indicator) project, indicator, period, period_end, value
        from indicators.value where period_kind = 'to_date' and disaggregation = '{}'
        order by project, indicator, period_end desc
    ), target as (
        select distinct on (t.project, t.indicator) t.project, t.indicator, t.period, t.target
        from indicators.target as t left join last using (project, indicator)
        where t.disaggregation = '{}'
        order by t.project, t.indicator, (t.period_end < coalesce(last.period_end, t.period_end)),
            abs(t.period_end - coalesce(last.period_end, t.period_end))
    )
    select d.project, d.indicator, d.label, d.unit, last.period, last.value, target.target, target.period,
        round(100 * last.value / nullif(target.target, 0), 1), d.illustrative, d.direction = 'desc',
        last.value is null and exists (
            select 1 from indicators.value as v
            where v.project = d.project and v.indicator = d.indicator and v.period_kind = 'to_date' and v.value is not null
        ),
        (
            select string_agg(c.source || ' ' || trim_scale(c.value), ' ; ' order by c.source)
            from indicators.declared as c
            where c.project = d.project and c.indicator = d.indicator and c.period_kind = 'to_date'
                and c.period = last.period and c.disaggregation = '{}'
        )
    from indicators.definition as d
    left join last using (project, indicator) left join target using (project, indicator)
    where d.project = any(%s) order by d.project, d.position
"""
