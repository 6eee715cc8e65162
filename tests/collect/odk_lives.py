"""What a submission on the loopback ODK Central lives through, and what `raw` must hold of it.

Read from the server's own memory, never through the connector: the texts sent, and every state in its order.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.odk_state import Row, Stored
from tests.stage_cases import Bench

VERSIONS = (
    ("/age:int", "/g:structure", "/g/nom:string", "/m:repeat", "/m/prenom:string", "/photo:binary"),
    ("/age:string", "/g:structure", "/g/nom:string", "/m:repeat", "/m/prenom:string", "/photo:binary", "/neuf:string"),
    ("/age:string", "/g:structure", "/m:repeat", "/m/rang:int", "/photo:binary"),
    ("/g:structure", "/g/nom:string", "/photo:binary"),
)
"""Questions asked by the versions of the form: one added, one retyped, some removed, some brought back."""

State = tuple[Any, ...]
GONE: State = ("deleted",)


def answered(number: int, asked: set[str]) -> Row:
    """What a telephone sends for the questions of its form."""
    member = {"prenom": "/m/prenom", "rang": "/m/rang"}
    rows = [{name: f"{n}" for name, path in member.items() if path in asked} for n in range(1, number % 3 + 1)]
    texts = {"age": f"{number}", "neuf": "oui" if number % 2 else "", "m": rows}
    sent = {name: value for name, value in texts.items() if f"/{name}" in asked}
    return sent | ({"g": {"nom": f"n° {number} & <é>"}} if "/g/nom" in asked else {})


def flat(answers: Row, around: str = "") -> Row:
    """What was sent, by path, as texts."""
    found: Row = {}
    for name, value in answers.items():
        if isinstance(value, dict):
            found |= flat(value, f"{around}{name}/")
        elif isinstance(value, list):
            found |= {f"{around}{name}": [flat(item, f"{around}{name}/") for item in value]} if value else {}
        elif value:
            found[f"{around}{name}"] = value
    return found


def state_of(stored: Stored) -> State:
    """All that makes one version differ from another."""
    received = sum(content is not None for content in stored.files.values())
    newest = stored.editions[-1]
    return (newest.instance_id, len(stored.editions) - 1, stored.review, received, stored.created)


def check_life(life: list[State], states: list[State], seen: list[int]) -> None:
    """The versions kept are states that were, in their order, none twice running, and all those a quiet night saw."""
    place = -1
    for state in states:
        assert state in life[place + 1 :]
        place = life.index(state, place + 1)
    assert all(one != other for one, other in pairwise(states))
    kept = set(map(str, states))
    assert states[-1] == life[-1]
    assert {str(life[place]) for place in seen} <= kept


def check_answers(stored: Stored, payload: Row) -> None:
    """Every answer that was sent, to questions removed since too, and no other."""
    told = {name: value for name, value in payload.items() if not name.startswith(("__", "meta/"))}
    assert told == flat(stored.editions[-1].answers)


def held(bench: Bench, lives: dict[str, list[State]]) -> dict[str, list[tuple[State, Row]]]:
    """Every version that `raw` holds of each submission: the state it shows, and its payload."""
    found = {}
    rows = bench.query(
        "select submission_id, array_agg(version order by version), array_agg(state order by version),"
        " array_agg(payload order by version) from raw.submission"
        " where project = %s group by submission_id",
        bench.project.id,
    )
    for root, versions, states, payloads in rows:
        assert versions == list(range(1, len(versions) + 1)), "numbered without a gap"
        found[root] = list(_opened(bench, lives[root], root, zip(versions, states, payloads, strict=True)))
    return found


def _opened(bench: Bench, life: list[State], root: str, versions: Any) -> Iterator[tuple[State, Row]]:
    for version, state, blob in versions:
        if state == "deleted":
            yield GONE, {}
            continue
        row = bench.unsealed(blob, f"raw|{bench.project.id}|visites|{root}|{version}")
        came = datetime.fromisoformat(row["__system/submissionDate"])
        [created] = {s[4] for s in life if s != GONE and _millisecond(s[4]) == came}
        review, received = row.get("__system/reviewState"), row["__system/attachmentsPresent"]
        yield (row["meta/instanceID"], row["__system/edits"], review, received, created), row


def _millisecond(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
