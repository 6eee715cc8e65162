"""Forms whose questions are renamed, cut, joined and recoded again and again, drawn; read against another way of doing it.

What is checked walks a submission forward through the changes, one after the other, with plain dictionaries; what is
tested walks each question of today back, over columns. They share no code.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from meal_pipelines.clean.readings import Readings
from meal_pipelines.project.form_versions import FormVersions
from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.project.model import Form
from meal_pipelines.project.questionnaire import MAIN
from meal_pipelines.project.xlsform import questionnaire_of

CODES = ["a", "b", "c", "d"]
ANSWERS = st.one_of(st.none(), st.sampled_from([*CODES, "a b", "c d", "a b c", "x"]))
FORM: dict[str, Any] = {
    "label": "Essai", "code": "F", "unit": "fiche", "questionnaire": "f.xlsx", "source": {"use": "s"},
    "frequency": "monthly", "privacy": {"open": ["*"]},
}  # fmt: skip


@dataclass
class History:
    """names: the questions of each version, oldest first · changes: one between two versions, as the file says it."""

    names: list[list[str]]
    changes: list[dict[str, Any]] = field(default_factory=list)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Up to four changes, each of some questions; a name given up may be taken again by another question."""
    history = History([draw(st.lists(st.sampled_from("pqrstu"), min_size=2, max_size=4, unique=True))])
    for number in range(draw(st.integers(1, 4))):
        names, change = list(history.names[-1]), {"until": [f"v{number}"]}
        free = [name for name in [*"pqrstuvwxyz"] if name not in names]
        for name in draw(st.lists(st.sampled_from(names), max_size=2, unique=True)):
            match draw(st.sampled_from(["renamed", "split", "removed", "choices", "added"])):
                case "renamed":
                    change.setdefault("renamed", {})[name] = new = free.pop(0)
                    names[names.index(name)] = new
                    if draw(st.booleans()):
                        names.append(name)  # another question, that takes the name given up
                case "split" if len(free) > 1:
                    into = [free.pop(0), free.pop(0)]
                    change.setdefault("split", {})[name] = {"into": into, "on": " "}
                    names[names.index(name) : names.index(name) + 1] = into
                case "removed":
                    change.setdefault("removed", []).append(name)
                    names.remove(name)
                case "choices":
                    mapping = {
                        code: draw(st.sampled_from(CODES)) for code in draw(st.sets(st.sampled_from(CODES), min_size=1))
                    }
                    change.setdefault("choices", {})[name] = mapping
                case _:
                    change.setdefault("added", []).append(new := free.pop(0))
                    names.append(new)
        if len(names) > 2 and draw(st.booleans()):
            parts = [name for name in names[:2] if name in history.names[-1] and name not in change.get("choices", {})]
            if len(parts) == 2:
                change["merged"] = {(new := free.pop(0)): {"of": parts, "with": "-", "optional": parts[:1]}}
                names = [new, *names[2:]]
        history.names.append(names or [free.pop(0)])
        if not names:
            change.setdefault("added", []).append(history.names[-1][0])
        history.changes.append(change)
    return history


def forward(row: dict[str, str], version: int, history: History) -> tuple[dict[str, str], set[str]]:
    """The answers of today, and the questions of which they cannot be made; what could not be stays as it was given."""
    answers, lost = dict(row), set[str]()
    for change in history.changes[version:]:
        before, lost_before = answers, lost
        answers, lost = dict(before), set(lost_before)
        for old in [*change.get("renamed", {}), *change.get("split", {}), *change.get("removed", [])]:
            answers.pop(old, None)
            lost.discard(old)
        for merge in change.get("merged", {}).values():
            for old in merge["of"]:
                answers.pop(old, None)
                lost.discard(old)
        for old, new in change.get("renamed", {}).items():
            _carry(answers, lost, new, before.get(old), old in lost_before)
        for old, split in change.get("split", {}).items():
            text = before.get(old)
            parts = text.split() if text is not None and old not in lost_before else []
            for position, new in enumerate(split["into"]):
                is_lost = text is not None and len(parts) != 2
                _carry(answers, lost, new, text if is_lost or text is None else parts[position], is_lost)
        for new, merge in change.get("merged", {}).items():
            first, second = (before.get(old) for old in merge["of"])
            text = "-".join(part for part in (first, second) if part is not None) or None
            is_lost = any(old in lost_before for old in merge["of"]) or (second is None and first is not None)
            _carry(answers, lost, new, text, is_lost)
        for name, mapping in change.get("choices", {}).items():
            if name in answers and name not in lost:
                answers[name] = mapping.get(answers[name], answers[name])
    today = set(history.names[-1])
    return {name: text for name, text in answers.items() if name in today and name not in lost}, lost & today


def _carry(answers: dict[str, str], lost: set[str], name: str, text: str | None, is_lost: bool) -> None:
    if text is not None:
        answers[name] = text
    if is_lost:
        lost.add(name)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(history=histories(), data=st.data())
def test_answers_of_every_version_arrive_where_walking_forward_puts_them(history: History, data: st.DataObject) -> None:
    """Columns of many rows, several versions in one chunk, in any order."""
    survey = [(line, {"type": "text", "name": name}) for line, name in enumerate(history.names[-1], start=2)]
    questionnaire = questionnaire_of({"survey": survey}, Path("f.xlsx"))
    form = LoadedForm("p", "f", Form.model_validate(FORM), questionnaire, "")
    form = replace(form, versions=FormVersions.model_validate({"changes": history.changes}))
    readings = Readings(form, {})
    sent: list[tuple[int, dict[str, str]]] = []
    for _ in range(data.draw(st.integers(1, 8))):
        version = data.draw(st.integers(0, len(history.changes)))
        drawn = {name: data.draw(ANSWERS) for name in history.names[version]}
        sent.append((version, {name: text for name, text in drawn.items() if text is not None}))
    rows = [(str(number), 1, f"v{version}", row) for number, (version, row) in enumerate(sent)]
    seen = set()
    for reading, part in readings.parted(rows):
        payloads = [orjson.dumps(row[3]) for row in part]
        if reading is None:
            for row in part:
                assert row[2] == f"v{len(history.changes)}" or forward(row[3], int(row[2][1:]), history) == (
                    row[3],
                    set(),
                )
            seen |= {row[0] for row in part}
            continue
        table = reading.extract(payloads)[MAIN]
        for place, row in enumerate(part):
            lost = {column for column, found in table.unreadable.items() if place in found}
            made = {column: texts[place] for column, texts in table.answers.items() if texts[place] is not None}
            answers = {column: text for column, text in made.items() if column not in lost}
            assert (answers, lost) == forward(row[3], int(row[2][1:]), history)
            assert not table.strays[place], "what was mapped or removed is no unknown question"
            seen.add(row[0])
    assert seen == {row[0] for row in rows}, "each submission is read once"
