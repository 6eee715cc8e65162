"""Spread a chunk of submissions over the questionnaire's tables, as text: one row per submission or per repeat.

Nothing is judged here and nothing is lost: an answer to a question that the questionnaire does not have is kept apart.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import orjson

from meal_pipelines.project.questionnaire import MAIN, Questionnaire, Table

SYSTEM = ("_", "meta/", "formhub/", "$")
"""Keys that a server adds to the answers; what they say is in `raw.submission`."""

PARSED_AT_ONCE = 50
"""Submissions that are dictionaries at one time: more take twice the time to read, in memory that caches do not hold."""


class Spellings(dict[str | None, str | None]):
    """The text of each distinct answer to a question, worked out when it is first met."""

    def __missing__(self, answer: str | None) -> str | None:
        self[answer] = _text(answer)
        return self[answer]


Known = defaultdict[str, Spellings]
"""Spellings by question."""


@dataclass(frozen=True)
class Unreadable:
    """Why an answer of an old version could not be made one of today's: the rule, what to say, the answer as it was given."""

    rule: str
    message: str
    given: str = field(repr=False)


@dataclass
class RawTable:
    """The rows of one table in one chunk: n rows × one column of texts per question.

    owner: the submission's index in the chunk · repeat_index: position among all rows of this repeat in the submission,
    from 1 (0 for the form itself) · parent_index: that of the enclosing repeat's row · strays: answers to unknown questions.
    Of an old version, also: originals: its own answers that its own conditions name · unreadable: by column and row.
    """

    table: Table
    owner: list[int] = field(default_factory=list)
    repeat_index: list[int] = field(default_factory=list)
    parent_index: list[int | None] = field(default_factory=list)
    answers: dict[str, list[str | None]] = field(default_factory=dict)
    strays: list[dict[str, str] | None] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    originals: dict[str, list[str | None]] = field(default_factory=dict)
    unreadable: dict[str, dict[int, Unreadable]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.owner)

    def extend(self, other: RawTable, first: int) -> None:
        """Add the rows of the submissions that follow, the next of which is number `first` of the chunk."""
        self.owner += [first + owner for owner in other.owner]
        self.repeat_index += other.repeat_index
        self.parent_index += other.parent_index
        for column, texts in other.answers.items():
            self.answers.setdefault(column, []).extend(texts)
        self.strays += other.strays
        self.unknown |= other.unknown


def extract(questionnaire: Questionnaire, payloads: list[bytes]) -> dict[str, RawTable]:
    """Spread n submissions (JSON objects) over the tables of the questionnaire.

    Keys are question paths (`group/question`) or bare names, as servers and exports write them.
    """
    found = {name: RawTable(table) for name, table in questionnaire.tables.items()}
    known: Known = defaultdict(Spellings)
    for first in range(0, len(payloads), PARSED_AT_ONCE):
        documents = [orjson.loads(payload) for payload in payloads[first : first + PARSED_AT_ONCE]]
        for name, rows in _spread(questionnaire, documents, known).items():
            found[name].extend(rows, first)
    return found


def _spread(questionnaire: Questionnaire, documents: list[dict[str, Any]], known: Known) -> dict[str, RawTable]:
    found: dict[str, RawTable] = {}
    main = RawTable(questionnaire.main, list(range(len(documents))), [0] * len(documents), [None] * len(documents))
    _fill(questionnaire, main, documents, known)
    found[MAIN] = main
    rows_of: dict[str, list[dict[str, Any]]] = {MAIN: documents}
    for table in questionnaire.repeats:
        parent = found[str(table.parent)]
        raw, rows = _repeat(table, parent, rows_of[str(table.parent)])
        _fill(questionnaire, raw, rows, known)
        found[table.name], rows_of[table.name] = raw, rows
    return found


def _repeat(table: Table, parent: RawTable, around: list[dict[str, Any]]) -> tuple[RawTable, list[dict[str, Any]]]:
    """The rows of a repeat inside the rows of the table around it."""
    raw, rows = RawTable(table), []
    bare = table.path.rsplit("/", 1)[-1]
    position, last_owner = 0, -1
    for index, document in enumerate(around):
        items = document.get(table.path) or document.get(bare)
        if not isinstance(items, list):
            continue
        owner = parent.owner[index]
        if owner != last_owner:
            position, last_owner = 0, owner
        for item in items:
            position += 1
            raw.owner.append(owner)
            raw.repeat_index.append(position)
            raw.parent_index.append(parent.repeat_index[index] if parent.table.name != MAIN else None)
            rows.append(item if isinstance(item, dict) else {})
    return raw, rows


def _fill(questionnaire: Questionnaire, raw: RawTable, documents: list[dict[str, Any]], known: Known) -> None:
    """Take each question's column out of the rows, and keep apart what no question explains."""
    keys: set[str] = set().union(*documents) if documents else set()
    used: set[str] = set()
    for question in raw.table.questions:
        spelled = [key for key in dict.fromkeys((question.path, question.name)) if key in keys]
        used.update(spelled)
        if not spelled:
            raw.answers[question.column] = [None] * len(raw)
            continue
        first, last = spelled[0], spelled[-1]
        answers = [document.get(first) for document in documents]
        if first != last:
            answers = [document.get(first, document.get(last)) for document in documents]
        raw.answers[question.column] = _texts(answers, known[question.path])
    expected = used | {path for table in questionnaire.repeats for path in (table.path, table.path.rsplit("/", 1)[-1])}
    multiple = {
        name
        for question in raw.table.questions
        if question.type in ("select_multiple", "rank")
        for name in (question.name, question.path)
    }
    raw.unknown = {
        key for key in keys - expected if not key.startswith(SYSTEM) and key.rsplit("/", 1)[0] not in multiple
    }
    if raw.unknown:
        names = sorted(raw.unknown)
        raw.strays = [
            {name: text for name in names if (text := _text(document.get(name))) is not None} or None
            for document in documents
        ]
    else:
        raw.strays = [None] * len(raw)


def _texts(answers: list[Any], known: Spellings) -> list[str | None]:
    """A column of answers as text; nearly always they are text already, and then equal ones become one object."""
    if not set(map(type, answers)) <= {str, type(None)}:
        return [_text(answer) for answer in answers]
    return [known[answer] for answer in answers]


def _text(answer: Any) -> str | None:
    """An answer as text; what says nothing is None."""
    if answer is None:
        return None
    if type(answer) is str:
        return answer.strip().replace("\x00", "") or None
    if isinstance(answer, bool):
        return "true" if answer else "false"
    if isinstance(answer, float) and answer.is_integer():
        return str(int(answer))
    if isinstance(answer, (int, float)):
        return str(answer)
    return orjson.dumps(answer).decode() if answer else None
