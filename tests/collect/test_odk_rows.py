"""What rows of ODK Central become: the shape all submissions have, the same edition recognised, nothing asked once lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meal_pipelines.collect.odk_rows import Questions, is_same, read_entity, read_submission, sanitised, with_removed
from meal_pipelines.collect.source import Submission
from meal_pipelines.collect.transport import Malformed
from tests.odk_rows import elements
from tests.odk_rows import sanitised as sanitised_by_central
from tests.odk_server import questions
from tests.odk_state import Row

RECORDED = Path(__file__).parent.parent / "fixtures" / "odk"
PLAIN = Questions()


def recorded(name: str) -> list[Row]:
    rows: list[Row] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))["body"]["value"]
    return rows


def payload(submission: Submission) -> Row:
    row: Row = orjson.loads(submission.payload)
    return row


def as_json(row: Row) -> bytes:
    return orjson.dumps(row)


def test_a_recorded_edit_becomes_a_flat_row_with_its_repeats_inside() -> None:
    """As Kobo writes them: full paths, repeats in repeats, nothing where nobody answered, a position as text."""
    row = recorded("edited")[0]
    submission = read_submission(row, PLAIN)
    flat = payload(submission)
    assert flat["intro/gps"] == "33.01287 36.295859 193 4.5", "latitude first"
    assert flat["hh/water_sources"] == "other piped well"
    assert [list(member) for member in flat["hh/member"][2:3]] == [
        ["__id", "hh/member/m_age", "hh/member/m_name", "hh/member/m_sex"]
    ]
    assert [school["hh/member/school/s_year"] for school in flat["hh/member"][0]["hh/member/school"]] == [2020, 2021]
    assert "photo" not in flat and not [key for key in flat if "@" in key]
    assert (submission.submission_id, submission.instance_id) == (row["__id"], row["meta"]["instanceID"])
    assert submission.submission_id != submission.instance_id
    assert submission.form_version == "2026112302"
    assert (submission.submitted_at, submission.changed_at) == ("2026-11-23T08:03:12.011Z", "2026-11-23T08:03:12.751Z")


def test_a_row_whose_xml_names_no_instance_is_known_by_what_the_server_gave_it() -> None:
    row = recorded("page_1")[2]
    submission = read_submission(row, PLAIN)
    assert submission.instance_id == submission.submission_id == "c9346c63-0f31-4d47-86c7-4b79d1db2f1a"


def test_a_payload_never_shows_in_a_repr() -> None:
    assert "Fatima" not in repr(read_submission(recorded("edited")[0], PLAIN))


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        ({"type": "Point", "coordinates": [-6.85, 33.97]}, "33.97 -6.85"),
        ({"type": "Point", "coordinates": [-6.85, 33.97, 12]}, "33.97 -6.85 12"),
        ({"type": "Point", "coordinates": [-6.85, 33.97], "properties": {"accuracy": 4.5}}, "33.97 -6.85 0 4.5"),
        (
            {"type": "LineString", "coordinates": [[1, 2, 3], [4, 5, 6]], "properties": {"accuracies": [7, None]}},
            "2 1 3 7;5 4 6",
        ),
        ({"type": "Polygon", "coordinates": [[[1, 2], [4, 5], [1, 2]]]}, "2 1;5 4;2 1"),
    ],
)
def test_positions_are_text_with_the_latitude_first(shown: Row, text: str) -> None:
    row = {**recorded("page_1")[0], "position": shown}
    assert payload(read_submission(row, PLAIN))["position"] == text


def test_a_group_with_questions_named_like_a_position_is_a_group() -> None:
    row = {**recorded("page_1")[0], "lieu": {"type": "Point", "coordinates": "33 -6", "properties": None}}
    assert payload(read_submission(row, PLAIN))["lieu/coordinates"] == "33 -6"


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=8), min_size=1, max_size=4
    )
)
def test_names_are_spelled_as_central_spells_them(names: list[str]) -> None:
    assert sanitised("/".join(names)) == "/".join(map(sanitised_by_central, names))


def test_questions_keep_the_names_their_questionnaire_gave_them() -> None:
    """OData knows letters, digits and _ only: « prénom » comes as pr_nom."""
    asked = Questions.of(
        questions("/âge-1:int", "/mé:structure", "/mé/taille.cm:int", "/r-é:repeat", "/r-é/nom:string")
    )
    row = {**recorded("page_1")[0], "__ge_1": 3, "m_": {"taille_cm": 170}, "r_": [{"nom": "x", "__id": "y"}]}
    flat = payload(read_submission(row, asked))
    assert (flat["âge-1"], flat["mé/taille.cm"], flat["r-é"]) == (3, 170, [{"__id": "y", "r-é/nom": "x"}])


def changed(row: Row, **system: Any) -> bytes:
    return as_json({**row, **{f"__system/{name}": value for name, value in system.items()}})


@pytest.fixture
def row() -> Row:
    return payload(read_submission(recorded("edited")[0], PLAIN))


def test_what_the_server_does_by_itself_is_no_edit(row: Row) -> None:
    """A review given again moves updatedAt; an enumerator may be renamed."""
    assert is_same(as_json(row), changed(row, updatedAt="2027-01-01T00:00:00.000Z", submitterName="Autre"))


def test_a_question_removed_or_added_or_retyped_is_no_edit_of_any_row(row: Row) -> None:
    """A new version of the form changes every row of the feed at once."""
    without = {key: value for key, value in row.items() if key not in ("hh/income", "hh/member")}
    assert is_same(as_json(row), as_json(without))
    assert is_same(as_json(row), as_json({**row, "hh/hh_size": str(row["hh/hh_size"]), "hh/income": "9999.50"}))
    members = [{**member, "hh/member/m_age": str(member["hh/member/m_age"])} for member in row["hh/member"]]
    assert is_same(as_json(row), as_json({**row, "hh/member": members}))


@pytest.mark.parametrize(
    "change",
    [
        {"meta/instanceID": "uuid:autre"},
        {"__system/edits": 2},
        {"__system/reviewState": "approved"},
        {"__system/attachmentsPresent": 1},
        {"__system/attachmentsExpected": 1},
        {"__system/submissionDate": "2027-01-01T00:00:00.000Z"},
        {"hh/hh_size": 7},
        {"hh/nouvelle": "une réponse qu'on ne voyait pas"},
        {"hh/member": []},
    ],
)
def test_an_edit_a_review_a_file_or_an_answer_not_seen_before_is_a_change(row: Row, change: Row) -> None:
    assert not is_same(as_json(row), as_json({**row, **change}))


def test_a_number_shown_as_text_after_all_is_new_when_the_text_says_more(row: Row) -> None:
    """A telephone asked as a number loses its zero, until the question becomes a text."""
    before = {**row, "tel": 612345678}
    assert not is_same(as_json(before), as_json({**row, "tel": "0612345678"}))


WITH_REMOVED = Questions.of(
    questions("/nom:string", "/m:repeat", "/m/age:int"),
    questions(
        "/nom:string",
        "/ancien:string",
        "/g:structure",
        "/g/a:int",
        "/m:repeat",
        "/m/vieux:string",
        "/z:repeat",
        "/z/q:string",
    ),
)


def test_answers_to_removed_questions_come_from_the_xml_and_nothing_else_does() -> None:
    shown = {"nom": "Zoé", "m": [{"__id": "1", "m/age": 4}, {"__id": "2", "m/age": 5}], "__id": "uuid:a"}
    sent = {
        "nom": "Zoé <&>", "ancien": " gardé & là ", "g": {"a": "7"}, "m": [{"age": "4"}, {"age": "5", "vieux": "oui"}],
        "z": [{"q": "un"}, {"q": ""}], "meta": {"instanceName": "x"},
    }  # fmt: skip
    xml = f'<?xml version="1.0"?><data xmlns:o="http://o">{"".join(elements(sent))}<o:meta><o:instanceID>u</o:instanceID></o:meta></data>'
    whole = orjson.loads(with_removed(Submission("uuid:a", as_json(shown)), xml.encode(), WITH_REMOVED))
    assert whole == {
        "__id": "uuid:a", "nom": "Zoé", "ancien": "gardé & là", "g/a": "7",
        "m": [{"__id": "1", "m/age": 4}, {"__id": "2", "m/age": 5, "m/vieux": "oui"}], "z": [{"z/q": "un"}, {}],
    }  # fmt: skip


@pytest.mark.parametrize(
    "xml", [b"", b"<html><p>502", b'{"message": "non"}', b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>']
)
def test_what_is_no_xml_is_not_taken_for_answers(xml: bytes) -> None:
    with pytest.raises(Malformed):
        with_removed(Submission("uuid:a", b"{}"), xml, WITH_REMOVED)


def test_an_entity_is_a_submission_of_its_list() -> None:
    row = {
        "__id": "30000000-0000-4000-8000-000000000001", "label": "Zoé", "pr_nom": "Zoé", "vide": "",
        "__system": {
            "createdAt": "2026-11-23T08:00:00.000Z", "creatorId": "5", "creatorName": "x", "updates": 1,
            "updatedAt": "2026-11-23T09:00:00.000Z", "deletedAt": None, "version": 2, "conflict": None,
        },
    }  # fmt: skip
    entity = read_entity(row, Questions({"pr_nom": "prénom"}))
    flat = payload(entity)
    assert {key: value for key, value in flat.items() if not key.startswith("__")} == {"label": "Zoé", "prénom": "Zoé"}
    assert (entity.submitted_at, entity.changed_at) == ("2026-11-23T08:00:00.000Z", "2026-11-23T09:00:00.000Z")
    assert is_same(entity.payload, entity.payload) and not is_same(entity.payload, changed(flat, version=3))
