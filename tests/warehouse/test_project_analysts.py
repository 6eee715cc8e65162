"""An analyst of one project, tried by connecting: what of the others' data can be reached, before and after tables are rebuilt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import errors, sql

from meal_pipelines.protect.choices import load_choices
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Role, Warehouse
from meal_pipelines.warehouse import publish as wap
from meal_pipelines.warehouse.external import connect
from meal_pipelines.warehouse.roles import READABLE
from meal_pipelines.warehouse.tables import Column, TableSpec
from tests.stage_cases import Bench, bench_of, visit

SPEC = TableSpec(
    "marts", "meeting", "Une rencontre. Une ligne par rencontre.",
    (Column("project", "text", "Projet"), Column("submission_id", "text", "Soumission")), ("project", "submission_id"),
)  # fmt: skip


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A server of its own: roles belong to the whole server."""
    home = tmp_path_factory.mktemp("analysts") / "h"
    with Warehouse.open(Settings.load(environ={"MEAL_HOME": str(home)})) as warehouse:
        yield warehouse


@pytest.fixture(scope="module")
def two(apart: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, Bench]]:
    """Two projects with rows in every kind of table, and an analyst of the first."""
    with (
        bench_of(apart, tmp_path_factory.mktemp("a")) as first,
        bench_of(apart, tmp_path_factory.mktemp("b")) as second,
    ):
        for bench in (first, second):
            bench.run(a=visit(), b=visit(duree="1000"))
        projects = [first.project.id, second.project.id]
        build(apart, projects)
        with closing(apart.psycopg()) as connection:
            load_choices(connection, {bench.project.id: bench.project for bench in (first, second)})
        with apart.connect() as connection, connection.cursor() as cursor:
            for project in projects:
                cursor.execute(
                    "insert into indicators.value (project, indicator, period_kind, period, period_start, period_end,"
                    " disaggregation, value, units, run_id) values"
                    " (%s, 'X-1', 'year', '2026', '2026-01-01', '2026-12-31', '{}', 1, 1, 'essai')",
                    (project,),
                )
        apart.admit(first.project.id, [f"{first.project.id}_visites", f"{first.project.id}_visites__membres"])
        yield first, second


def build(warehouse: Warehouse, projects: list[str]) -> None:
    """Build the mart anew, as a run does."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        wap.stage(cursor, SPEC, whole=True)
        for project in projects:
            cursor.execute("insert into build.marts__meeting values (%s, 'a')", (project,))
        wap.publish(cursor, SPEC, whole=True, changed=None)


def rows(
    warehouse: Warehouse, table: str, column: str = "project", *, role: Role = "analyst", of: str | None = None
) -> set[Any]:
    """The distinct values of a column, as a role reads them; of: as the analyst of that project."""
    with closing(connect(warehouse.url(role, project=of))) as connection, connection.cursor() as cursor:
        name = sql.Identifier(*table.split("."))
        cursor.execute(sql.SQL("select distinct {} from {}").format(sql.Identifier(column), name))
        return {row[0] for row in cursor.fetchall()}


def tables(warehouse: Warehouse) -> dict[str, bool]:
    """Every table and view of the readable schemas, and whether it has a column `project`."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select table_schema || '.' || table_name, bool_or(column_name = 'project') from information_schema.columns"
            " where table_schema = any (%s) group by 1",
            (list(READABLE),),
        )
        return dict(cursor.fetchall())


def test_no_row_of_another_project_is_reached_in_any_table(apart: Warehouse, two: tuple[Bench, Bench]) -> None:
    """Every readable table there is, those that nobody thought of included."""
    own, reached = two[0].project.id, set()
    for table, tells in tables(apart).items():
        try:
            found = rows(apart, table, "project" if tells else "submission_id", of=own)
        except (errors.InsufficientPrivilege, errors.UndefinedColumn):
            continue
        reached.add(table)
        assert found <= {own} if tells else table.startswith(f"pseudonymised.{own}_")
    wanted = {
        "marts.meeting",
        "marts.choice",
        "indicators.value",
        "indicators.progress",
        "quality.rejection",
        f"pseudonymised.{own}_visites",
    }
    assert wanted <= reached and not any(two[1].project.id in table for table in reached)


def test_nothing_is_read_that_the_analyst_of_all_projects_does_not_read(
    apart: Warehouse, two: tuple[Bench, Bench]
) -> None:
    """A table of a readable schema may be the pipeline's alone, and have a column `project`."""
    own = two[0].project.id
    with apart.connect() as connection, connection.cursor() as cursor:
        cursor.execute("create table extracts.kept_apart (project text)")
        cursor.execute("revoke all on extracts.kept_apart from meal_analyst")
    apart.admit(own, [])
    with pytest.raises(errors.InsufficientPrivilege):
        rows(apart, "extracts.kept_apart", of=own)
    with apart.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select c.oid::regclass::text from pg_class as c where relnamespace::regnamespace::text = any (%s) and"
            " relkind in ('r', 'p', 'v') and has_table_privilege(%s, c.oid, 'select')"
            " and not has_table_privilege('meal_analyst', c.oid, 'select')",
            (list(READABLE), f"meal_analyst_{own}"),
        )
        assert cursor.fetchall() == []


