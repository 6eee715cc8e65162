"""What goes wrong between the person and the server: answers missing, mistyped, outside the list or the bounds.

Also what only looks wrong and must be accepted: Arabic digits, spaces, decimal commas. Each defect is written beside
the truth with what cleaning must make of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.project.questionnaire import MAIN, Question
from meal_pipelines.sample.answers import CLOCK, YES
from meal_pipelines.sample.chance import Chance, Keys
from meal_pipelines.sample.filling import Column, Filling
from meal_pipelines.sample.numbers import clauses

Kind = Literal["missing", "type", "choice", "constraint"]
EASTERN = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
NAMED = re.compile(r"\$\{\s*([^}]+?)\s*\}")


@dataclass
class Defect:
    """One answer that is wrong. `repeat_index` is 0 in the form itself, else from 1; `row`: its place in the block."""

    table: str
    question: str
    kind: Kind
    expected: Literal["rejected", "blanked"]
    row: int
    repeat_index: int
    written: str | None
    true: str
    is_personal: bool
    corrected: bool = False


@dataclass(frozen=True)
class Written:
    """A block as the server received it: the columns that differ from the truth, and the defects by submission."""

    columns: dict[str, dict[str, Column]]
    defects: dict[int, Defect]
    spellings: int

    def column(self, table: str, filling: Filling, name: str) -> Column:
        return self.columns[table].get(name, filling.columns[name])


@dataclass(frozen=True)
class _Weak:
    """A question that can go wrong, and how."""

    table: str
    question: Question
    kinds: tuple[Kind, ...]
    expected: Literal["rejected", "blanked"]
    wrong: dict[Kind, str | None] = field(default_factory=dict)


class Spoiling:
    """Plants the defects of one form."""

    def __init__(self, loaded: LoadedForm, chance: Chance, share: float, *, is_workbook: bool) -> None:
        self.loaded, self.chance, self.share, self.name = loaded, chance, share, loaded.name
        self.is_workbook = is_workbook
        self.keys = {*loaded.form.source.key, loaded.form.source.submitted_at}
        self.driving = _driving(loaded)
        self.weak = {
            name: [weak for question in table.questions if (weak := self._weak(name, question)) is not None]
            for name, table in loaded.questionnaire.tables.items()
        }

    def spoil(self, fillings: dict[str, Filling]) -> Written:
        """At most one defect in a submission; other answers may be spelled in an unusual way."""
        written = Written({name: {} for name in fillings}, {}, 0)
        spelled = sum(self._respell(name, filling, written) for name, filling in fillings.items())
        main = fillings[MAIN]
        for row in np.flatnonzero(self.chance.uniform(f"{self.name}/defect", main.keys) < self.share).tolist():
            self._plant(row, fillings, written)
        return Written(written.columns, written.defects, spelled)

    def _plant(self, row: int, fillings: dict[str, Filling], written: Written) -> None:
        key = fillings[MAIN].keys[row : row + 1]
        tables = [name for name in fillings if self.weak[name]]
        table = tables[self._below("table", key, len(tables))] if tables else MAIN
        filling, place, index = fillings[table], row, 0
        if table != MAIN:
            items = np.flatnonzero(filling.submissions == row)
            if not len(items):
                return
            index = self._below("item", key, len(items))
            place, index = int(items[index]), index + 1
        able = [weak for weak in self.weak[table] if filling.columns[weak.question.name][place] is not None]
        if not able:
            return
        weak = able[self._below("question", key, len(able))]
        kind = weak.kinds[self._below("kind", key, len(weak.kinds))]
        name = weak.question.name
        column = written.columns[table].setdefault(name, filling.columns[name].copy())
        column[place] = weak.wrong[kind]
        written.defects[row] = Defect(
            table=table,
            question=name,
            kind=kind,
            expected=weak.expected,
            row=place,
            repeat_index=index,
            written=weak.wrong[kind],
            true=str(filling.columns[name][place]),
            is_personal=self.loaded.class_of(weak.question) not in ("open", "sensitive"),
        )

    def _below(self, what: str, key: Keys, limit: int) -> int:
        return int(self.chance.below(f"{self.name}/defect/{what}", key, limit)[0])

    def _weak(self, table: str, question: Question) -> _Weak | None:
        """None for a question on which others depend: its defect would not stay alone."""
        if question.type in CLOCK or question.calculation or question.name in self.keys | self.driving:
            return None
        is_required = question.required in YES
        wrong: dict[Kind, str | None] = {"missing": None} if is_required else {}
        if question.type in ("integer", "decimal"):
            wrong["type"] = "n.s.p."
        elif question.type == "date":
            wrong["type"] = "avant-hier"
        elif question.is_select and question.list_name:
            wrong["choice"] = "code_inconnu"
        elif question.type == "geopoint":
            wrong["type"] = "derrière la gare"
        outside = self._outside(question)
        if outside is not None:
            wrong["constraint"] = outside
        return _Weak(table, question, tuple(wrong), "rejected" if is_required else "blanked", wrong) if wrong else None

    def _outside(self, question: Question) -> str | None:
        """An answer of the right type that the constraint refuses, where one is easily found."""
        if question.type == "text" and "regex(" in question.constraint:
            return "?" if "{2,60}" not in question.constraint else "Nom 12"
        bounds = clauses(question.constraint)
        if question.type == "date" and any(source.startswith("date(") and sign[0] == ">" for sign, source in bounds):
            return "2019-01-15"
        if question.type == "date" and not self.is_workbook and any(source == "today()" for _, source in bounds):
            return "2031-01-15"
        numbers = [(sign, float(source)) for sign, source in bounds if re.fullmatch(r"\d+(\.\d+)?", source)]
        for sign, bound in numbers:
            if question.type in ("integer", "decimal"):
                return str(int(bound) + 7) if sign[0] == "<" else str(int(bound) - 7)
        return None

    def _respell(self, table: str, filling: Filling, written: Written) -> int:
        """Numbers in other digits, with spaces, a comma or a useless decimal; returns how many."""
        count = 0
        for question in self.loaded.questionnaire.tables[table].questions:
            if question.type not in ("integer", "decimal") or question.calculation or question.name in self.keys:
                continue
            true = filling.columns[question.name]
            shares = self.chance.uniform(f"{self.name}/{table}/{question.name}/spelling", filling.keys)
            rows = [row for row in np.flatnonzero(shares < 0.03).tolist() if true[row] is not None]
            if rows:
                column = written.columns[table][question.name] = true.copy()
                for row in rows:
                    column[row] = _spelling(str(true[row]), int(shares[row] * 200), is_whole=question.type == "integer")
                count += len(rows)
        return count


def _spelling(text: str, which: int, *, is_whole: bool) -> str:
    if which == 0:
        return text.translate(EASTERN)
    if which == 1:
        return text.translate(PERSIAN)
    if which in (2, 3):
        return f" {text} "
    return f"{text}.0" if is_whole else text.replace(".", ",")


def _driving(loaded: LoadedForm) -> set[str]:
    """Questions that others depend on: their relevance, choices, bounds, number of items or value."""
    found: set[str] = set()
    for table in loaded.questionnaire.tables.values():
        sources = [*table.relevant, table.repeat_count]
        for question in table.questions:
            sources += [*question.relevant, question.choice_filter, question.constraint, question.calculation]
        found.update(name for source in sources for name in NAMED.findall(source))
    return found
