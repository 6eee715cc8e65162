"""Marts made from small SQL files, on a real PostgreSQL; what the loader refuses is in `test_model_refusals.py`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import extensions

from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.project.load import load_projects
from meal_pipelines.protect.tables import pseudonymised_spec
from meal_pipelines.settings import CHECKOUT, Settings
from meal_pipelines.warehouse import Warehouse
from meal_pipelines.warehouse.models import Mart, MartBuild, discard_mart, load_models, prepare_mart, publish_mart
from meal_pipelines.warehouse.publish import record_build
from meal_pipelines.warehouse.seeds import load_seeds
from meal_pipelines.warehouse.tables import Column, TableSpec, create_table
from tests.warehouse.model_folder import VISITS, write_folder

SOURCES = {VISITS.qualified: VISITS}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A staging model of `alpha`, one of `beta` (which has no form yet), two marts and a seed."""
    return write_folder(tmp_path)


@pytest.fixture
def connection(warehouse: Warehouse) -> Iterator[extensions.connection]:
    """Nothing of these tests stays in the session's warehouse."""
    with closing(warehouse.psycopg()) as opened:
        yield opened
        opened.rollback()
        run(
            opened,
            "drop table if exists pseudonymised.alpha_visits, marts.visitor, marts.visit_count, marts.place,"
            " build.marts__visitor, build.marts__visit_count cascade",
            "delete from quality.build where table_name in ('pseudonymised.alpha_visits', 'marts.visitor',"
            " 'marts.visit_count', 'marts.place')",
        )


def run(connection: extensions.connection, *statements: str) -> None:
    with connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def rows(connection: extensions.connection, query: str) -> list[tuple[Any, ...]]:
    with connection, connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def receive(connection: extensions.connection, spec: TableSpec, *visits: tuple[str, str | None, str | None]) -> None:
    """The visits are what `pseudonymised` holds from now on."""
    run(connection, "drop table if exists pseudonymised.alpha_visits")
    with connection, connection.cursor() as cursor:
        create_table(cursor, spec.schema, spec.name, spec.columns)
        cursor.executemany("insert into pseudonymised.alpha_visits values (%s, %s, %s, array['a', 'b'])", visits)
        record_build(
            cursor, spec, stage="pseudonymised", project="alpha", form="visits", fingerprint="", load_id=1, run_id=None
        )


def build_all(connection: extensions.connection, folder: Path) -> dict[str, int]:
    """Build and publish what changed; returns the rows of each mart that was built."""
    built = {}
    for name, mart in load_models(folder, SOURCES, {"alpha"}).marts.items():
        build = prepare_mart(connection, mart)
        if build is not None:
            built[name] = publish_mart(connection, build)
    return built


def test_marts_come_in_an_order_in_which_they_can_be_built(folder: Path) -> None:
    models = load_models(folder, SOURCES, {"alpha"})
    assert list(models.marts) == ["visitor", "visit_count"]
    assert list(models.seeds) == ["place"]
    assert models.marts["visitor"].reads == {"pseudonymised.alpha_visits", "marts.place"}
    assert models.marts["visit_count"].reads == {"pseudonymised.alpha_visits", "marts.visitor"}


def test_a_column_is_walked_back_through_staging_and_other_marts_to_the_questions_table(folder: Path) -> None:
    """Values only: what a row is joined, filtered or ranked by did not make the value."""
    marts = load_models(folder, SOURCES, {"alpha"}).marts
    visitor = {column.name: column.sources for column in marts["visitor"].spec.columns}
    assert visitor == {
        "project": (),
        "person_id": (("pseudonymised.alpha_visits", "person_id"),),
        "place_name": (("marts.place", "name_fr"), ("pseudonymised.alpha_visits", "place")),
        "first_seen_on": (("pseudonymised.alpha_visits", "seen_on"),),
    }
    count = {column.name: column.sources for column in marts["visit_count"].spec.columns}
    assert count["place_name"] == visitor["place_name"]
    assert count["answers"] == (("pseudonymised.alpha_visits", "topics"),)
    assert count["project"] == ()


