"""How the loopback ODK Central is deployed to: a draft is put down, looked at, published under a version.

As central-backend does it: drafts take « form.update »; a version that was published before cannot be published again.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import orjson
from pyxform.errors import PyXFormError
from pyxform.xls2xform import convert

from tests.odk_state import Answer, Form, Problem, Published, Row

if TYPE_CHECKING:
    from tests.odk_answers import Central
    from tests.odk_server import OdkServer


def changed(central: OdkServer, path: str, query: dict[str, str], body: bytes, authorization: str) -> Answer:
    """The answer to a POST about a form."""
    try:
        if central.tokens.get(authorization.removeprefix("Bearer "), central.now()) <= central.now():
            raise Problem(401.2)
        match [unquote(part) for part in path.strip("/").split("/")]:
            case ["v1", "projects", project, "forms", name, "draft", *rest] if (int(project), name) in central.forms:
                form = central.forms[int(project), name]
                if not central.may_deploy:
                    raise Problem(403.1)
                return _publish(central, form, query) if rest else _draft(central, form, body)
        raise Problem(404.1)
    except Problem as problem:
        return problem.status, {}, orjson.dumps(problem.body)


def draft_of(central: Central, form: Form) -> Published:
    if not central.may_deploy:
        raise Problem(403.1)
    for each, draft in central.drafts:
        if each is form:
            return draft
    raise Problem(404.1)


def _draft(central: OdkServer, form: Form, body: bytes) -> Answer:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{form.name}.xlsx"
        file.write_bytes(body)
        try:
            xform = convert(file, form_name="data").xform
        except PyXFormError as error:
            raise Problem(400.15, f"The given XLSForm file was not valid. {error}") from None
    made = Published("", [], central.now(), xform=xform, workbook=body)
    central.drafts = [(each, draft) for each, draft in central.drafts if each is not form] + [(form, made)]
    return _success()


def _publish(central: OdkServer, form: Form, query: dict[str, str]) -> Answer:
    draft = draft_of(central, form)
    draft.version = query.get("version", draft.version)
    if any(version.version == draft.version for version in form.published):
        raise Problem(409.6, "Another version of this form was published under this name.")
    draft.at = central._tick()
    form.published.append(draft)
    central.drafts = [(each, other) for each, other in central.drafts if each is not form]
    return _success()


def _success() -> Answer:
    answer: Row = {"success": True}
    return 200, {}, orjson.dumps(answer)
