"""What ODK Central's rows say, in the shape that all submissions have here: flat keys `group/question`, repeats as lists.

OData nests groups, writes positions as GeoJSON, names as it likes them and unanswered questions as null; none of that
says anything. It also shows only the questions of the current version: what an older one asked comes from the XML.
Nothing is asked of a server here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import orjson
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from meal_pipelines.collect.source import Submission, canonical
from meal_pipelines.collect.transport import Malformed

LINK = "@odata.navigationLink"

OWN = ("__id", "__system")
"""Keys that are the server's and no question's, wherever they stand."""

EDITION = (
    "meta/instanceID",  # new at each edit
    "__system/edits",
    "__system/reviewState",
    "__system/submissionDate",  # an instanceID may be sent again once the first was deleted for good
    "__system/attachmentsPresent",
    "__system/attachmentsExpected",
    "__system/status",
    "__system/version",  # entities
    "__system/conflict",
    "__system/createdAt",
)
"""What differs between two editions of a submission, or of an entity. A person renamed, or a review repeated, is neither."""


@dataclass(frozen=True)
class Questions:
    """How the questions of a form are named. true_names: path in OData → path in the form, where they differ.

    removed: paths that an earlier version asked and the current one does not · repeats: paths of all repeats.
    """

    true_names: Mapping[str, str] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    repeats: frozenset[str] = frozenset()

    @classmethod
    def of(cls, current: Iterable[Mapping[str, Any]], earlier: Iterable[Mapping[str, Any]] = ()) -> Questions:
        """current, earlier: fields, as the server lists them for the current version and for all others."""
        kinds = {_path(item): item["type"] for item in (*earlier, *current)}
        asked = {_path(item) for item in current}
        named = {sanitised(path): path for path in asked}
        return cls(
            {shown: path for shown, path in named.items() if shown != path},
            frozenset(
                path for path, kind in kinds.items() if path not in asked and kind not in ("structure", "repeat")
            ),
            frozenset(path for path, kind in kinds.items() if kind == "repeat"),
        )


def _path(item: Mapping[str, Any]) -> str:
    return str(item["path"]).removeprefix("/")


def sanitised(path: str) -> str:
    """A path as OData spells it: it knows letters, digits and `_` only [central-backend, sanitizeOdataIdentifier]."""
    return "/".join(re.sub(r"[^a-zA-Z0-9_]+", "_", re.sub(r"^([^a-zA-Z_])", r"_\1", name)) for name in path.split("/"))


def read_submission(row: dict[str, Any], questions: Questions) -> Submission:
    """The submission that one row of `Submissions?$expand=*` shows.

    `__id` alone identifies it: the instanceID of its first version. An edit changes `meta/instanceID`.
    """
    system = row["__system"]
    flat = _flat(row, "", questions.true_names)
    return Submission(
        submission_id=row["__id"],
        payload=canonical(flat),
        instance_id=flat.get("meta/instanceID") or row["__id"],
        form_version=system["formVersion"],
        submitted_at=system["submissionDate"],
        changed_at=system["updatedAt"],
        attachments=system["attachmentsExpected"],
        attachments_present=system["attachmentsPresent"],
    )


def read_entity(row: dict[str, Any], questions: Questions) -> Submission:
    """The entity that one row of `Entities` shows, as a submission of its list: `label` and one key per property."""
    answers = {name: value for name, value in row.items() if value != ""}
    return Submission(
        submission_id=row["__id"],
        payload=canonical(_flat(answers, "", questions.true_names)),
        instance_id=f"uuid:{row['__id']}",
        submitted_at=row["__system"]["createdAt"],
        changed_at=row["__system"]["updatedAt"],
    )


def _flat(node: dict[str, Any], around: str, true_names: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in node.items():
        if value is None or name.endswith(LINK):
            continue
        path = f"{around}/{name}" if around and name not in OWN else name
        if isinstance(value, list):
            found[true_names.get(path, path)] = [_flat(item, path, true_names) for item in value]
        elif not isinstance(value, dict):
            found[true_names.get(path, path)] = value
        elif (position := _position(value)) is not None:
            found[true_names.get(path, path)] = position
        else:
            found |= _flat(value, path, true_names)
    return found


def _position(value: dict[str, Any]) -> str | None:
    """A GeoJSON point, line or area as XForms write it: `latitude longitude altitude accuracy`, points apart by `;`.

    None when the object is a group. Its coordinates are numbers; those of a group could only be a repeat's rows.
    """
    coordinates = value.get("coordinates")
    if not isinstance(coordinates, list) or not coordinates or isinstance(coordinates[0], dict):
        return None
    said = value.get("properties") or {}
    if value.get("type") == "Point":
        return _point(coordinates, said.get("accuracy"))
    line = coordinates[0] if value.get("type") == "Polygon" else coordinates
    accuracies = said.get("accuracies") or [None] * len(line)
    return ";".join(_point(*point) for point in zip(line, accuracies, strict=True))


def _point(coordinates: list[float], accuracy: float | None) -> str:
    longitude, latitude, *altitude = coordinates
    last = [] if accuracy is None else [*([] if altitude else [0]), accuracy]
    return " ".join(str(number) for number in (latitude, longitude, *altitude, *last))


def is_same(before: bytes, after: bytes) -> bool:
    """Whether two payloads are the same edition, and the later one answers nothing that the earlier one did not.

    A new version of the form takes questions out of every row, or shows a number as text: nobody has edited anything.
    """
    old, new = orjson.loads(before), orjson.loads(after)
    return all(old.get(key) == new.get(key) for key in EDITION) and _adds_nothing(old, new)


def _adds_nothing(old: dict[str, Any], new: dict[str, Any]) -> bool:
    for key, value in new.items():
        if key.startswith("__"):
            continue
        known = old.get(key)
        if isinstance(value, list):
            if not isinstance(known, list) or len(known) != len(value) or not all(map(_adds_nothing, known, value)):
                return False
        elif value != known and (known is None or not _spells_alike(str(known), str(value))):
            return False
    return True


def _spells_alike(old: str, new: str) -> bool:
    """Whether two texts are the same numbers; `0612` says more than 612."""
    pairs = list(zip(old.split(), new.split(), strict=False))
    if len(old.split()) != len(new.split()) or any(re.match(r"0\d", text) for _, text in pairs):
        return False
    try:
        return all(float(one) == float(other) for one, other in pairs)
    except ValueError:
        return old == new


def with_removed(submission: Submission, xml: bytes, questions: Questions) -> bytes:
    """The payload of a submission with its answers, in its XML, to questions that are asked no more.

    Raises: Malformed, when it is no XML.
    """
    found: dict[str, Any] = {}
    _read_xml(parsed_xml(xml), "", questions, found)
    return canonical(_merged(orjson.loads(submission.payload), found))


def parsed_xml(body: bytes) -> Element:
    """Raises: Malformed, when it is no XML, or not all of it."""
    try:
        root: Element = ElementTree.fromstring(body)
    except (ParseError, DefusedXmlException, ValueError):
        # `from None`: the error may quote the answers.
        raise Malformed("sa réponse n'est pas du XML lisible") from None
    return root


def _read_xml(element: Element, around: str, questions: Questions, found: dict[str, Any]) -> None:
    for child in element:
        name = child.tag.rpartition("}")[2]
        path = f"{around}/{name}" if around else name
        if path in questions.repeats:
            found.setdefault(path, []).append({})
            _read_xml(child, path, questions, found[path][-1])
        elif len(child):
            _read_xml(child, path, questions, found)
        elif path in questions.removed and (text := (child.text or "").strip()):
            found[path] = text


def _merged(answers: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """`answers` with what only `more` has; rows of a repeat meet in their order, which is that of the document."""
    for key, value in more.items():
        if not isinstance(value, list):
            answers.setdefault(key, value)
        elif any(value) or key in answers:
            rows = answers.setdefault(key, [{} for _ in value])
            for row, extra in zip(rows, value, strict=False):
                _merged(row, extra)
    return answers
