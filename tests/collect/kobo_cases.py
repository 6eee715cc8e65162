"""A form on the loopback KoboToolbox, and a source that reads it without waiting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from meal_pipelines.collect.kobo import KoboSource
from meal_pipelines.collect.source import Page
from meal_pipelines.collect.transport import Patience
from tests.kobo_server import KoboServer

ASSET = "aBeneficiaires"
QUICK = Patience(tries=5, connect=5.0, read=0.5, pause=0.0, longest_pause=5.0, total=30.0)
SECRET_ANSWER = "Réponse confidentielle"


def source(server: KoboServer, **changes: Any) -> KoboSource:
    given: dict[str, Any] = {"patience": QUICK, "sleep": lambda _: None, "form": "beneficiaires", **changes}
    return KoboSource(server.url, given.pop("token", server.token), given.pop("asset", ASSET), **given)


def fill(server: KoboServer, count: int) -> list[int]:
    return [server.submit(ASSET, {"identite/nom": SECRET_ANSWER, "age": str(n)}) for n in range(count)]


def swept(pages: Iterator[Page]) -> list[dict[str, Any]]:
    return [orjson.loads(submission.payload) for page in pages for submission in page.submissions]


def everything_told(error: BaseException) -> str:
    """What a traceback would print: the message and its causes."""
    told = f"{error!r} {error}"
    return told if error.__cause__ is None else f"{told} {everything_told(error.__cause__)}"
