"""A questionnaire: tables (the form and its repeats), questions, choice lists.

How it is read from an XLSForm is in `xlsform.py`; what its expressions mean, in `expression.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from meal_pipelines.project.privacy import PrivacyClass
from meal_pipelines.project.question_types import RECORDED

MAIN = ""
"""The name of the table that holds one row per submission."""


@dataclass(frozen=True)
class Choice:
    """One line of a choice list; `attributes` are its further columns (cascades)."""

    name: str
    labels: dict[str, str]
    attributes: dict[str, str]


@dataclass(frozen=True)
class Question:
    """One question. `column` is its name in the warehouse, `path` its key in a submission.

    privacy: the class that the questionnaire itself gives it, in its column `meal_class`.
    """

    name: str
    type: str
    path: str
    table: str
    column: str
    line: int
    list_name: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    required: str = ""
    relevant: tuple[str, ...] = ()
    constraint: str = ""
    calculation: str = ""
    choice_filter: str = ""
    appearance: str = ""
    default: str = ""
    privacy: PrivacyClass | None = None

    @property
    def label(self) -> str:
        return french(self.labels) or RECORDED.get(self.type, self.name)

    @property
    def is_select(self) -> bool:
        return self.type in ("select_one", "select_multiple", "rank")


@dataclass(frozen=True)
class Table:
    """The form itself (`name` empty) or one of its repeats; `parent` is the table around it."""

    name: str
    path: str
    parent: str | None
    labels: dict[str, str]
    relevant: tuple[str, ...]
    repeat_count: str
    questions: tuple[Question, ...]

    def question(self, name: str) -> Question | None:
        return next((question for question in self.questions if question.name == name), None)


@dataclass(frozen=True)
class Questionnaire:
    """One version of a form: its tables, main first, and its choice lists.

    `fingerprint` changes whenever anything that is read here changes; `warnings` are for people to look at; `sheets` are
    what it was read from.
    """

    file: Path
    title: str
    form_id: str
    version: str
    tables: dict[str, Table]
    choices: dict[str, tuple[Choice, ...]]
    fingerprint: str
    warnings: tuple[str, ...] = ()
    sheets: dict[str, list[tuple[int, dict[str, str]]]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def main(self) -> Table:
        return self.tables[MAIN]

    @property
    def repeats(self) -> tuple[Table, ...]:
        return tuple(table for name, table in self.tables.items() if name != MAIN)

    @property
    def duplicate_choices(self) -> tuple[tuple[str, str], ...]:
        """(list, code) of the choices that stand more than once in their list: one answer, two wordings."""
        return tuple(
            (name, code)
            for name, choices in self.choices.items()
            for code, times in Counter(choice.name for choice in choices).items()
            if times > 1
        )

    def questions(self) -> Iterator[Question]:
        """Every question that has an answer, in the questionnaire's order, table after table."""
        for table in self.tables.values():
            yield from table.questions

    def scope(self, table: str) -> dict[str, Question]:
        """The questions an expression inside `table` may name: its own, then those of the tables around it."""
        names: dict[str, Question] = {}
        current: str | None = table
        while current is not None:
            for question in self.tables[current].questions:
                names.setdefault(question.name, question)
            current = self.tables[current].parent
        return names


def french(labels: dict[str, str]) -> str:
    """The French wording, else the first there is."""
    for language, text in labels.items():
        if language.lower().startswith(("fr", "french")):
            return text
    return next(iter(labels.values()), "")


def arabic(labels: dict[str, str]) -> str:
    """The Arabic wording; empty when there is none."""
    return next((text for language, text in labels.items() if _is_arabic(language)), "")


def _is_arabic(language: str) -> bool:
    """Whether the header of a wording says Arabic: « العربية (ar) », « Arabic », « ar »."""
    return bool(re.search(r"\(ar\)$|^ar\b|^arabic\b|^العربية", language.strip().lower()))
