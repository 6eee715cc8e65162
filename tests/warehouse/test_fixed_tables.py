"""The tables that migrations make: their rules, the progress view, and that migrating again changes nothing."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg2 import errors

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse, migrate

INSERT = """
    insert into raw.submission (project, form, submission_id, version, state, payload, load_id)
    values ('registre', 'visites', 'uuid:1', 1, 'present', '\\x00', %s)
"""


def _load(warehouse: Warehouse) -> int:
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "insert into raw.load (project, form, source) values ('registre', 'visites', 's') returning load_id"
        )
        row = cursor.fetchone()
        assert row is not None
        return int(row[0])


def test_a_version_once_written_cannot_be_changed_but_can_be_erased(warehouse: Warehouse) -> None:
    """Raw is append-only; retention and erasure delete whole versions."""
    load_id = _load(warehouse)
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(INSERT, (load_id,))
    with warehouse.connect() as connection, connection.cursor() as cursor:
        with pytest.raises(errors.RestrictViolation):
            cursor.execute("update raw.submission set payload = null where project = 'registre'")
        connection.rollback()
        with pytest.raises(errors.RestrictViolation):
            cursor.execute(
                INSERT.rstrip() + " on conflict (project, form, submission_id, version) do update set "
                "payload = excluded.payload",
                (load_id,),
            )
        connection.rollback()
        cursor.execute("delete from raw.submission where project = 'registre'")
        assert cursor.rowcount == 1


def test_a_load_that_submissions_name_stays(warehouse: Warehouse) -> None:
    """What brought a version is looked up years later; a load without submissions may go."""
    bare, load_id = _load(warehouse), _load(warehouse)
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(INSERT, (load_id,))
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for change in ("delete from raw.load", "update raw.load set form = 'autre'"):
            with pytest.raises(errors.ForeignKeyViolation):
                cursor.execute(f"{change} where load_id = %s", (load_id,))
            connection.rollback()
        cursor.execute("delete from raw.load where load_id = %s", (bare,))
        assert cursor.rowcount == 1
        cursor.execute("delete from raw.submission where project = 'registre'")


def test_progress_compares_with_the_target_and_with_the_period_before(warehouse: Warehouse) -> None:
    """The total and each disaggregation have a trend of their own; a value without a target is still there."""
    women = json.dumps({"sexe": "f"})
    values = [
        ("2025-S1", "2025-06-30", "{}", 40), ("2025-S2", "2025-12-31", "{}", 60), ("2026-S1", "2026-06-30", "{}", 60),
        ("2025-S1", "2025-06-30", women, 30), ("2025-S2", "2025-12-31", women, 20),
    ]  # fmt: skip
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "insert into indicators.definition (project, indicator, position, label, direction) "
            "values ('avance', 'R1', 1, 'Personnes servies', 'increase')"
        )
        for period, end, disaggregation, value in values:
            cursor.execute(
                "insert into indicators.value (project, indicator, period_kind, period, period_end, disaggregation, value) "
                "values ('avance', 'R1', 'semester', %s, %s, %s, %s)",
                (period, end, disaggregation, value),
            )
        cursor.execute(
            "insert into indicators.target (project, indicator, period_kind, period, target) values "
            "('avance', 'R1', 'semester', '2025-S2', 80), ('avance', 'R1', 'semester', '2026-S1', 0)"
        )
    with warehouse.connect("analyst") as connection, connection.cursor() as cursor:
        cursor.execute(
            "select period, disaggregation->>'sexe', target, percentage, trend, direction from indicators.progress "
            "where project = 'avance' order by disaggregation, period"
        )
        assert cursor.fetchall() == [
            ("2025-S1", None, None, None, None, "increase"),
            ("2025-S2", None, Decimal(80), Decimal("75.00"), "hausse", "increase"),
            ("2026-S1", None, Decimal(0), None, "stable", "increase"),
            ("2025-S1", "f", None, None, None, "increase"),
            ("2025-S2", "f", None, None, "baisse", "increase"),
        ]


def test_a_period_kind_outside_the_contract_is_refused(warehouse: Warehouse) -> None:
    with warehouse.connect() as connection, connection.cursor() as cursor:
        with pytest.raises(errors.CheckViolation):
            cursor.execute(
                "insert into indicators.value (project, indicator, period_kind, period) "
                "values ('avance', 'R1', 'week', '2026-W1')"
            )
        connection.rollback()


def test_the_cheap_check_and_alembic_agree_on_the_newest_revision() -> None:
    """`head()` reads file names so that opening a warehouse need not import Alembic."""
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == migrate.head()


def test_migrating_again_changes_nothing(warehouse: Warehouse, settings: Settings) -> None:
    """Even when the cheap check does not spare it, as when two processes saw the same old revision."""
    before = _catalogue(warehouse)
    migrate.upgrade(warehouse._administrator)
    with Warehouse.open(settings) as again:
        assert _catalogue(again) == before


def test_every_column_that_an_analyst_reads_says_what_it_holds(warehouse: Warehouse) -> None:
    """They meet these tables in DBeaver or Power BI, without the code: a column they must guess is read wrongly."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("""
            select format('%s.%s', attrelid::regclass, attname)
            from pg_attribute join pg_class on pg_class.oid = attrelid
            where relkind in ('r', 'v', 'm', 'p') and attnum > 0 and not attisdropped
              and relnamespace::regnamespace::text in ('indicators', 'quality', 'extracts')
              and has_column_privilege('meal_analyst', attrelid, attnum, 'select')
              and coalesce(col_description(attrelid, attnum), '') in ('', attname)
        """)
        assert [column for (column,) in cursor.fetchall()] == []


def test_everything_belongs_to_the_pipeline(warehouse: Warehouse) -> None:
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select distinct tableowner from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
        )
        assert cursor.fetchall() == [("meal_pipeline",)]


def test_a_database_of_a_newer_program_is_refused_with_the_way_out() -> None:
    with pytest.raises(ConfigurationError, match="plus récente"):
        migrate.check_not_newer("9999")


def _catalogue(warehouse: Warehouse) -> list[tuple[object, ...]]:
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select oid, relname, relkind, relacl::text from pg_class where relnamespace in "
            "(select oid from pg_namespace where nspname in ('raw', 'vault', 'quality', 'indicators', 'audit')) order by oid"
        )
        return cursor.fetchall()
