"""Spread a chunk of submissions over the questionnaire's tables, as text: one row per submission or per repeat.

Nothing is judged here and nothing is lost: an answer to a question that the questionnaire does not have is kept apart.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress, count
from typing import Any

import numpy as np
import orjson

from meal_pipelines.clean.coded import CodedAnswers
from meal_pipelines.project.questionnaire import MAIN, Question, Questionnaire, Table
from meal_pipelines.protect.rights.redaction import LEFT_OUT

SYSTEM = ("_", "meta/", "formhub/", "$")
"""Keys that a server adds to the answers; what they say is in `raw.submission`."""

PARSED_AT_ONCE = 50
"""Submissions that are dictionaries at one time: more take twice the time to read, in memory that caches do not hold."""

Document = dict[str, Any]


@dataclass(frozen=True)
class Unreadable:
    """Why an answer of an old version could not be made one of today's: the rule, what to say, the answer as it was given."""

    rule: str
    message: str
    given: str = field(repr=False)


@dataclass
class RawTable:
    """The rows of one table in one chunk: n rows × one column of answers per question.

    owner: the submission's index in the chunk · repeat_index: position among all rows of this repeat in the submission,
    from 1 (0 for the form itself) · parent_index: that of the enclosing repeat's row · strays: answers to unknown questions.
    Of an old version, also: originals: its own answers that its own conditions name · unreadable: by column and row.
    """

    table: Table
    owner: list[int] = field(default_factory=list)
    repeat_index: list[int] = field(default_factory=list)
    parent_index: list[int | None] = field(default_factory=list)
    answers: dict[str, CodedAnswers] = field(default_factory=dict)
    strays: list[dict[str, str] | None] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    originals: dict[str, CodedAnswers] = field(default_factory=dict)
    unreadable: dict[str, dict[int, Unreadable]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.owner)

    @cached_property
    def owners(self) -> np.ndarray[Any, Any]:
        """`owner`, to count with; once the rows are all there."""
        return np.array(self.owner, dtype=int)


def extract(questionnaire: Questionnaire, payloads: Sequence[bytes]) -> dict[str, RawTable]:
    """Spread n submissions (JSON objects) over the tables of the questionnaire.

    Keys are question paths (`group/question`) or bare names, as servers and exports write them.
    """
    tables = {name: _Rows(questionnaire, table) for name, table in questionnaire.tables.items()}
    for first in range(0, len(payloads), PARSED_AT_ONCE):
        documents = [orjson.loads(payload) for payload in payloads[first : first + PARSED_AT_ONCE]]
        found = {MAIN: tables[MAIN].add(documents, first)}
        for table in questionnaire.repeats:
            parent = str(table.parent)
            found[table.name] = tables[table.name].add_inside(tables[parent].raw, found[parent])
    return {name: rows.complete() for name, rows in tables.items()}


class _Question:
    """The answers to one question, as documents bring them: each distinct one gets a number when it is first met."""

    def __init__(self, question: Question) -> None:
        self.keys, self.column = _keys(question), question.column
        self._codes, self._known = array("i"), defaultdict[str | None, int](count().__next__)
        self._known[None]

    def add(self, documents: list[Document], keys: set[str]) -> None:
        """Add the answers of these rows; `keys`: every key that one of them has."""
        spelled = [key for key in self.keys if key in keys]
        if not spelled:
            self._codes.frombytes(bytes(len(documents) * self._codes.itemsize))
            return
        first, last = spelled[0], spelled[-1]
        answers = [document.get(first) for document in documents]
        if first != last:
            answers = [document.get(first, document.get(last)) for document in documents]
        if not set(map(type, answers)) <= {str, type(None)}:
            answers = [_text(answer) for answer in answers]
        self._codes.extend(list(map(self._known.__getitem__, answers)))

    def complete(self) -> CodedAnswers:
        """The column; answers that say nothing are none."""
        texts = [_text(answer) for answer in self._known]
        codes = np.array(self._codes, dtype=np.int32)
        if None in texts[1:]:
            codes = np.where(np.array([text is None for text in texts], dtype=bool)[codes], 0, codes)
        return CodedAnswers(texts, codes)


class _Rows:
    """The rows of one table, as documents bring them."""

    def __init__(self, questionnaire: Questionnaire, table: Table) -> None:
        self.raw, self._path, self._bare = RawTable(table), table.path, table.path.rsplit("/", 1)[-1]
        self._questions = [_Question(question) for question in table.questions]
        repeats = {key for one in questionnaire.repeats for key in (one.path, one.path.rsplit("/", 1)[-1])}
        self._explained = repeats.union(*map(_keys, table.questions))
        several = (question for question in table.questions if question.type in ("select_multiple", "rank"))
        self._several = {key for question in several for key in _keys(question)}

    def add(self, documents: list[Document], first: int) -> list[Document]:
        """Add submissions, the first of which is number `first` of the chunk."""
        rows = len(documents)
        self.raw.owner += range(first, first + rows)
        self.raw.repeat_index += [0] * rows
        self.raw.parent_index += [None] * rows
        self._fill(documents)
        return documents

    def add_inside(self, outer: RawTable, around: list[Document]) -> list[Document]:
        """Add the rows of a repeat that are inside the last rows of the table around it; returns them."""
        raw, rows = self.raw, list[Document]()
        position, last_owner = 0, -1
        places: Sequence[int]
        for row, document in enumerate(around, start=len(outer) - len(around)):
            items = document.get(self._path) or document.get(self._bare)
            if not isinstance(items, list):
                continue
            owner = outer.owner[row]
            if owner != last_owner:
                position, last_owner = 0, owner
            places = range(position + 1, position + len(items) + 1)
            position += len(items)
            if any(isinstance(item, dict) and LEFT_OUT in item for item in items):
                there = [isinstance(item, dict) and LEFT_OUT not in item for item in items]
                items, places = list(compress(items, there)), list(compress(places, there))
            raw.owner += [owner] * len(items)
            raw.repeat_index += places
            raw.parent_index += [outer.repeat_index[row] if outer.table.name != MAIN else None] * len(items)
            rows += (item if isinstance(item, dict) else {} for item in items)
        self._fill(rows)
        return rows

    def _fill(self, documents: list[Document]) -> None:
        """Take each question's column out of the rows, and keep apart what no question explains."""
        keys: set[str] = set().union(*documents)
        for question in self._questions:
            question.add(documents, keys)
        self._keep_strays(documents, keys)

    def _keep_strays(self, documents: list[Document], keys: set[str]) -> None:
        unknown = {
            key
            for key in keys - self._explained
            if not key.startswith(SYSTEM) and key.rsplit("/", 1)[0] not in self._several
        }
        if not unknown:
            self.raw.strays += [None] * len(documents)
            return
        self.raw.unknown |= unknown
        names = sorted(unknown)
        self.raw.strays += [
            {name: text for name in names if (text := _text(document.get(name))) is not None} or None
            for document in documents
        ]

    def complete(self) -> RawTable:
        """The table, when every submission has been added."""
        self.raw.answers = {question.column: question.complete() for question in self._questions}
        return self.raw


def _keys(question: Question) -> tuple[str, ...]:
    """How documents may name a question, the surest first."""
    return tuple(dict.fromkeys((question.path, question.name)))


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
