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


# Answers ------------------------------------------------------------------------------------------------------


def answered(server: OdkServer) -> dict[str, dict[str, object]]:
    """Every submission with its answers, as it would be kept."""
    there = source(server)
    return {s.submission_id: payload(s) for s in there.completed(submissions(there.sweep()))}


def test_answers_are_the_texts_that_were_sent(server: OdkServer, form: Form) -> None:
    """OData would make 1 of « 1 200 », nothing of « ۳۵ », and hide what the current version does not ask."""
    texts = ["1 200", "۳۵", "0612", "35 ans", " 7 "]
    roots = [server.submit(form, {"age": text, "identite": {"nom": "Zoé & <là>\nعلي"}}) for text in texts]
    server.publish(form, questions(*ASKED[3:]), version="2")
    found = answered(server)
    assert [found[root]["age"] for root in roots] == texts
    assert {row["identite/nom"] for row in found.values()} == {"Zoé & <là>\nعلي"}


def test_each_kept_submission_costs_one_document_and_each_version_its_fields(server: OdkServer, form: Form) -> None:
    fill(server, form, 9)
    server.publish(form, questions(*ASKED[2:]), version="2")
    fill(server, form, 2)
    there = source(server)
    shown = submissions(there.sweep())
    server.requests.clear()
    assert sorted(s.submission_id for s in there.completed(shown)) == sorted(s.submission_id for s in shown)
    paths = [path for _, path, _ in server.requests]
    assert len([path for path in paths if path.endswith(".xml")]) == 11
    assert {path.split("/")[-2] for path in paths if path.endswith("/fields")} == {"1", "2"}
    assert list(there.completed([])) == []


def test_an_edition_is_completed_from_its_own_document(server: OdkServer, form: Form) -> None:
    """Answers of tomorrow's edition never stand under today's."""
    root = fill(server, form, 1)[0]
    server.publish(form, form.current.fields, version="2")
    server.edit(form, root, {"identite": {"nom": "Deuxième"}})
    there = source(server)
    [shown] = submissions(there.sweep())
    server.edit(form, root, {"identite": {"nom": "Troisième"}})
    [whole] = there.completed([shown])
    assert (payload(whole)["identite/nom"], payload(whole)["__system/edits"]) == ("Deuxième", 1)
    assert (shown.form_version, whole.form_version) == ("1", "2"), "the row says that of the first edition for ever"


def test_repeats_are_lists_by_the_version_they_were_answered_in(server: OdkServer) -> None:
    asked = ("/m:repeat", "/m/nom:string", "/m/n:repeat", "/m/n/x:int", "/g:structure", "/g/a:string")
    form = server.add_form(NAME, questions(*asked))
    members = [{"nom": "un", "n": [{"x": "1"}, {"x": ""}]}, {"nom": ""}]
    root = server.submit(form, {"m": members, "g": {"a": "b"}})
    server.publish(form, questions("/g:structure", "/g/a:string"), version="")
    other = server.submit(form, {"g": {"a": "c"}})
    found = answered(server)
    assert found[root]["m"] == [{"m/nom": "un", "m/n": [{"m/n/x": "1"}, {}]}, {}]
    assert (found[root]["g/a"], found[other]["g/a"]) == ("b", "c")


def test_a_repeat_that_the_edits_own_version_does_not_have_is_still_one(server: OdkServer) -> None:
    """An edit may carry answers along that its version of the form does not ask for."""
    form = server.add_form(NAME, questions("/m:repeat", "/m/nom:string"))
    root = server.submit(form, {"m": [{"nom": "un"}, {"nom": "deux"}]})
    server.publish(form, questions("/age:int"), version="2")
    server.edit(form, root, {"age": "4"})
    assert answered(server)[root]["m"] == [{"m/nom": "un"}, {"m/nom": "deux"}]


def test_a_submission_deleted_before_it_is_completed_is_left_out(server: OdkServer, form: Form) -> None:
    """The next changes say that it is gone; without its answers it would look emptied."""
    gone, root = fill(server, form, 2)
    there = source(server)
    shown = submissions(there.sweep())
    server.delete(form, gone)
    assert [s.submission_id for s in there.completed(shown)] == [root]


def test_a_submission_without_an_instance_of_its_own_is_completed_too(server: OdkServer, form: Form) -> None:
    root = server.submit(form, {"age": "3"}, names_itself=False)
    assert (answered(server)[root]["age"], "meta/instanceID" in answered(server)[root]) == ("3", False)


def test_no_document_is_asked_for_of_an_encrypted_submission(server: OdkServer, form: Form) -> None:
    root = server.submit(form, {}, is_encrypted=True, files=["submission.xml.enc"])
    assert answered(server)[root]["__system/status"] == "missingEncryptedFormData"
    assert not [path for _, path, _ in server.requests if path.endswith(".xml")]


def test_a_broken_document_is_asked_for_again_and_never_taken_for_answers(server: OdkServer, form: Form) -> None:
    fill(server, form, 1)
    there = source(server)
    shown = submissions(there.sweep())
    with pytest.MonkeyPatch.context() as patch, pytest.raises(TransientError, match="XML") as failure:
        patch.setattr("tests.odk_answers.instance_xml", lambda *_: "<data><identite><nom>Réponse")
        there.completed(shown)
    assert "Réponse" not in everything_told(failure.value)


def test_a_new_version_of_the_form_makes_no_submission_look_edited(server: OdkServer, form: Form) -> None:
    fill(server, form, 5)
    before = {s.submission_id: s.payload for s in submissions(source(server).sweep())}
    server.publish(form, questions("/identite:structure", "/identite/nom:string", "/age:string", "/x:int"), version="2")
    server.publish(form, questions("/age:string"), version="3")
    assert {s.submission_id: s.payload for s in submissions(source(server).sweep())} == before


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