def test_the_project_s_own_rows_are_all_there(apart: Warehouse, two: tuple[Bench, Bench]) -> None:
    own = two[0].project.id
    for table in ("marts.meeting", "indicators.value", "indicators.progress", "quality.rejection"):
        assert rows(apart, table, of=own) == {own}
    assert rows(apart, f"pseudonymised.{own}_visites", "submission_id", of=own) == {"a", "b"}


@pytest.mark.parametrize("role", ["analyst", "dpo", "pipeline"])
def test_every_other_role_reads_all_projects_as_before(apart: Warehouse, two: tuple[Bench, Bench], role: Role) -> None:
    both = {bench.project.id for bench in two}
    for table in ("marts.meeting", "indicators.value", "indicators.progress", "quality.rejection"):
        assert rows(apart, table, role=role) == both


def test_the_other_roles_pay_nothing_for_it(apart: Warehouse, two: tuple[Bench, Bench]) -> None:
    """The planner drops a condition that is always true: the same plan as without row-level security."""
    with closing(apart.psycopg("analyst")) as connection, connection.cursor() as cursor:
        cursor.execute("explain (costs off) select * from marts.meeting")
        assert [row[0] for row in cursor.fetchall()] == ["Seq Scan on meeting"]


def test_a_rebuilt_table_is_separated_the_moment_it_is_there(apart: Warehouse, two: tuple[Bench, Bench]) -> None:
    """A mart is replaced whole: rights and policies are put on the new one in the transaction that swaps it in."""
    own, both = two[0].project.id, [bench.project.id for bench in two]
    build(apart, both)
    assert rows(apart, "marts.meeting", of=own) == {own} and rows(apart, "marts.meeting") == set(both)


def test_a_form_protected_later_is_read_by_its_project_alone(apart: Warehouse, two: tuple[Bench, Bench]) -> None:
    own = two[0].project.id
    for bench in two:
        spec = replace(
            SPEC,
            schema="pseudonymised",
            name=f"{bench.project.id}_neuf",
            key=("submission_id",),
            project=bench.project.id,
        )
        with apart.connect() as connection, connection.cursor() as cursor:
            wap.ensure_live(cursor, spec)
    assert rows(apart, f"pseudonymised.{own}_neuf", "submission_id", of=own) == set()
    with pytest.raises(errors.InsufficientPrivilege):
        rows(apart, f"pseudonymised.{two[1].project.id}_neuf", "submission_id", of=own)


@pytest.mark.parametrize(
    "statement",
    ["set role meal_analyst", "set role meal_pipeline", "set row_security = off; select * from marts.meeting"],
)
def test_there_is_no_way_around(apart: Warehouse, two: tuple[Bench, Bench], statement: str) -> None:
    with (
        closing(connect(apart.url("analyst", project=two[0].project.id))) as connection,
        connection.cursor() as cursor,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        cursor.execute(statement)


def test_the_group_s_own_name_reads_no_project(apart: Warehouse, two: tuple[Bench, Bench]) -> None:
    """Its members may take it; a project that is called « analyst » must not be shown by that."""
    build(apart, [*(bench.project.id for bench in two), "analyst"])
    with closing(connect(apart.url("analyst", project=two[0].project.id))) as connection, connection.cursor() as cursor:
        cursor.execute("set role meal_project_analyst")
        cursor.execute("select count(*) from marts.meeting")
        assert cursor.fetchone() == (0,)


def test_admitting_twice_changes_nothing_and_dismissing_ends_it(apart: Warehouse, two: tuple[Bench, Bench]) -> None:
    other = two[1].project.id
    for _ in range(2):
        apart.admit(other, [f"{other}_visites"])
    assert rows(apart, "marts.meeting", of=other) == {other}
    assert apart.url("analyst", project=other).username == f"meal_analyst_{other}"
    apart.dismiss(other)
    with pytest.raises(psycopg2.OperationalError, match="does not exist"):
        connect(apart.url("analyst", project=other))
    assert rows(apart, "marts.meeting", of=two[0].project.id) == {two[0].project.id}


def test_the_commands_refuse_what_is_not_there(
    apart: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address of a role that does not exist would only fail later, at the analyst's."""
    from typer.testing import CliRunner

    from meal_pipelines.cli import app

    monkeypatch.setenv("MEAL_HOME", str(tmp_path / "h"))
    ask = CliRunner().invoke
    assert ask(app, ["roles", "grant", "-p", "inconnu"]).exit_code == 2
    assert ask(app, ["roles", "revoke", "-p", "prim2"]).exit_code == 2
    assert ask(app, ["url", "-p", "prim2"]).exit_code == 2
    granted = ask(app, ["roles", "grant", "-p", "prim2"])
    assert granted.exit_code == 0 and "meal_analyst_prim2 lit les tables pseudonymisées de PRIM 2" in granted.output
    assert "meal_analyst_prim2@" in ask(app, ["url", "-p", "prim2"]).output
    assert ask(app, ["url", "-p", "prim2", "--role", "dpo"]).exit_code == 2
    assert ask(app, ["roles", "revoke", "-p", "prim2"]).exit_code == 0
