"""(c) 35 indicators over a million participations, six kinds of periods, beside queries written by hand.

The first peer is one query per indicator in PostgreSQL, as an analyst would write it: a table of periods, `GROUPING SETS`
over the disaggregations. It gives the same values (compared, every one of them, or the case fails), and nothing for a
category without records. The second is DuckDB with the same queries, the loading of the marts counted. The third asks
PostgreSQL for the last cumulative period alone: a scan that no program avoids.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.case import Case, Figures, stopwatch
from benchmarks.indicators import INDICATORS, Measured, Table
from benchmarks.place import SCHEMA, Place, execute, fresh_schema

if TYPE_CHECKING:
    from meal_pipelines.project.loaded import LoadedProject
    from meal_pipelines.warehouse.connection import Warehouse
    from meal_pipelines.warehouse.tables import TableSpec

HERE = Path(__file__).parent
LAST_ONLY = f"delete from {SCHEMA}.period where kind <> 'to_date' or label <> '2029-02'"
ANSWER = (
    f"create table {SCHEMA}.answer (indicator text, period_kind text, period text, disaggregation jsonb, value numeric)"
)
DIFFERENT = f"""
    select count(*) from {SCHEMA}.answer as hand left join indicators.value as ours
        using (indicator, period_kind, period, disaggregation)
    where hand.value is not null and (ours.value is null or abs(ours.value - hand.value) > 0.000001)
