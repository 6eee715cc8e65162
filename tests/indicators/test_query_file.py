"""An indicator written as a query of its own: what it may read and call, and the columns it must give."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import extensions

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.indicators import audit, check_logframe, discard, prepare, publish
from meal_pipelines.project.load import LoadedProject
from tests.indicators.conftest import Fill
from tests.indicators.logframes import MARTS, PROJECT, indicator, write_project

BEST_DAY = """
-- The most sessions held on one day: no measure says that.
with by_day as (
    select done_on, sex, count(*) as sessions from marts.participation group by grouping sets ((done_on), (done_on, sex))
)
select
    periods.period_kind,
    periods.period,
    jsonb_strip_nulls(jsonb_build_object('sex', by_day.sex)) as disaggregation,
    null as numerator,
    null as denominator,
    max(by_day.sessions) as value,
    count(*) as units
from periods
inner join by_day on by_day.done_on between periods.period_start and periods.period_end
group by periods.period_kind, periods.period, by_day.sex
union all
select period_kind, period, '{}', null, null, null, 0 from periods
where not exists (select 1 from by_day where by_day.done_on between periods.period_start and periods.period_end)
"""
SHAPE = (
    "select period_kind, period, '{{}}' as disaggregation, 0 as numerator, 0 as denominator, {} as value, 0 as units"
)
DAY = dt.date(2026, 4, 2)


def _project(folder: Path, query: str) -> LoadedProject:
    (folder / "essai" / "requetes").mkdir(parents=True)
    (folder / "essai" / "requetes" / "jour.sql").write_text(query, encoding="utf-8")
    measure: dict[str, Any] = {"kind": "sql", "file": "requetes/jour.sql", "marts": ["participation"]}
    return write_project(folder / "essai", [indicator("X-1", measure, disaggregations=["sex"])])


def test_a_query_gives_the_values_of_its_indicator(tmp_path: Path, connection: extensions.connection, fill: Fill):
    """It reads the project's own rows alone: the same rows stand in the mart for another project."""
    row = {
        "submission_id": "s",
        "repeat_index": 1,
        "person_id": "p",
        "sector": None,
        "is_new": None,
        "score": 1,
        "level": 1,
    }
    days = [DAY, DAY, DAY - dt.timedelta(days=1)]
    fill([{**row, "sex": sex, "done_on": day} for sex, day in zip("FHF", days, strict=True)], DAY)
    computation = prepare(connection, _project(tmp_path, BEST_DAY), MARTS, run_id=None, rebuild=True)
    assert all(passed for passed, _ in audit(connection, computation).values())
    publish(connection, computation)
    with connection.cursor() as cursor:
        cursor.execute(
            "select disaggregation ->> 'sex', value, units, period_end from indicators.value"
            " where project = %s and period_kind = 'month' and period = '2026-04' order by 1 nulls first",
            (PROJECT,),
        )
        end = dt.date(2026, 4, 30)
        assert cursor.fetchall() == [(None, 2, 2, end), ("F", 1, 2, end), ("H", 1, 1, end)]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("delete from marts.participation", "ce n'est pas une seule requête"),
        (f"{SHAPE.format(1)} from periods; select 1", "ce n'est pas une seule requête"),
        (f"{SHAPE.format('pg_sleep(9)')} from periods", "« pg_sleep » n'est pas permis"),
        (f"{SHAPE.format(1)} from vault.identity", "n'est pas une table que cette requête peut lire"),
        (f"{SHAPE.format(1)} from marts.person", "ajoutez une table à « marts »"),
        (f"{SHAPE.format(1)} from periods for update", "n'est pas permis"),
        (f"{SHAPE.format(1)} into x from periods", "n'est pas permis"),
        (f"with d as (delete from participation returning 1) {SHAPE.format(1)} from d", "n'est pas permis"),
        (f"{SHAPE.format('current_user')} from periods", "n'est pas permis"),
        (f"{SHAPE.format(1)} from pg_ls_dir('.')", "n'est pas permis"),
        ("select period, 1 as value from periods", "la requête donne les colonnes period, value. Il faut period_kind"),
    ],
)
def test_a_query_that_does_anything_else_is_refused(tmp_path: Path, query: str, said: str):
    """It runs as the pipeline, which may read and write everything."""
    with pytest.raises(ConfigurationError) as caught:
        check_logframe(_project(tmp_path, query), MARTS)
    assert "X-1, requetes/jour.sql : " in str(caught.value) and said in str(caught.value)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select 'month' as period_kind, '1999-01' as period", "1 ligne(s) d'une période que le projet n'a pas"),
        ("select 'month' as period_kind, '2026-04' as period", "1 ligne(s) d'une ventilation que l'indicateur ne déclare pas"),
    ],
)  # fmt: skip
def test_values_outside_the_contract_are_refused(
    tmp_path: Path, connection: extensions.connection, fill: Fill, query: str, said: str
):
    """A period that nobody asked for would never be seen, and never be found missing."""
    category = "{}" if "1999" in query else '{"sector": "agri"}'
    fill([], DAY)
    whole = f"{query}, '{category}' as disaggregation, 1 as numerator, null as denominator, 1 as value, 1 as units"
    with pytest.raises(ConfigurationError, match="X-1") as caught:
        discard(connection, prepare(connection, _project(tmp_path, whole), MARTS, run_id=None, rebuild=True))
    assert said in str(caught.value)
