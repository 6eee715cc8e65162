"""One answer of ODK Central's OData, and the stamps it is asked with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from meal_pipelines.collect.transport import Malformed


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of OData. count: rows that meet the filter, on all pages · following: path and query of the next page."""

    rows: list[dict[str, Any]] = field(repr=False)
    count: int
    following: str | None
    is_full: bool


def read_answer(body: bytes, asked: int) -> Answer:
    """asked: how many rows were asked for at most. Raises: Malformed, when it is no such answer, or not all of it."""
    try:
        answer = orjson.loads(body)
        rows, count, link = answer["value"], answer["@odata.count"], answer.get("@odata.nextLink")
        if not all(isinstance(row["__id"], str) and isinstance(row["__system"], dict) for row in rows):
            raise TypeError
        # The server's idea of its own address may not be ours (a proxy, a test): only path and query are followed.
        following = None if link is None else link[link.index("/v1/") :]
        return Answer(rows, int(count), following, len(rows) >= asked)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        # A proxy's page under 200, or a stream that broke off. `from None`: the error holds the body.
        raise Malformed("sa réponse est incomplète ou n'a pas la forme attendue") from None


def stamp(moment: datetime) -> str:
    """As Central writes them: UTC, milliseconds, so that they compare as text."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
