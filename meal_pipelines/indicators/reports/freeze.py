"""Freeze a report: copy its values, and all that is needed to explain them years later.

A freeze is made whole or not at all, and proves itself: its own queries, over the rows it keeps, must give its values. It is
read in `frozen.py`; what changed since is told in `restate.py`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import psycopg2
from psycopg2 import extensions
from psycopg2.extras import Json, execute_values

from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.indicators.code_version import code_version
from meal_pipelines.indicators.compile import Compiled, compile_logframe, entry_of
from meal_pipelines.indicators.compute import cutoff
from meal_pipelines.indicators.periods import Calendar, Period, add_months
from meal_pipelines.indicators.reports.contributing import (
    Contributing,
    contributing,
    described,
    figures_behind,
    keep_rows,
    reference_text,
)
from meal_pipelines.indicators.reports.frozen import Freeze, freezes
from meal_pipelines.indicators.reports.replay import Replay, show_kept
from meal_pipelines.invocation import typed
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.warehouse.models import Mart
from meal_pipelines.warehouse.outcomes import Behind
from meal_pipelines.warehouse.refusals import value_free


@dataclass(frozen=True)
class Asked:
    """What a person asks for. label: the name of the report · by: the person's name · reason: why it is frozen again."""

    period: str
    label: str
    by: str
    reason: str = ""


def freeze(
    connection: extensions.connection, project: LoadedProject, marts: Mapping[str, Mart], asked: Asked
) -> Freeze:
    """Freeze the figures of a project as they stand at the end of a period that is over; in one transaction.

    Kept: the values of every period that is over by then and what partners had declared of them, definitions, queries of the
    marts, the rows of `pseudonymised` and of the reference tables that they read, the forms that stood still, the code's version.
    marts: every mart, over this project's tables (`marts_of`).
    Raises: ConfigurationError, for a period that does not exist or is not over, a missing name, or a second freeze without a
    reason; MealError, when the published values are not those of today's rows.
    """
    _check_words(asked)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"indicators.freeze:{project.id}",)
            )
            period, received = _period(cursor, project, asked.period)
            version = _version(cursor, project, period, asked)
            specs = {name: mart.spec for name, mart in marts.items()}
            until = min(last_day(project, period), project.project.ends_on)
            plan = project.project
            queries = compile_logframe(project, specs, Calendar.of(plan.starts_on, plan.ends_on, until))
            parts = contributing(project, marts, {name for query in queries.values() for name in query.marts})
            behind = figures_behind(cursor, project, marts)
            made = _note(cursor, project, period, version, asked, received, queries, parts, behind)
            _copy_values(cursor, made, _over(project, made.period_end))
            _copy_declared(cursor, made, _over(project, made.period_end))
            _copy_definitions(cursor, made, project, queries, parts)
            keep_rows(cursor, made.freeze_id, project.id, parts.inputs)
            _prove(cursor, made)
        connection.commit()
        return made
    except psycopg2.Error as error:
        raise value_free(error) from None
    finally:
        connection.rollback()


def last_day(project: LoadedProject, period: Period) -> dt.date:
    """The last day of a report: the period's, or that of the month in which the project ends."""
    month = project.project.ends_on.replace(day=1)
    return min(period.end, add_months(month, 1) - dt.timedelta(days=1))


def _check_words(asked: Asked) -> None:
    for text, option, what in (
        (asked.by, "--by", "le nom de la personne qui fige"),
        (asked.label, "--label", "le nom du rapport"),
    ):
        if not text.strip():
            raise ConfigurationError(f"Il manque {what} : « {option} … ». Un rapport figé dit toujours qui l'a remis.")


def _period(cursor: Any, project: LoadedProject, label: str) -> tuple[Period, dt.date]:
    """The period of this name, which must be over; and the day of the last submission received."""
    plan = project.project
    known = [
        period for period in Calendar.of(plan.starts_on, plan.ends_on, plan.ends_on).periods if period.kind != "to_date"
    ]
    found = next((period for period in known if period.label == label), None)
    if found is None:
        raise ConfigurationError(
            f"« {label} » n'est pas une période du projet « {project.id} » (du {plan.starts_on:%d/%m/%Y} au "
            f"{plan.ends_on:%d/%m/%Y}). Écrivez un mois (2028-12), un trimestre (2028-Q4), un semestre (2028-S2), une année "
            "(2028) ou une année du projet (A3)."
        )
    received = cutoff(cursor, project)
    end = last_day(project, found)
    today = dt.datetime.now(ZoneInfo(plan.timezone)).date()
    if received is None or max(received, today) < end:
        raise ConfigurationError(
            f"La période {label} n'est pas finie : elle va jusqu'au {end:%d/%m/%Y}"
            + (
                f", et la dernière soumission reçue est du {received:%d/%m/%Y}."
                if received
                else ", et rien n'a été reçu."
            )
            + " Figez-la quand elle sera close."
        )
    return found, received


def _version(cursor: Any, project: LoadedProject, period: Period, asked: Asked) -> int:
    before = [made for made in freezes(cursor, project.id) if made.period == period.label]
    if not before:
        return 1
    if not asked.reason.strip():
        last = before[-1]
        raise ConfigurationError(
            f"{period.label} est déjà figée (version {last.version}, « {last.label} », le {last.frozen_at:%d/%m/%Y}, par "
            f"{last.frozen_by}). La figer de nouveau fait une version {last.version + 1} : dites pourquoi avec « --reason … »."
        )
    return before[-1].version + 1


