"""What is kept of a Kobo row, what counts as a change of it, and the versions of its form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from meal_pipelines.collect.source import Submission
from tests.collect.kobo_cases import ASSET, SECRET_ANSWER, fill, source
from tests.kobo_server import KoboServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KoboServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with KoboServer() as kobo:
        kobo.add_asset(ASSET)
        yield kobo


def only(server: KoboServer, key: int) -> Submission:
    [found] = [s for page in source(server).sweep() for s in page.submissions if s.submission_id == str(key)]
    return found


def test_a_submission_carries_the_identity_and_the_stamps_of_its_row(server: KoboServer) -> None:
    """Kobo's stamps are UTC and do not say so."""
    key = server.submit(ASSET, {"age": "30"}, at="2026-11-23T08:21:51")
    row, submission = server.row(ASSET, key), only(server, key)
    assert submission.submission_id == str(key)
    assert submission.instance_id == row["meta/rootUuid"]
    assert submission.form_version == row["__version__"]
    assert submission.submitted_at == "2026-11-23T08:21:51+00:00"
    assert submission.changed_at is None
    assert orjson.loads(submission.payload) == row


def test_an_edit_keeps_the_identity_and_changes_the_content(server: KoboServer) -> None:
    """Kobo gives an edited record a new _uuid and the same _id, and no date."""
    key = server.submit(ASSET, {"age": "30"})
    before = only(server, key)
    server.edit(ASSET, key, {"age": "31"})
    after = only(server, key)
    assert not source(server).is_same(before.payload, after.payload)
    assert (after.submission_id, after.instance_id) == (before.submission_id, before.instance_id)


@pytest.mark.parametrize(
    "change",
    [
        lambda server, key: server.validate(ASSET, key),
        lambda server, key: server.attach(ASSET, key, "photo.png"),
        lambda server, key: server.edit(ASSET, key, {}),
    ],
    ids=["review", "late attachment", "edit to the same answers"],
)
def test_what_a_person_does_to_a_submission_is_a_change(server: KoboServer, change: Any) -> None:
    """A review and a late photo say something new of the submission."""
    key = server.submit(ASSET, {"age": "30"})
    before = only(server, key)
    change(server, key)
    assert not source(server).is_same(before.payload, only(server, key).payload)


def test_what_the_server_changes_by_itself_is_not_a_change(server: KoboServer) -> None:
    """An upgrade of the server rewrote these keys in every row: 200,000 false versions."""
    key = server.submit(ASSET, {"age": "30"}, attachments=["photo.png"])
    before = only(server, key)
    row = server.row(ASSET, key)
    [photo] = row["_attachments"]
    older = {name: value for name, value in photo.items() if name not in ("uid", "is_deleted", "media_file_basename")}
    moved = {**older, "download_url": "https://kobo.example/autre", "download_small_url": None}
    changes = {
        "_attachments": [moved],
        "_geolocation": [33.5, -7.6],
        "_tags": [],
        "_date_modified": "2027-01-01T00:00:00",
    }
    server.assets[ASSET].rows[key] = orjson.dumps({**row, **changes, "meta/rootUuid": "uuid:autre"})
    after = only(server, key)
    assert after.payload != before.payload
    assert source(server).is_same(before.payload, after.payload)
    assert after.changed_at == "2027-01-01T00:00:00+00:00"


def test_the_order_of_keys_in_a_row_is_not_a_change(server: KoboServer) -> None:
    """JSON objects have none, and servers do not promise any."""
    key = server.submit(ASSET, {"age": "30", "sexe": "f"})
    before = only(server, key)
    row = server.row(ASSET, key)
    server.assets[ASSET].rows[key] = orjson.dumps(dict(reversed(row.items())))
    after = only(server, key)
    assert after.payload != before.payload
    assert source(server).is_same(before.payload, after.payload)


def test_a_submission_never_shows_its_answers(server: KoboServer) -> None:
    """A repr ends up in logs and in the output of tests."""
    [key] = fill(server, 1)
    assert SECRET_ANSWER not in repr(only(server, key))


def test_deployed_versions_come_oldest_first_and_known_ones_are_not_fetched(server: KoboServer) -> None:
    """A form may have a hundred versions, and their content does not change."""
    second = server.deploy(ASSET, {"survey": [{"type": "text", "name": "nom"}]})
    first, last = source(server).form_versions()
    assert last.form_version == second
    assert last.content == {"survey": [{"type": "text", "name": "nom"}]}
    assert first.deployed_at is not None and last.deployed_at is not None and first.deployed_at < last.deployed_at
    server.requests.clear()
    assert [version.form_version for version in source(server).form_versions({first.form_version})] == [second]
    assert len(server.requests) == 2
