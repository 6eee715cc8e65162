"""`raw` after a sweep: every version kept, edits and deletions seen, nothing twice, whoever dies in the middle."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from meal_pipelines.collect.source import Page
from meal_pipelines.collect.sync import synchronise
from meal_pipelines.errors import MealError, TransientError
from meal_pipelines.settings import CHECKOUT, Settings
from tests.collect.kobo_cases import ASSET, SECRET_ANSWER, everything_told, fill, source
from tests.kobo_server import KoboServer
from tests.stage_cases import Bench, Memory


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KoboServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with KoboServer() as kobo:
        kobo.add_asset(ASSET)
        yield kobo


def pull(bench: Bench, server: KoboServer, **changes: Any) -> tuple[int, int, int, int]:
    """(added, changed, removed, restored) of one sweep."""
    load = bench.sync(source=source(server, **changes))
    return load.added, load.changed, load.removed, load.restored


def versions(bench: Bench, key: int) -> list[tuple[int, str, Any]]:
    """(version, state, payload) of one submission, the payload opened."""
    found = bench.query(
        "select version, state, payload from raw.submission where project = %s and submission_id = %s order by version",
        bench.project.id,
        str(key),
    )
    return [
        (number, state, blob and bench.unsealed(blob, f"raw|{bench.project.id}|visites|{key}|{number}"))
        for number, state, blob in found
    ]


def loads(bench: Bench) -> list[tuple[Any, ...]]:
    return bench.query(
        "select state, received, added, changed, removed, restored, server_count, message from raw.load"
        " where project = %s order by load_id",
        bench.project.id,
    )


def assert_level(bench: Bench, server: KoboServer) -> None:
    """`raw` holds for present what the server shows, with its content, and every version once."""
    assert bench.present() == {str(row["_id"]) for row in server.rows(ASSET)}
    for row in server.rows(ASSET):
        assert versions(bench, row["_id"])[-1][2] == row


def test_a_first_sweep_brings_every_submission_and_a_second_one_nothing(bench: Bench, server: KoboServer) -> None:
    keys = fill(server, 25)
    assert pull(bench, server, page_size=10) == (25, 0, 0, 0)
    assert pull(bench, server, page_size=7) == (0, 0, 0, 0)
    assert_level(bench, server)
    assert versions(bench, keys[0]) == [(1, "present", server.row(ASSET, keys[0]))]
    assert loads(bench) == [("done", 25, 25, 0, 0, 0, 25, None), ("done", 25, 0, 0, 0, 0, 25, None)]


def test_an_edited_submission_becomes_a_second_version_and_not_a_second_row(bench: Bench, server: KoboServer) -> None:
    """Kobo gives an edited record a new _uuid; only _id stays. What it said before is kept."""
    key, other = fill(server, 2)
    before = server.row(ASSET, key)
    pull(bench, server)
    server.edit(ASSET, key, {"age": "99"})
    assert pull(bench, server) == (0, 1, 0, 0)
    assert versions(bench, key) == [(1, "present", before), (2, "present", server.row(ASSET, key))]
    assert len(versions(bench, other)) == 1


@pytest.mark.parametrize("what", ["review", "late attachment"])
def test_a_review_and_a_late_attachment_are_versions_too(what: str, bench: Bench, server: KoboServer) -> None:
    [key] = fill(server, 1)
    pull(bench, server)
    if what == "review":
        server.validate(ASSET, key)
    else:
        server.attach(ASSET, key, "photo.png")
    assert pull(bench, server) == (0, 1, 0, 0)
    assert_level(bench, server)


def test_a_deleted_submission_is_marked_and_kept(bench: Bench, server: KoboServer) -> None:
    """Raw is lossless: what was there stays readable, under the version that was the last."""
    first, second, last = fill(server, 3)
    pull(bench, server)
    for key in (first, last):
        server.delete(ASSET, key)
    assert pull(bench, server) == (0, 0, 2, 0)
    assert [(number, state, payload is None) for number, state, payload in versions(bench, last)] == [
        (1, "present", False),
        (2, "deleted", True),
    ]
    assert bench.present() == {str(second)}
    assert pull(bench, server) == (0, 0, 0, 0), "a deletion is told once"


def test_a_restored_submission_is_a_new_version_even_when_it_comes_back_as_it_was(
    bench: Bench, server: KoboServer
) -> None:
    """Kobo re-synchronises late what it failed to show."""
    [key] = fill(server, 1)
    pull(bench, server)
    server.delete(ASSET, key)
    pull(bench, server)
    server.restore(ASSET, key)
    assert pull(bench, server) == (0, 0, 0, 1)
    assert [state for _, state, _ in versions(bench, key)] == ["present", "deleted", "present"]
    assert_level(bench, server)


def test_raw_cannot_be_changed_in_place(bench: Bench, server: KoboServer) -> None:
    """A correction is a new version, or an entry of the cleaning log."""
    fill(server, 1)
    pull(bench, server)
    with pytest.raises(MealError, match="raw"), bench.warehouse.connect() as connection:
        connection.cursor().execute(
            "update raw.submission set state = 'deleted' where project = %s", (bench.project.id,)
        )


def test_every_deployed_version_of_the_form_is_kept_once(bench: Bench, server: KoboServer) -> None:
    """An old answer is read with the questionnaire it was given with."""
    content = {"survey": [{"type": "text", "name": "nom"}]}
    second = server.deploy(ASSET, content)
    fill(server, 1)
    pull(bench, server)
    pull(bench, server)
    found = bench.query(
        "select form_version, content from raw.form_version where project = %s order by form_version", bench.project.id
    )
    assert sorted(version["uid"] for version in server.assets[ASSET].versions) == [version for version, _ in found]
    assert dict(found)[second] == content
    [(stamped,)] = bench.query("select form_version from raw.submission where project = %s", bench.project.id)
    assert stamped == second


@pytest.mark.parametrize("pages", [0, 1, 2])
def test_a_sweep_that_breaks_is_finished_by_the_next_one(pages: int, bench: Bench) -> None:
    """Each page is one transaction with its cursor: what was written stays, and is not asked for again."""
    rows = {f"s{number}": {"duree": str(number)} for number in range(9)}
    bench.sync(source=Memory(rows))
    changed = {key: {"duree": "modifiée"} for key in rows if key not in ("s1", "s7")}
    with pytest.raises(TransientError):
        bench.sync(source=Memory(changed, breaks_after=pages))
    assert bench.present() == set(rows), "nothing is deleted on the word of half a sweep"
    load = bench.sync(source=Memory(changed))
    assert bench.present() == set(changed)
    assert load.received == len(changed) - 3 * pages, "the sweep is resumed, not begun again"
    assert (load.changed, load.removed) == (7 - 3 * pages, 2)
    counts = bench.query(
        "select submission_id, count(*) from raw.submission where project = %s group by 1", bench.project.id
    )
    assert dict(counts) == dict.fromkeys(rows, 2)
    assert [line[0] for line in loads(bench)] == ["done", "failed", "done"]


def test_a_fault_of_the_network_says_why_and_the_next_sweep_goes_on(bench: Bench, server: KoboServer) -> None:
    fill(server, 30)
    server.faults.extend(["", "", *["502"] * 5])
    with pytest.raises(TransientError):
        pull(bench, server, page_size=10)
    state, received, *_, message = loads(bench)[-1]
    assert state == "failed" and 0 < received < 30 and message and SECRET_ANSWER not in message
    server.requests.clear()
    pull(bench, server, page_size=10)
    assert all("_id" in query["query"] for query in server.data_requests()), "resumed after the last page stored"
    assert_level(bench, server)


KILLED = """
import sys, time
from pathlib import Path
from meal_pipelines.collect.sync import synchronise
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse
from tests.stage_cases import Memory

