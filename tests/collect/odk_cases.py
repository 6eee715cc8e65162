"""A form on the loopback ODK Central, and a source that reads it without waiting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from meal_pipelines.collect.odk import OdkEntities, OdkForm
from meal_pipelines.collect.odk_session import OdkSession
from meal_pipelines.collect.source import Delta, Page, Submission
from meal_pipelines.collect.transport import Patience
from tests.odk_server import OdkServer, questions
from tests.odk_state import Form, Row

NAME = "beneficiaires"
QUICK = Patience(tries=5, connect=5.0, read=0.5, pause=0.0, longest_pause=5.0, total=30.0)
SECRET_ANSWER = "Réponse confidentielle"
ASKED = ("/identite:structure", "/identite/nom:string", "/age:int", "/photo:binary")


def session(server: OdkServer, **changes: Any) -> OdkSession:
    given: dict[str, Any] = {"email": server.email, "password": server.password, "url": server.url, **changes}
    return OdkSession(
        given["url"], given["email"], given["password"], patience=given.get("patience", QUICK), sleep=lambda _: None
    )


def source(server: OdkServer, name: str = NAME, **changes: Any) -> OdkForm:
    given: dict[str, Any] = {
        "patience": QUICK,
        "sleep": lambda _: None,
        "form": "beneficiaires",
        "project": "2",
        **changes,
    }
    return OdkForm(given.pop("session", None) or session(server), given.pop("project"), name, **given)


def entities(server: OdkServer, name: str, **changes: Any) -> OdkEntities:
    given: dict[str, Any] = {"patience": QUICK, "sleep": lambda _: None, "form": "personnes", **changes}
    return OdkEntities(session(server), "2", name, **given)


def add_form(server: OdkServer, *more: str) -> Form:
    return server.add_form(NAME, questions(*ASKED, *more))


def fill(server: OdkServer, form: Form, count: int) -> list[str]:
    return [server.submit(form, {"identite": {"nom": SECRET_ANSWER}, "age": str(n)}) for n in range(count)]


def submissions(parts: Iterable[Page | Delta]) -> list[Submission]:
    return [submission for part in parts for submission in part.submissions]


def ids(parts: Iterable[Page | Delta]) -> list[str]:
    return [submission.submission_id for submission in submissions(parts)]


def payload(submission: Submission) -> Row:
    row: Row = orjson.loads(submission.payload)
    return row


def rows_asked(server: OdkServer) -> list[dict[str, str]]:
    """The query of every request for rows, in order."""
    return [query for _, _, query in server.asked(".svc/Submissions")]


def everything_told(error: BaseException) -> str:
    """What a traceback would print: the message and its causes."""
    told = f"{error!r} {error}"
    return told if error.__cause__ is None else f"{told} {everything_told(error.__cause__)}"
