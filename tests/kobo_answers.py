"""What the loopback KoboToolbox answers: paths, permissions, paging and the part of Mongo's query language it knows.

State and faults are in `kobo_server.py`; nothing here opens a socket.
"""

from __future__ import annotations

import re
import uuid
from bisect import bisect_left, bisect_right
from collections.abc import Callable, MutableSequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol
from urllib.parse import urlencode

import orjson

Row = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]

HTML = b"<!DOCTYPE html><html><body><h1>KoboToolbox</h1></body></html>"
FULL = ("view_asset", "view_submissions")
PARTIAL = ("view_asset", "partial_submissions")


@dataclass
class Asset:
    """One form: its rows by `_id`, as JSON bytes, its files by uid, and its deployed versions, newest last."""

    uid: str
    name: str
    formhub_uuid: str
    ids: MutableSequence[int] = field(default_factory=list)
    rows: dict[int, bytes] = field(default_factory=dict)
    deleted: dict[int, bytes] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    versions: list[Row] = field(default_factory=list)
    encrypted: bool = False
    history: list[Row] = field(default_factory=list)
    is_shared: bool = True
    is_managed: bool = False
    visible: Callable[[Row], bool] | None = None


class Kobo(Protocol):
    """What an answer depends on."""

    token: str
    maximum: int
    drift: int
    moved_to: str
    assets: dict[str, Asset]
    drafts: dict[str, tuple[str, Row]]

    @property
    def url(self) -> str: ...


def _json(status: int, value: object) -> Answer:
    return status, {}, orjson.dumps(value)


def answer(kobo: Kobo, path: str, query: dict[str, str], authorization: str | None) -> Answer:
    if kobo.moved_to:
        return 301, {"Location": f"{kobo.moved_to}{path}", "Content-Type": "text/html"}, b""
    if not path.endswith("/"):
        return 301, {"Location": f"{path}/", "Content-Type": "text/html"}, b""
    if authorization is not None and authorization != f"Token {kobo.token}":
        return _json(401, {"detail": "Invalid token."})
    match path.strip("/").split("/"):
        case ["api", "v2", "assets", uid, *rest] if uid in kobo.assets:
            form = kobo.assets[uid]
        case _:
            return 404, {"Content-Type": "text/html; charset=utf-8"}, HTML
    if authorization is None or not form.is_shared:
        return _json(404, {"detail": "Not found."})
    match rest:
        case []:
            return _json(200, _describe(kobo, form))
        case ["data"]:
            return _data(kobo, form, query)
        case ["data", key, "attachments", file] if file in _shown_files(form, key):
            return 200, {"Content-Type": "image/png", "ETag": '"65f0a1b2-1c"'}, form.files[file]
        case ["history"]:
            return (
                _history(kobo, form, query)
                if "manage_asset" in _permissions(form)
                else _json(403, {"detail": "Not allowed."})
            )
        case ["versions"]:
            return _json(200, _versions(kobo, form))
        case ["versions", version]:
            for known in form.versions:
                if known["uid"] == version:
                    return _json(200, {**_version(kobo, form, known), "content": known["content"]})
    return _json(404, {"detail": "Not found."})


def _shown_files(form: Asset, key: str) -> set[str]:
    """The uids of the files that a row shows and whose bytes were given."""
    row = orjson.loads(form.rows.get(int(key), b"{}"))
    return form.files.keys() & {item["uid"] for item in row.get("_attachments", []) if not item["is_deleted"]}


def _describe(kobo: Kobo, form: Asset) -> Row:
    return {
        "url": f"{kobo.url}/api/v2/assets/{form.uid}/?format=json",
        "uid": form.uid,
        "name": form.name,
        "asset_type": "survey",
        "owner__username": "alice",
        "has_deployment": True,
        "deployment__active": True,
        "deployment__encrypted": form.encrypted,
        "deployment__submission_count": len(form.ids) + kobo.drift,
        "version_id": kobo.drafts.get(form.uid, (form.versions[-1]["uid"], None))[0],
        "deployed_version_id": form.versions[-1]["uid"],
        "deployed_versions": _versions(kobo, form),
        "version_count": len(form.versions),
        "effective_permissions": [{"codename": name} for name in _permissions(form)],
        "content": form.versions[-1]["content"],
    }


def _permissions(form: Asset) -> tuple[str, ...]:
    return PARTIAL if form.visible else (*FULL, "manage_asset") if form.is_managed else FULL


def _history(kobo: Kobo, form: Asset, query: dict[str, str]) -> Answer:
    """Newest first; of the query language, the one filter that takes quotes round a time."""
    known = re.fullmatch(r'date_created__gte:"([^"]+)"', query.get("q", ""))
    if query.get("q") and known is None:
        return _json(200, {"count": 0, "next": None, "previous": None, "results": []})
    entries = [entry for entry in reversed(form.history) if known is None or entry["date_created"] >= known[1]]
    start, size = int(query.get("start") or 0), min(int(query.get("limit", "100")), kobo.maximum)
    more = f"{kobo.url}/api/v2/assets/{form.uid}/history/?{urlencode({**query, 'start': str(start + size)})}"
    return _json(
        200,
        {
            "count": len(entries),
            "next": more if start + size < len(entries) else None,
            "previous": None,
            "results": entries[start : start + size],
        },
    )


