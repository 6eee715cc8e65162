"""A cell as an answer to its question: only what is the spreadsheet's writing is undone here.

Days counted from 1900, labels in place of codes, figures in Arabic, TRUE for yes. Whether the answer is right is judged
when it is cleaned; what is not recognised stays as it was typed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping

from meal_pipelines.collect.sheets import days, numbers
from meal_pipelines.collect.sheets.book import Cell
from meal_pipelines.collect.sheets.choices import Codes
from meal_pipelines.project.questionnaire import Question, Questionnaire
from meal_pipelines.protect.persons.normalise import ARABIC_DIGITS

FILTER = re.compile(r"\s*([\w.-]+)\s*=\s*\$\{\s*([\w.-]+)\s*\}\s*")
"""A cascade: the choices whose attribute is the answer to another question."""


def cascade(question: Question) -> tuple[str, str] | None:
    """(attribute of the choices, question whose answer it must be), when the filter is as simple as that."""
    match = FILTER.fullmatch(question.choice_filter)
    return (match[1], match[2]) if match else None


def text_of(cell: Cell) -> str:
    """A cell as people read it: whole numbers without decimals, days in ISO form."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, (int, float)):
        return numbers.shown(float(cell)) if isinstance(cell, float) else str(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat()
    return cell.isoformat() if isinstance(cell, (dt.date, dt.time)) else str(cell)


class Answers:
    """Reads the cells of one file for one questionnaire; distinct cells are read once.

    since_1904: how the file counts days · key: questions that identify a row, whose figures are brought to 0–9.
    """

    def __init__(self, questionnaire: Questionnaire, *, since_1904: bool = False, key: tuple[str, ...] = ()) -> None:
        self.codes = {name: Codes(choices) for name, choices in questionnaire.choices.items()}
        self.since_1904, self.key = since_1904, key
        self._known: dict[tuple[str, type, Cell], str] = {}

    def read(self, question: Question, cell: Cell, row: Mapping[str, str]) -> str:
        """The answer in a cell; row: the answers before it, for cascades.

        A cell that says nothing recognisable gives its own text.
        """
        if question.choice_filter:
            return self._read(question, cell, row)
        place = (question.path, type(cell), cell)
        if place not in self._known:
            self._known[place] = self._read(question, cell, row)
        return self._known[place]

    def _read(self, question: Question, cell: Cell, row: Mapping[str, str]) -> str:
        text = text_of(cell)
        said: str | None = None
        value = text if isinstance(cell, str) else cell
        if question.type in ("date", "today"):
            said = days.day(value, since_1904=self.since_1904)
        elif question.type in ("dateTime", "start", "end"):
            said = days.moment(value, since_1904=self.since_1904)
        elif question.type == "time":
            said = days.time_of_day(value)
        elif question.type in ("integer", "decimal", "range"):
            said = numbers.written(text) if isinstance(cell, str) else None
        elif question.is_select and question.list_name in self.codes:
            said = self._choice(question, cell, text, row)
        elif question.name in self.key:
            said = text.translate(ARABIC_DIGITS)
        return text if said is None else said

    def _choice(self, question: Question, cell: Cell, text: str, row: Mapping[str, str]) -> str | None:
        codes = self.codes[str(question.list_name)]
        if question.type != "select_one":
            return codes.several(text)
        found = codes.of_truth(cell) if isinstance(cell, bool) else codes.of(text)
        narrowed = cascade(question)
        if len(found) > 1 and narrowed is not None and (answer := row.get(narrowed[1])) is not None:
            found = frozenset(c for c in found if codes.by_code[c].attributes.get(narrowed[0]) == answer)
        return next(iter(found)) if len(found) == 1 else None
