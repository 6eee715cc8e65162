"""What ODK Central's rows and documents say, in the shape all submissions have here: `group/question`, repeats as lists.

OData tells who a submission is and what became of it. Its answers come from the XML that was sent: OData hides those to
questions removed since, and makes numbers of texts on the way (« ۳۵ » becomes nothing, « 1 200 » becomes 1).
Nothing is asked of a server here.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import orjson
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from msgspec.structs import replace

from meal_pipelines.collect.answer import Malformed
from meal_pipelines.collect.source import Submission, canonical

STATUS = "__system/status"
"""Says why a submission has no answers: it is encrypted."""

EDITION = (
    "meta/instanceID",  # new at each edit
    "__system/edits",
    "__system/reviewState",
    "__system/submissionDate",  # an instanceID may be sent again once the first was deleted for good
    "__system/attachmentsPresent",
    "__system/attachmentsExpected",
    STATUS,
    "__system/version",  # entities
    "__system/conflict",
    "__system/createdAt",
)
"""What differs between two editions of a submission, or of an entity; answers never change within one.

A person renamed, or a review given again, makes no other edition.
"""


def read_submission(row: dict[str, Any]) -> Submission:
    """The submission that one row of `Submissions` shows, without its answers.

    `__id` alone identifies it: the instanceID of its first edition. An edit changes `meta/instanceID`.
    """
    system = row["__system"]
    instance = (row.get("meta") or {}).get("instanceID")
    return Submission(
        submission_id=row["__id"],
        payload=canonical(_known(row) | ({"meta/instanceID": instance} if instance else {})),
        instance_id=instance or row["__id"],
        form_version=system["formVersion"],
        submitted_at=system["submissionDate"],
        changed_at=system["updatedAt"],
        attachments=system["attachmentsExpected"],
        attachments_present=system["attachmentsPresent"],
    )


def read_entity(row: dict[str, Any], names: Mapping[str, str]) -> Submission:
    """The entity that one row of `Entities` shows, as a submission of its list: `label` and one key per property.

    names: how the properties are called, where OData spells them otherwise.
    """
    answers = {names.get(name, name): value for name, value in row.items() if name[:2] != "__" and value}
    return Submission(
        submission_id=row["__id"],
        payload=canonical(_known(row) | answers),
        instance_id=f"uuid:{row['__id']}",
        submitted_at=row["__system"]["createdAt"],
        changed_at=row["__system"]["updatedAt"],
    )


def _known(row: dict[str, Any]) -> dict[str, Any]:
    """What the server knows of a row, beside what was answered."""
    system = {f"__system/{name}": value for name, value in row["__system"].items() if value is not None}
    return {"__id": row["__id"], **system}


def is_same(before: bytes, after: bytes) -> bool:
    """Whether two payloads are of the same edition."""
    old, new = orjson.loads(before), orjson.loads(after)
    return all(old.get(key) == new.get(key) for key in EDITION)


def with_answers(submission: Submission, document: Element, repeats: Container[str]) -> Submission:
    """A submission with the answers of its edition's document, and the version of the form that they were given with.

    repeats: the paths of that version's repeats; in a document, a repeat with one row looks like a group.
    """
    answers: dict[str, Any] = {}
    _read(document, "", repeats, answers)
    payload = orjson.loads(submission.payload) | answers
    return replace(submission, payload=canonical(payload), form_version=version_of(document))


def version_of(document: Element) -> str:
    """The version of the form that a document was made with; empty when it has no name."""
    return document.get("version") or ""


def groups_of(document: Element, around: str = "") -> set[str]:
    """The paths of the elements that hold others."""
    found: set[str] = set()
    for child in document:
        if len(child):
            path = f"{around}{_name(child)}"
            found |= {path} | groups_of(child, f"{path}/")
    return found


def parsed_xml(body: bytes) -> Element:
    """Raises: Malformed, when it is no XML, or not all of it."""
    try:
        root: Element = ElementTree.fromstring(body)
    except (ParseError, DefusedXmlException, ValueError):
        # `from None`: the error may quote the answers.
        raise Malformed("sa réponse n'est pas du XML lisible") from None
    return root


def _read(element: Element, around: str, repeats: Container[str], found: dict[str, Any]) -> None:
    for child in element:
        path = f"{around}/{_name(child)}" if around else _name(child)
        if path in repeats:
            found.setdefault(path, []).append({})
            _read(child, path, repeats, found[path][-1])
        elif len(child):
            _read(child, path, repeats, found)
        elif child.text and not child.text.isspace():
            found[path] = child.text


def _name(element: Element) -> str:
    """Without its namespace."""
    return element.tag.rpartition("}")[2]