def _version(kobo: Kobo, form: Asset, version: Row) -> Row:
    return {
        "uid": version["uid"],
        "url": f"{kobo.url}/api/v2/assets/{form.uid}/versions/{version['uid']}/?format=json",
        "content_hash": uuid.uuid5(uuid.NAMESPACE_URL, version["uid"]).hex,
        "date_deployed": version["date"],
        "date_modified": version["date"],
    }


def _versions(kobo: Kobo, form: Asset) -> Row:
    newest_first = [_version(kobo, form, version) for version in reversed(form.versions)]
    return {"count": len(newest_first), "next": None, "previous": None, "results": newest_first}


def _data(kobo: Kobo, form: Asset, query: dict[str, str]) -> Answer:
    limit = query.get("limit", "100")
    if not limit.isdigit() or int(limit) == 0:
        return _json(400, {"limit": "A positive integer is required"})
    size = min(int(limit), kobo.maximum)
    try:
        wanted = orjson.loads(query.get("query", "{}"))
        sort = orjson.loads(query.get("sort", '{"_id":1}'))
        ids = select(form, wanted)
    except (orjson.JSONDecodeError, _Unsupported):
        return _json(400, {"query": "Value must be valid JSON."})
    ids = ids if sort == {"_id": 1} else _sorted(form, ids, sort)
    start = int(query.get("start") or 0)
    shown = [form.rows[key] for key in islice(ids, start, start + size)]
    # `page` and `offset` move the links only; the rows are those of `start` [kpi 2.026.27, paginators.get_offset].
    offset = start or int(query.get("offset") or (int(query.get("page") or 1) - 1) * 100)
    head = orjson.dumps(
        {
            "count": len(ids),
            "next": _link(kobo, form, query, offset + size) if offset + size < len(ids) else None,
            "previous": _link(kobo, form, query, max(offset - size, 0)) if offset else None,
        }
    )
    return 200, {}, head[:-1] + b',"results":[' + b",".join(shown) + b"]}"


def _link(kobo: Kobo, form: Asset, query: dict[str, str], start: int) -> str:
    return f"{kobo.url}/api/v2/assets/{form.uid}/data/?{urlencode(sorted({**query, 'start': str(start)}.items()))}"


class _Unsupported(Exception):
    """A query this server does not know: answered 400, so that no test relies on it by mistake."""


def select(form: Asset, wanted: Row) -> MutableSequence[int]:
    """The ids of the rows a Mongo query keeps; a range of integer `_id` costs nothing."""
    wanted = dict(wanted)
    ids, bounds = form.ids, wanted.get("_id")
    if isinstance(bounds, dict) and all(type(value) is int for value in bounds.values()):
        del wanted["_id"]
        low, high = 0, len(ids)
        for operator, value in bounds.items():
            match operator:
                case "$gt":
                    low = max(low, bisect_right(ids, value))
                case "$gte":
                    low = max(low, bisect_left(ids, value))
                case "$lt":
                    high = min(high, bisect_left(ids, value))
                case _:
                    raise _Unsupported(operator)
        ids = ids[low:high]
    if wanted or form.visible:
        loaded = ((key, orjson.loads(form.rows[key])) for key in ids)
        ids = [key for key, row in loaded if _matches(row, wanted) and (form.visible is None or form.visible(row))]
    return ids


def _matches(row: Row, wanted: Row) -> bool:
    return all(_holds(_stored(row, path), test) for path, test in wanted.items())


def _stored(row: Row, path: str) -> Any:
    if path in row or "." not in path:
        return row.get(path)
    head, _, tail = path.partition(".")
    inner = row.get(head)
    return inner.get(tail) if isinstance(inner, dict) else None


def _holds(stored: Any, test: Any) -> bool:
    """As Mongo: a comparison between a number and a text holds for no row."""
    if not isinstance(test, dict):
        return bool(stored == test)
    for operator, value in test.items():
        is_comparable = type(stored) is type(value)
        match operator:
            case "$exists":
                holds = (stored is not None) is bool(value)
            case "$gt":
                holds = is_comparable and stored > value
            case "$gte":
                holds = is_comparable and stored >= value
            case "$lt":
                holds = is_comparable and stored < value
            case "$in":
                holds = stored in value
            case _:
                raise _Unsupported(operator)
        if not holds:
            return False
    return True


def _sorted(form: Asset, ids: MutableSequence[int], sort: Row) -> list[int]:
    if len(sort) != 1:
        raise _Unsupported("sort")
    [(name, direction)] = sort.items()
    if name == "_id":
        return sorted(ids, reverse=direction < 0)
    return sorted(ids, key=lambda key: str(orjson.loads(form.rows[key]).get(name, "")), reverse=direction < 0)
