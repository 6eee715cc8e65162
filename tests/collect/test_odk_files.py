"""Files of submissions of ODK Central, answers to removed questions, and lists of entities."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from meal_pipelines.collect.source import Attachment
from meal_pipelines.errors import MealError, TransientError
from tests.collect.odk_cases import (
    ASKED,
    NAME,
    add_form,
    entities,
    everything_told,
    fill,
    ids,
    payload,
    source,
    submissions,
)
from tests.odk_server import OdkServer, questions
from tests.odk_state import Form

PICTURE = b"\x89PNG" + bytes(range(256)) * 9000
"""More than two pieces."""


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
def root(server: OdkServer, form: Form) -> str:
    """A submission with two files, one of which has come."""
    root = server.submit(form, {"photo": "a.png"}, files=["été n° 1.png", "audit.csv"])
    server.attach(form, root, "été n° 1.png", PICTURE)
    return root


def files(server: OdkServer, *roots: str) -> dict[str, list[Attachment]]:
    return dict(source(server).attachments(roots))


def test_files_are_listed_received_or_not_and_their_names_do_not_show(server: OdkServer, form: Form, root: str) -> None:
    other = fill(server, form, 1)[0]
    gone = fill(server, form, 1)[0]
    server.delete(form, gone)
    found = files(server, root, gone, other)
    assert [(file.name, file.is_there) for file in found[root]] == [("audit.csv", False), ("été n° 1.png", True)]
    assert found[other] == [] and gone not in found
    assert "été" not in repr(found) and root in repr(found)


def test_the_bytes_of_a_file_are_those_that_were_sent(server: OdkServer, root: str) -> None:
    pieces = list(source(server).read_attachment(root, files(server, root)[root][1]))
    assert len(pieces) > 2 and b"".join(pieces) == PICTURE


def test_bytes_that_are_not_those_announced_are_refused(server: OdkServer, root: str) -> None:
    """The server gives their MD5."""
    [_, picture] = files(server, root)[root]
    for fault, why in (("other_bytes", "empreinte"), ("cut", "interrompt")):
        server.file_faults.append(fault)
        with pytest.raises(TransientError, match=why):
            list(source(server).read_attachment(root, picture))
    server.file_faults.extend(["502", "reset"])
    assert b"".join(source(server).read_attachment(root, picture)) == PICTURE


def test_a_file_in_another_store_is_fetched_there_without_our_token(server: OdkServer, root: str) -> None:
    """S3 refuses a request that carries both its signature and an Authorization."""
    [_, picture] = files(server, root)[root]
    with OdkServer() as store:
        store.forms = server.forms
        server.bucket = store.url
        assert b"".join(source(server).read_attachment(root, picture)) == PICTURE
        assert [path.split("/")[1] for _, path, _ in store.requests] == ["bucket"]


def test_a_store_without_encryption_on_the_way_is_refused(server: OdkServer, root: str) -> None:
    [_, picture] = files(server, root)[root]
    server.bucket = "http://store.example.org"
    with pytest.raises(MealError, match="https"):
        list(source(server).read_attachment(root, picture))


def test_a_file_that_is_not_there_is_said_to_be_gone(server: OdkServer, form: Form, root: str) -> None:
    [late, _] = files(server, root)[root]
    with pytest.raises(MealError, match="n'est plus") as failure:
        list(source(server).read_attachment(root, late))
    assert "audit" not in everything_told(failure.value)


# Removed questions --------------------------------------------------------------------------------------------


def test_answers_to_a_removed_question_are_still_read(server: OdkServer, form: Form) -> None:
    roots = fill(server, form, 9)
    server.publish(form, questions(*ASKED[2:]), version="2")
    new = server.submit(form, {"age": "1"})
    there = source(server)
    shown = submissions(there.sweep())
    assert not any("identite/nom" in payload(submission) for submission in shown)
    asked = len(server.requests)
    whole = {s.submission_id: payload(s) for s in there.completed(shown)}
    assert [s.submission_id for s in there.completed(shown)] == [s.submission_id for s in shown]
    assert {root for root, row in whole.items() if "identite/nom" in row} == set(roots)
    assert "identite/nom" not in whole[new]
    documents = [path for _, path, _ in server.requests[asked:] if path.endswith(".xml")]
    assert len(documents) == 2 * 9, "one for each older submission, each time; none for the new one"


def test_an_edition_is_completed_from_its_own_xml(server: OdkServer, form: Form) -> None:
    root = fill(server, form, 1)[0]
    server.edit(form, root, {"identite": {"nom": "Deuxième"}})
    server.publish(form, questions(*ASKED[2:]), version="2")
    there = source(server)
    [shown] = submissions(there.sweep())
    server.edit(form, root, {"identite": {"nom": "Troisième"}})
    [whole] = there.completed([shown])
    assert payload(whole)["identite/nom"] == "Deuxième"


def test_a_submission_deleted_before_it_is_completed_is_left_as_it_was(server: OdkServer, form: Form) -> None:
    root = fill(server, form, 1)[0]
    server.publish(form, questions(*ASKED[2:]), version="2")
    there = source(server)
    shown = submissions(there.sweep())
    server.delete(form, root)
    assert there.completed(shown) == shown


def test_a_form_that_removed_nothing_costs_no_document(server: OdkServer, form: Form) -> None:
    roots = fill(server, form, 5)
    server.publish(form, questions(*ASKED, "/nouvelle:string"), version="2")
    server.edit(form, roots[0], {})
    there = source(server)
    shown = submissions(there.sweep())
    assert there.completed(shown) == shown
    assert not [path for _, path, _ in server.requests if path.endswith(".xml")]


def test_a_new_version_of_the_form_makes_no_submission_look_edited(server: OdkServer, form: Form) -> None:
    fill(server, form, 5)
    before = {s.submission_id: s.payload for s in submissions(source(server).sweep())}
    server.publish(form, questions("/identite:structure", "/identite/nom:string", "/age:string", "/x:int"), version="2")
    server.publish(form, questions("/age:string"), version="3")
    there = source(server)
    after = {s.submission_id: s.payload for s in submissions(there.sweep())}
    assert all(before[root] != after[root] and there.is_same(before[root], after[root]) for root in before)


# Entities -----------------------------------------------------------------------------------------------------


def test_entities_are_swept_and_followed_like_submissions(server: OdkServer) -> None:
    people = server.add_list("personnes", ["prénom", "ville"])
    roots = [server.submit(people, {"label": f"P{n}", "prénom": "Zoé"}) for n in range(25)]
    server.delete(people, roots[3])
    there = entities(server, "personnes", page_size=10)
    pages = list(there.sweep())
    assert sorted(ids(pages)) == sorted(set(roots) - {roots[3]})
    shown = {s.submission_id: payload(s) for s in submissions(pages)}
    assert (shown[roots[0]]["label"], shown[roots[0]]["prénom"], "ville" in shown[roots[0]]) == ("P0", "Zoé", False)
    server.wait(hours=1)
    mark = entities(server, "personnes").mark()
    assert mark is not None
    server.wait(hours=12)
    server.restore(people, roots[3])
    server.edit(people, roots[0], {"ville": "Oujda"})
    server.delete(people, roots[1])
    new = server.submit(people, {"label": "neuf"})
    server.wait(hours=12)
    again = entities(server, "personnes", page_size=2)
    deltas = list(again.changes(mark))
    assert set(ids(deltas)) == {roots[0], roots[3], new}, "a restored entity has a stamp"
    assert [gone for delta in deltas for gone in delta.gone] == [roots[1]]
    assert deltas[-1].total == 25
    server.wait(hours=12)
    server.requests.clear()
    assert deltas[-1].mark is not None
    assert ids(entities(server, "personnes").changes(deltas[-1].mark)) == []
    assert len(server.requests) == 3, "a login and two requests"


def test_lists_of_entities_have_no_files_and_no_versions(server: OdkServer) -> None:
    server.add_list("personnes", [])
    there = entities(server, "personnes", overlap=timedelta(0))
    assert list(there.form_versions()) == [] and list(there.attachments(["x"])) == []