"""
DUCKDB_TYPES = {"text": "VARCHAR", "date": "DATE", "boolean": "BOOLEAN", "numeric": "DECIMAL(18, 4)"}


def ours(place: Place) -> Figures:
    """Every indicator compiled, computed and published."""
    from meal_pipelines.indicators import prepare, publish
    from meal_pipelines.project.load import load_projects

    projects = load_projects(place.settings)
    measured = [_with_indicators(project) for project in projects.values()]
    with place.warehouse() as warehouse:
        marts = _marts(projects)
        _fill(place, warehouse, marts)
        execute(
            warehouse, "truncate indicators.value", "delete from quality.build where stage = 'indicators'", "checkpoint"
        )
        with stopwatch() as watch, closing(warehouse.psycopg()) as connection:
            for project in measured:
                computation = prepare(connection, project, marts, run_id=None)
                publish(connection, computation)
        values = execute(warehouse, "select count(*) from indicators.value")
    return Figures(watch.seconds, place.participations, note=f"{values} valeurs")


def by_hand(place: Place, *, last_only: bool) -> Figures:
    """One query per indicator; its values are compared with ours."""
    with place.warehouse() as warehouse:
        fresh_schema(warehouse)
        execute(warehouse, (HERE / "calendar.sql").read_text(), ANSWER, *([LAST_ONLY] if last_only else []))
        execute(warehouse, f"analyze {SCHEMA}.period")
        with stopwatch() as watch, warehouse.connect() as connection, connection.cursor() as cursor:
            for each in INDICATORS:
                shown = "jsonb_strip_nulls(jsonb_build_object({}))"
                cursor.execute(f"insert into {SCHEMA}.answer {_query(each, shown)}")
        values = execute(warehouse, f"select count(*) from {SCHEMA}.answer")
        different = execute(warehouse, f"analyze {SCHEMA}.answer", DIFFERENT)
    assert values, "no value at all"
    assert different == 0, f"{different} values differ"
    return Figures(watch.seconds, place.participations, note=f"{values} valeurs, toutes égales aux nôtres")


def in_duckdb(place: Place) -> Figures:
    """The same queries in DuckDB; the columns they need are copied out of PostgreSQL, and counted."""
    import duckdb

    from meal_pipelines.project.load import load_projects

    marts = _marts(load_projects(place.settings))
    with place.warehouse() as warehouse, closing(warehouse.psycopg()) as connection, duckdb.connect() as engine:
        fresh_schema(warehouse)
        execute(warehouse, (HERE / "calendar.sql").read_text())
        with stopwatch() as watch, connection.cursor() as cursor:
            engine.execute("create schema marts")
            engine.execute(f"create schema {SCHEMA}")
            _load(cursor, engine, f"{SCHEMA}.period", ["kind", "label", "starts_on", "ends_on"],
                  ["VARCHAR", "VARCHAR", "DATE", "DATE"])  # fmt: skip
            for table in dict.fromkeys(each.table for each in INDICATORS):
                names = _columns(table, marts)
                types = [DUCKDB_TYPES.get(column.type, "BIGINT") for column in names]
                _load(cursor, engine, f"marts.{table.mart}", [column.name for column in names], types)
            values = 0
            for each in INDICATORS:
                values += len(engine.execute(_query(each, "json_object({})")).fetchall())
    return Figures(watch.seconds, place.participations, note=f"{values} valeurs ; chargement compté")


def _query(each: Measured, shown: str) -> str:
    """What an analyst would write. shown: how the engine writes categories."""
    table, where = each.table, each.measure.get("where", "true")
    names = sorted({name for grouping in each.groupings() for name in grouping})
    pairs = ", ".join(f"'{name}', cast({name} as text)" for name in names)
    sets = ", ".join(f"({', '.join(grouping)})" for grouping in each.groupings())
    return (
        f"select '{each.code}', period.kind, period.label, {shown.format(pairs)}, {each.by_hand}"
        f" from marts.{table.mart} inner join {SCHEMA}.period on {table.date} between starts_on and ends_on"
        f" where project = '{table.project}' and ({where})"
        f" group by period.kind, period.label, grouping sets ({sets})"
    )


def _columns(table: Table, marts: Mapping[str, TableSpec]) -> list[Any]:
    """The columns of a mart that some query reads."""
    said = " ".join(_query(each, "{}") for each in INDICATORS if each.table is table)
    return [column for column in marts[table.mart].columns if column.name in said]


def _load(cursor: Any, engine: Any, table: str, names: list[str], types: list[str]) -> None:
    rows = io.BytesIO()
    cursor.copy_expert(f"copy (select {', '.join(names)} from {table}) to stdout (format csv)", rows)
    rows.seek(0)
    columns = dict(zip(names, types, strict=True))
    engine.read_csv(rows, header=False, columns=columns, auto_detect=False, delimiter=",").create(table)


def _with_indicators(project: LoadedProject) -> LoadedProject:
    """The project, its indicators replaced by those that are measured."""
    from meal_pipelines.project.logframe import Indicator, Result

    assert project.logframe is not None
    entries = [Indicator.model_validate(each.entry()) for each in INDICATORS if each.table.project == project.id]
    update = {"indicators": entries, "results": [Result(code="R1", level="output", label="Mesure de vitesse")]}
    return replace(project, logframe=project.logframe.model_copy(update=update))


def _marts(projects: Mapping[str, LoadedProject]) -> dict[str, TableSpec]:
    """The declared marts, by name."""
    from meal_pipelines.protect.tables import pseudonymised_spec
    from meal_pipelines.settings import CHECKOUT
    from meal_pipelines.warehouse.models import load_models

    specs = [
        pseudonymised_spec(project, form, table)
        for project in projects.values()
        for form in project.forms.values()
        for table in form.questionnaire.tables.values()
    ]
    models = load_models(CHECKOUT / "dbt_like_sql", {spec.qualified: spec for spec in specs}, set(projects))
    return {name: mart.spec for name, mart in models.marts.items()}


def _fill(place: Place, warehouse: Warehouse, marts: Mapping[str, TableSpec]) -> None:
    """Make the marts and their synthetic rows, unless they are there."""
    from meal_pipelines.warehouse.publish import ensure_live

    if execute(warehouse, "select to_regclass('marts.service_delivery') is not null"):
        return
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for spec in marts.values():
            ensure_live(cursor, spec)
        cursor.execute((HERE / "participations.sql").read_text(), {"rows": place.participations})
    execute(warehouse, *(f"analyze {spec.qualified}" for spec in marts.values()))


CASES = (
    Case("indicators.ours", "indicators", "meal : 35 indicateurs, toutes les périodes", ours, is_reference=True),
    Case("indicators.duckdb", "indicators", "DuckDB, à la main : mêmes périodes", in_duckdb),
    Case(
        "indicators.by_hand",
        "indicators",
        "PostgreSQL, à la main : mêmes périodes",
        partial(by_hand, last_only=False),
    ),
    Case("indicators.last", "indicators", "à la main : le dernier cumul seulement", partial(by_hand, last_only=True)),
)
