"""Type and judge one table of a chunk: what the questionnaire and the project ask, with pandera.

A faulty answer is emptied and named; where the question is required (and relevant), its row cannot stand and is
quarantined, unless the project tolerates it. Messages name the question and the rule, never the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from meal_pipelines.clean.coded import CodedAnswers
from meal_pipelines.clean.extract import RawTable, Unreadable
from meal_pipelines.clean.parse import expected, parser_of, plain
from meal_pipelines.project.expression import Scope, UnsupportedExpression, parse
from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.project.places import are_places
from meal_pipelines.project.questionnaire import MAIN, Question, french
from meal_pipelines.project.values import Values
from meal_pipelines.protect.rights.redaction import is_mark

if TYPE_CHECKING:
    import pandas as pd

REQUIRED_WORDS = ("yes", "true", "true()", "oui", "1", "vrai")


@dataclass(frozen=True)
class Fault:
    """One finding: the row's position in the table, the question, the rule, what to say, how grave it is."""

    row: int
    question: str
    rule: str
    message: str
    severity: str


@dataclass
class Judged:
    """One table of a chunk after judgement: canonical answers per column, the faults, and which rows stand."""

    raw: RawTable
    texts: dict[str, CodedAnswers]
    faults: list[Fault] = field(default_factory=list)
    stands: np.ndarray[Any, Any] = field(default_factory=lambda: np.array([], dtype=bool))
    values: dict[str, Values] = field(default_factory=dict)
    names: dict[str, Values] = field(default_factory=dict)
    """`values` by column and `names` by question, those around included: answers as typed, before faulty ones are emptied."""


