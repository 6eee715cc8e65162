"""(c) The indicators of both projects over a million participations, beside queries written by hand.

The peer is one query per indicator, as an analyst would write it: a table of periods, `GROUPING SETS` over the
disaggregations. It gives the same values (compared, every one of them, or the case fails), and nothing for a category without
records. The second peer asks the same queries for the last cumulative period alone: a scan that no program avoids.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.case import Case, Figures, stopwatch
from benchmarks.place import SCHEMA, Place, execute, fresh_schema

if TYPE_CHECKING:
    from meal_pipelines.project.load import LoadedProject
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


def ours(place: Place) -> Figures:
    """Every indicator of both logframes, compiled, computed and published."""
    from meal_pipelines.indicators import prepare, publish
    from meal_pipelines.project.load import load_projects

    projects = load_projects(place.settings)
    with place.warehouse() as warehouse:
        marts = _marts(projects)
        _fill(place, warehouse, marts)
        execute(
            warehouse, "truncate indicators.value", "delete from quality.build where stage = 'indicators'", "checkpoint"
        )
        with stopwatch() as watch, closing(warehouse.psycopg()) as connection:
            for project in projects.values():
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
            for file in sorted((HERE / "hand_written").glob("*.sql")):
                query = file.read_text()
                cursor.execute(f"insert into {SCHEMA}.answer select '{file.stem}', * from ({query}) as answer")
        values = execute(warehouse, f"select count(*) from {SCHEMA}.answer")
        different = execute(warehouse, f"analyze {SCHEMA}.answer", DIFFERENT)
    assert values, "no value at all"
    assert different == 0, f"{different} values differ"
    return Figures(watch.seconds, place.participations, note=f"{values} valeurs, toutes égales aux nôtres")


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
    Case("indicators.ours", "indicators", "meal : 16 indicateurs, toutes les périodes", ours, is_reference=True),
    Case(
        "indicators.by_hand",
        "indicators",
        "à la main : GROUPING SETS, mêmes périodes",
        partial(by_hand, last_only=False),
    ),
    Case("indicators.last", "indicators", "à la main : le dernier cumul seulement", partial(by_hand, last_only=True)),
)
