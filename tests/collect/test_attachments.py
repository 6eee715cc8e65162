"""The files of a form on ODK Central, fetched night after night."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from meal_pipelines.collect.attachments import FileStore, Limits
from tests.collect.file_cases import PROGRAM, House, picture, submitted
from tests.collect.odk_cases import NAME, add_form, source
from tests.odk_server import OdkServer
from tests.odk_state import Form
from tests.stage_cases import Bench


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OdkServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with OdkServer() as central:
        add_form(central)
        yield central


@pytest.fixture
def form(server: OdkServer) -> Form:
    return server.forms[2, NAME]


@pytest.fixture
def house(bench: Bench, tmp_path: Path) -> House:
    folder = tmp_path / "attachments"
    return House(bench, FileStore(str(folder), folder / ".partial"), folder)


def test_files_come_whole_sealed_and_readable_with_the_keys_only(server: OdkServer, form: Form, house: House) -> None:
    """In the store their bytes are not to be found, nor anything that another may read."""
    root = submitted(server, form, a=picture(1), b=picture(2, 300))
    tally = house.night(source(server))
    assert (tally.listed, tally.kept, tally.shared, tally.stopped) == (2, 2, 0, None)
    assert house.content(root) == {"a.png": picture(1), "b.png": picture(2, 300)}
    assert len(house.lying()) == 2 and not list(house.clear_bytes())
    assert {stat.S_IMODE(path.stat().st_mode) for path in house.lying()} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in house.lying()} == {0o700}
    kept = house.bench.query("select name, bytes from raw.attachment where project = %s", house.bench.project.id)
    assert all(b"a.png" not in bytes(name) and size % 65536 == 41 for name, size in kept)


def test_a_quiet_night_asks_for_no_file_and_no_list(server: OdkServer, form: Form, house: House) -> None:
    submitted(server, form, a=picture(1))
    submitted(server, form)
    house.night(source(server))
    server.requests.clear()
    assert house.fetch(source(server)).listed == 0
    assert server.requests == []


def test_a_submission_that_the_source_does_not_speak_of_is_asked_for_again(
    server: OdkServer, form: Form, house: House
) -> None:
    """Deleted and restored between two answers: raw never saw it go, and its files would be forgotten."""
    root, other = submitted(server, form, a=picture(1)), submitted(server, form, a=picture(2))
    house.bench.sync(source=source(server))
    server.delete(form, root)
    assert house.fetch(source(server)).kept == 1
    server.restore(form, root)
    assert house.fetch(source(server)).kept == 1
    assert set(house.content(root)) == set(house.content(other)) == {"a.png"}


def test_what_a_load_that_was_killed_brought_is_not_forgotten(server: OdkServer, form: Form, house: House) -> None:
    """Its pages to come bear the same number."""
    submitted(server, form, a=picture(1))
    load = house.bench.sync(source=source(server))
    with house.bench.warehouse.connect() as connection:
        connection.cursor().execute("update raw.load set state = 'running' where load_id = %s", (load.load_id,))
    assert house.fetch(source(server)).kept == 1
    [(cursor,)] = house.bench.query(
        "select load_id from raw.attachment_cursor where project = %s", house.bench.project.id
    )
    assert cursor == load.load_id - 1


def test_a_file_that_comes_late_is_fetched_the_night_after(server: OdkServer, form: Form, house: House) -> None:
    root = submitted(server, form, a=picture(1), b=None)
    assert house.night(source(server)).kept == 1
    assert house.states() == [("expected", False, None, 1), ("kept", True, None, 1)]
    server.attach(form, root, "b.png", picture(2))
    server.wait(hours=12)
    tally = house.night(source(server))
    assert (tally.kept, len(server.asked("/attachments/a.png"))) == (1, 1), "what is here is not asked for again"
    assert set(house.content(root)) == {"a.png", "b.png"}


def test_the_same_bytes_are_stored_once_for_all_who_have_them(server: OdkServer, form: Form, house: House) -> None:
    first = submitted(server, form, a=picture(1))
    second = submitted(server, form, b=picture(1))
    tally = house.night(source(server))
    assert (tally.kept, tally.shared, len(house.lying())) == (2, 1, 1)
    assert house.erase(first).contents == 0, "the other submission still has them"
    assert house.content(second) == {"b.png": picture(1)}
    assert house.erase(second).contents == 1
    assert house.lying() == []


def test_what_is_too_large_is_left_on_the_way_and_said(server: OdkServer, form: Form, house: House) -> None:
    submitted(server, form, a=picture(1, 2_000_001), b=picture(2, 2_000_000))
    tally = house.night(source(server))
    assert (tally.kept, dict(tally.refused)) == (1, {"size": 1})
    assert house.states() == [("kept", True, None, 1), ("refused", True, "size", 1)]
    assert len(house.lying()) == 1


@pytest.mark.parametrize(
    ("content", "reason", "media_type"),
    [
        (PROGRAM, "type", "application/x-msdownload"),
        (b"\x7fELF\2\1\1" + bytes(200), "type", "application/x-executable"),
        (b"#!/bin/sh\nrm -rf /\n", "type", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "type", None),
        (b"PK\3\4" + bytes(100), "type", "application/zip"),
        (b"", "empty", None),
    ],
    ids=["exe", "elf", "script", "svg", "zip", "empty"],
)
def test_a_file_is_what_its_bytes_say_whatever_its_name(
    content: bytes, reason: str, media_type: str | None, server: OdkServer, form: Form, house: House
) -> None:
    submitted(server, form, photo=content)
    assert dict(house.night(source(server)).refused) == {reason: 1}
    found = house.bench.query("select media_type from raw.attachment where project = %s", house.bench.project.id)
    assert found == [(media_type,)] and house.lying() == []
    assert dict(house.fetch(source(server)).refused) == {reason: 1}
    server.requests.clear()
    house.fetch(source(server))
    assert server.requests == [], "what was refused on two nights is not asked for each night"


def test_the_page_of_a_proxy_under_200_is_not_taken_for_the_file(server: OdkServer, form: Form, house: House) -> None:
    """It would be refused for its type, for ever; the next night shows that it was not the file."""
    root = submitted(server, form, a=picture(1))
    house.bench.sync(source=source(server))
    server.file_faults.append("html")
    assert dict(house.fetch(source(server)).refused) == {"type": 1}
    assert house.fetch(source(server)).kept == 1
    assert house.content(root) == {"a.png": picture(1)}


def test_other_limits_judge_again_what_was_refused_and_nothing_else(
    server: OdkServer, form: Form, house: House
) -> None:
    submitted(server, form, a=picture(1, 60_000), b=picture(2, 10_000))
    assert house.night(source(server), Limits(20_000, ("image/*",))).kept == 1
    tally = house.fetch(source(server))
    assert (tally.kept, sum(tally.refused.values())) == (1, 0)
    assert len(server.asked("/attachments/b.png")) == 1


def test_a_transfer_that_breaks_keeps_nothing_and_is_begun_again(server: OdkServer, form: Form, house: House) -> None:
    """Cut in mid-body, reset in mid-body, or bytes that are not those announced at the end."""
    root = submitted(server, form, a=picture(1))
    house.bench.sync(source=source(server))
    for fault in ("cut", "reset_mid_body", "other_end"):
        server.file_faults.append(fault)
        tally = house.fetch(source(server))
        assert (tally.kept, tally.failed) == (0, 1) and house.lying() == [], fault
    assert house.states() == [("expected", True, "failed", 1)]
    assert house.fetch(source(server)).kept == 1
    assert house.content(root) == {"a.png": picture(1)}
    [(tries,)] = house.bench.query("select tries from raw.attachment where project = %s", house.bench.project.id)
    assert tries == 0


def test_one_file_that_fails_does_not_stop_the_others(server: OdkServer, form: Form, house: House) -> None:
    for seed in range(4):
        submitted(server, form, a=picture(seed))
    house.bench.sync(source=source(server))
    server.file_faults.extend(["cut", "", "cut", ""])
    tally = house.fetch(source(server))
    assert (tally.kept, tally.failed, tally.stopped) == (2, 2, None)
    assert house.fetch(source(server)).kept == 2


def test_a_server_that_fails_three_times_running_is_left_alone(server: OdkServer, form: Form, house: House) -> None:
    for seed in range(9):
        submitted(server, form, a=picture(seed))
    house.bench.sync(source=source(server))
    server.file_faults.extend(["cut"] * 9)
    tally = house.fetch(source(server))
    assert (tally.failed, len(server.asked("/attachments/a.png"))) == (3, 3)
    assert tally.stopped is not None and "n'a pas pu être lu" in tally.stopped
    server.file_faults.clear()
    assert house.fetch(source(server)).kept == 9


def test_the_pause_that_a_server_asks_for_is_kept(server: OdkServer, form: Form, house: House) -> None:
    submitted(server, form, a=picture(1))
    house.bench.sync(source=source(server))
    pauses: list[float] = []
    server.retry_after = "3"
    server.file_faults.append("429-retry-after")
    assert house.fetch(source(server, sleep=pauses.append)).kept == 1
    assert pauses == [3.0]


def test_a_run_ends_when_its_time_is_up_and_goes_on_the_next(server: OdkServer, form: Form, house: House) -> None:
    for seed in range(3):
        submitted(server, form, a=picture(seed))
    tally = house.night(source(server), budget=timedelta(0))
    assert tally.kept == 0 and tally.stopped is not None and "La durée" in tally.stopped
    assert house.fetch(source(server)).kept == 3


def test_what_the_source_deletes_stays_and_is_said_to_be_there_no_more(
    server: OdkServer, form: Form, house: House
) -> None:
    """Kept until a retention rule or an erasure; expected no more."""
    root = submitted(server, form, a=picture(1), b=None)
    submitted(server, form, a=picture(2))
    house.night(source(server))
    server.delete(form, root)
    house.night(source(server))
    assert house.states() == [("gone", False, None, 1), ("kept", False, None, 1), ("kept", True, None, 1)]
    assert house.content(root) == {"a.png": picture(1)}
    server.restore(form, root)
    server.wait(hours=12)
    house.night(source(server))
    assert house.states() == [("expected", False, None, 1), ("kept", True, None, 2)]


def test_an_edit_that_drops_a_file_keeps_what_was_received(server: OdkServer, form: Form, house: House) -> None:
    root = submitted(server, form, a=picture(1))
    house.night(source(server))
    server.edit(form, root, {"photo": "b.png"})
    server.forms[2, NAME].stored[root].files = {"b.png": picture(2)}
    server.wait(hours=12)
    assert house.night(source(server)).kept == 1
    assert house.states() == [("kept", False, None, 1), ("kept", True, None, 1)]
    assert house.content(root) == {"a.png": picture(1), "b.png": picture(2)}
