"""What Kobo's history log tells of a form, followed night after night; and what no log tells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from meal_pipelines.collect import kobo
from meal_pipelines.collect.position import Load
from meal_pipelines.errors import TransientError
from tests.collect.kobo_cases import ASSET, fill, source
from tests.kobo_server import KoboServer
from tests.stage_cases import Bench

PHOTO = {"schema": "1", "survey": [{"type": "image", "name": "photo", "$xpath": "recu/photo"}]}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KoboServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with KoboServer() as kobo:
        kobo.add_asset(ASSET)
        kobo.manage(ASSET)
        yield kobo


def night(bench: Bench, server: KoboServer, **changes: Any) -> Load:
    load = bench.sync(source=source(server, **changes))
    assert bench.present() == {str(row["_id"]) for row in server.rows(ASSET)}
    return load


def test_a_quiet_night_takes_two_requests(bench: Bench, server: KoboServer) -> None:
    """Whatever happened in the minutes before the last night, which are read again."""
    keys = fill(server, 5)
    night(bench, server)
    server.edit(ASSET, keys[0], {"age": "7"})
    server.delete(ASSET, keys[1])
    night(bench, server)
    for _ in range(2):
        server.requests.clear()
        load = night(bench, server)
        assert (load.mode, load.written, len(server.requests)) == ("changes", 0, 2)


def test_a_night_after_the_first_takes_two_requests_though_the_form_was_just_deployed(
    bench: Bench, server: KoboServer
) -> None:
    """The deployment is the newest thing logged, and the first night has kept what it deployed."""
    fill(server, 5)
    server.assets[ASSET].history = server.assets[ASSET].history[:1]
    night(bench, server)
    server.requests.clear()
    assert (night(bench, server).mode, len(server.requests)) == ("changes", 2)


def test_a_log_that_cannot_be_followed_does_not_keep_a_form_from_being_collected(
    bench: Bench, server: KoboServer
) -> None:
    """An edit logged without the name of its submission, minutes before the first night: that night reads everything."""
    keys = fill(server, 3)
    server.edit(ASSET, keys[0], {"age": "7"})
    del server.assets[ASSET].history[-1]["metadata"]["submission"]
    assert night(bench, server).mode == "sweep"
    server.requests.clear()
    assert (night(bench, server).mode, len(server.requests)) == ("changes", 2)


def test_additions_edits_reviews_and_deletions_are_followed_without_a_sweep(bench: Bench, server: KoboServer) -> None:
    keys = fill(server, 250)
    night(bench, server)
    server.edit(ASSET, keys[3], {"age": "99"})
    server.validate(ASSET, keys[4])
    server.delete(ASSET, keys[5])
    server.delete(ASSET, keys[249])
    fill(server, 2)
    load = night(bench, server)
    assert (load.mode, load.added, load.changed, load.removed) == ("changes", 2, 2, 2)
    assert load.message is None


@pytest.mark.parametrize("maximum", [7, 50, 1000])
def test_more_new_rows_than_a_page_shows_are_all_taken(maximum: int, bench: Bench, server: KoboServer) -> None:
    """Self-hosted servers cut pages as they like."""
    server.maximum = maximum
    fill(server, 3)
    night(bench, server)
    fill(server, 230)
    load = night(bench, server)
    assert (load.mode, load.added, load.present) == ("changes", 230, 233)


def test_an_edit_in_the_same_second_as_one_already_seen_is_seen(bench: Bench, server: KoboServer) -> None:
    [key] = fill(server, 1)
    night(bench, server)
    for age in ("1", "2", "3"):
        server.edit(ASSET, key, {"age": age})
        for entry in server.assets[ASSET].history:
            entry["date_created"] = "2026-11-24T01:00:00Z"
        assert night(bench, server).changed == 1


def test_a_row_that_comes_back_is_in_no_log_and_given_away_by_the_total(bench: Bench, server: KoboServer) -> None:
    keys = fill(server, 150)
    night(bench, server)
    server.delete(ASSET, keys[0])
    assert night(bench, server).mode == "changes"
    server.restore(ASSET, keys[0])
    load = night(bench, server)
    assert (load.mode, load.restored) == ("sweep", 1)
    assert "le serveur compte 150 soumissions, l'entrepôt 149" in str(load.message)


def test_a_row_deleted_before_it_was_ever_seen_is_nobody(bench: Bench, server: KoboServer) -> None:
    fill(server, 2)
    night(bench, server)
    server.delete(ASSET, fill(server, 1)[0])
    load = night(bench, server)
    assert (load.mode, load.written) == ("changes", 0)


def test_an_old_row_whose_first_identity_is_wrong_is_found_by_a_sweep(bench: Bench, server: KoboServer) -> None:
    """Seen in a recording of 2022: rootUuid equal to the identity after the edit."""
    keys = fill(server, 120)
    night(bench, server)
    server.edit(ASSET, keys[0], {"age": "5"})
    server.assets[ASSET].history[-1]["metadata"]["submission"]["root_uuid"] = "00000000-0000-0000-0000-000000000000"
    load = night(bench, server)
    assert (load.mode, load.changed) == ("sweep", 1)


def test_a_log_that_may_not_be_read_any_more_leads_to_a_sweep(bench: Bench, server: KoboServer) -> None:
    keys = fill(server, 3)
    night(bench, server)
    server.manage(ASSET, False)
    server.edit(ASSET, keys[0], {"age": "5"})
    load = night(bench, server)
    assert (load.mode, load.changed) == ("sweep", 1)
    server.edit(ASSET, keys[1], {"age": "5"})
    assert night(bench, server).mode == "sweep", "an account that only reads is swept each night"


@pytest.mark.parametrize("hours", [-30, 30])
def test_the_servers_clock_is_the_only_one_that_counts(hours: int, bench: Bench, server: KoboServer) -> None:
    server.skew = timedelta(hours=hours)
    keys = fill(server, 3)
    night(bench, server)
    server.edit(ASSET, keys[0], {"age": "5"})
    load = night(bench, server)
    assert (load.mode, load.changed) == ("changes", 1)


def test_a_file_that_arrives_late_is_looked_for_until_it_is_there(bench: Bench, server: KoboServer) -> None:
    """No log tells it: the answer names a file that the server does not have yet."""
    server.deploy(ASSET, PHOTO)
    key = server.submit(ASSET, {"recu/photo": "recu.jpg"})
    fill(server, 130)
    night(bench, server)
    server.attach(ASSET, key, "recu.jpg")
    load = night(bench, server)
    assert (load.mode, load.changed) == ("changes", 1)
    server.requests.clear()
    night(bench, server)
    assert len(server.requests) == 2, "nothing is awaited any more"


def test_a_new_version_of_the_form_is_kept_with_the_files_it_asks_for(bench: Bench, server: KoboServer) -> None:
    fill(server, 3)
    night(bench, server)
    version = server.deploy(ASSET, PHOTO)
    key = server.submit(ASSET, {"recu/photo": "recu.jpg"})
    load = night(bench, server)
    assert load.mode == "changes"
    kept = bench.query("select form_version from raw.form_version where project = %s", bench.project.id)
    assert (version,) in kept
    fill(server, 130)
    night(bench, server)
    server.attach(ASSET, key, "recu.jpg")
    assert night(bench, server).changed == 1


def test_a_loss_of_rows_that_no_log_tells_is_refused(bench: Bench, server: KoboServer) -> None:
    fill(server, 60)
    night(bench, server)
    form = server.assets[ASSET]
    for key in form.ids[:50]:
        del form.rows[key]
    form.ids = form.ids[50:]
    load = bench.sync(source=source(server))
    assert load.refused is not None
    assert len(bench.present()) == 60


def test_an_empty_answer_that_announces_rows_is_not_all_there_is(
    bench: Bench, server: KoboServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows between the last ones known and the newest ones shown would be passed over for good: the total may agree by chance."""
    monkeypatch.setattr(kobo, "NEWEST", 3)
    fill(server, 3)
    night(bench, server)
    keys = fill(server, 9)
    server.lose_sight(ASSET, keys[0] - 1)
    server.faults.extend(["", "", "empty"])
    with pytest.raises(TransientError, match="n'en rend aucune"):
        bench.sync(source=source(server, page_size=4))
    night(bench, server)