class Judge:
    """Judges every chunk of a form in the same way; made once per form."""

    def __init__(self, form: LoadedForm) -> None:
        self.form, self.rules = form, form.form.rules
        self.names = {
            list_name: frozenset(choice.name for choice in choices)
            for list_name, choices in form.questionnaire.choices.items()
        }
        self.not_judged: set[str] = set()

    def judge(self, raw: RawTable, around: Mapping[str, Judged], today: np.ndarray[Any, Any]) -> Judged:
        """Judge one table; `around`: the tables around it, already judged; `today`: per submission, days since 1970."""
        judged = Judged(raw, {}, stands=np.ones(len(raw), dtype=bool))
        if not len(raw):
            judged.texts = dict(raw.answers)
            return judged
        mistyped = [(question, self._parse(judged, question)) for question in raw.table.questions]
        unreadable = self._set_unreadable_apart(judged)
        judged.names = self._answers(judged, around)
        scope = Scope(len(raw), judged.names, today[raw.owners])
        told = set()
        for question, why, rows in unreadable:
            self._report(judged, scope, question, why.rule, rows, why.message)
            told |= {(question.column, row) for row in rows}
        for question, rows in mistyped:
            self._report(judged, scope, question, "type", [row for row in rows if (question.column, row) not in told])
        self._check(judged, scope)
        self._apply_rules(judged, scope)
        return judged

    def _parse(self, judged: Judged, question: Question) -> list[int]:
        """Bring each distinct answer to its canonical text; returns the rows whose answer is not of the type."""
        parse_one, raw = parser_of(question), judged.raw.answers[question.column]
        if parse_one is plain:
            judged.texts[question.column] = CodedAnswers(raw.texts, raw.codes)
            return []
        judged.texts[question.column], mistyped = raw.parsed(parse_one)
        return mistyped

    def _set_unreadable_apart(self, judged: Judged) -> list[tuple[Question, Unreadable, list[int]]]:
        """Empty the answers of an old version that could not be made ones of today, unless they were corrected since."""
        found = []
        for question in judged.raw.table.questions:
            rows: dict[tuple[str, str], tuple[Unreadable, list[int]]] = {}
            for row, why in judged.raw.unreadable.get(question.column, {}).items():
                if judged.raw.answers[question.column][row] == why.given:
                    judged.texts[question.column].empty([row])
                    rows.setdefault((why.rule, why.message), (why, []))[1].append(row)
            found += [(question, why, told) for why, told in rows.values()]
        return found

    def _answers(self, judged: Judged, around: Mapping[str, Judged]) -> dict[str, Values]:
        """What names mean in expressions: this table's answers, then those of the rows around each row."""
        answers: dict[str, Values] = {}
        for question in judged.raw.table.questions:
            values = judged.texts[question.column].values
            judged.values[question.column] = values
            answers.setdefault(question.name, values)
        for name, texts in judged.raw.originals.items():
            answers[name] = texts.values
        parent = judged.raw.table.parent
        if parent is not None:
            outer = around[parent]
            rows = rows_around(judged.raw, outer.raw)
            for name, values in outer.names.items():
                answers.setdefault(name, values.at(rows))
        return answers

    def _check(self, judged: Judged, scope: Scope) -> None:
        """Choices, constraints and missing answers: one pandera schema over the typed frame.

        Its checks are called one by one: told to find them all, pandera makes tables of the failing values, which
        nobody may see and which take most of its time.
        """
        import pandera.pandas as pa
        from pandera.config import ValidationDepth, config_context

        frame, questions = self._frame(judged), judged.raw.table.questions
        columns = {question.column: self._column(question, judged, scope) for question in questions}
        with config_context(validation_depth=ValidationDepth.SCHEMA_ONLY):
            pa.DataFrameSchema(columns, strict=True).validate(frame)
        for question in questions:
            for check in columns[question.column].checks:
                holds = check(frame[question.column]).check_output
                self._report(judged, scope, question, check.name, np.flatnonzero(~holds).tolist())

    def _frame(self, judged: Judged) -> pd.DataFrame:
        """n rows × one typed column per question."""
        import pandas as pd

        data: dict[str, Any] = {}
        for question in judged.raw.table.questions:
            if question.type in ("integer", "decimal", "range"):
                data[question.column] = judged.values[question.column].number
            else:
                answers = judged.texts[question.column]
                data[question.column] = pd.array(answers.texts, dtype="str").take(answers.codes)
        return pd.DataFrame(data)

    def _column(self, question: Question, judged: Judged, scope: Scope) -> Any:
        """The pandera column of a question: its type, and a named check per rule."""
        import pandera.pandas as pa

        checks = []
        answered = judged.texts[question.column].answered
        choices = self.names.get(question.list_name or "")
        if choices and not _filtered_by_file(question):
            checks.append(_named(pa, "choice", self._in_list(question, judged, choices) | ~answered))
        if question.constraint:
            current = judged.values[question.column]
            holds = self._holds(question.constraint, Scope(scope.rows, scope.answers, scope.today, current), question)
            if holds is not None:
                checks.append(_named(pa, "constraint", holds | ~answered))
        needed = self._needed(question, scope)
        if needed is not None:
            checks.append(_named(pa, "required", ~needed | judged.raw.answers[question.column].answered))
        numeric = question.type in ("integer", "decimal", "range")
        return pa.Column(float if numeric else "str", checks=checks, nullable=True)

    def _in_list(self, question: Question, judged: Judged, choices: frozenset[str]) -> np.ndarray[Any, Any]:
        answers = judged.texts[question.column]
        if question.type == "select_one":
            return answers.test(lambda text: text in choices)
        return answers.test(lambda text: text is not None and choices.issuperset(text.split()))

    def _needed(self, question: Question, scope: Scope) -> np.ndarray[Any, Any] | None:
        """For each row, whether the question must be answered; None when it never must."""
        if not question.required or question.type == "calculate":
            return None
        needed = np.ones(scope.rows, dtype=bool)
        if question.required.lower() not in REQUIRED_WORDS:
            holds = (
                None
                if question.required.lower() in ("no", "false", "false()", "non")
                else self._holds(question.required, scope, question)
            )
            if holds is None:
                return None
            needed = holds.copy()
        for relevant in question.relevant:
            holds = self._holds(relevant, scope, question)
            if holds is None:
                return None
            needed &= holds
        return needed

    def _holds(self, expression: str, scope: Scope, question: Question | None) -> np.ndarray[Any, Any] | None:
        try:
            return parse(expression).holds(scope)
        except UnsupportedExpression as error:
            name = question.name if question is not None else ""
            self.not_judged.add(f"{name} : {error}")
            return None

    def _apply_rules(self, judged: Judged, scope: Scope) -> None:
        """Judge the project's own rules, where every question they name is well answered: what is not is named already.

        A question that the rule itself compares with nothing (`${nom} = ''`) need not be answered.
        """
        for rule in self.rules:
            if (rule.repeat or MAIN) != judged.raw.table.name:
                continue
            holds = self._holds(rule.check, scope, None)
            if holds is None:
                continue
            named = parse(rule.check).names - may_be_empty(rule.check)
            answered = [self._well_answered(judged, scope, name) for name in named]
            broken = ~holds & np.logical_and.reduce([np.ones(scope.rows, dtype=bool), *answered])
            for row in np.flatnonzero(broken):
                judged.faults.append(Fault(int(row), "", rule.name, rule.message, rule.severity))
                if rule.severity == "critical":
                    judged.stands[row] = False

    def _well_answered(self, judged: Judged, scope: Scope, name: str) -> np.ndarray[Any, Any]:
        """For each row, whether the question has an answer, and one that was not found faulty."""
        question, answered = judged.raw.table.question(name), scope.answers[name].truth
        if question is None:
            return answered
        well: np.ndarray[Any, Any] = answered & judged.texts[question.column].answered
        return well

    def _report(
        self, judged: Judged, scope: Scope, question: Question, rule: str, rows: list[int], message: str = ""
    ) -> None:
        """Empty the faulty answers; quarantine the rows that cannot do without. An answer that was taken out has no fault."""
        given = judged.raw.answers[question.column]
        if taken_out := [row for row in rows if is_mark(given[row])]:
            judged.texts[question.column].empty(taken_out)
            rows = [row for row in rows if row not in set(taken_out)]
        if not rows:
            return
        needed = self._needed(question, scope)
        if needed is None:
            needed = np.full(scope.rows, question.required.lower() in REQUIRED_WORDS)
        is_tolerated, message = self.form.tolerates(question), message or self._message(question, rule)
        judged.texts[question.column].empty(rows)
        for row in rows:
            critical = bool(needed[row]) and not is_tolerated
            judged.faults.append(Fault(row, question.name, rule, message, "critical" if critical else "warning"))
            if critical:
                judged.stands[row] = False

    def _message(self, question: Question, rule: str) -> str:
        if rule == "type":
            return f"La réponse n'est pas {expected(question)}."
        if rule == "choice":
            said = f"La réponse n'est pas dans la liste de choix « {question.list_name} »."
            return said + (PLACES if are_places(self.names.get(question.list_name or "", ())) else "")
        if rule == "required":
            return "Une réponse obligatoire manque."
        return french(question.messages) or "La réponse ne respecte pas la contrainte de la question."


