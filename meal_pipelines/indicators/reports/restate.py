"""Restatements: how each figure of a frozen report differs from today's, and by what, to the last unit.

The kept rows become today's in steps, one kind of cause after another in the order of `CAUSES`, and the frozen queries are run
at each step: a cause is worth what the value changes by at its step. So causes add up to the difference for any measure, ratios,
medians and unique persons included; two causes that act on the same record are told in that order. The last steps put in today's
marts, then today's published value. A value that was not measured counts for nothing in a difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import psycopg2
from psycopg2 import errors, extensions, sql
from pydantic import ValidationError

from meal_pipelines.indicators.compute import outdated
from meal_pipelines.indicators.reports.contributing import contributing
from meal_pipelines.indicators.reports.differences import CAUSES, RANKS, REFERENCE, compare_rows, show_state
from meal_pipelines.indicators.reports.frozen import Freeze
from meal_pipelines.indicators.reports.replay import Replay
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator
from meal_pipelines.warehouse.models import Mart
from meal_pipelines.warehouse.refusals import value_free

MEASURED = {"measure", "disaggregations", "crossings"}
"""The keys of an indicator's entry that make its values."""
KEPT, PROGRAM, PUBLISHED = 1, 10, 11
"""Steps: the kept rows computed again, today's marts, today's values; between them, the ranks of `RANKS` and `REFERENCE`."""


@dataclass(frozen=True)
class Restated:
    """One cell that is no longer what was reported. reported, now: None when not measured · causes: in the order applied,
    those that count; they add up to the difference."""

    indicator: str
    period_kind: str
    period: str
    disaggregation: dict[str, str]
    reported: Decimal | None
    now: Decimal | None
    causes: dict[str, Decimal]

    @property
    def difference(self) -> Decimal:
        return (self.now or Decimal(0)) - (self.reported or Decimal(0))


@dataclass(frozen=True)
class Restatements:
    """What changed since a freeze. cells: in the report's order · changed: submissions by cause (tables, for `reference`) ·
    outdated: indicators that were not computed since what makes them changed, so that their last cause is not known yet."""

    freeze: Freeze
    cells: list[Restated]
    changed: dict[str, int]
    outdated: list[str] = field(default_factory=list)


def restatements(
    connection: extensions.connection, project: LoadedProject, freeze: Freeze, marts: Mapping[str, Mart]
) -> Restatements:
    """Compare a frozen report with today's published figures; reads only. marts: every mart, over this project's tables.

    Raises: MealError, without a value of the data.
    """
    try:
        with connection.cursor() as cursor:
            replay = Replay(cursor, freeze)
            changed = compare_rows(cursor, freeze, contributing(project, marts, set(marts)).inputs)
            steps = _walk(cursor, replay, {**RANKS, "reference": REFERENCE}, changed)
            late = outdated(cursor, project, {name: mart.spec for name, mart in marts.items()})
            causes = dict.fromkeys(_redefined(project, replay), "definition") | dict.fromkeys(late, "pending")
            cells = _cells(cursor, freeze, steps, causes)
        return Restatements(freeze, cells, changed, [code for code in late if code in replay.entries])
    except psycopg2.Error as error:
        raise value_free(error) from None
    finally:
        connection.rollback()


def _walk(cursor: Any, replay: Replay, ranks: dict[str, int], changed: dict[str, int]) -> dict[int, str]:
    """Work out the values of every step at which something changes. Returns: the cause of each step, in order."""
    show_state(cursor, 0)
    replay.run(KEPT)
    steps = {KEPT: "other"}
    for cause, rank in ranks.items():
        if changed[cause]:
            show_state(cursor, rank)
            replay.run(rank)
            steps[rank] = cause
    cursor.execute("savepoint todays_marts")
    try:
        replay.run_on_marts(PROGRAM)
        steps[PROGRAM] = "program"
    except (errors.UndefinedColumn, errors.UndefinedTable, errors.UndefinedFunction, errors.DatatypeMismatch):
        # Today's marts have no longer what the frozen query reads: the rest is a matter of definition.
        cursor.execute("rollback to savepoint todays_marts")
    steps[PUBLISHED] = "definition"
    return steps


def _redefined(project: LoadedProject, replay: Replay) -> set[str]:
    """The indicators that are no longer measured as they were, or divide one that is not."""
    assert project.logframe is not None
    plan, freeze = project.project, replay.freeze
    if (plan.starts_on, plan.ends_on) != (freeze.starts_on, freeze.ends_on):
        return set(replay.entries)
    today = {entry.code: entry.model_dump(include=MEASURED) for entry in project.logframe.indicators}
    found = {code for code, entry in replay.entries.items() if today.get(code) != _measured(entry)}
    for code, entry in replay.entries.items():  # each after those it divides
        if found & {entry["measure"].get("numerator"), entry["measure"].get("denominator")}:
            found.add(code)
    return found


def _measured(entry: dict[str, Any]) -> dict[str, Any] | None:
    """A frozen entry as today's logframe would say it; None when it can no longer be said."""
    try:
        return Indicator.model_validate(entry).model_dump(include=MEASURED)
    except ValidationError:
        return None


def _cells(cursor: Any, freeze: Freeze, steps: dict[int, str], published: Mapping[str, str]) -> list[Restated]:
    """published: by indicator, the cause of what only the last step changes; the program, where none is said."""
    order = sorted(steps)
    cursor.execute(
        sql.SQL(CELLS).format(
            freeze=sql.Literal(freeze.freeze_id),
            project=sql.Literal(freeze.project),
            steps=sql.Literal(order),
            published=sql.Literal(PUBLISHED),
        )
    )
    cells = []
    for indicator, kind, period, disaggregation, reported, now, values in cursor.fetchall():
        causes: dict[str, Decimal] = {}
        before = reported or Decimal(0)
        for step, value in zip(order, values, strict=True):
            cause = published.get(indicator, "program") if step == PUBLISHED else steps[step]
            value = value or Decimal(0)
            if value != before:
                causes[cause] = causes.get(cause, Decimal(0)) + value - before
            before = value
        if causes:
            counted = {cause: causes[cause] for cause in CAUSES if causes.get(cause)}
            cells.append(Restated(indicator, kind, period, disaggregation, reported, now, counted))
    return cells


CELLS = """
    with over as (
        select distinct period_kind, period from indicators.reported where freeze_id = {freeze}
    ),
    live as (
        select {published} as step, indicator, period_kind, period, disaggregation, value
        from indicators.value join over using (period_kind, period) where project = {project}
    ),
    stepped as (
        select 0 as step, indicator, period_kind, period, disaggregation, value from indicators.reported
        where freeze_id = {freeze}
        union all
        select step, indicator, period_kind, period, disaggregation, value from pg_temp.replay_step
        join over using (period_kind, period)
        union all
        select * from live
    ),
    cell as (
        select
            indicator, period_kind, period, disaggregation,
            jsonb_object_agg(step, value) as by_step,
            max(value) filter (where step = 0) as reported,
            max(value) filter (where step = {published}) as now
        from stepped
        group by indicator, period_kind, period, disaggregation
        having count(*) <= cardinality({steps}) or min(coalesce(value, 0)) <> max(coalesce(value, 0))
    )
    select
        indicator, period_kind, period, disaggregation, reported, now,
        array(select (by_step ->> asked.step::text)::numeric from unnest({steps}) with ordinality as asked (step, rank) order by rank)
    from cell
    join indicators.reported_definition as d using (indicator)
    where d.freeze_id = {freeze}
    order by d.position, period_kind, period, disaggregation::text
"""
