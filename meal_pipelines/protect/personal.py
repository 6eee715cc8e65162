"""The personal answers of a row: one JSON object, sealed at the row's place in `cleaned`.

Which answers are personal, and what becomes of them, is elsewhere. Objects are put together from pieces, one per answer,
because a form has far fewer distinct answers than rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

STRAYS = "?"
"""The name under which answers to questions that nobody declared are kept."""


def place(table: str, submission_id: str, repeat_index: Any) -> str:
    """What a sealed row of `cleaned` is bound to."""
    return f"cleaned|{table}|{submission_id}|{repeat_index}"


def pieces(name: str, answers: Iterable[Any]) -> list[bytes]:
    """Each answer as its part of a JSON object; nothing for None."""
    head = orjson.dumps(name) + b":"
    return [b"" if answer is None else head + orjson.dumps(answer) + b"," for answer in answers]


def objects(columns: Sequence[Sequence[bytes]]) -> list[bytes]:
    """n JSON objects out of columns of n pieces; nothing where a row has no piece."""
    return [b"{" + found[:-1] + b"}" if found else b"" for found in map(b"".join, zip(*columns, strict=True))]
