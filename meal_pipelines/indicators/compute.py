"""Compute a project's indicators beside the live table, and put them in place.

Only what changed is computed: an indicator is what its query, its entry and the build of its mart make it. The queries
come from `compile.py`, the judgement from `audit.py`, what readers see beside the values from `definitions.py`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping

import psycopg2
from psycopg2 import extensions, sql

from meal_pipelines.errors import MealError
from meal_pipelines.indicators import running
from meal_pipelines.indicators.audit import CHECKS, audit
from meal_pipelines.indicators.compile import Compiled, compile_indicator, compile_logframe, entry_of
from meal_pipelines.indicators.computation import Computation
from meal_pipelines.indicators.declared import write_declared
from meal_pipelines.indicators.definitions import write_definitions, write_targets
from meal_pipelines.indicators.periods import Calendar
from meal_pipelines.invocation import typed
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.warehouse import publish as building
from meal_pipelines.warehouse.refusals import value_free
from meal_pipelines.warehouse.tables import Column, TableSpec, identifiers

__all__ = ["CHECKS", "Computation", "audit", "cutoff", "discard", "outdated", "prepare", "publish", "rows"]

COLUMNS = (
    Column("project", "text", "Projet.", required=True),
    Column("indicator", "text", "Code de l'indicateur.", required=True),
    Column("period_kind", "text", "month, quarter, semester, year, project_year ou to_date.", required=True),
    Column("period", "text", "Période, par exemple 2026-S1.", required=True),
    Column("period_start", "date", "Premier jour de la période."),
    Column("period_end", "date", "Dernier jour de la période."),
    Column("disaggregation", "jsonb", "Ventilation ; {} pour le total.", required=True),
    Column("numerator", "numeric", "Numérateur."),
    Column("denominator", "numeric", "Dénominateur ; vide pour un dénombrement ou une somme."),
    Column("value", "numeric", "Valeur ; vide quand il n'y a rien à mesurer."),
    Column("units", "bigint", "Nombre d'unités comptées (personnes, actes …)."),
    Column("ci_low", "numeric", "Borne basse de l'intervalle de confiance à 95 % ; vide hors enquête."),
    Column("ci_high", "numeric", "Borne haute de l'intervalle de confiance à 95 % ; vide hors enquête."),
    Column("computed_at", "timestamptz", "Moment du calcul.", required=True),
    Column("run_id", "text", "Exécution qui l'a calculée."),
)
KEY = ("project", "indicator", "period_kind", "period", "disaggregation")


def prepare(
    connection: extensions.connection,
    project: LoadedProject,
    marts: Mapping[str, TableSpec],
    *,
    run_id: str | None,
    rebuild: bool = False,
) -> Computation:
    """Compute what changed into `build` and commit; readers see nothing of it yet.

    Args: marts, by name; rebuild, whether to compute everything.
    Raises: ConfigurationError, when an entry is wrong or PostgreSQL refuses it; MealError, when a mart is missing.
    """
    try:
        with connection.cursor() as cursor:
            computation = _plan(cursor, project, marts, run_id, rebuild)
            _stage(cursor, computation)
            # Intermediate results have no statistics: overrated, millions of rows are sorted for a merge join; underrated,
            # a derived indicator's values are read once per category (21 s instead of 0.05 s with 20,000 values).
            cursor.execute("set local enable_mergejoin = off; set local enable_nestloop = off")
            brought = running.reduced_elsewhere(cursor, project.id, computation.queries, computation.computed)
            for code in computation.computed:
                query = running.over_reduced(computation.queries[code], brought)
                if query.inputs:
                    # It reads what was just written: without statistics the planner pairs every row with every other.
                    building.finish_staging(cursor, computation.table)
                    candidate = ("build", computation.table.candidate)
                    query = compile_indicator(
                        project, entry_of(project, code), marts, computation.calendar, values=candidate
                    )
                running.run(cursor, project, computation.table, query, run_id)
            building.finish_staging(cursor, computation.table)
        connection.commit()
        return computation
    except psycopg2.Error as error:
        raise value_free(error) from None
    finally:
        connection.rollback()  # nothing is left to undo when all went well


def publish(connection: extensions.connection, computation: Computation) -> None:
    """Replace the computed indicators' rows, the definitions and the targets of the project, in one transaction.

    Indicators that have left the logframe go with everything they had, except what was frozen.
    """
    project, table = computation.project, computation.table
    codes = list(computation.queries)
    live, names = sql.Identifier("indicators", "value"), identifiers(table.names())
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "delete from indicators.value where project = %s"
                " and (indicator = any(%s) or not indicator = any(%s::text[]))",
                (project.id, computation.computed, codes),
            )
            cursor.execute(
                sql.SQL("insert into {} ({}) select {} from {}").format(
                    live, names, names, sql.Identifier("build", table.staged)
                )
            )
            write_definitions(cursor, project, {code: query.sql for code, query in computation.queries.items()})
            write_targets(cursor, project)
            write_declared(cursor, project)
            _record(cursor, computation)
            building.discard(cursor, table)
        connection.commit()
    except psycopg2.Error as error:
        raise value_free(error) from None
    finally:
        connection.rollback()


def discard(connection: extensions.connection, computation: Computation) -> None:
    """Drop what was computed: the published values stay, and the next run computes again."""
    with connection.cursor() as cursor:
        building.discard(cursor, computation.table)
    connection.commit()


def rows(connection: extensions.connection, project: str) -> int:
    """How many published values a project has."""
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from indicators.value where project = %s", (project,))
        found = cursor.fetchone()
    return int(found[0]) if found else 0


def cutoff(cursor: extensions.cursor, project: LoadedProject) -> dt.date | None:
    """The local day on which the last submission that is still there was received; None when there is none."""
    # One sort, whatever the planner knows: looking for a later version of each took 83 s on 20,000 rows just collected.
    cursor.execute(
        "select cast(max(submitted_at) at time zone %(zone)s as date) from ("
        "  select distinct on (form, submission_id) state, submitted_at from raw.submission"
        "  where project = %(project)s order by form, submission_id, version desc"
        ") as last where state = 'present'",
        {"project": project.id, "zone": project.project.timezone},
    )
    found = cursor.fetchone()
    return found[0] if found else None


def outdated(cursor: extensions.cursor, project: LoadedProject, marts: Mapping[str, TableSpec]) -> list[str]:
    """The indicators that the next run would compute again: their entry, their query or their mart is another by now."""
    plan = project.project
    queries = compile_logframe(project, marts, Calendar.of(plan.starts_on, plan.ends_on, cutoff(cursor, project)))
    fingerprints = _fingerprints(cursor, project, queries, marts)
    same = _same(cursor, project.id, fingerprints)
    return [code for code in fingerprints if code not in same]


def _plan(
    cursor: extensions.cursor, project: LoadedProject, marts: Mapping[str, TableSpec], run_id: str | None, rebuild: bool
) -> Computation:
    plan = project.project
    calendar = Calendar.of(plan.starts_on, plan.ends_on, cutoff(cursor, project))
    queries = compile_logframe(project, marts, calendar)
    fingerprints = _fingerprints(cursor, project, queries, marts)
    same = [] if rebuild else _same(cursor, project.id, fingerprints)
    return Computation(
        project=project,
        calendar=calendar,
        computed=[code for code in queries if code not in same],
        unchanged=same,
        table=TableSpec("indicators", f"value__{project.id}", "Valeurs des indicateurs.", COLUMNS, KEY),
        fingerprints=fingerprints,
        queries=queries,
        run_id=run_id,
    )


def _same(cursor: extensions.cursor, project: str, fingerprints: Mapping[str, str]) -> list[str]:
    """The indicators whose published values were made of what makes them today."""
    cursor.execute(
        "select table_name, fingerprint from quality.build where stage = 'indicators' and project = %s", (project,)
    )
    known = dict(cursor.fetchall())
    return [code for code, fingerprint in fingerprints.items() if known.get(_build_name(project, code)) == fingerprint]


def _fingerprints(
    cursor: extensions.cursor, project: LoadedProject, queries: Mapping[str, Compiled], marts: Mapping[str, TableSpec]
) -> dict[str, str]:
    """What each indicator is made of: its entry, its query (dates, cut-off, categories) and its inputs' builds."""
    found: dict[str, str] = {}
    for code, query in queries.items():
        parts = [entry_of(project, code).model_dump_json(), query.sql, *(found[name] for name in query.inputs)]
        parts += [str(_build_no(cursor, marts[name])) for name in query.marts]
        found[code] = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return found


