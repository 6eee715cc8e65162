"""How long data waited before they were collected, and when more are due: measured, kept, shown without a value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from meal_pipelines.collect.history import as_markdown, collections_of, duration_told, last_collections
from meal_pipelines.collect.punctuality import EXPECTED, LATE, next_night
from meal_pipelines.collect.source import Submission, canonical
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.warehouse import Warehouse
from tests.collect.workbook_cases import a_project
from tests.collect.workbook_house import House
from tests.stage_cases import Bench, Memory


@dataclass
class Server(Memory):
    """A source that says when each submission reached it; hours: how long ago that was, by submission."""

    hours: dict[str, float] = field(default_factory=dict)
    says_arrival: ClassVar[bool] = True

    def _submission(self, key: str) -> Submission:
        arrived = datetime.now(UTC) - timedelta(hours=self.hours[key])
        return Submission(key, canonical(self.rows[key]), submitted_at=arrived.isoformat())

    def receive(self, **hours: float) -> None:
        self.hours |= hours
        self.rows |= {key: {"jour": key} for key in hours}


def noted(bench: Bench) -> tuple[Any, ...]:
    """(median, longest, hours since the last arrival) of the last load."""
    return bench.query(
        "select round(lag_median_h::numeric, 1)::float, round(lag_max_h::numeric, 1)::float,"
        " round(extract(epoch from now() - last_arrival_at) / 3600, 1)::float"
        " from raw.load where project = %s order by load_id desc limit 1",
        bench.project.id,
    )[0]


def shown(bench: Bench) -> tuple[Any, ...]:
    """What an analyst reads: (state, hours from the last arrival to the next expected, late)."""
    with bench.warehouse.connect("analyst") as connection, connection.cursor() as cursor:
        cursor.execute(
            "select last_attempt_state, extract(epoch from next_expected_at - last_arrival_at)::int / 3600, is_late"
            " from quality.collection where project = %s",
            (bench.project.id,),
        )
        return cursor.fetchall()[0]


def test_the_delay_is_that_of_what_is_new_and_a_first_collection_has_none(bench: Bench) -> None:
    """A history of three years brought at once did not wait three years."""
    server = Server()
    server.receive(a=24.0 * 900, b=300.0)
    bench.sync(source=server, frequency="monthly")
    assert noted(bench) == (None, None, 300.0)
    server.receive(c=2.0, d=3.0, e=10.0)
    bench.sync(source=server, frequency="monthly")
    assert noted(bench) == (3.0, 10.0, 2.0)


def test_a_night_that_brings_nothing_keeps_the_last_arrival(bench: Bench) -> None:
    server = Server()
    server.receive(a=50.0)
    for _ in range(2):
        bench.sync(source=server, frequency="weekly")
    assert noted(bench) == (None, None, 50.0)


def test_a_clock_that_is_ahead_makes_no_negative_delay_and_hides_no_silence(bench: Bench) -> None:
    server = Server()
    server.receive(a=1.0)
    bench.sync(source=server, frequency="daily")
    server.receive(b=-24.0 * 365)
    bench.sync(source=server, frequency="daily")
    assert noted(bench) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("hours, is_late", [(24.0 * 39, False), (24.0 * 41, True)])
def test_a_monthly_form_is_expected_after_a_month_and_late_after_forty_days(
    bench: Bench, hours: float, is_late: bool
) -> None:
    server = Server()
    server.receive(a=hours)
    bench.sync(source=server, frequency="monthly")
    assert shown(bench) == ("done", 31 * 24, is_late)
    [(_, stands)] = last_collections(bench.warehouse, [(bench.project.id, "visites")])
    assert stands.is_late == is_late


def test_a_collection_that_fails_shows_as_such_beside_the_last_that_succeeded(bench: Bench) -> None:
    server = Server()
    server.receive(a=1.0, b=1.0, c=1.0, d=1.0)
    bench.sync(source=server, frequency="daily")
    server.breaks_after = 0
    with pytest.raises(Exception, match="connexion est perdue"):
        bench.sync(source=server, frequency="daily")
    assert shown(bench) == ("failed", 24, False)
    [(last, stands)] = last_collections(
        bench.warehouse, [(bench.project.id, "visites"), (bench.project.id, "ateliers")]
    )
    assert (last.state, last.message) == ("failed", "La connexion est perdue.")
    assert stands.last_success_at is not None and stands.last_success_at < last.started_at


def test_disappearances_that_are_not_believed_are_counted(bench: Bench) -> None:
    server = Server()
    server.receive(**{f"s{number:02}": 1.0 for number in range(40)})
    bench.sync(source=server)
    del server.rows["s00"]
    server.rows = dict(list(server.rows.items())[:5])
    bench.sync(source=server)
    [last, _] = collections_of(bench.warehouse, bench.project.id, "visites", 5)
    assert (last.state, last.removed, last.refused) == ("refused", 0, 35)
    text = as_markdown([last])
    table, told = text.split("\n\n")
    assert "| avec refus |" in table and len({line.count("|") for line in table.splitlines()}) == 1
    assert told.startswith("- ") and "ont disparu de la source d'un coup" in told


def test_analysts_read_counts_and_moments_and_no_message(bench: Bench) -> None:
    """A message may name a file, and a file's name may name somebody."""
    columns = bench.query(
        "select column_name, data_type from information_schema.columns"
        " where table_schema = 'quality' and table_name = 'collection'"
    )
    words = {name for name, kind in columns if kind == "text"}
    assert words == {"project", "form", "source", "last_attempt_state", "mode"}