def test_a_column_repeats_another_only_where_its_values_are_taken_as_they_are(folder: Path) -> None:
    """What `marts.choice` explains of a mart: codes chosen among, not what was computed from them."""
    staging = folder / "staging" / "alpha_visit.sql"
    for written, repeats in (
        ("cast(place as text)", True),
        ("coalesce(place, person_id)", True),
        ("case when person_id = 'p1' then place else 'ailleurs' end", True),
        ("case when place = '02' then 'ici' end", False),
        ("case when person_id = 'p1' then place else lower(place) end", False),
        ("place || '02'", False),
    ):
        text = staging.read_text(encoding="utf-8")
        staging.write_text(text.replace("cast(place as text) as", f"{written} as"), encoding="utf-8")
        spec = load_models(folder, SOURCES, {"alpha"}).marts["visitor"].spec
        columns = {column.name: column.copies for column in spec.columns}
        staging.write_text(text, encoding="utf-8")
        found = ("pseudonymised.alpha_visits", "place") in columns["place_name"]
        assert found == repeats, written
        assert columns["person_id"] == (("pseudonymised.alpha_visits", "person_id"),) and columns["first_seen_on"] == ()


def test_staging_text_is_put_into_the_mart_as_its_author_wrote_it(folder: Path) -> None:
    """The officer who walks a figure back reads the files' own words, not a printer's."""
    written = load_models(folder, SOURCES, {"alpha"}).marts["visitor"].sql
    assert "-- Visites reçues : « alpha » seulement, l'été comme l'hiver." in written
    assert "staging.alpha_visit" in written
    assert "from staging.alpha_visit" not in written


def test_a_mart_is_built_beside_the_live_one_and_published_with_types_key_and_rights(
    connection: extensions.connection, folder: Path, warehouse: Warehouse
) -> None:
    receive(connection, VISITS, ("s1", "p1", "02"), ("s2", "p1", "02"), ("s3", "p2", None))
    load_seeds(connection, folder)
    mart = load_models(folder, SOURCES, {"alpha"}).marts["visitor"]
    build = prepare_mart(connection, mart, run_id="run-1")
    assert build is not None
    assert build.rows == 2
    assert rows(connection, "select count(*) from build.marts__visitor__candidate") == [(2,)]
    assert rows(connection, "select to_regclass('marts.visitor')") == [(None,)]
    assert publish_mart(connection, build) == 2
    with warehouse.connect("analyst") as analyst:
        found = rows(analyst, "select project, person_id, place_name from marts.visitor order by person_id")
    assert found == [("alpha", "p1", "Oriental"), ("alpha", "p2", None)]
    assert rows(connection, "select stage, rows, run_id from quality.build where table_name = 'marts.visitor'") == [
        ("marts", 2, "run-1")
    ]
    types = "select data_type from information_schema.columns where table_schema = 'marts' and table_name = 'visitor'"
    assert rows(connection, f"{types} and column_name = 'first_seen_on'") == [("date",)]
    assert rows(connection, "select obj_description('marts.visitor'::regclass)") == [
        ("Visiteurs. Une ligne par personne.",)
    ]
    keys = "select conname::text from pg_constraint where conrelid = 'marts.visitor'::regclass and contype = 'p'"
    assert rows(connection, keys) == [("visitor_pkey",)]


def test_a_mart_is_built_again_only_when_something_it_reads_or_says_changed(
    connection: extensions.connection, folder: Path
) -> None:
    receive(connection, VISITS, ("s1", "p1", "02"))
    load_seeds(connection, folder)
    assert build_all(connection, folder) == {"visitor": 1, "visit_count": 1}
    assert build_all(connection, folder) == {}
    receive(connection, VISITS, ("s1", "p1", "02"), ("s2", "p2", "02"))
    assert build_all(connection, folder) == {"visitor": 2, "visit_count": 2}
    query = folder / "marts" / "visit_count.sql"
    query.write_text(query.read_text(encoding="utf-8") + "\n-- relu\n", encoding="utf-8")
    assert build_all(connection, folder) == {"visit_count": 2}


