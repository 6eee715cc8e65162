"""What the loopback ODK Central answers: its paths, its part of OData, and how it refuses.

Reproduced from recordings of central-backend v2026.2.2 (`fixtures/odk/`). What it holds is in `odk_state.py`, its rows
in `odk_rows.py`, what people do to it and its faults in `odk_server.py`; nothing here opens a socket.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import quote, unquote, urlencode

import orjson

from tests.odk_deploy import draft_of
from tests.odk_filter import column, select
from tests.odk_rows import form_xml, instance_xml, row_of, sanitised
from tests.odk_state import Answer, Form, Problem, Published, Row, Stored, stamp


class Central(Protocol):
    """What an answer depends on."""

    domain: str
    email: str
    password: str
    has_passwords: bool
    forms: dict[tuple[int, str], Form]
    lists: dict[tuple[int, str], Form]
    tokens: dict[str, datetime]
    may_deploy: bool
    drafts: list[tuple[Form, Published]]

    def now(self) -> datetime: ...


def login(central: Central, path: str, body: bytes) -> Answer:
    """A session for 24 hours; its createdAt is the database's own clock. Under single sign-on the path does not exist."""
    try:
        if path != "/v1/sessions" or not central.has_passwords:
            raise Problem(404.1)
        given = orjson.loads(body)
        if (given["email"], given["password"]) != (central.email, central.password):
            raise Problem(401.2)
    except Problem as problem:
        return _json(problem.body, problem.status)
    token, expires = uuid.uuid4().hex * 2, central.now() + timedelta(days=1)
    central.tokens[token] = expires
    session = {"token": token, "csrf": uuid.uuid4().hex * 2}
    return _json({**session, "expiresAt": stamp(expires), "createdAt": stamp(central.now())})


def answer(central: Central, path: str, query: dict[str, str], authorization: str, extended: bool) -> Answer:
    try:
        token = authorization.removeprefix("Bearer ")
        if not authorization.startswith("Bearer ") or central.tokens.get(token, central.now()) <= central.now():
            raise Problem(401.2)
        return _route(central, [unquote(part) for part in path.strip("/").split("/")], query, extended)
    except Problem as problem:
        return _json(problem.body, problem.status)


def _route(central: Central, parts: list[str], query: dict[str, str], extended: bool) -> Answer:
    match parts:
        case ["v1", "projects", project, "forms", name, *rest]:
            is_svc = name.endswith(".svc")
            form = _found(central.forms, project, name.removesuffix(".svc"))
            if rest == ["draft"]:
                return _json(_describe(form, draft_of(central, form), extended))
            return _odata(central, form, rest, query) if is_svc else _form(form, rest, extended)
        case ["v1", "projects", project, "datasets", name, *rest]:
            is_svc = name.endswith(".svc")
            entities = _found(central.lists, project, name.removesuffix(".svc"))
            return _odata(central, entities, rest, query) if is_svc else _json(_describe_list(entities))
    raise Problem(404.1)


def _found(forms: dict[tuple[int, str], Form], project: str, name: str) -> Form:
    form = forms.get((int(project), name)) if project.isdigit() else None
    if form is None:
        raise Problem(404.1)
    if not form.is_shared:
        raise Problem(403.1)
    return form


def _form(form: Form, rest: list[str], extended: bool) -> Answer:
    match rest:
        case []:
            return _json(_describe(form, form.current, extended))
        case ["versions"]:
            return _json([_describe(form, version, False) for version in reversed(form.published)])
        case ["fields"]:
            return _json(form.current.fields)
        case ["versions", version, "fields"]:
            return _json(_version(form, version).fields)
        case ["versions", version] if version.endswith(".xml"):
            return _xml(form_xml(form, _version(form, version.removesuffix(".xml"))))
        case ["versions", version] if version.endswith(".xlsx"):
            workbook = _version(form, version.removesuffix(".xlsx")).workbook
            if not workbook:
                raise Problem(404.1)
            return 200, {"Content-Type": "application/vnd.ms-excel"}, workbook
        case ["submissions", root, "attachments"]:
            files = _held(form, root).files
            return _json([{"name": name, "exists": files[name] is not None} for name in sorted(files)])
        case ["submissions", root, "attachments", name]:
            content = _held(form, root).files.get(name)
            if content is None:
                raise Problem(404.1)
            digest = hashlib.md5(content).hexdigest()
            return 200, {"Content-Type": "image/png", "ETag": f'"{digest}"'}, content
        case ["submissions", root, "versions", instance] if instance.endswith(".xml"):
            for edition in _held(form, root).editions:
                if edition.instance_id == instance.removesuffix(".xml"):
                    return _xml(instance_xml(form, edition))
    raise Problem(404.1)


def _version(form: Form, name: str) -> Published:
    wanted = "" if name == "___" else name
    for version in form.published:
        if version.version == wanted:
            return version
    raise Problem(404.1)


def _held(form: Form, root: str) -> Stored:
    stored = form.stored.get(root)
    if stored is None or stored.deleted is not None:
        raise Problem(404.1)
    return stored


