"""What the page of an indicator says, read from `indicators`, `quality` and the logframe; how it looks is in the templates."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from meal_pipelines.extracts.values import Labels
from meal_pipelines.indicators.lineage import Lineage
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator

Cell = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Point:
    """One value of a series. low, high: its interval of confidence at 95 %, where there is one."""

    kind: str
    period: str
    end: dt.date
    value: Decimal | None
    units: int | None
    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True)
class TargetPoint:
    """A target: where it falls due, and its figure or what is said in its place."""

    end: dt.date
    value: Decimal | None
    label: str
    status: str

    @property
    def text(self) -> str:
        """« +12 points », of « M36 : +12 points »; empty when there is a figure or nothing."""
        return self.label.partition(" : ")[2]


@dataclass(frozen=True)
class GoalRow:
    """The baseline and the targets of the total or of one category, as figures or in the logframe's words."""

    name: str
    baseline: Decimal | None
    targets: list[Decimal | str | None]


@dataclass(frozen=True)
class ReportedPoint:
    """The value to date of one frozen report, beside today's."""

    freeze_id: int
    period: str
    version: int
    label: str
    frozen_at: dt.datetime
    frozen_by: str
    end: dt.date
    reported: Decimal | None
    now: Decimal | None
    told: int

    @property
    def difference(self) -> Decimal:
        return (self.now or Decimal(0)) - (self.reported or Decimal(0))


@dataclass(frozen=True)
class FormQuality:
    """One form that feeds the indicator: counts only. faults: open ones, by question and rule, the most frequent first."""

    name: str
    label: str
    code: str
    present: int
    quarantined: int
    last_arrival: dt.datetime | None
    faults: list[tuple[str, str, str, int]]


@dataclass(frozen=True)
class CheckCount:
    """The controls of one table that the indicator reads: how many, how many do not hold."""

    table: str
    total: int
    failed: list[str]


@dataclass
class Figures:
    """What is known of one indicator. series: by cell, the total is ()."""

    series: dict[Cell, list[Point]] = field(default_factory=lambda: defaultdict(list))
    targets: dict[Cell, list[TargetPoint]] = field(default_factory=lambda: defaultdict(list))
    reported: list[ReportedPoint] = field(default_factory=list)
    formula_sql: str = ""
    computed_at: dt.datetime | None = None


def figures(cursor: Any, project: str) -> dict[str, Figures]:
    """The published values, targets and frozen values of every indicator of a project."""
    found: dict[str, Figures] = defaultdict(Figures)
    cursor.execute(VALUES, (project,))
    for code, kind, period, end, disaggregation, value, units, low, high, computed_at in cursor.fetchall():
        cell = tuple(sorted(disaggregation.items()))
        found[code].series[cell].append(Point(kind, period, end, value, units, low, high))
        found[code].computed_at = max(found[code].computed_at or computed_at, computed_at)
    cursor.execute(
        "select indicator, disaggregation, period_end, target, label, status from indicators.target where project = %s"
        " order by period_end", (project,),
    )  # fmt: skip
    for code, disaggregation, end, value, label, status in cursor.fetchall():
        found[code].targets[tuple(sorted(disaggregation.items()))].append(TargetPoint(end, value, label, status))
    cursor.execute("select indicator, formula_sql from indicators.definition where project = %s", (project,))
    for code, text in cursor.fetchall():
        found[code].formula_sql = text
    cursor.execute(REPORTED, (project,))
    for code, *row in cursor.fetchall():
        found[code].reported.append(ReportedPoint(*row))
    return found


def form_quality(cursor: Any, project: LoadedProject) -> dict[str, FormQuality]:
    """Every form of a project, by name."""
    cursor.execute(FAULTS, (project.id,))
    faults: dict[str, list[tuple[str, str, str, int]]] = defaultdict(list)
    for form, *fault in cursor.fetchall():
        faults[form].append((fault[0], fault[1], fault[2], fault[3]))
    cursor.execute(PRESENT, (project.id,))
    counts = {form: (present, last) for form, present, last in cursor.fetchall()}
    cursor.execute(QUARANTINED, (project.id,))
    quarantined = dict(cursor.fetchall())
    found = {}
    for name, form in project.forms.items():
        present, last = counts.get(name, (0, None))
        found[name] = FormQuality(
            name, form.form.label, form.form.code, present, quarantined.get(name, 0), last, faults[name]
        )
    return found


