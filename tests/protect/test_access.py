"""The log of openings: every line follows the one before, and whatever is done to it afterwards shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import errors
from psycopg2.extras import execute_values

from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.protect.rights.access import Actor, last_lines, record, verify
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse

ACTOR = Actor("essai", "dpo", "demande n° 12, « صورة », \\ et \x1f")


def opened(warehouse: Warehouse, count: int = 1) -> None:
    for _ in range(count):
        with warehouse.connect() as connection, connection.cursor() as cursor:
            record(cursor, ACTOR, "identity", "journal", form="visites", submission_id="1", person_id="p1", items=2)


@pytest.fixture
def home(settings: Settings, tmp_path: Path) -> Settings:
    """A machine that has not verified anything yet."""
    return replace(settings, home=tmp_path)


def test_each_line_holds_the_hash_of_the_one_before(warehouse: Warehouse, home: Settings) -> None:
    """Computed here from what stands in the columns, without a line of the database's own function."""
    opened(warehouse, 3)
    with warehouse.connect("dpo") as connection, connection.cursor() as cursor:
        cursor.execute("select * from audit.access order by access_id")
        assert cursor.description is not None
        names = [column[0] for column in cursor.description]
        lines = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    before = hashlib.sha256(b"meal audit.access").digest()
    for number, line in enumerate(lines, start=1):
        at = line["at"].astimezone(UTC)
        micros = int(at.replace(microsecond=0).timestamp()) * 1_000_000 + at.microsecond
        told = [line[name] for name in names[2:-2]]
        text = json.dumps([line["access_id"], micros, *told, bytes(line["previous"]).hex()], ensure_ascii=False)
        assert line["access_id"] == number and bytes(line["previous"]) == before
        before = hashlib.sha256(text.encode()).digest()
        assert bytes(line["hash"]) == before
    assert verify(warehouse, home).faults == () and len(lines) == verify(warehouse, home).lines


@pytest.mark.parametrize(
    "change",
    [
        "update audit.access set why = 'autre'", "delete from audit.access", "truncate audit.access",
        "delete from audit.access_head", "update audit.access_head set access_id = 0", "truncate audit.access_head",
        "insert into audit.access_head values (false, 1, '')",
    ],
)  # fmt: skip
def test_the_pipeline_itself_cannot_change_the_log(warehouse: Warehouse, change: str) -> None:
    opened(warehouse)
    with warehouse.connect() as connection, connection.cursor() as cursor:
        with pytest.raises(errors.RestrictViolation):
            cursor.execute(change)
        connection.rollback()


def test_whoever_writes_a_line_chooses_neither_its_number_nor_its_time(warehouse: Warehouse, home: Settings) -> None:
    """A line dated from before, or put between two others, would be evidence that never was."""
    opened(warehouse)
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "insert into audit.access (access_id, at, who, acting_as, what, why, project, items, previous, hash)"
            " values (1, '2000-01-01', 'x', 'dpo', 'files', 'antidaté', 'journal', 1, '', '')"
            " returning access_id, at > now() - interval '1 hour'"
        )
        row = cursor.fetchone()
        assert row is not None and row[0] > 1 and row[1]
    assert verify(warehouse, home).faults == ()


def test_lines_written_at_the_same_moment_still_follow_one_another(warehouse: Warehouse, home: Settings) -> None:
    before = verify(warehouse, home).lines
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: opened(warehouse, 10), range(6)))
    found = verify(warehouse, home)
    assert found.faults == () and found.lines == before + 60


@contextmanager
def tampered(warehouse: Warehouse, change: Callable[[Any, int], None]) -> Iterator[None]:
    """A database superuser does this to the log, whose last line has the number given; put right afterwards."""
    connection = warehouse._administrator()
    cursor = connection.cursor()
    cursor.execute("set session_replication_role = replica")
    cursor.execute("select * from audit.access order by access_id")
    lines = cursor.fetchall()
    cursor.execute("select * from audit.access_head")
    [head] = cursor.fetchall()
    try:
        change(cursor, lines[-1][0])
        connection.commit()
        yield
    finally:
        connection.rollback()
        cursor.execute("delete from audit.access; delete from audit.access_head")
        execute_values(cursor, "insert into audit.access values %s", lines)
        cursor.execute("insert into audit.access_head values (%s, %s, %s)", head)
        connection.commit()
        connection.close()


def removed(cursor: Any, last: int) -> None:
    cursor.execute("delete from audit.access where access_id = %s", (last - 2,))


def removed_and_numbered_anew(cursor: Any, last: int) -> None:
    removed(cursor, last)
    cursor.execute("update audit.access set access_id = access_id - 1 where access_id > %s", (last - 2,))


def changed(cursor: Any, last: int) -> None:
    cursor.execute("update audit.access set who = 'personne' where access_id = %s", (last - 2,))


def changed_with_its_hash(cursor: Any, last: int) -> None:
    changed(cursor, last)
    cursor.execute("update audit.access as line set hash = audit.hash_of(line) where access_id = %s", (last - 2,))


def cut(cursor: Any, last: int) -> None:
    cursor.execute("delete from audit.access where access_id = %s", (last,))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (removed, "ligne(s) {2} à {2} : retirée(s)"),
        (removed_and_numbered_anew, "ligne {2} : changée après coup"),
        (changed, "ligne {2} : changée après coup"),
        (changed_with_its_hash, "ligne {1} : ne suit plus la précédente"),
        (cut, "ligne(s) {0} à {0} : retirée(s) à la fin"),
    ],
)  # fmt: skip
def test_what_even_a_superuser_does_to_the_log_shows_with_its_place(
    change: Callable[[Any, int], None], said: str, warehouse: Warehouse, home: Settings
) -> None:
    opened(warehouse, 4)
    with warehouse.connect() as connection, connection.cursor() as cursor:
        [last] = last_lines(cursor, None, 1)
    number = last.access_id
    with tampered(warehouse, change):
        faults = verify(warehouse, home).faults
        assert any(said.format(number, number - 1, number - 2) in fault for fault in faults), faults
        assert not (home.home / "audit_mark.json").exists(), "a broken log is not where the next one starts from"
    assert verify(warehouse, home).faults == ()


def cut_with_its_head(cursor: Any, last: int) -> None:
    """As a restoration of an older backup, or somebody who knows the tables, would leave it."""
    cut(cursor, last)
    cursor.execute(
        "update audit.access_head set (access_id, hash) = (select access_id, hash from audit.access where access_id = %s)",
        (last - 1,),
    )


def test_a_log_cut_with_its_head_shows_on_the_machine_that_verified_it(warehouse: Warehouse, home: Settings) -> None:
    """What stands in the database alone can be cut without a trace: the mark stands outside."""
    opened(warehouse, 3)
    assert verify(warehouse, home).faults == ()
    with tampered(warehouse, cut_with_its_head):
        [fault] = verify(warehouse, home).faults
        assert "n'est plus là" in fault
    (home.home / "audit_mark.json").write_text("{}")
    with pytest.raises(MealError, match="n'est plus lisible"):
        verify(warehouse, home)


def test_a_reason_must_be_given(warehouse: Warehouse) -> None:
    with pytest.raises(ConfigurationError, match="pourquoi"):
        Actor.here("dpo", "  ")
    with warehouse.connect() as connection, pytest.raises(ConfigurationError, match="pourquoi"):
        record(connection.cursor(), replace(ACTOR, why=" "), "files", "journal")
