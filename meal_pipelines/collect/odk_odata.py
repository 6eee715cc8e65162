"""How ODK Central's OData is asked, and what one answer holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import orjson

from meal_pipelines.collect.answer import Malformed

LONGEST_FILTER = 6500
"""Characters, as sent: a request's first line holds 8,000 of them (nginx). Some hundred rows can be asked for by name."""

DELETED = "__system/deletedAt"
"""Named in a filter, it makes deleted rows appear."""

UNNAMEABLE = re.compile(r"[\x00-\x1f\x7f\"#%'/<>?\[\\\]^`{|}]")
"""What Central's parser of filters refuses within a text (400.18, each tried on a real one on 2026-11-27): one such name would
have the whole request refused, and nothing but a sweep finds the submission that bears it. Encoded (%2F) it is not decoded.
"""

EVER = "1970-01-01T00:00:00.000Z"
"""A stamp that every row comes after."""


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


def can_be_named(name: str) -> bool:
    """Whether a filter can name a row so called; nothing forbids a device to call its submissions as it likes."""
    return UNNAMEABLE.search(name) is None


def conditions(condition: str, names: Sequence[str]) -> Iterator[str]:
    """Filters that keep what meets `condition` and the rows so named, with as many names as one request holds.

    Names that no filter can hold are left out.
    """
    for name in filter(can_be_named, names):
        longer = f"{condition} or __id eq '{name}'" if condition else f"__id eq '{name}'"
        if condition and len(quote_plus(longer)) > LONGEST_FILTER:
            yield condition
            longer = f"__id eq '{name}'"
        condition = longer
    if condition:
        yield condition
