"""The loopback ODK Central against recordings of a real one: a test against another shape proves nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.odk_rows import row_of
from tests.odk_server import OdkServer, questions
from tests.odk_state import Form, Row

RECORDED = Path(__file__).parent / "fixtures" / "odk"
SURVEY = "hh_survey"


def recorded(name: str) -> dict[str, Any]:
    exchange: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return exchange


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OdkServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with OdkServer() as central:
        central.add_form(SURVEY, recorded("form_fields")["body"])
        yield central


@pytest.fixture
def form(server: OdkServer) -> Form:
    return server.forms[2, SURVEY]


def get(server: OdkServer, path: str, *, token: str | None = None, **headers: str) -> requests.Response:
    """`path`: with the query as recorded, after the project."""
    if token is None:
        account = {"email": server.email, "password": server.password}
        token = requests.post(f"{server.url}/v1/sessions", json=account, timeout=5).json()["token"]
    address = f"{server.url}/v1/projects/2/{path}"
    return requests.get(address, headers={"Authorization": f"Bearer {token}", **headers}, timeout=5)


def asked(name: str) -> str:
    return str(recorded(name)["request"]["url"]).partition("/v1/projects/2/")[2]


def shape(value: Any) -> Any:
    """The keys of a value and what kind of value each holds; a list has the shapes of its items."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "number" if isinstance(value, (int, float)) else type(value).__name__


def answers_of(row: Row) -> Row:
    """The texts that were sent, from a recorded row: what the loopback server is given."""
    texts: Row = {}
    for name, value in row.items():
        if name in ("__id", "__system", "meta") or name.endswith("@odata.navigationLink") or value is None:
            continue
        if isinstance(value, list):
            texts[name] = [answers_of(item) for item in value]
        elif isinstance(value, dict) and "coordinates" in value:
            longitude, latitude, altitude = value["coordinates"]
            texts[name] = f"{latitude} {longitude} {altitude} {value['properties']['accuracy']}"
        else:
            texts[name] = answers_of(value) if isinstance(value, dict) else str(value)
    return texts


@pytest.mark.parametrize("recording", ["page_1", "page_2", "edited"])
def test_rows_made_from_recorded_answers_are_the_recorded_rows(server: OdkServer, form: Form, recording: str) -> None:
    """Groups nested, positions as GeoJSON, repeats in place with ids that depend on their position."""
    for real in recorded(recording)["body"]["value"]:
        names_itself = real["meta"]["instanceID"] is not None
        root = server.submit(form, answers_of(real), instance=real["__id"], names_itself=names_itself)
        ours = json.loads(row_of(form, form.stored[root], expand=True))
        own = ("meta", "__system")
        assert {key: value for key, value in ours.items() if key not in own and "photo" not in key} == {
            key: value for key, value in real.items() if key not in own and "photo" not in key
        }
        assert [*ours] == [*real], "and in the same order"
        unset = {"updatedAt": None, "reviewState": None, "deviceId": None}
        assert shape({**ours["__system"], **unset}) == shape({**real["__system"], **unset})
        assert (ours["meta"]["instanceID"] is None) is not names_itself


def test_an_edit_changes_what_a_recorded_edit_changed(server: OdkServer, form: Form) -> None:
    real = recorded("edited")["body"]["value"][0]
    named = {"meta": {"instanceName": real["meta"]["instanceName"]}}
    root = server.submit(form, answers_of(real) | named, instance=real["__id"])
    before = json.loads(row_of(form, form.stored[root], expand=True))
    server.publish(form, form.current.fields, version="another")
    server.edit(form, root, {"hh": answers_of(real)["hh"]})
    after = json.loads(row_of(form, form.stored[root], expand=True))
    assert shape(after) == shape(real)
    system, was = after["__system"], before["__system"]
    assert (after["__id"], system["submissionDate"]) == (before["__id"], was["submissionDate"])
    assert system["formVersion"] == was["formVersion"], "that of the first edition, whatever was deployed since"
    assert (system["reviewState"], system["edits"]) == ("edited", 1) == (real["__system"]["reviewState"], 1)
    assert after["meta"]["instanceID"] != real["__id"] != real["meta"]["instanceID"]