def check_counts(cursor: Any, project: str) -> dict[str, CheckCount]:
    """The current controls of every table of a project and of the marts, by qualified name."""
    cursor.execute(CHECKS, (project,))
    return {table: CheckCount(table, total, failed or []) for table, total, failed in cursor.fetchall()}


def tables_of(lineage: Lineage) -> list[str]:
    """The tables behind an indicator, marts last."""
    sources = {source.table for column in lineage.columns for source in column.sources}
    return [*sorted(sources), *sorted({f"marts.{column.mart}" for column in lineage.columns})]


def main_cells(indicator: Indicator, found: Figures) -> list[Cell]:
    """What the history shows: the total, or the categories by which an indicator without a total is measured."""
    if any(point.value is not None for point in found.series.get((), [])):
        return [()]
    dimension = indicator.by or (indicator.disaggregations[0] if indicator.disaggregations else None)
    cells: list[Cell] = [cell for cell in found.series if len(cell) == 1 and cell[0][0] == dimension]
    return sorted(cells)[:4]


def goals(indicator: Indicator, labels: Labels) -> list[GoalRow]:
    """One row for the total, and one per category that has a baseline or a target of its own; a column per target."""
    by, base = indicator.by, indicator.baseline
    own = {code for target in indicator.targets for code in target.by} | set(base.by)
    rows = [
        GoalRow(labels.category(by, code), base.by.get(code), [target.by.get(code) for target in indicator.targets])
        for code in labels.ordered(by, own)
    ] if by else []  # fmt: skip
    whole: list[Decimal | str | None] = [
        target.text if target.value is None else target.value for target in indicator.targets
    ]
    if any(each is not None for each in whole):
        rows.insert(0, GoalRow("Total", base.value, whole))
    return rows


def last_cells(found: Figures, indicator: Indicator) -> Mapping[str, list[tuple[str, Point]]]:
    """By dimension, each category with its last value to date."""
    shown: dict[str, list[tuple[str, Point]]] = {name: [] for name in indicator.disaggregations}
    for cell, points in sorted(found.series.items()):
        if len(cell) == 1 and cell[0][0] in shown and (last := to_date(points)):
            shown[cell[0][0]].append((cell[0][1], last[-1]))
    return shown


def to_date(points: list[Point]) -> list[Point]:
    return [point for point in points if point.kind == "to_date"]


VALUES = """
    select indicator, period_kind, period, period_end, disaggregation, value, units, ci_low, ci_high, computed_at
    from indicators.value where project = %s order by indicator, period_kind, period_end
"""
REPORTED = """
    select r.indicator, f.freeze_id, f.period, f.version, f.label, f.frozen_at, f.frozen_by, r.period_end, r.value, v.value, (
        select count(*) from indicators.restatement as t where t.freeze_id = f.freeze_id and t.indicator = r.indicator
    )
    from indicators.freeze as f
    join indicators.reported as r using (freeze_id)
    left join indicators.value as v
        on v.project = r.project and v.indicator = r.indicator and v.period_kind = r.period_kind and v.period = r.period
        and v.disaggregation = r.disaggregation
    where f.project = %s and r.disaggregation = '{}' and r.period_kind = 'to_date' and r.period_end = f.period_end
    order by f.freeze_id
"""
FAULTS = """
    select form, coalesce(question, ''), rule, severity, count(*) from quality.rejection
    where project = %s and state = 'open' group by 1, 2, 3, 4 order by 1, 5 desc, 2, 3
"""
PRESENT = """
    select form, count(*), max(submitted_at) from (
        select distinct on (form, submission_id) form, state, submitted_at from raw.submission
        where project = %s order by form, submission_id, version desc
    ) as last where state = 'present' group by form
"""
QUARANTINED = """
    select form, count(distinct submission_id) from quality.rejection
    where project = %s and state = 'open' and severity = 'critical' and repeat = '' group by form
"""
CHECKS = """
    select table_name, count(*), array_agg(description order by description) filter (where passed is false)
    from quality.check_result
    where is_current and table_name is not null and (project = %s or table_name like 'marts.%%') group by table_name
"""