home, keyring, project = sys.argv[1:]
rows = {f"s{number:03}": {"duree": "modifiée"} for number in range(60) if number % 10}

def progress(received, total):
    if received >= 30:
        print("half", flush=True)
        time.sleep(60)

with Warehouse.open(Settings.load(environ={"MEAL_HOME": home})) as warehouse:
    synchronise(warehouse, Keyring.read(Path(keyring)), project, "visites", Memory(rows), progress=progress)
"""


def test_a_sweep_killed_with_kill_9_is_finished_by_the_next_run(bench: Bench, settings: Settings) -> None:
    """No handler runs: only what the database holds can finish the work."""
    bench.sync(source=Memory({f"s{number:03}": {"duree": "1"} for number in range(60)}))
    keyring = bench.folder.parent / f"{bench.project.id}.json"
    command = [sys.executable, "-c", KILLED, str(settings.home), str(keyring), bench.project.id]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "half\n"
        process.kill()
    rows = {f"s{number:03}": {"duree": "modifiée"} for number in range(60) if number % 10}
    load = bench.sync(source=Memory(rows))
    assert bench.present() == set(rows)
    assert load.received < len(rows) and load.removed == 6
    assert {line[0] for line in loads(bench)} == {"done", "failed"} and loads(bench)[1][-1] == "interrompu"
    [(most,)] = bench.query("select max(version) from raw.submission where project = %s", bench.project.id)
    assert most == 2


def test_a_loss_that_looks_like_a_withdrawn_permission_is_refused_until_it_is_accepted(bench: Bench) -> None:
    """Under a lost permission a server answers politely with fewer rows: 60 of 100 are not deleted in one night."""
    rows = {f"s{number:03}": {"duree": "1"} for number in range(100)}
    bench.sync(source=Memory(rows, page=40))
    fewer = {key: rows[key] for key in list(rows)[:40]}
    load = bench.sync(source=Memory(fewer, page=40))
    assert load.removed == 0 and bench.present() == set(rows)
    assert load.refused is not None and load.refused.startswith("60 soumissions sur 100 ont disparu")
    assert "--accept-deletions" in load.refused
    assert loads(bench)[-1][0] == "refused"
    assert bench.sync(source=Memory(fewer, page=40), accept_deletions=True).removed == 60
    assert bench.present() == set(fewer)


@pytest.mark.parametrize(
    ("held", "gone", "believed"), [(20, 20, True), (105, 21, True), (104, 21, False), (22, 21, False)]
)
def test_few_deletions_or_a_small_share_are_believed(held: int, gone: int, believed: bool, bench: Bench) -> None:
    """A guard that stops every night is switched off: up to 20, or up to a fifth."""
    rows = {f"s{number:03}": {"duree": "1"} for number in range(held)}
    bench.sync(source=Memory(rows, page=50))
    load = bench.sync(source=Memory({key: rows[key] for key in list(rows)[gone:]}, page=50))
    assert (load.removed, load.refused is None) == ((gone, True) if believed else (0, False))


class Waiting(Memory):
    """Shows its first page, then waits to be released."""

    reached: threading.Event
    released: threading.Event

    def sweep(self, after: str | None = None) -> Iterator[Page]:
        for page in super().sweep(after):
            yield page
            self.reached.set()
            assert self.released.wait(30)


def test_two_collections_of_one_form_at_once_are_not_possible(bench: Bench) -> None:
    """A schedule and a click on « Materialize » at the same minute; other forms are not concerned."""
    slow = Waiting({"a": {}, "b": {}})
    slow.reached, slow.released = threading.Event(), threading.Event()
    first = threading.Thread(target=lambda: bench.sync(source=slow))
    first.start()
    try:
        assert slow.reached.wait(30)
        with pytest.raises(MealError) as refusal:
            bench.sync(source=Memory({"a": {}}))
        assert "« visites »" in str(refusal.value) and "déjà en cours de collecte" in str(refusal.value)
        assert bench.sync("ateliers", Memory({"a": {}})).added == 1
    finally:
        slow.released.set()
        first.join(30)
    assert bench.present() == {"a", "b"}
    assert bench.sync(source=Memory({"a": {}, "b": {}})).written == 0


def test_rows_of_a_load_that_is_gone_are_not_kept(bench: Bench) -> None:
    """No foreign key looks at each row: the cursor's does, once a page, in the same transaction."""

    class Withdrawing(Memory):
        def sweep(self, after: str | None = None) -> Iterator[Page]:
            gone = "delete from raw.load where project = %s and state = 'running' returning load_id"
            assert bench.query(gone, bench.project.id)
            yield from super().sweep(after)

    with pytest.raises(MealError, match="cursor_load_id_fkey"):
        bench.sync(source=Withdrawing({"a": {"duree": "1"}}, page=1))
    assert not bench.present()