def _build_no(cursor: extensions.cursor, mart: TableSpec) -> int:
    cursor.execute(
        "select to_regclass(%s) is not null, (select build_no from quality.build where table_name = %s)",
        (mart.qualified, mart.qualified),
    )
    exists, build_no = cursor.fetchone() or (False, None)
    if not exists:
        raise MealError(
            f"La table {mart.qualified} n'existe pas encore : les indicateurs ne peuvent pas être calculés. "
            f"Lancez l'étape qui la fait ({typed('run --stage marts')}), puis relancez."
        )
    return int(build_no or 0)


def _stage(cursor: extensions.cursor, computation: Computation) -> None:
    """The empty staged table, and the view of what the project's values would become."""
    table = computation.table
    building.stage(cursor, table, whole=True)
    names = identifiers(table.names())
    cursor.execute(
        sql.SQL(
            "create view {view} as select {names} from {staged}"
            " union all select {names} from indicators.value where project = {project} and indicator = any({kept}::text[])"
        ).format(
            view=sql.Identifier("build", table.candidate),
            names=names,
            staged=sql.Identifier("build", table.staged),
            project=sql.Literal(computation.project.id),
            kept=sql.Literal(computation.unchanged),
        )
    )


def _record(cursor: extensions.cursor, computation: Computation) -> None:
    project = computation.project.id
    cursor.execute(
        "delete from quality.build where stage = 'indicators' and project = %s and not table_name = any(%s::text[])",
        (project, [_build_name(project, code) for code in computation.queries]),
    )
    for code in computation.computed:
        cursor.execute(
            "insert into quality.build (table_name, stage, project, fingerprint, rows, run_id)"
            " values (%(name)s, 'indicators', %(project)s, %(fingerprint)s,"
            "  (select count(*) from indicators.value where project = %(project)s and indicator = %(code)s), %(run_id)s)"
            " on conflict (table_name) do update set fingerprint = excluded.fingerprint, rows = excluded.rows,"
            " build_no = quality.build.build_no + 1, built_at = excluded.built_at, run_id = excluded.run_id",
            {
                "name": _build_name(project, code),
                "project": project,
                "fingerprint": computation.fingerprints[code],
                "code": code,
                "run_id": computation.run_id,
            },
        )


def _build_name(project: str, code: str) -> str:
    return f"indicators.value:{project}:{code}"
