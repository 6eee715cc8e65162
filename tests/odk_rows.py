"""Rows and documents as ODK Central gives them: OData's JSON in the frame of the current form, and the XML that was sent."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

import orjson

from tests.odk_state import Edition, Form, Problem, Published, Row, Stored, stamp


def sanitised(name: str) -> str:
    """A name as OData shows it."""
    return re.sub(r"[^a-zA-Z0-9_]+", "_", re.sub(r"^([^a-zA-Z_])", r"_\1", name))


def row_of(form: Form, stored: Stored, *, expand: bool, selected: list[str] | None = None) -> bytes:
    """One row as JSON: only the fields of the current version, or those selected of them, whatever the answers hold."""
    row = _entity(form, stored) if form.is_entities else _submission(form, stored, expand)
    return orjson.dumps(row if selected is None else _selected(form, row, selected))


def _selected(form: Form, row: Row, paths: list[str]) -> Row:
    """`$select`: whole system columns, and questions inside their groups; an unknown one is refused."""
    kept: Row = {}
    for path in paths:
        *groups, name = path.split("/")
        if path not in ("__id", "__system") and not any(item["path"] == f"/{path}" for item in form.current.fields):
            raise Problem(400.23, f"Could not find a property named '{path}'")
        inside, into = row, kept
        for group in groups:
            inside, into = inside.get(group, {}), into.setdefault(group, {})
        if name in inside:
            into[name] = inside[name]
    return {name: value for name, value in kept.items() if value != {}}


def _submission(form: Form, stored: Stored, expand: bool) -> Row:
    newest = stored.editions[-1]
    status = None
    row: Row = {}
    if stored.is_encrypted:
        status = "notDecrypted" if all(stored.files.values()) else "missingEncryptedFormData"
    else:
        row = _Framed(form, stored.root, expand).filled("", newest.answers)
        row["meta"]["instanceID"] = newest.instance_id if newest.names_itself else None
    return row | {
        "__id": stored.root,
        "__system": {
            "submissionDate": stamp(stored.created),
            "updatedAt": stamp(stored.updated),
            "submitterId": "5",
            "submitterName": "admin@example.org",
            "attachmentsPresent": sum(content is not None for content in stored.files.values()),
            "attachmentsExpected": len(stored.files),
            "status": status,
            "reviewState": stored.review,
            "deviceId": "collect:abc",
            "edits": len(stored.editions) - 1,
            "formVersion": stored.editions[0].form_version,
            "deletedAt": stamp(stored.deleted),
        },
    }


def _entity(entities: Form, stored: Stored) -> Row:
    answers = stored.editions[-1].answers
    return {
        "__id": stored.root,
        "label": answers.get("label", ""),
        "__system": {
            "createdAt": stamp(stored.created),
            "creatorId": "5",
            "creatorName": "admin@example.org",
            "updates": len(stored.editions) - 1,
            "updatedAt": stamp(stored.updated),
            "deletedAt": stamp(stored.deleted),
            "version": len(stored.editions),
            "conflict": None,
        },
    } | {sanitised(item["name"]): answers.get(item["name"], "") for item in entities.current.fields}


class _Framed:
    """Answers poured into the frame of a form's current fields: groups nested, null where nobody answered."""

    def __init__(self, form: Form, root: str, expand: bool) -> None:
        self.root, self.expand = root, expand
        self.children: dict[str, list[Row]] = {}
        for item in form.current.fields:
            self.children.setdefault(item["path"].rpartition("/")[0], []).append(item)

    def filled(self, path: str, answers: Row, place: tuple[str, ...] = (), link: str = "") -> Row:
        """place: where these answers stand, as the ids of rows are made from it; link: as links say it."""
        row: Row = {}
        for item in self.children.get(path, []):
            name, given = sanitised(item["name"]), answers.get(item["name"])
            if item["type"] == "structure":
                row[name] = self.filled(item["path"], given or {}, (*place, f"{item['name']}#"), f"{link}/{name}")
            elif item["type"] == "repeat":
                row |= self._repeat(item, given or [], place, f"{link}/{name}")
            else:
                row[name] = _typed(item["type"], given)
        return row

    def _repeat(self, item: Row, items: list[Row], place: tuple[str, ...], link: str) -> Row:
        if not items:
            return {}
        name = sanitised(item["name"])
        row: Row = {f"{name}@odata.navigationLink": f"Submissions('{quote(self.root, safe='')}'){link}"}
        if self.expand:
            row[name] = []
            for number, answers in enumerate(items):
                here = (*place, f"{item['name']}#{number}")
                # The id of a repeat's row is its position: an edit that takes the first away gives its id to the second.
                row_id = hashlib.sha1("%%".join([f"Submissions#{self.root}", *here]).encode()).hexdigest()
                filled = self.filled(item["path"], answers, here, f"{link}('{row_id}')")
                row[name].append({**filled, "__id": row_id})
        return row


def _typed(kind: str, text: str | None) -> Any:
    if text is None or text == "":
        return None
    match kind:
        case "int":
            found = re.match(r"\s*[+-]?\d+", text)
            return int(found[0]) if found else None
        case "decimal":
            return _number(text)
        case "geopoint":
            return _point(text)
        case "geotrace" | "geoshape":
            points = [_point(part) for part in text.split(";") if part.strip()]
            line = [point["coordinates"] for point in points]
            accuracies = [point.get("properties", {}).get("accuracy") for point in points]
            shape = (
                {"type": "LineString", "coordinates": line}
                if kind == "geotrace"
                else {"type": "Polygon", "coordinates": [line]}
            )
            return shape | ({"properties": {"accuracies": accuracies}} if any(accuracies) else {})
    return text


def _number(text: str) -> float | int | None:
    found = re.match(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text)
    number = float(found[0]) if found else None
    return int(number) if number is not None and number.is_integer() else number


def _point(text: str) -> Any:
    numbers = [_number(part) for part in text.split()]
    if len(numbers) < 2 or None in numbers[:2]:
        return None
    point: Row = {"type": "Point", "coordinates": [numbers[1], numbers[0], *numbers[2:3]]}
    return point if len(numbers) < 4 else point | {"properties": {"accuracy": numbers[3]}}


def instance_xml(form: Form, edition: Edition) -> str:
    """A version of a submission as it was sent: it keeps the answers to questions removed since."""
    named = f"<orx:instanceID>{escape(edition.instance_id)}</orx:instanceID>" if edition.names_itself else ""
    meta = f"<orx:meta>{named}</orx:meta>"
    answers = {name: value for name, value in edition.answers.items() if name != "meta"}
    return (
        f'<?xml version="1.0"?><data xmlns:orx="http://openrosa.org/xforms" id="{form.name}" '
        f'version="{edition.form_version}">{"".join(elements(answers))}{meta}</data>'
    )


def elements(answers: Row) -> Iterator[str]:
    for name, value in answers.items():
        for item in value if isinstance(value, list) else [value]:
            inner = "".join(elements(item)) if isinstance(item, dict) else escape(str(item or ""))
            yield f"<{name}>{inner}</{name}>"


def form_xml(form: Form, version: Published) -> str:
    if version.xform:
        return version.xform
    binds = "".join(f'<bind nodeset="/data{item["path"]}" type="{item["type"]}"/>' for item in version.fields)
    return f'<?xml version="1.0"?><h:html xmlns:h="http://www.w3.org/1999/xhtml"><h:head>{binds}</h:head></h:html>'
