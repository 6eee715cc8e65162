"""A frozen report: complete, unchangeable, and read by the extracts of its period."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import errors

from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.extracts.values import in_quarters, in_year, to_date
from meal_pipelines.warehouse import Role, Warehouse
from tests.reports.house import House, house_of, some_visits

MAY = dt.date(2026, 5, 31)
ROLES: tuple[Role, ...] = ("pipeline", "analyst", "dpo")
TABLES = (
    "freeze", "reported", "reported_definition", "reported_model", "reported_record", "reported_removal", "restatement",
)  # fmt: skip


@pytest.fixture
def house(warehouse: Warehouse, tmp_path: Path) -> Iterator[House]:
    with house_of(warehouse, tmp_path) as made:
        made.rows = some_visits()
        made.night()
        yield made


def _values(house: House, table: str, **of: Any) -> dict[tuple[Any, ...], Any]:
    query = "select indicator, period_kind, period, disaggregation::text, value from indicators." + table
    rows = house.query(query + " where project = %s and period_end <= %s", house.name, MAY)
    return {row[:4]: row[4] for row in rows}


def test_a_freeze_keeps_every_value_of_the_periods_that_are_over_and_none_of_the_others(house: House) -> None:
    made = house.freeze()
    assert (made.version, made.period_end, made.label) == (1, MAY, "Rapport de mai")
    assert _values(house, "reported") == _values(house, "value") != {}
    assert house.query(
        "select max(period_end) from indicators.reported where freeze_id = %s limit 1", made.freeze_id
    ) == [(MAY,)]


def test_what_is_kept_of_the_answers_is_what_the_queries_read_and_no_more(house: House) -> None:
    """A question that no indicator reads has no reason to be kept for ten years."""
    made = house.freeze()
    rows = house.query(
        "select table_name, submission_id, version, answers from indicators.reported_record where freeze_id = %s"
        " order by table_name, submission_id", made.freeze_id,
    )  # fmt: skip
    visits = [row for row in rows if row[0] == f"pseudonymised.{house.name}_visites"]
    assert [(row[1], row[2]) for row in visits] == [(f"v{number}", 1) for number in range(9)]
    read = {"person_id", "duplicate_key", "sexe", "province_code", "duree", "poids", "submitted_at", "jour"}
    assert all(set(row[3]) == read for row in visits)
    rates = [row[3] for row in rows if row[0] == f"marts.rate_{house.name}"]
    assert rates == [{"code": "02.411", "mad_per_min": 2}, {"code": "04.421", "mad_per_min": 3}]


def test_values_that_change_afterwards_leave_the_reported_ones_and_a_second_freeze_is_a_second_version(
    house: House,
) -> None:
    first = house.freeze()
    before = _values(house, "reported")
    house.rows["v1"]["duree"] = "200"
    del house.rows["v2"]
    house.night()
    assert _values(house, "reported") == before != _values(house, "value")
    with pytest.raises(ConfigurationError, match=r"déjà figée \(version 1.*--reason"):
        house.freeze()
    second = house.freeze(reason="Une visite corrigée par le partenaire")
    assert (second.version, second.reason) == (2, "Une visite corrigée par le partenaire")
    assert first.freeze_id < second.freeze_id
    kept = house.query(
        "select freeze_id, count(*) from indicators.reported_record where project = %s group by 1 order by 1",
        house.name,
    )
    assert kept == [(first.freeze_id, 11), (second.freeze_id, 1)], "what has not changed is not kept twice"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"by": " "}, "le nom de la personne"),
        ({"label": ""}, "le nom du rapport"),
        ({"period": "2026-13"}, "n'est pas une période"),
        ({"period": "2027-01"}, "n'est pas finie"),
    ],
)
def test_a_freeze_without_a_name_or_of_a_period_that_is_not_over_is_refused(
    house: House, asked: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        house.freeze(**asked)
    assert house.query("select count(*) from indicators.freeze where project = %s", house.name) == [(0,)]


def test_values_that_the_rows_do_not_give_are_not_frozen(house: House) -> None:
    """A report must be explained by what is kept with it."""
    with house.connection, house.connection.cursor() as cursor:
        cursor.execute(
            "update indicators.value set value = value + 1 where project = %s and indicator = 'S-1' and period = '2026-05'"
            " and period_kind = 'month' and disaggregation = '{}'", (house.name,),
        )  # fmt: skip
    with pytest.raises(MealError, match=r"1 valeur.*S-1.*meal run"):
        house.freeze()
    assert house.query("select count(*) from indicators.reported where project = %s", house.name) == [(0,)]


def test_nobody_changes_or_removes_what_was_frozen(house: House) -> None:
    """The owner of the tables included."""
    house.freeze()
    house.rows["v1"]["duree"] = "200"
    house.night()
    _plant_restatement(house, house.freeze(reason="essai").freeze_id)
    for role in ROLES:
        connection = house.bench.warehouse.psycopg(role)
        for table in TABLES:
            assert house.query(f"select count(*) > 0 from indicators.{table} where project = %s", house.name) == [
                (True,)
            ]
            for statement in (
                f"update indicators.{table} set project = 'autre' where project = %s",
                f"delete from indicators.{table} where project = %s",
                f"truncate indicators.{table} cascade",
            ):
                with connection.cursor() as cursor:
                    cursor.execute("set transaction read write")
                    with pytest.raises((errors.RestrictViolation, errors.InsufficientPrivilege)):
                        cursor.execute(statement, (house.name,))
                connection.rollback()
        connection.close()


def test_nobody_adds_to_what_was_frozen(house: House) -> None:
    """A figure that was never handed over would stand beside those that were."""
    made = house.freeze()
    added = (
        "insert into indicators.reported (freeze_id, project, indicator, period_kind, period, disaggregation, value, computed_at)"
        " select freeze_id, project, 'S-9', period_kind, period, disaggregation, 9, now() from indicators.reported where freeze_id = %s"
        " limit 1",
        "insert into indicators.reported_removal (freeze_id, project, record_id)"
        " select freeze_id, project, record_id from indicators.reported_record where freeze_id = %s",
    )  # fmt: skip
    with closing(house.bench.warehouse.psycopg()) as connection, connection.cursor() as cursor:
        for statement in added:
            with pytest.raises(errors.RestrictViolation, match="ne se complète pas"):
                cursor.execute(statement, (made.freeze_id,))
            connection.rollback()


def test_a_kept_row_loses_its_person_and_nothing_else(house: House) -> None:
    """The way by which somebody is erased is no way to change a figure."""
    house.freeze()
    anonymous = "anonyme-" + 32 * "0"
    for change, allowed in (
        (f"answers = jsonb_set(answers, '{{person_id}}', '\"{anonymous}\"')", True),
        (f"submission_id = '{anonymous}'", True),
        ("answers = jsonb_set(answers, '{person_id}', '\"somebody\"')", False),
        ("answers = answers - 'person_id'", False),
        ("answers = jsonb_set(answers, '{duree}', '7')", False),
        ("version = 7", False),
    ):
        with house.connection.cursor() as cursor:
            statement = f"update indicators.reported_record set {change} where project = %s and submission_id = 'v1'"
            if allowed:
                cursor.execute(statement, (house.name,))
            else:
                with pytest.raises(errors.RestrictViolation):
                    cursor.execute(statement, (house.name,))
        house.connection.rollback()


def test_two_kept_persons_never_become_one(house: House) -> None:
    """By one statement, or by one after the other: the report would count one person where it counted two."""
    house.freeze()
    one, again, other = (f"anonyme-{digit * 32}" for digit in "abc")
    name = (
        "update indicators.reported_record set answers = answers || jsonb_build_object('person_id', %s::text)"
        " where project = %s and submission_id = any(%s) and table_name like 'pseudonymised.%%'"
    )
    with house.connection.cursor() as cursor:
        cursor.execute("savepoint before")
        with pytest.raises(errors.RestrictViolation, match="même nom anonyme"):
            cursor.execute(name, (one, house.name, ["v1", "v2"]))
        cursor.execute("rollback to savepoint before")
        cursor.execute(name, (one, house.name, ["v1"]))
        with pytest.raises(errors.RestrictViolation, match="même nom anonyme"):
            cursor.execute(name, (one, house.name, ["v2"]))
        cursor.execute("rollback to savepoint before")
        cursor.execute(name, (again, house.name, ["v1"]))
        cursor.execute(name, (other, house.name, ["v2"]))
    house.connection.rollback()


def test_extracts_of_a_frozen_period_read_it_and_those_of_another_do_not(house: House) -> None:
    made = house.freeze()
    with house.connection, house.connection.cursor() as cursor:
        before = to_date(cursor, house.name, MAY)["U-1"]
        quarter = in_quarters(cursor, house.name, MAY, dt.date(2026, 6, 30), reported_on=dt.date(2026, 6, 30))
    house.rows["late"] = some_visits()["v1"] | {"identite/telephone": "0699999998", "jour": "2026-05-29"}
    house.night()
    with house.connection, house.connection.cursor() as cursor:
        frozen = to_date(cursor, house.name, MAY)["U-1"]
        assert (frozen.value, frozen.cells, frozen.freeze_id) == (before.value, before.cells, made.freeze_id)
        live = to_date(cursor, house.name, dt.date(2026, 6, 30))["U-1"]
        assert (live.value, live.freeze_id) == ((before.value or 0) + 1, None)
        assert quarter["U-1", dt.date(2026, 6, 30)].freeze_id is None
        assert in_year(cursor, house.name, 2026)["U-1"].freeze_id is None


def _plant_restatement(house: House, freeze_id: int) -> None:
    with house.connection, house.connection.cursor() as cursor:
        cursor.execute(
            "insert into indicators.restatement (project, freeze_id, indicator, period_kind, period, disaggregation,"
            " difference, causes, reason, approved_by, recorded_by) values (%s, %s, 'U-1', 'month', '2026-05', '{}', 1, '{}',"
            " 'essai', 'essai', 'essai')", (house.name, freeze_id),
        )  # fmt: skip
