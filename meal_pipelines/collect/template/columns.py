"""Which questions have a column in a template, in which order, and what is written over it in each language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from meal_pipelines.clean.judge import REQUIRED_WORDS
from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.project.question_types import ATTACHMENTS, METADATA
from meal_pipelines.project.questionnaire import Question, french

Language = Literal["fr", "ar"]

UNASKED = METADATA | ATTACHMENTS | {"calculate", "hidden", "csv-external", "xml-external", "geotrace", "geoshape"}
"""Types that a server fills in, or that no cell can hold."""
BOLD = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
WIDTHS = {
    "integer": 14,
    "decimal": 16,
    "range": 14,
    "date": 15,
    "today": 15,
    "time": 12,
    "dateTime": 20,
    "select_one": 26,
    "select_multiple": 32,
}
FORMATS = {
    "integer": "0",
    "decimal": "#,##0.##",
    "range": "0",
    "date": "dd/mm/yyyy",
    "dateTime": "dd/mm/yyyy hh:mm",
    "time": "hh:mm",
}
"""What a spreadsheet shows; a text column is text, so that a phone number keeps its zero."""


@dataclass(frozen=True)
class Column:
    """One column.

    place: from 1 · is_key: part of what identifies a row · is_alone_in_key: all of it, so never twice in a sheet ·
    parent: its header, when it names the row around in the sheet of a repeat.
    """

    place: int
    question: Question
    is_required: bool
    is_key: bool = False
    is_alone_in_key: bool = False
    parent: str | None = None

    @property
    def number_format(self) -> str:
        return FORMATS.get(self.question.type, "@")

    @property
    def width(self) -> float:
        label = max((len(text) for text in self.question.labels.values()), default=0)
        return max(WIDTHS.get(self.question.type, 24), min(34, label * 0.72))

    def header(self, language: Language) -> str:
        label = self.parent or wording(self.question.labels, language) or self.question.name
        return f"{label} *" if self.is_required else label


def columns_of(form: LoadedForm, table: str, parent: str | None = None) -> list[Column]:
    """The columns of the form, or of one of its repeats; parent: the header of the column that names the row around."""
    questions = [q for q in form.questionnaire.tables[table].questions if q.type not in UNASKED]
    keys = set(form.form.source.key)
    found: list[Column] = []
    if parent is not None:
        key = form.questionnaire.main.question(form.form.source.key[0])
        assert key is not None
        found.append(Column(1, key, True, parent=key.label if len(keys) == 1 else parent))
    for question in questions:
        is_key = parent is None and question.name in keys
        is_required = is_key or (question.required.lower() in REQUIRED_WORDS and not form.tolerates(question))
        found.append(Column(len(found) + 1, question, is_required, is_key, is_key and len(keys) == 1))
    return found


def wording(labels: dict[str, str], language: Language) -> str:
    """A label in a language: `Français (fr)`, `العربية (ar)`; the French one, or none, where it is missing.

    Without the asterisks that make words bold on a phone: a cell would show them.
    """
    text = french(labels) if language == "fr" else next((text for name, text in labels.items() if is_arabic(name)), "")
    return BOLD.sub(r"\1", text)


def is_arabic(language: str) -> bool:
    return language.lower().endswith("(ar)") or language.lower().startswith(("ar", "العرب"))
