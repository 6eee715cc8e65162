"""The loopback KoboToolbox against recordings of a real one: a test against another shape proves nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.collect.kobo_cases import ASSET, fill
from tests.kobo_server import KoboServer

RECORDED = Path(__file__).parent / "fixtures" / "kobo"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KoboServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with KoboServer() as kobo:
        kobo.add_asset(ASSET)
        yield kobo


def recorded(name: str) -> dict[str, Any]:
    exchange: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return exchange


def get(server: KoboServer, path: str, *, token: str | None = None, **query: str) -> requests.Response:
    return requests.get(
        f"{server.url}/api/v2/assets/{path}",
        params=query,
        headers={"Authorization": f"Token {token or server.token}"},
        timeout=5,
        allow_redirects=False,
    )


def test_rows_of_the_loopback_server_have_the_keys_of_a_recorded_row(server: KoboServer) -> None:
    """A test against a server of another shape proves nothing."""
    for real in recorded("data_page")["body"]["results"]:
        answers = {name: value for name, value in real.items() if not name.startswith("_")}
        names = [item["media_file_basename"] for item in real["_attachments"]]
        key = server.submit(ASSET, answers, attachments=names)
        ours = get(server, f"{ASSET}/data/", query=f'{{"_id":{{"$gte":{key}}}}}').json()["results"][0]
        assert ours.keys() == real.keys()
        assert {name: type(value) for name, value in ours.items()} == {name: type(v) for name, v in real.items()}
        assert [item.keys() for item in ours["_attachments"]] == [item.keys() for item in real["_attachments"]]


def test_an_edit_on_the_loopback_server_has_the_keys_of_a_recorded_edit(server: KoboServer) -> None:
    """meta/deprecatedID names the version just replaced."""
    [real] = recorded("data_edited")["body"]["results"]
    key = server.submit(ASSET, {n: v for n, v in real.items() if n[0] != "_" and n != "meta/deprecatedID"})
    before = server.row(ASSET, key)
    server.edit(ASSET, key, {"hh/hh_size": "6"})
    after = server.row(ASSET, key)
    assert after.keys() == real.keys()
    assert after["meta/deprecatedID"] == before["meta/instanceID"] != after["meta/instanceID"]
    assert (after["meta/rootUuid"], after["_submission_time"]) == (before["meta/rootUuid"], before["_submission_time"])


def test_pages_asset_and_versions_have_the_recorded_keys(server: KoboServer) -> None:
    """The client reads these keys and no other."""
    fill(server, 2)
    assert get(server, f"{ASSET}/data/").json().keys() == recorded("data_page")["body"].keys()
    ours, real = get(server, f"{ASSET}/").json(), recorded("asset")["body"]
    assert real.keys() <= ours.keys()
    assert {"codename": "view_submissions"} in real["effective_permissions"]
    ours, real = get(server, f"{ASSET}/versions/").json(), recorded("versions")["body"]
    assert (ours.keys(), ours["results"][0].keys()) == (real.keys(), real["results"][0].keys())


def test_refusals_of_the_loopback_server_are_the_recorded_ones(server: KoboServer) -> None:
    """404 as JSON hides a form, 404 as a page does not know it."""
    server.add_asset("aCache")
    server.lose_permission("aCache")
    for name, answer in {
        "bad_token": get(server, f"{ASSET}/data/", token="faux"),
        "no_permission": get(server, "aCache/data/"),
        "data_limit_zero": get(server, f"{ASSET}/data/", limit="0"),
        "unknown_asset": get(server, "aNOPE/data/"),
    }.items():
        real = recorded(name)
        assert (answer.status_code, answer.headers["Content-Type"]) == (real["status"], real["content_type"])
        if real["content_type"] == "application/json":
            assert answer.json() == real["body"]


def test_the_loopback_server_ignores_page_and_moves_next(server: KoboServer) -> None:
    """Whoever pages with it gets the first rows twice and never the others."""
    keys = fill(server, 300)
    real = recorded("data_page_ignored")["body"]
    ours = get(server, f"{ASSET}/data/", format="json", page="3", limit="2").json()
    assert [row["_id"] for row in ours["results"]] == keys[:2]
    assert [row["_id"] for row in real["results"]] == [115, 117]
    assert ours["next"].rpartition("?")[2] == real["next"].rpartition("?")[2]
    assert ours["previous"].rpartition("?")[2] == real["previous"].rpartition("?")[2]


def test_the_loopback_server_counts_submissions_as_wrongly_as_the_real_one(server: KoboServer) -> None:
    """deployment__submission_count was three below the rows in every recorded load."""
    fill(server, 10)
    assert get(server, f"{ASSET}/").json()["deployment__submission_count"] == 7
    assert get(server, f"{ASSET}/data/").json()["count"] == 10
