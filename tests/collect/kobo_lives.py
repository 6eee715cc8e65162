"""What a submission on the loopback KoboToolbox lives through, and what `raw` must hold of it.

Read from the server's own memory, never through the connector: every row it ever showed, in its order.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import orjson

from tests.kobo_answers import Row
from tests.stage_cases import Bench

GONE: Row = {"deleted": True}

PHOTO: Row = {"type": "image", "name": "photo", "$xpath": "recu/photo"}
AGE: Row = {"type": "integer", "name": "age", "$xpath": "age"}
MEMBERS: Row = {"type": "begin_repeat", "name": "membres", "$xpath": "membres"}
VERSIONS: tuple[list[Row], ...] = ([AGE, PHOTO], [AGE, PHOTO, MEMBERS], [AGE], [PHOTO, MEMBERS])
"""Questions asked by the versions of the form: one added, some removed, some brought back."""


def content(questions: list[Row]) -> Row:
    return {
        "schema": "1",
        "survey": questions,
        "choices": [],
        "settings": {},
        "translations": ["Français (fr)", "العربية (ar)"],
    }


def answered(number: int, asked: list[Row], files: int) -> Row:
    """What a telephone sends for the questions of its form, and the names of `files` files that come later."""
    names = {question["name"] for question in asked}
    members = [{"membres/prenom": f"{n} é"} for n in range(number % 3)]
    row: Row = {"age": str(number)} if "age" in names else {}
    row |= {"membres": members} if "membres" in names and members else {}
    return row | ({"recu/photo": f"{number}.jpg"} if "photo" in names and files else {})


def check_life(life: list[Row], states: list[Row], seen: list[int]) -> None:
    """The versions kept are rows that were shown, in their order, none twice running, and all those a quiet night saw."""
    place = -1
    for state in states:
        assert state in life[place + 1 :]
        place = life.index(state, place + 1)
    assert all(one != other for one, other in pairwise(states))
    assert states[-1] == life[-1]
    kept = [orjson.dumps(state, option=orjson.OPT_SORT_KEYS) for state in states]
    assert all(orjson.dumps(life[place], option=orjson.OPT_SORT_KEYS) in kept for place in seen)


def held(bench: Bench) -> dict[str, list[Row]]:
    """Every version that `raw` holds of each submission, as the row it was."""
    rows = bench.query(
        "select submission_id, array_agg(version order by version), array_agg(state order by version),"
        " array_agg(payload order by version) from raw.submission where project = %s group by submission_id",
        bench.project.id,
    )
    found = {}
    for key, versions, states, payloads in rows:
        assert versions == list(range(1, len(versions) + 1)), "numbered without a gap"
        found[key] = list(_opened(bench, key, zip(versions, states, payloads, strict=True)))
    return found


def _opened(bench: Bench, key: str, versions: Any) -> Iterator[Row]:
    for version, state, blob in versions:
        yield GONE if state == "deleted" else bench.unsealed(blob, f"raw|{bench.project.id}|visites|{key}|{version}")