def test_a_condemned_mart_leaves_yesterdays_in_place(connection: extensions.connection, folder: Path) -> None:
    receive(connection, VISITS, ("s1", "p1", "02"))
    load_seeds(connection, folder)
    build_all(connection, folder)
    receive(connection, VISITS)
    build = prepare_mart(connection, load_models(folder, SOURCES, {"alpha"}).marts["visitor"])
    assert isinstance(build, MartBuild)
    discard_mart(connection, build)
    assert rows(connection, "select count(*) from marts.visitor") == [(1,)]
    assert rows(connection, "select to_regclass('build.marts__visitor')") == [(None,)]
    again = prepare_mart(connection, build.mart)
    assert again is not None  # what was condemned is tried again, not taken as built


def test_a_project_that_is_not_there_gives_no_rows_and_needs_no_change_of_sql(
    connection: extensions.connection, folder: Path
) -> None:
    load_seeds(connection, folder)
    models = load_models(folder, {}, set())
    assert models.marts["visitor"].reads == {"marts.place"}
    assert [column.sources for column in models.marts["visit_count"].spec.columns[:1]] == [()]
    for mart in models.marts.values():
        build = prepare_mart(connection, mart)
        assert build is not None
        assert publish_mart(connection, build) == 0


def test_a_form_that_was_never_collected_is_read_as_empty(connection: extensions.connection, folder: Path) -> None:
    """On the first morning one project may have submissions and the other none."""
    load_seeds(connection, folder)
    assert build_all(connection, folder) == {"visitor": 0, "visit_count": 0}
    receive(connection, VISITS, ("s1", "p1", "02"))
    assert build_all(connection, folder) == {"visitor": 1, "visit_count": 1}


LATER = replace(VISITS, columns=(*VISITS.columns, Column("reason", "text", "Motif")))
"""The form of `alpha` once its questionnaire asks one question more."""


def reads_the_reason(folder: Path) -> Mart:
    """The mart, once its SQL reads the new question."""
    staging = folder / "staging" / "alpha_visit.sql"
    text = staging.read_text(encoding="utf-8")
    text = text.replace("topics, seen_on\n", "topics, seen_on, reason\n").replace(
        "cast(place as text)", "coalesce(place, reason)"
    )
    staging.write_text(text, encoding="utf-8")
    return load_models(folder, {LATER.qualified: LATER}, {"alpha"}).marts["visitor"]


def test_a_table_published_before_its_form_gained_a_column_is_named_with_what_to_run(
    connection: extensions.connection, folder: Path
) -> None:
    """The mart holds both projects: whoever reads the refusal must learn which form stands still."""
    receive(connection, VISITS, ("s1", "p1", "02"))
    load_seeds(connection, folder)
    with pytest.raises(MealError) as caught:
        prepare_mart(connection, reads_the_reason(folder))
    said = str(caught.value)
    assert "formulaire « visits » (alpha)" in said and "il lui manque « reason »" in said
    assert "« uv run meal run -p alpha -s cleaned -s pseudonymised -s marts »" in said


def test_a_form_never_collected_that_gains_a_column_is_still_read_as_empty(
    connection: extensions.connection, folder: Path
) -> None:
    """Its empty table was made with the columns of then, and nothing would ever have made it anew."""
    load_seeds(connection, folder)
    assert build_all(connection, folder) == {"visitor": 0, "visit_count": 0}
    build = prepare_mart(connection, reads_the_reason(folder))
    assert build is not None and build.rows == 0


def test_a_mart_or_seed_that_was_never_built_is_not_read_as_empty(
    connection: extensions.connection, folder: Path
) -> None:
    """Without its exchange rates or its persons a table would be wrong without a word."""
    receive(connection, VISITS, ("s1", "p1", "02"))
    mart = load_models(folder, SOURCES, {"alpha"}).marts["visitor"]
    with pytest.raises(MealError, match=r"marts\.visitor lit marts\.place, qui n'a jamais été construite"):
        prepare_mart(connection, mart)


