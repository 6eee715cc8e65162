"""What rows and documents of ODK Central become: who a submission is, which edition of it, and what was answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from meal_pipelines.collect.answer import Malformed
from meal_pipelines.collect.odk_rows import is_same, parsed_xml, read_entity, read_submission, version_of, with_answers
from meal_pipelines.collect.source import Submission
from tests.odk_state import Row

RECORDED = Path(__file__).parent.parent / "fixtures" / "odk"


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))["body"]


def payload(submission: Submission) -> Row:
    row: Row = orjson.loads(submission.payload)
    return row


def as_json(row: Row) -> bytes:
    return orjson.dumps(row)


def test_a_recorded_row_says_who_the_submission_is_and_which_edition_of_it() -> None:
    row = recorded("edited")["value"][0]
    submission = read_submission(row)
    assert (submission.submission_id, submission.instance_id) == (row["__id"], row["meta"]["instanceID"])
    assert submission.submission_id != submission.instance_id
    assert (submission.submitted_at, submission.changed_at) == ("2026-11-23T08:03:12.011Z", "2026-11-23T08:03:12.751Z")
    flat = payload(submission)
    assert {key for key in flat if not key.startswith("__")} == {"meta/instanceID"}, "no answer comes from OData"
    assert (flat["__system/reviewState"], flat["__system/edits"]) == ("edited", 1)
    assert "__system/deletedAt" not in flat, "what says nothing has no key"


def test_a_row_whose_document_names_no_instance_is_known_by_what_the_server_gave_it() -> None:
    submission = read_submission(recorded("page_1")["value"][2])
    assert submission.instance_id == submission.submission_id == "c9346c63-0f31-4d47-86c7-4b79d1db2f1a"


def test_a_recorded_document_becomes_a_flat_row_with_its_repeats_inside() -> None:
    """As Kobo writes them: full paths, repeats in repeats, nothing where nobody answered, every text as it was sent."""
    document = parsed_xml(recorded("submission_xml").encode())
    assert version_of(document) == "2026112302"
    repeats = {item["path"][1:] for item in recorded("form_fields") if item["type"] == "repeat"}
    whole = with_answers(Submission("uuid:a", b'{"__id":"uuid:a"}', form_version="2026112301"), document, repeats)
    flat = payload(whole)
    assert whole.form_version == "2026112302"
    assert (flat["intro/gps"], flat["hh/water_sources"]) == ("33.432767 36.762280 2.0 4.5", "piped well")
    assert flat["hh/member"] == [
        {"hh/member/m_name": "Nour", "hh/member/m_age": "8", "hh/member/m_sex": "m"},
        {
            "hh/member/m_name": "Marie-Thérèse", "hh/member/m_age": "57", "hh/member/m_sex": "m",
            "hh/member/school": [{"hh/member/school/s_year": "2020"}, {"hh/member/school/s_year": "2021"}],
        },
    ]  # fmt: skip
    assert "photo" not in flat and "hh/water_other" not in flat
    assert flat["meta/deprecatedID"] == "uuid:4e41a99f-4a17-42ae-9bce-87cb7b65acc7"
    assert "Nour" not in repr(whole)


@pytest.mark.parametrize(
    "xml", [b"", b"<html><p>502", b'{"message": "non"}', b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>']
)
def test_what_is_no_document_is_not_taken_for_answers(xml: bytes) -> None:
    """Nor is one that defines entities: a few lines of them fill the memory."""
    with pytest.raises(Malformed):
        parsed_xml(xml)


def test_what_the_server_does_by_itself_is_no_edit() -> None:
    """A review given again moves updatedAt; an enumerator may be renamed; the answers are asked for once only."""
    shown = payload(read_submission(recorded("edited")["value"][0]))
    kept = {**shown, "hh/income": "9999.50", "hh/member": [{"hh/member/m_age": "4"}]}
    moved = {**shown, "__system/updatedAt": "2027-01-01T00:00:00.000Z", "__system/submitterName": "Autre"}
    assert is_same(as_json(kept), as_json(moved))


@pytest.mark.parametrize(
    "change",
    [
        {"meta/instanceID": "uuid:autre"},
        {"__system/edits": 2},
        {"__system/reviewState": "approved"},
        {"__system/attachmentsPresent": 1},
        {"__system/attachmentsExpected": 1},
        {"__system/submissionDate": "2027-01-01T00:00:00.000Z"},
    ],
)
def test_an_edit_a_review_or_a_file_is_a_change(change: Row) -> None:
    shown = payload(read_submission(recorded("edited")["value"][0]))
    assert not is_same(as_json(shown), as_json({**shown, **change}))


def test_an_entity_is_a_submission_of_its_list() -> None:
    row = {
        "__id": "30000000-0000-4000-8000-000000000001", "label": "Zoé", "pr_nom": "Zoé", "vide": "",
        "__system": {
            "createdAt": "2026-11-23T08:00:00.000Z", "creatorId": "5", "creatorName": "x", "updates": 1,
            "updatedAt": "2026-11-23T09:00:00.000Z", "deletedAt": None, "version": 2, "conflict": None,
        },
    }  # fmt: skip
    entity = read_entity(row, {"pr_nom": "prénom"})
    flat = payload(entity)
    assert {key: value for key, value in flat.items() if not key.startswith("__")} == {"label": "Zoé", "prénom": "Zoé"}
    assert (entity.submitted_at, entity.changed_at) == ("2026-11-23T08:00:00.000Z", "2026-11-23T09:00:00.000Z")
    assert is_same(entity.payload, entity.payload)
    assert not is_same(entity.payload, as_json({**flat, "__system/version": 3}))
