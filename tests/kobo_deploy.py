"""How the loopback KoboToolbox is deployed to: imports that end in the background, drafts, deployments.

As kpi does it: an import with a destination replaces the asset's content and makes a version that is not deployed; only
that newest version can be deployed; both take rights that « view » does not give.
"""

from __future__ import annotations

import base64
import io
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from openpyxl import load_workbook

from tests.kobo_answers import Answer, Row

if TYPE_CHECKING:
    from tests.kobo_server import KoboServer


def changed(kobo: KoboServer, method: str, path: str, body: bytes, authorization: str | None) -> Answer:
    """The answer to a request that changes something."""
    if authorization != f"Token {kobo.token}":
        return _json(401, {"detail": "Invalid token."})
    match method, path.strip("/").split("/"):
        case "POST", ["api", "v2", "imports"]:
            return _import(kobo, dict(parse_qsl(body.decode())))
        case "PATCH", ["api", "v2", "assets", uid, "deployment"] if uid in kobo.assets:
            return _deploy(kobo, uid, orjson.loads(body))
    return _json(404, {"detail": "Not found."})


def state_of_import(kobo: KoboServer, uid: str) -> Answer:
    """« processing » once, then how it ended."""
    states = kobo.imports.get(uid, ["error"])
    return _json(200, {"uid": uid, "status": states.pop(0) if len(states) > 1 else states[0], "messages": {}})


def _import(kobo: KoboServer, sent: dict[str, str]) -> Answer:
    uid = f"i{uuid.uuid4().hex[:21]}"
    asset = urlsplit(sent["destination"]).path.strip("/").split("/")[-1]
    content = _content(base64.b64decode(sent["base64Encoded"].split("base64,", 1)[1]))
    is_allowed = asset in kobo.assets and kobo.assets[asset].is_managed
    kobo.imports[uid] = ["processing", "complete" if content is not None and is_allowed else "error"]
    if content is not None and is_allowed:
        kobo.drafts[asset] = (f"v{uuid.uuid4().hex[:21]}", content)
    return _json(201, {"uid": uid, "url": f"{kobo.url}/api/v2/imports/{uid}/", "status": "processing"})


def _deploy(kobo: KoboServer, asset: str, wanted: Row) -> Answer:
    if not kobo.assets[asset].is_managed:
        return _json(404, {"detail": "Not found."})
    version, content = kobo.drafts.get(asset, ("", None))
    if content is None or wanted.get("version_id") != version:
        return _json(500, {"detail": "Only the current version_id can be deployed"})
    kobo.deploy(asset, content, version=version)
    del kobo.drafts[asset]
    return _json(200, {"active": True, "version_id": version})


def _content(workbook: bytes) -> Row | None:
    """The sheets as Kobo keeps them: wordings in lists, one place per language; None when it is not a workbook."""
    try:
        book = load_workbook(io.BytesIO(workbook), read_only=True)
    except Exception:  # openpyxl has no error of its own for what is not a workbook
        return None
    sheets = {name: [list(row) for row in book[name].iter_rows(values_only=True)] for name in book.sheetnames}
    header = [str(cell) for cell in sheets["survey"][0]]
    languages = [name.split("::", 1)[1] for name in header if name.startswith("label::")] or [None]
    survey = [_row(header, line, languages) for line in sheets["survey"][1:] if any(line)]
    for row in survey:
        word, _, list_name = str(row["type"]).partition(" ")
        row["type"], row["$kuid"] = word, uuid.uuid4().hex[:9]
        if list_name and word.startswith("select"):
            row["select_from_list_name"] = list_name
    choices = [
        _row([str(c) for c in sheets["choices"][0]], line, languages) for line in sheets.get("choices", [[]])[1:]
    ]
    return {"schema": "1", "survey": survey, "choices": choices, "settings": {}, "translations": languages}


def _row(header: list[str], line: list[Any], languages: list[Any]) -> Row:
    row: Row = {}
    for name, cell in zip(header, line, strict=False):
        word, separator, language = name.partition("::")
        if cell is None:
            continue
        if separator:
            row.setdefault(word, [None] * len(languages))[languages.index(language)] = str(cell)
        elif word in ("label", "hint"):
            row[word] = [str(cell)]
        else:
            row[word] = True if str(cell) in ("yes", "true") else str(cell)
    return row


def _json(status: int, value: object) -> Answer:
    return status, {}, orjson.dumps(value)