def test_what_postgresql_refuses_names_the_file_and_no_value(connection: extensions.connection, folder: Path) -> None:
    receive(connection, VISITS, ("s1", "0612345678", "02"))
    load_seeds(connection, folder)
    mart = load_models(folder, SOURCES, {"alpha"}).marts["visitor"]
    query = "select 'alpha', cast(person_id as smallint)::text, null, null from pseudonymised.alpha_visits"
    wrong = replace(mart, sql=query)
    with pytest.raises(MealError, match=r"marts\.visitor \(marts/visitor\.sql\)") as caught:
        prepare_mart(connection, wrong)
    assert "0612345678" not in str(caught.value)
    assert rows(connection, "select to_regclass('build.marts__visitor')") == [(None,)]


def test_a_seed_is_loaded_once_and_keeps_its_zeros(connection: extensions.connection, folder: Path) -> None:
    assert load_seeds(connection, folder) == {"place": 2}
    assert load_seeds(connection, folder) == {}
    assert rows(connection, "select code, population from marts.place order by code") == [("02", 2294665), ("09", None)]
    path = folder / "seeds" / "place.csv"
    saved_by_excel = path.read_text(encoding="utf-8") + "12,Dakhla,10\n"
    path.write_text(saved_by_excel, encoding="utf-8-sig", newline="\r\n")
    assert load_seeds(connection, folder) == {"place": 3}
    assert rows(connection, "select build_no from quality.build where table_name = 'marts.place'") == [(2,)]


def test_a_wrong_seed_names_its_line_and_the_old_one_stays(connection: extensions.connection, folder: Path) -> None:
    load_seeds(connection, folder)
    path = folder / "seeds" / "place.csv"
    path.write_text(path.read_text(encoding="utf-8") + "12,Dakhla,beaucoup\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"seeds/place\.csv, ligne 4") as caught:
        load_seeds(connection, folder)
    assert "beaucoup" not in str(caught.value)
    assert rows(connection, "select count(*) from marts.place") == [(2,)]


def shipped_sources(settings: Settings) -> tuple[dict[str, TableSpec], set[str]]:
    projects = load_projects(settings)
    specs = [
        pseudonymised_spec(project, form, table)
        for project in projects.values()
        for form in project.forms.values()
        for table in form.questionnaire.tables.values()
    ]
    return {spec.qualified: spec for spec in specs}, set(projects)


def test_the_shipped_models_load_and_run_on_empty_tables(connection: extensions.connection, settings: Settings) -> None:
    """Every name and type is right, whatever the data: PostgreSQL plans each query against the declared columns."""
    sources, projects = shipped_sources(settings)
    models = load_models(CHECKOUT / "dbt_like_sql", sources, projects)
    assert {"person", "service_delivery", "mobility_step"} <= set(models.marts)
    with connection.cursor() as cursor:
        seeds = [seed.spec for seed in models.seeds.values()]
        for spec in (*sources.values(), *seeds, *(mart.spec for mart in models.marts.values())):
            cursor.execute("select to_regclass(%s)", (spec.qualified,))
            if cursor.fetchone() == (None,):
                create_table(cursor, spec.schema, spec.name, spec.columns)
        for mart in models.marts.values():
            create_table(cursor, "build", "probe", mart.spec.columns)
            cursor.execute("insert into build.probe " + mart.sql)
            cursor.execute("drop table build.probe")
    connection.rollback()


CONSTANT = ("project", "country_code", "function_code", "survey", "movement", "audience", "form")
"""What staging says of all records of a form, or of one of its questions."""


def test_every_shipped_measure_leads_back_to_a_question(settings: Settings) -> None:
    sources, projects = shipped_sources(settings)
    for mart in load_models(CHECKOUT / "dbt_like_sql", sources, projects).marts.values():
        for column in mart.spec.columns:
            assert column.sources or column.name in CONSTANT, f"{mart.name}.{column.name}"
            assert all(table in sources or table.startswith("marts.") for table, _ in column.sources)


def test_loading_stays_cheap(settings: Settings) -> None:
    """Dagster loads its definitions in every process: of three seconds, the models may take a small part."""
    sources, projects = shipped_sources(settings)
    load_models(CHECKOUT / "dbt_like_sql", sources, projects)
    started = time.process_time()
    load_models(CHECKOUT / "dbt_like_sql", sources, projects)
    assert time.process_time() - started < 1.5  # 0.35 s on a quiet laptop
