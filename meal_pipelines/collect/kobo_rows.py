"""What a page of Kobo's data says: the bytes of each row as they came, and the few keys that are looked at.

Rows are not built: a row has some forty keys, of which eight matter here, and its own bytes are what is kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson

from meal_pipelines.collect.answer import Malformed
from meal_pipelines.collect.source import Submission

PLAIN_STAMP = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d")
"""How Kobo writes every stamp; recognised without a parse, because there is one in each of 200,000 rows."""

VOLATILE = frozenset(
    {
        "_geolocation",  # computed from the first geopoint answer, which is in the row
        "_attachments",  # compared by file name only: addresses hold the host, uids came with a server upgrade
        "_notes",  # kpi 2.026.27 dropped both from every row
        "_tags",
        "_date_modified",  # announced (kpi #7260): an upgrade would make every row look edited
        "_status",  # how the row came in, constant
        "_xform_id_string",  # the asset's id, rewritten when a project is transferred
        "meta/rootUuid",  # filled in later by a server migration, or from meta/instanceID (which an edit changes)
    }
)
"""Keys the server changes by itself. They stay in the payload and are not compared.

Everything else is compared: answers, `_uuid` and `meta/instanceID` (new at each edit), `__version__`,
`_validation_status` (a review is a change) and the names of the attached files (one may arrive late).
"""


MEDIA = frozenset({"image", "audio", "video", "file", "background-audio"})


class _File(msgspec.Struct, gc=False):
    is_deleted: Any = None


class _Row(msgspec.Struct, gc=False):
    id: Any = msgspec.field(name="_id", default=None)
    uuid: str | None = msgspec.field(name="_uuid", default=None)
    root: str | None = msgspec.field(name="meta/rootUuid", default=None)
    instance: str | None = msgspec.field(name="meta/instanceID", default=None)
    version: str | None = msgspec.field(name="__version__", default=None)
    older_version: str | None = msgspec.field(name="_version_", default=None)
    submitted: Any = msgspec.field(name="_submission_time", default=None)
    modified: Any = msgspec.field(name="_date_modified", default=None)
    files: list[_File] | None = msgspec.field(name="_attachments", default=None)


class _Slices(msgspec.Struct):
    results: list[msgspec.Raw]
    count: Any = None
    next: Any = None


class _Rows(msgspec.Struct):
    results: list[_Row]


_slices, _rows = msgspec.json.Decoder(_Slices), msgspec.json.Decoder(_Rows)


@dataclass(frozen=True, slots=True)
class DataPage:
    """One answer of the data endpoint. keys: the `_id` of each submission, whatever its type · count, has_next: as said."""

    submissions: list[Submission] = field(repr=False)
    keys: list[Any]
    count: int | None
    has_next: bool


def read_page(body: bytes, media: Sequence[str] = ()) -> DataPage:
    """The submissions of one answer of the data endpoint, or of an export in its shape.

    media: the paths of the questions that are answered with a file; without them, files are those that have arrived.
    `_id` alone identifies a submission: an edit changes `_uuid`, and the rootUuid of old rows moves.
    Raises: Malformed, when it is no such answer.
    """
    try:
        page, rows = _slices.decode(body), _rows.decode(body).results
        payloads = [bytes(raw) for raw in page.results]
        for payload in payloads:
            payload.decode()  # msgspec passes over what is no UTF-8 in a value that nobody asked for
    except (UnicodeDecodeError, msgspec.MsgspecError):
        # `from None`: the error may quote the body.
        raise Malformed("sa réponse est incomplète ou n'a pas la forme attendue") from None
    asked = frozenset(media)
    submissions = [_submission(row, payload, asked) for row, payload in zip(rows, payloads, strict=True)]
    count = page.count if type(page.count) is int else None
    return DataPage(submissions, [row.id for row in rows], count, page.next is not None)


def _submission(row: _Row, payload: bytes, media: frozenset[str]) -> Submission:
    files = sum(not file.is_deleted for file in row.files) if row.files else 0
    return Submission(
        submission_id=str(row.id),
        payload=payload,
        instance_id=row.root or row.instance or (f"uuid:{row.uuid}" if row.uuid else None),
        form_version=row.version or row.older_version,
        submitted_at=_utc(row.submitted),
        changed_at=_utc(row.modified),
        attachments=max(files, _named(orjson.loads(payload), media)) if media else files,
        attachments_present=files,
    )


def media_paths(content: dict[str, Any]) -> list[str]:
    """The paths, as in rows, of the questions of a form that are answered with a file."""
    survey = content.get("survey") or []
    return sorted(str(item["$xpath"]) for item in survey if item.get("type") in MEDIA and item.get("$xpath"))


def _named(row: dict[str, Any], media: frozenset[str]) -> int:
    """How many answers name a file, those in repeats included."""
    named = sum(1 for path in media if row.get(path))
    items = [value for value in row.values() if isinstance(value, list)]
    return named + sum(_named(item, media) for value in items for item in value if isinstance(item, dict))


def compared(payload: bytes) -> dict[str, Any]:
    """What of a row only people change."""
    row = orjson.loads(payload)
    content = {key: value for key, value in row.items() if key not in VOLATILE}
    if names := _file_names(row.get("_attachments") or []):
        content["_attachments"] = names
    return content


def _file_names(attachments: list[dict[str, Any]]) -> list[str]:
    """Names of the files still attached, sorted; from `filename`, which every server version has."""
    return sorted(
        str(item.get("filename") or item.get("media_file_basename") or "").rpartition("/")[2]
        for item in attachments
        if not item.get("is_deleted")
    )


def _utc(stamp: object) -> str | None:
    """Kobo's stamps are UTC without a zone; what cannot be read as a stamp counts as absent."""
    if isinstance(stamp, str) and PLAIN_STAMP.fullmatch(stamp):
        return f"{stamp}+00:00"
    try:
        moment = datetime.fromisoformat(stamp) if isinstance(stamp, str) else None
    except ValueError:
        return None
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