def _describe(form: Form, version: Published, extended: bool) -> Row:
    described: Row = {
        "projectId": form.project,
        "xmlFormId": form.name,
        "state": form.state,
        "enketoId": None,
        "enketoOnceId": None,
        "createdAt": stamp(form.created),
        "updatedAt": stamp(form.current.at),
        "webformsEnabled": True,
        "keyId": version.key_id,
        "version": version.version,
        "hash": hashlib.md5(version.version.encode()).hexdigest(),
        "sha": hashlib.sha1(version.version.encode()).hexdigest(),
        "sha256": hashlib.sha256(version.version.encode()).hexdigest(),
        "draftToken": None,
        "publishedAt": stamp(version.at),
        "name": form.name,
    }
    if extended:
        held = [stored for stored in form.stored.values() if stored.deleted is None]
        described |= {
            "submissions": len(held),
            "lastSubmission": stamp(max((stored.created for stored in held), default=None)),
            "entityRelated": False,
            "reviewStates": {
                "received": sum(stored.review is None for stored in held),
                "hasIssues": sum(stored.review == "hasIssues" for stored in held),
                "edited": sum(stored.review == "edited" for stored in held),
            },
            "excelContentType": None,
            "publicLinks": 0,
        }
    return described


def _describe_list(entities: Form) -> Row:
    held = [stored for stored in entities.stored.values() if stored.deleted is None]
    properties = [
        {
            "name": item["name"],
            "odataName": sanitised(item["name"]),
            "publishedAt": stamp(entities.created),
            "forms": [],
        }
        for item in entities.current.fields
    ]
    return {
        "name": entities.name,
        "createdAt": stamp(entities.created),
        "projectId": entities.project,
        "approvalRequired": False,
        "entities": len(held),
        "lastEntity": stamp(max((stored.created for stored in held), default=None)),
        "conflicts": 0,
        "linkedForms": [],
        "sourceForms": [],
        "properties": properties,
    }


def _odata(central: Central, form: Form, rest: list[str], query: dict[str, str]) -> Answer:
    if rest != ["Entities" if form.is_entities else "Submissions"]:
        raise Problem(404.1)
    if "$orderby" in query and "$skiptoken" in query:
        raise Problem(501.1, details={"feature": "using $orderby and $skiptoken together"})
    if query.get("$expand", "*") != "*" or (form.is_entities and "$expand" in query):
        raise Problem(501.6, "The given OData expand expression is not supported by this server.")
    held = select(form, query.get("$filter"))
    held.sort(key=lambda stored: (stored.created, stored.serial), reverse=True)
    if "$orderby" in query:
        held = _ordered(form, held, query["$orderby"])
    count, beyond = len(held), held
    if "$skiptoken" in query:
        beyond = _after(form, held, query["$skiptoken"])
    elif "$skip" in query:
        beyond = held[int(query["$skip"]) :]
    top = int(query["$top"]) if "$top" in query else len(beyond)
    shown = beyond[:top]
    paged = {"$top", "$skip", "$skiptoken"} & query.keys()
    name = "datasets" if form.is_entities else "forms"
    service = f"{central.domain}/v1/projects/{form.project}/{name}/{quote(form.name)}.svc"
    foot: Row = {"@odata.context": f"{service}/$metadata#{rest[0]}"}
    if paged and top > 0 and len(beyond) > len(shown):
        key = "uuid" if form.is_entities else "instanceId"
        token = "01" + base64.b64encode(orjson.dumps({key: shown[-1].root})).decode()
        following = {k: v for k, v in query.items() if k != "$skip"} | {"$skiptoken": token}
        foot["@odata.nextLink"] = f"{service}/{rest[0]}?{urlencode(following, safe='*')}"
    if query.get("$count", "").lower() == "true":
        foot["@odata.count"] = count
    if "$select" in query and "$expand" in query:
        raise Problem(501.11, "This server doesn't support $select query parameter with $expand.")
    selected = [path.strip() for path in query["$select"].split(",")] if "$select" in query else None
    rows = b",".join(row_of(form, stored, expand="$expand" in query, selected=selected) for stored in shown)
    body = b'{"value":[' + rows + b"]," + orjson.dumps(foot)[1:]
    events = hashlib.md5(repr([(stored.serial, stored.touched) for stored in shown]).encode()).hexdigest()
    etag = {} if form.is_entities else {"ETag": f'W/"eventhash:{events}"'}
    return 200, {"Content-Type": "application/json; charset=utf-8", **etag}, body


def _after(form: Form, held: list[Stored], token: str) -> list[Stored]:
    """What lies beyond the token's row, deleted or not; nothing at all when that row was purged or never was."""
    decoded = orjson.loads(base64.b64decode(token.removeprefix("01")))
    cursor = form.stored.get(decoded.get("instanceId") or decoded.get("uuid"))
    if cursor is None:
        return []
    return [stored for stored in held if (stored.created, stored.serial) < (cursor.created, cursor.serial)]


def _ordered(form: Form, held: list[Stored], orderby: str) -> list[Stored]:
    path, _, direction = orderby.strip().partition(" ")
    read = column(form, path)
    known = [stored for stored in held if read(stored) is not None]
    known.sort(key=lambda stored: (read(stored), stored.serial), reverse=direction.lower() == "desc")
    unknown = [stored for stored in held if read(stored) is None]
    return known + unknown if direction.lower() == "desc" else unknown + known


def _json(value: object, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json; charset=utf-8"}, orjson.dumps(value)


def _xml(text: str) -> Answer:
    return 200, {"Content-Type": "application/xml; charset=utf-8"}, text.encode()