def _note(
    cursor: Any, project: LoadedProject, period: Period, version: int, asked: Asked, received: dt.date,
    queries: Mapping[str, Compiled], parts: Contributing, behind: Sequence[Behind],
) -> Freeze:  # fmt: skip
    assert project.logframe is not None
    end = last_day(project, period)
    inputs = described(cursor, parts.inputs)
    definitions = [
        *([code, entry_of(project, code).model_dump_json(), query.sql] for code, query in queries.items()),
        *([mart.name, mart.sql] for mart in parts.marts),
    ]
    cursor.execute(VALUES_TEXT, _over(project, end))
    hashes = [
        cursor.fetchone()[0] or "",
        json.dumps(definitions, ensure_ascii=False),
        reference_text(cursor, parts.inputs),
    ]
    cursor.execute(
        "insert into indicators.freeze (project, period_kind, period, period_end, version, label, frozen_by, reason, cutoff,"
        " starts_on, ends_on, code_version, logframe_version, illustrative, inputs, values_hash, definitions_hash,"
        " reference_hash, forms_behind) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " returning freeze_id",
        (
            *(project.id, period.kind, period.label, end, version, asked.label.strip(), asked.by.strip()),
            *(asked.reason.strip(), received, project.project.starts_on, project.project.ends_on, code_version()),
            *(project.logframe.version, project.logframe.illustrative, Json(inputs), *map(_sha256, hashes)),
            Json([each.kept() for each in behind]),
        ),
    )
    number = cursor.fetchone()[0]
    return next(made for made in freezes(cursor, project.id) if made.freeze_id == number)


def _over(project: LoadedProject, end: dt.date) -> dict[str, Any]:
    """Which values are those of periods that are over on that day: what begins after the project's last month never is."""
    month = project.project.ends_on.replace(day=1)
    return {"project": project.id, "end": end, "last": add_months(month, 1) - dt.timedelta(days=1)}


def _copy_values(cursor: Any, made: Freeze, over: dict[str, Any]) -> None:
    cursor.execute(COPY_VALUES, over | {"freeze": made.freeze_id})
    if cursor.rowcount == 0:
        raise MealError(
            f"Le projet « {made.project} » n'a aucune valeur publiée : il n'y a rien à figer. Lancez {typed(f'run -p {made.project}')}."
        )


def _copy_declared(cursor: Any, made: Freeze, over: dict[str, Any]) -> None:
    cursor.execute(COPY_DECLARED, over | {"freeze": made.freeze_id})


def _copy_definitions(
    cursor: Any, made: Freeze, project: LoadedProject, queries: Mapping[str, Compiled], parts: Contributing
) -> None:
    """In the order in which they are computed: a derived indicator after those it divides."""
    definitions = []
    for position, (code, query) in enumerate(queries.items(), 1):
        entry = entry_of(project, code)
        definitions.append(
            (made.freeze_id, made.project, code, position, entry.label, entry.unit, entry.model_dump_json(), query.sql)
        )
    execute_values(
        cursor,
        "insert into indicators.reported_definition (freeze_id, project, indicator, position, label, unit, entry, formula_sql)"
        " values %s",
        definitions,
    )
    models = [
        (
            *(made.freeze_id, made.project, position, mart.name),
            *(Json([[column.name, column.type] for column in mart.spec.columns]), mart.sql),
        )
        for position, mart in enumerate(parts.marts, 1)
    ]
    if models:
        execute_values(
            cursor,
            "insert into indicators.reported_model (freeze_id, project, position, mart, columns, sql) values %s",
            models,
        )


def _prove(cursor: Any, made: Freeze) -> None:
    """Compute the values again from what was kept. Raises: MealError, when they are not the published ones."""
    show_kept(cursor, made)
    Replay(cursor, made).run(0)
    cursor.execute(UNEXPLAINED, {"freeze": made.freeze_id})
    wrong, indicators = cursor.fetchone()
    if wrong:
        raise MealError(
            f"{wrong} valeur(s) publiée(s) de « {made.project} » ne sont pas celles que donnent les données d'aujourd'hui "
            f"({', '.join(indicators)}) : les indicateurs sont à recalculer. Lancez {typed(f'run -p {made.project}')}, puis figez."
        )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


OVER = "project = %(project)s and least(period_end, %(last)s) <= %(end)s"
VALUES_TEXT = f"""
    select string_agg(concat_ws('|', indicator, period_kind, period, disaggregation, coalesce(numerator::text, '-'),
        coalesce(denominator::text, '-'), coalesce(value::text, '-'), units), chr(10)
        order by indicator, period_kind, period, disaggregation::text)
    from indicators.value where {OVER}
"""
COPY_VALUES = f"""
    insert into indicators.reported (freeze_id, project, indicator, period_kind, period, period_start, period_end,
        disaggregation, numerator, denominator, value, units, ci_low, ci_high, computed_at)
    select %(freeze)s, project, indicator, period_kind, period, period_start, period_end, disaggregation, numerator,
        denominator, value, units, ci_low, ci_high, computed_at
    from indicators.value where {OVER}
"""
COPY_DECLARED = f"""
    insert into indicators.reported_declared (freeze_id, project, indicator, period_kind, period, period_start, period_end,
        disaggregation, value, units, method, source, declared_by, received_on)
    select %(freeze)s, project, indicator, period_kind, period, period_start, period_end, disaggregation, value, units, method,
        source, declared_by, received_on
    from indicators.declared where {OVER}
"""
UNEXPLAINED = """
    select count(*), array_agg(distinct reported.indicator order by reported.indicator)
    from indicators.reported
    left join pg_temp.replay_step as again using (indicator, period_kind, period, disaggregation)
    where reported.freeze_id = %(freeze)s
        and abs(coalesce(reported.value, 0) - coalesce(again.value, 0)) > 1e-9 * greatest(1, abs(reported.value))
"""
"""A category that only later records have is a line of zeros: its absence is no difference."""
