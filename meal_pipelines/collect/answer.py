"""What a server's answer may be: JSON of a known shape, or nothing that can be used. Asking for it is `transport.py`'s business."""

from __future__ import annotations

from typing import Any

import orjson


class Malformed(Exception):
    """An answer under 200 that cannot be what was asked for; another try may bring a whole one. Why, in French, without data."""


def json_object(body: bytes, holds: str, kind: type) -> dict[str, Any]:
    """The object of a body. holds, kind: a key it must have, unless empty, and the type of its value. Raises: Malformed."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        # A proxy's HTML page under 200, or JSON cut in mid-answer.
        raise Malformed("sa réponse est incomplète ou n'est pas du JSON") from None
    if not isinstance(answer, dict) or (holds and not isinstance(answer.get(holds), kind)):
        raise Malformed("sa réponse n'a pas la forme attendue")
    return answer