PLACES = " Écrivez le nom officiel ou le code HCP 2024 : un nom ou un code de 2014 qui peut en désigner deux n'est jamais deviné."


def may_be_empty(check: str) -> set[str]:
    """The questions that a rule compares with nothing."""
    return set(re.findall(r"\$\{\s*([\w.-]+)\s*\}\s*!?=\s*(?:''|\"\")", check))


def rows_around(inner: RawTable, outer: RawTable) -> np.ndarray[Any, Any]:
    """For each row of a repeat, the position of the row around it."""
    if outer.table.name == MAIN:
        return inner.owners
    places: dict[tuple[int, int | None], int] = {
        (owner, index): row for row, (owner, index) in enumerate(zip(outer.owner, outer.repeat_index, strict=True))
    }
    return np.array(
        [places[owner, index] for owner, index in zip(inner.owner, inner.parent_index, strict=True)], dtype=int
    )


def _filtered_by_file(question: Question) -> bool:
    return question.type.endswith("_from_file")


def _named(pa: Any, name: str, holds: np.ndarray[Any, Any]) -> Any:
    """A check whose verdict is known: pandera reports it, per row and under its name."""
    import pandas as pd

    return pa.Check(lambda series: pd.Series(holds, index=series.index), name=name, error=name, ignore_na=False)
