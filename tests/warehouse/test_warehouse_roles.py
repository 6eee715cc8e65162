"""Who may read what, tried by connecting as each role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
from psycopg2 import errors, sql

from meal_pipelines.errors import MealError
from meal_pipelines.warehouse import Role, Warehouse, grant_readers
from meal_pipelines.warehouse.roles import PRIVATE, READABLE, RESERVED


@pytest.fixture(scope="module")
def planted(warehouse: Warehouse) -> Iterator[Warehouse]:
    """A table `planted` in every schema, made by the pipeline without any explicit grant."""
    names = [sql.Identifier(schema, "planted") for schema in (*PRIVATE, *READABLE, *RESERVED)]
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for name in names:
            cursor.execute(sql.SQL("create table {} as select 1 as one").format(name))
    yield warehouse
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for name in names:
            cursor.execute(sql.SQL("drop table {}").format(name))


def _read(warehouse: Warehouse, role: Role, schema: str, table: str = "planted") -> int:
    connection = warehouse.psycopg(role)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(schema, table)))
            row = cursor.fetchone()
            assert row is not None
            return int(row[0])
    finally:
        connection.close()


@pytest.mark.parametrize("schema", [*PRIVATE, *RESERVED])
def test_the_analyst_is_refused_where_a_person_could_be_met(planted: Warehouse, schema: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        _read(planted, "analyst", schema)


@pytest.mark.parametrize("schema", READABLE)
def test_readers_see_new_tables_of_the_readable_schemas_without_a_grant(planted: Warehouse, schema: str) -> None:
    assert _read(planted, "analyst", schema) == 1
    assert _read(planted, "dpo", schema) == 1


@pytest.mark.parametrize("schema", RESERVED)
def test_the_data_protection_officer_reads_the_vault_and_the_audit(planted: Warehouse, schema: str) -> None:
    assert _read(planted, "dpo", schema) == 1


@pytest.mark.parametrize("schema", PRIVATE)
def test_the_data_protection_officer_is_refused_the_pipeline_s_own_schemas(planted: Warehouse, schema: str) -> None:
    """Sealed rows in cleaned are reached through the vault, where access is recorded."""
    with pytest.raises(errors.InsufficientPrivilege):
        _read(planted, "dpo", schema)


def test_a_table_built_aside_is_read_only_after_its_grant(planted: Warehouse) -> None:
    """Default privileges are given at creation: a table moved in from build arrives without any."""
    with planted.connect() as connection, connection.cursor() as cursor:
        cursor.execute("create table build.person_aside as select 1 as one")
        cursor.execute("alter table build.person_aside set schema marts")
    with pytest.raises(errors.InsufficientPrivilege):
        _read(planted, "analyst", "marts", "person_aside")
    with planted.connect() as connection, connection.cursor() as cursor:
        grant_readers(cursor, "marts", "person_aside")
    assert _read(planted, "analyst", "marts", "person_aside") == 1
    with planted.connect() as connection, connection.cursor() as cursor:
        cursor.execute("alter table marts.person_aside set schema cleaned")
        grant_readers(cursor, "cleaned", "person_aside")
        cursor.execute("select relacl::text from pg_class where relname = 'person_aside'")
        assert "analyst" not in str(cursor.fetchone())
        cursor.execute("drop table cleaned.person_aside")


@pytest.mark.parametrize("role", ["analyst", "dpo"])
def test_a_reader_writes_nowhere_even_outside_the_read_only_default(planted: Warehouse, role: Role) -> None:
    """`default_transaction_read_only` spares a reader an accident; the missing privilege is what refuses him."""
    connection = planted.psycopg(role)
    try:
        with connection.cursor() as cursor, pytest.raises(errors.ReadOnlySqlTransaction):
            cursor.execute("delete from marts.planted")
        connection.rollback()
        for statement in (
            "delete from marts.planted",
            "create table marts.mine (one int)",
            "create table public.mine (one int)",
            "create temporary table mine (one int)",
            "set role meal_pipeline",
        ):
            with connection.cursor() as cursor, pytest.raises(errors.InsufficientPrivilege):
                cursor.execute("set transaction read write")
                cursor.execute(statement)
            connection.rollback()
    finally:
        connection.close()


@pytest.mark.parametrize(("role", "patience"), [("analyst", "15min"), ("dpo", "15min"), ("pipeline", "0")])
def test_a_reader_who_leaves_a_transaction_open_is_let_go(warehouse: Warehouse, role: Role, patience: str) -> None:
    """What was looked at in DBeaver, out of auto-commit, could not be replaced as long as the window stayed open."""
    with closing(warehouse.psycopg(role)) as connection, connection.cursor() as cursor:
        cursor.execute("show idle_in_transaction_session_timeout")
        assert cursor.fetchone() == (patience,)


def test_the_pipeline_is_no_superuser(warehouse: Warehouse) -> None:
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select rolsuper, rolcreaterole from pg_roles where rolname = current_user")
        assert cursor.fetchone() == (False, False)


def test_a_refused_value_never_reaches_the_error(warehouse: Warehouse) -> None:
    """PostgreSQL quotes the value: « Key (phone)=(…) already exists »."""
    marker = "0661-marqueur"
    with pytest.raises(MealError) as caught, warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("create temporary table someone (phone text constraint someone_phone primary key)")
        cursor.execute("insert into someone values (%s)", (marker,))
        cursor.execute("insert into someone values (%s)", (marker,))
    assert marker not in _everything(caught.value)
    assert "23505" in str(caught.value) and "someone_phone" in str(caught.value)


def test_sqlalchemy_errors_keep_their_class_and_lose_the_value(warehouse: Warehouse) -> None:
    """pandas and Great Expectations go through the engine and look at the class."""
    import sqlalchemy

    marker = "0661-marqueur"
    with pytest.raises(sqlalchemy.exc.DataError) as caught, warehouse.engine().connect() as connection:
        connection.execute(sqlalchemy.text("select cast(:phone as int)"), {"phone": marker})
    assert marker not in _everything(caught.value)


def test_what_the_caller_catches_inside_the_block_is_still_psycopg2_s(warehouse: Warehouse) -> None:
    with (
        warehouse.connect() as connection,
        connection.cursor() as cursor,
        pytest.raises(psycopg2.errors.UndefinedTable),
    ):
        cursor.execute("select * from marts.no_such_table")


def test_an_error_of_the_caller_rolls_back(warehouse: Warehouse) -> None:
    with pytest.raises(ZeroDivisionError), warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("create table build.half_done (one int)")
        raise ZeroDivisionError
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select to_regclass('build.half_done')")
        assert cursor.fetchone() == (None,)


def _everything(error: BaseException) -> str:
    """All that a traceback could print, causes and contexts included."""
    import traceback

    return "".join(traceback.format_exception(error)) + repr(error.__context__) + repr(error.__cause__)


@pytest.mark.parametrize("role", ["analyst", "dpo"])
def test_readers_make_no_large_objects(warehouse: Warehouse, role: Role) -> None:
    """A session may say that it no longer only reads; what it may not write in tables could fill the disk all the same."""
    connection = warehouse.psycopg(role)
    try:
        with connection.cursor() as cursor:
            cursor.execute("set default_transaction_read_only = off")
            connection.commit()
            with pytest.raises(errors.InsufficientPrivilege):
                cursor.execute("select lo_create(0)")
    finally:
        connection.close()


@pytest.mark.parametrize("role", ["analyst", "dpo"])
@pytest.mark.parametrize(
    "call",
    [
        "select pg_advisory_lock(hashtext('build'), hashtext('marts/person'))", "select pg_try_advisory_lock_shared(1)",
        "select pg_advisory_xact_lock(1)", "select pg_logical_emit_message(false, 'a', 'b')",
    ],
)  # fmt: skip
def test_readers_take_no_turn_of_a_run_and_write_nothing_into_the_journal(
    warehouse: Warehouse, role: Role, call: str
) -> None:
    """A reader's session that held the turn of a table made every run wait for an hour, then fail."""
    with closing(warehouse.psycopg(role)) as connection, connection.cursor() as cursor:
        cursor.execute("set default_transaction_read_only = off")
        connection.commit()
        with pytest.raises(errors.InsufficientPrivilege):
            cursor.execute(call)