def test_pages_counts_and_links_are_as_recorded(server: OdkServer, form: Form) -> None:
    roots = [server.submit(form, {"today": f"2026-11-{day:02}"}) for day in range(1, 8)]
    page = get(server, asked("page_1"))
    real = recorded("page_1")
    assert (
        page.headers["ETag"].startswith('W/"eventhash:')
        and page.headers["Content-Type"] == real["headers"]["Content-Type"]
    )
    assert page.json().keys() == real["body"].keys()
    assert [row["__id"] for row in page.json()["value"]] == roots[:3:-1], "newest first"
    link, real_link = page.json()["@odata.nextLink"], real["body"]["@odata.nextLink"]
    assert link.partition("skiptoken=")[0] == real_link.partition("skiptoken=")[0]
    following = get(server, link.partition("/v1/projects/2/")[2]).json()
    assert [row["__id"] for row in following["value"]] == roots[3:0:-1]
    assert following["@odata.count"] == 7, "that of the whole"
    assert get(server, asked("count_only")).json().keys() == recorded("count_only")["body"].keys()
    unknown, real_unknown = (
        get(server, asked("skiptoken_unknown_row")).json(),
        recorded("skiptoken_unknown_row")["body"],
    )
    assert (unknown.keys(), unknown["value"], unknown["@odata.count"]) == (real_unknown.keys(), [], 7)
    ordered = get(server, asked("orderby_top")).json()
    assert ordered.keys() == recorded("orderby_top")["body"].keys()
    assert [row["__id"] for row in ordered["value"]] == roots[:2], "oldest first"


@pytest.mark.parametrize(
    "name", ["orderby_top_next", "filter_unsupported", "filter_unparseable", "unknown_form", "unauthorised"]
)
def test_refusals_are_the_recorded_ones(server: OdkServer, name: str) -> None:
    real = recorded(name)
    answer = get(server, asked(name), token="expired" if name == "unauthorised" else None)
    assert (answer.status_code, answer.json()) == (real["status"], real["body"])
    assert answer.headers["Content-Type"] == real["headers"]["Content-Type"]


def test_a_wrong_password_and_a_right_one_are_answered_as_recorded(server: OdkServer) -> None:
    real = recorded("session_wrong_password")
    refused = requests.post(f"{server.url}/v1/sessions", json={"email": server.email, "password": "non"}, timeout=5)
    assert (refused.status_code, refused.json()) == (real["status"], real["body"])


def test_forms_versions_fields_files_and_xml_have_the_recorded_keys(server: OdkServer, form: Form) -> None:
    root = server.submit(form, {"enumerator": "enum1", "hh": {"hh_size": "8"}}, files=["1990.png"])
    forms = f"forms/{SURVEY}"
    assert get(server, forms).json().keys() == recorded("form")["body"].keys()
    server.publish(form, form.current.fields, version="2")
    ours, real = get(server, f"{forms}/versions").json(), recorded("form_versions")["body"]
    assert [item.keys() for item in ours] == [item.keys() for item in real[:2]]
    assert [item["version"] for item in ours] == ["2", "1"], "newest first"
    assert get(server, f"{forms}/fields").json() == recorded("form_fields")["body"]
    files = get(server, f"{forms}/submissions/{root}/attachments").json()
    assert files == recorded("attachments")["body"]
    xml = get(server, f"{forms}/submissions/{root}/versions/{root}.xml")
    assert xml.headers["Content-Type"] == recorded("submission_xml")["headers"]["Content-Type"]
    assert "<hh><hh_size>8</hh_size></hh>" in xml.text and f"<orx:instanceID>{root}</orx:instanceID>" in xml.text


def test_the_one_call_feed_has_new_edited_reviewed_and_deleted_rows_and_no_restored_one(server: OdkServer) -> None:
    form = server.add_form("suivi", questions("/nom:string"))
    old, edited, reviewed, deleted, restored = (server.submit(form, {"nom": str(n)}) for n in range(5))
    server.delete(form, restored)
    server.wait(hours=1)
    since = server.now().isoformat().replace("+00:00", "Z")
    server.edit(form, edited, {"nom": "autre"})
    server.review(form, reviewed, "approved")
    server.delete(form, deleted)
    server.restore(form, restored)
    server.attach(form, old, "tardive.png")
    new = server.submit(form, {"nom": "nouveau"})
    stamps = " or ".join(f"__system/{name} ge {since}" for name in ("submissionDate", "updatedAt", "deletedAt"))
    feed = get(server, f"forms/suivi.svc/Submissions?$count=true&$filter={stamps}").json()
    assert {row["__id"] for row in feed["value"]} == {edited, reviewed, deleted, new}
    assert get(server, "forms/suivi", **{"X-Extended-Metadata": "true"}).json()["submissions"] == 5
    assert get(server, "forms/suivi.svc/Submissions?$count=true&$top=0").json()["@odata.count"] == 5


def test_a_purge_takes_what_was_deleted_thirty_days_ago(server: OdkServer, form: Form) -> None:
    root = server.submit(form, {})
    server.delete(form, root)
    server.wait(days=29)
    assert server.purge(form) == []
    server.wait(days=2)
    assert server.purge(form) == [root]