def test_a_finished_export_is_read_once(bench: Bench) -> None:
    rows = {"a": {"duree": "1"}, "b": {"duree": "2"}}
    options: dict[str, Any] = {"export": "2026-05"}
    bench.sync(source=Memory(rows), **options)
    given = (bench.warehouse, bench.keyring, bench.project.id, "visites", Memory({}))
    assert synchronise(*given, **options) is None
    assert bench.present() == {"a", "b"}


def test_what_was_collected_cannot_be_read_without_the_keys(bench: Bench) -> None:
    bench.sync(source=Memory({"a": {"identite/nom": SECRET_ANSWER}}))
    [(payload,)] = bench.query("select payload from raw.submission where project = %s", bench.project.id)
    assert SECRET_ANSWER.encode() not in bytes(payload)
    opened = bench.unsealed(payload, f"raw|{bench.project.id}|visites|a|1")
    assert opened == {"identite/nom": SECRET_ANSWER}


def test_a_source_out_of_order_is_refused_without_showing_a_row(bench: Bench) -> None:
    """The sweep is a merge of two sorted lists: an unsorted one would pass for deletions."""

    class Unsorted(Memory):
        def sweep(self, after: str | None = None) -> Iterator[Page]:
            yield Page([self._submission("b")], None, "b")
            yield Page([self._submission("a")], "b", None)

    rows = {"a": {"identite/nom": SECRET_ANSWER}, "b": {"identite/nom": SECRET_ANSWER}}
    bench.sync(source=Memory(rows, page=1))
    with pytest.raises(MealError) as refusal:
        bench.sync(source=Unsorted({key: {"identite/nom": f"{SECRET_ANSWER} bis"} for key in rows}))
    assert SECRET_ANSWER not in everything_told(refusal.value)
    assert bench.present() == {"a", "b"}


def test_a_payload_is_kept_byte_for_byte_as_its_canonical_json(bench: Bench) -> None:
    """Arabic, emoji, quotes, NUL and 10 kB of text pass through sealing and binary COPY."""
    row = {"nom": 'عائشة 🧕 "L\'été"\\ \t\n', "long": "é" * 10_000, "liste": [{"a": None}], "zéro": "\x00"}
    bench.sync(source=Memory({"a": row}))
    [(payload,)] = bench.query("select payload from raw.submission where project = %s", bench.project.id)
    opened = bench.unsealed(payload, f"raw|{bench.project.id}|visites|a|1")
    assert orjson.dumps(opened) == orjson.dumps(dict(sorted(row.items())))
