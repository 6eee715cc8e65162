"""An indicator written as a query of its own: what it may read and call, and the columns it must give."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import extensions

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.indicators import audit, check_logframe, discard, prepare, publish
from meal_pipelines.project.loaded import LoadedProject
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


def _project(folder: Path, query: str, **more: Any) -> LoadedProject:
    (folder / "essai" / "requetes").mkdir(parents=True)
    (folder / "essai" / "requetes" / "jour.sql").write_text(query, encoding="utf-8")
    measure: dict[str, Any] = {"kind": "sql", "file": "requetes/jour.sql", "marts": ["participation"], **more}
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
        (f"{SHAPE.format('(cast(9 as float)).pg_sleep')} from periods", "« pg_sleep » n'est pas permis"),
        (f"{SHAPE.format('periods.period.pg_read_file')} from periods", "« periods.period.pg_read_file » n'est pas permis"),
        (f"{SHAPE.format('s.pg_sleep')} from periods, unnest(array[9.0]) as s", "« s.pg_sleep » n'est pas permis"),
        (f"{SHAPE.format('unnest.pg_sleep')} from periods, unnest(array[9.0])", "« unnest.pg_sleep » n'est pas permis"),
        (f"{SHAPE.format('s.pg_sleep')} from periods, lateral unnest(array[9.0]) as s (v)", "« s.pg_sleep » n'est pas permis"),
        (f"{SHAPE.format('s.pg_sleep')} from periods, unnest(array[9.0]) as s (v)", "« s.pg_sleep » n'est pas permis"),
        (f"{SHAPE.format('1 operator(pg_catalog.+) 2')} from periods", "« operator » n'est pas permis"),
        (f"{SHAPE.format('cast(1 as vault.secret)')} from periods", "convertit vers un type"),
        (f"{SHAPE.format(chr(39) + 'vault.identity' + chr(39) + '::regclass::oid')} from periods", "convertit vers un type"),
        (f"with a as (select * from pg_stats), pg_stats as (select 1) {SHAPE.format(1)} from periods, a", "pg_stats"),
        (f"{SHAPE.format(1)} from periods, (with pg_stats as (select 1) select 1) as a, pg_stats", "pg_stats"),
        (f'with "PG_STATS" as (select 1) {SHAPE.format(1)} from periods, PG_STATS', "PG_STATS"),
    ],
)  # fmt: skip
def test_what_only_postgresql_would_take_for_a_call_or_a_table_is_refused(tmp_path: Path, query: str, said: str):
    """`x.f` calls f(x) where x has no column f, and a name means a system view where no CTE of that name is in sight."""
    with pytest.raises(ConfigurationError) as caught:
        check_logframe(_project(tmp_path, query), MARTS)
    assert said in str(caught.value)


def test_a_query_may_name_its_tables_in_every_usual_way(tmp_path: Path, connection: extensions.connection, fill: Fill):
    """Aliases, nested and recursive CTEs, a column of a mart, one of an array: all run."""
    fill([], DAY)
    query = (
        "with recursive first as (select 1 as n union all select first.n + 1 from first where first.n < 3), "
        "Second as (select max(f.n) as top from first as f) "
        f"{SHAPE.format('t.top + u.each_one + count(p.score) - 0')} "
        "from periods cross join (with inside as (select second.top from SECOND) select inside.top from inside) as t "
        "cross join unnest(array[1]) as u (each_one) left join marts.participation as p on p.done_on = period_start "
        "group by period_kind, period, t.top, u.each_one"
    )
    computation = prepare(connection, _project(tmp_path, query), MARTS, run_id=None, rebuild=True)
    with connection.cursor() as cursor:
        cursor.execute('select distinct value from build."' + computation.table.staged + '"')
        assert cursor.fetchall() == [(4,)]
    discard(connection, computation)


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


ENDLESS = """
with recursive counted as (select 1 as step union all select step + 1 from counted),
last as (select max(step) as step from counted)
select period_kind, period, '{}' as disaggregation, 0 as numerator, 0 as denominator, step as value, 0 as units
from periods cross join last
"""


def test_a_query_that_does_not_end_is_stopped_and_named(tmp_path: Path, connection: extensions.connection, fill: Fill):
    """A recursive query may never end; nobody is at the keyboard at two in the morning."""
    fill([], DAY)
    project = _project(tmp_path, ENDLESS, max_seconds=1)
    with pytest.raises(
        ConfigurationError, match=r"X-1, requetes/jour\.sql : la requête n'avait pas fini au bout de 1 s"
    ):
        prepare(connection, project, MARTS, run_id=None)
    with connection.cursor() as cursor:
        cursor.execute("show statement_timeout")
        assert cursor.fetchone() == ("0",)