def test_a_source_that_does_not_say_when_things_arrived_has_no_delay(bench: Bench) -> None:
    """The day that a row speaks of is not the day it came."""
    bench.source.rows = {"a": {"jour": "1"}}
    bench.sync(frequency="yearly")
    bench.source.rows["b"] = {"jour": "2"}
    bench.sync(frequency="yearly")
    assert noted(bench) == (None, None, 0.0)


@pytest.fixture
def house(warehouse: Warehouse, tmp_path: Path) -> Iterator[House]:
    project = a_project(tmp_path / "p", name=f"w{uuid4().hex[:8]}")
    made = House(warehouse, Keyring.create(tmp_path / "k.json"), tmp_path / "p", project)
    yield made
    made.clear()


def test_rows_of_a_workbook_arrive_when_their_file_is_written_and_refused_files_are_counted(house: House) -> None:
    house.put("subventions-1.xlsx", ["S-01", "A", 1])
    first = house.night(frequency="monthly")
    house.put("subventions-2.xlsx", ["S-02", "B", 1])
    (house.inbox / "subventions-3.xlsx").write_bytes(b"no workbook")
    second = house.night(frequency="monthly")
    written_at = datetime.fromtimestamp((house.inbox / "subventions-2.xlsx").stat().st_mtime, UTC)
    found = house.query(
        "select load_id, lag_median_h, last_arrival_at, refused from raw.load where project = %(project)s order by load_id"
    )
    assert [line[0] for line in found] == [first.load_id, second.load_id]
    assert found[0][1] is None and found[0][3] == 0
    assert found[1][2] == written_at and found[1][3] == 1
    history = collections_of(house.warehouse, house.project.id, "subventions", 5)
    assert "subventions-3.xlsx" in str(history[0].message) and "subventions-3" not in as_markdown(history)
    waited = (datetime.now(UTC) - written_at).total_seconds() / 3600
    assert found[1][1] == pytest.approx(waited, abs=0.1)


def test_every_frequency_expects_something_before_it_is_late() -> None:
    assert EXPECTED.keys() == LATE.keys()
    assert all(EXPECTED[each] < LATE[each] for each in EXPECTED)


def test_the_next_night_is_two_o_clock_in_morocco() -> None:
    """Whatever the zone of the machine, and on the same day when it is not two yet."""
    evening, early = datetime(2026, 11, 27, 20, tzinfo=UTC), datetime(2026, 11, 27, 0, 30, tzinfo=UTC)
    assert next_night(evening).isoformat()[:16] == "2026-11-28T02:00"
    assert next_night(early).isoformat()[:16] == "2026-11-27T02:00"


def test_durations_are_told_in_the_unit_that_speaks() -> None:
    assert [duration_told(hours) for hours in (None, 0.0, 0.2, 7.4, 71.0, 96.0)] == [
        "–",
        "< 1 min",
        "12 min",
        "7 h",
        "71 h",
        "4 j",
    ]
