"""After the demonstration: nothing to do the second time, and an analyst sees what is theirs and no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shutil import copytree
from typing import Any

import psycopg2
import pytest
from psycopg2 import errors, sql

from meal_pipelines.settings import CHECKOUT
from tests.end_to_end.conftest import Demo
from tests.end_to_end.state import builds

CLOSED = ("raw", "cleaned", "vault", "audit", "build")
OPEN = ("pseudonymised", "marts", "indicators", "extracts", "quality")


def test_running_again_does_nothing_and_says_so(demo: Demo) -> None:
    before = builds(demo.warehouse)
    again = demo.house.run("run", "--demo")
    assert again.code == 0, again.said
    assert "Rien à faire : tout est à jour" in again.out
    assert again.err == ""
    assert builds(demo.warehouse) == before


def test_one_stage_of_one_project_can_be_run_alone(demo: Demo) -> None:
    before = builds(demo.warehouse)
    alone = demo.house.run("run", "--demo", "--project", "prim2", "--stage", "cleaned")
    assert alone.code == 0, alone.said
    assert "Nettoyage · prim2/prestations" in alone.out
    assert "thamm_plus/parcours —" not in alone.out and "Collecte ·" not in alone.out
    assert builds(demo.warehouse) == before


def test_a_changed_line_of_the_logframe_recomputes_that_indicator_alone(demo: Demo, tmp_path: Path) -> None:
    """By the run that computed each value; then with the line as it was, so that the others find the house as it is."""
    copytree(CHECKOUT / "projects", tmp_path / "projects")
    logframe = tmp_path / "projects" / "prim2" / "logframe.yaml"
    text = logframe.read_text(encoding="utf-8")
    line = "    calculation:  Contrats signés uniques ; un avenant ne crée pas une unité.\n"
    assert text.count(line) == 1
    logframe.write_text(text.replace(line, line.replace("unité.", "unité (précisé).")), encoding="utf-8")
    asked = ("run", "--demo", "--project", "prim2", "--stage", "indicators")
    before = _computed_by(demo)
    done = demo.house.run(*asked, environ={"MEAL_PROJECTS": str(tmp_path / "projects")})
    assert done.code == 0, done.said
    after = _computed_by(demo)
    assert {code for code, runs in after.items() if runs != before[code]} == {"P2-OP1.1-1"}
    assert demo.house.run(*asked).code == 0


def _computed_by(demo: Demo) -> dict[str, set[str]]:
    """Which runs computed the values of each indicator of PRIM 2."""
    found: dict[str, set[str]] = {}
    for code, run in demo.query("select distinct indicator, run_id from indicators.value where project = 'prim2'"):
        found.setdefault(code, set()).add(run)
    return found


@pytest.fixture
def analyst(demo: Demo) -> Iterator[Any]:
    with closing(demo.warehouse.psycopg("analyst")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


def _tables(demo: Demo, schema: str) -> list[sql.Identifier]:
    rows = demo.query(
        "select relname from pg_class where relnamespace = %s::regnamespace and relkind in ('r', 'v')", schema
    )
    return [sql.Identifier(schema, name) for (name,) in rows]


@pytest.mark.parametrize("schema", CLOSED)
def test_an_analyst_is_refused_on_what_is_sealed_or_under_construction(demo: Demo, analyst: Any, schema: str) -> None:
    tables = _tables(demo, schema)
    assert tables or schema == "build"
    for table in tables:
        with pytest.raises(errors.InsufficientPrivilege):
            analyst.execute(sql.SQL("select * from {} limit 1").format(table))


@pytest.mark.parametrize("schema", OPEN)
def test_an_analyst_reads_everything_that_is_theirs(demo: Demo, analyst: Any, schema: str) -> None:
    tables = _tables(demo, schema)
    assert tables
    for table in tables:
        analyst.execute(sql.SQL("select * from {} limit 1").format(table))


def test_an_analyst_writes_nothing(demo: Demo, analyst: Any) -> None:
    """Also not when they turn the read-only default of their role off."""
    analyst.execute("set default_transaction_read_only = off")
    for statement in (
        "delete from marts.person", "update indicators.value set value = 0", "create table marts.mine (a int)",
        "insert into quality.rejection (project, form, submission_id, rule, message, severity) values ('', '', '', '', '', 'warning')",
        "set role meal_pipeline",
    ):  # fmt: skip
        with pytest.raises(psycopg2.Error):
            analyst.execute(statement)


def test_the_officer_of_data_protection_reads_the_vault_sealed(demo: Demo) -> None:
    with closing(demo.warehouse.psycopg("dpo")) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*), bool_and(octet_length(sealed) > 29) from vault.identity")
        count, is_sealed = cursor.fetchone() or (0, False)
        assert count > 0 and is_sealed
        connection.rollback()
        for table in ("raw.submission", "cleaned.prim2_beneficiaires"):
            with pytest.raises(errors.InsufficientPrivilege):
                cursor.execute(sql.SQL("select 1 from {}").format(sql.Identifier(*table.split("."))))
            connection.rollback()


def test_the_address_that_an_analyst_is_given_opens_their_tables(demo: Demo) -> None:
    """`meal url --demo` is what goes into psql, DBeaver or pandas."""
    told = demo.house.run("url", "--demo")
    assert told.code == 0, told.said
    with closing(psycopg2.connect(told.out.strip())) as connection, connection.cursor() as cursor:
        cursor.execute("select current_user, count(*) from marts.person")
        user, rows = cursor.fetchone() or ("", 0)
        assert (user, rows > 0) == ("meal_analyst", True)