def test_a_deletion_logged_before_a_sweep_is_not_told_again(bench: Bench, server: KoboServer) -> None:
    """The same row is shown again meanwhile: it would be deleted and restored in the versions, and never was."""
    keys = fill(server, 5)
    server.delete(ASSET, keys[2])
    server.restore(ASSET, keys[2])
    assert night(bench, server).mode == "sweep"
    load = night(bench, server)
    assert (load.mode, load.written) == ("changes", 0)


def test_a_submission_sent_again_after_its_deletion_is_not_deleted(bench: Bench, server: KoboServer) -> None:
    """The log names the identity that both have; the second has another `_id`."""
    [key] = fill(server, 1)
    night(bench, server)
    row = server.row(ASSET, key)
    server.delete(ASSET, key)
    again = server.submit(ASSET, {"age": "1", "_uuid": row["_uuid"]})
    night(bench, server)
    assert bench.present() == {str(again)}
    versions = bench.query("select state from raw.submission where submission_id = %s", str(again))
    assert [state for (state,) in versions] == ["present"]


@pytest.mark.parametrize("maximum", [1, 2])
def test_rows_asked_for_by_name_are_all_taken_however_few_a_page_shows(
    maximum: int, bench: Bench, server: KoboServer
) -> None:
    server.deploy(ASSET, PHOTO)
    keys = [server.submit(ASSET, {"recu/photo": f"{n}.jpg"}) for n in range(6)]
    fill(server, 120)
    night(bench, server)
    server.maximum = maximum
    for key in keys[:5]:
        server.attach(ASSET, key, f"{key}.jpg")
    server.edit(ASSET, keys[5], {"age": "5"})
    load = night(bench, server)
    assert (load.mode, load.changed) == ("changes", 6)
