"""How the submissions of one version are read: what to take out of them, under which questions of today, judged by which rules.

Which version has which reading is in `readings.py`; answers are made in `old_answers.py`, rules in `old_rules.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from meal_pipelines.clean.coded import CodedAnswers
from meal_pipelines.clean.corrections import Correction
from meal_pipelines.clean.extract import RawTable, extract
from meal_pipelines.clean.old_answers import answers_of, recoded
from meal_pipelines.clean.old_rules import OldRules, choices_kept
from meal_pipelines.project.form_versions import name_of
from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.project.origins import Asked, History, Origin, Recoded, asked_in
from meal_pipelines.project.questionnaire import MAIN, Question, Questionnaire, Table

SEVERAL = {"select_multiple", "rank"}


@dataclass(frozen=True)
class Reading:
    """How the submissions of one version are read.

    form: today's, each question with the rules that this version had · asked: the questions to take out of a submission, under
    the names they had · origins: by table and column, for what is not simply another name.
    """

    version: str
    form: LoadedForm
    asked: Questionnaire
    origins: Mapping[tuple[str, str], Origin]

    def extract(self, payloads: list[bytes]) -> dict[str, RawTable]:
        """Spread n submissions over today's tables."""
        found = extract(self.asked, payloads)
        return {table.name: self._today(table, found[table.name]) for table in self.form.questionnaire.tables.values()}

    def _today(self, table: Table, raw: RawTable) -> RawTable:
        made = replace(raw, table=table, answers={})
        columns = {column[1:]: column for column in raw.answers if column.startswith("?")}
        for question in table.questions:
            if (table.name, question.column) not in self.origins:
                made.answers[question.column] = raw.answers[question.column]
                continue
            origin = self.origins[table.name, question.column]
            answers = answers_of(origin, raw, columns, self.version)
            made.answers[question.column] = CodedAnswers.of_rows(answers.texts)
            if answers.unreadable:
                made.unreadable[question.column] = answers.unreadable
        made.originals = {column: given for column, given in raw.answers.items() if column.startswith("@")}
        return made

    def corrected(self, correction: Correction) -> Correction:
        """A line of the cleaning log in the words of today, whether it was written before the form changed or since."""
        for table in self.form.questionnaire.tables.values():
            asked = self.asked.tables[table.name]
            for question in table.questions:
                origin = self.origins.get((table.name, question.column), Asked(question.name))
                then = [
                    each.name for each in asked.questions if each.column in (question.column, f"?{_one_name(origin)}")
                ]
                is_meant = correction.question in (question.name, *then) and correction.repeat in (
                    table.name,
                    _last(asked.path),
                )
                if is_meant and isinstance(origin, (Asked, Recoded)):
                    old, new = recoded(origin, correction.old), recoded(origin, correction.new)
                    return replace(correction, repeat=table.name, question=question.name, old=old, new=new)
        return correction

    @cached_property
    def digest(self) -> str:
        """Of what it does; equal for versions that are read alike."""
        done = [self.asked.tables, self.form.questionnaire.tables, self.form.questionnaire.choices, self.origins]
        return hashlib.sha256(repr(done).encode()).hexdigest()


def _one_name(origin: Origin) -> str:
    return next((asked.name for asked in asked_in(origin)), "")


def _last(path: str) -> str:
    """The name of a repeat in lower case, as the warehouse and the cleaning log write it."""
    return path.rpartition("/")[2].lower()


class ReadingMaker:
    """Makes the reading of one version.

    old: its questionnaire, when it is kept · is_ours: its rows come from workbooks, whose headers are read with the
    questionnaire of the day: an answer may stand under its name of then or of today already.
    """

    def __init__(
        self, form: LoadedForm, version: str, old: Questionnaire | None, history: History, is_ours: bool
    ) -> None:
        self.form, self.version, self.old, self.history, self.is_ours = form, version, old, history, is_ours
        self.origins = {
            (question.table, question.column): history.origin_of(
                question.table, question.name, is_several=question.type in SEVERAL
            )
            for question in form.questionnaire.questions()
        }

    def made(self) -> Reading:
        local = self.form.questionnaire
        tables = {name: self._asked_in_table(table) for name, table in local.tables.items()}
        view = local
        if self.old is not None:
            found = {key: self._olds(local.tables[key[0]], key[1]) for key in self.origins}
            rules = OldRules(local, self.old, self.origins, found)
            view = replace(local, tables=rules.tables(), choices=choices_kept(local, self.origins, found, self.old))
            for name, originals in rules.originals().items():
                tables[name] = replace(tables[name], questions=(*tables[name].questions, *originals))
        else:
            nothing: dict[tuple[str, str], list[Question]] = {key: [] for key in self.origins}
            unasked = {name: self._unasked(table) for name, table in local.tables.items()}
            view = replace(local, tables=unasked, choices=choices_kept(local, self.origins, nothing, None))
        origins = {key: origin for key, origin in self.origins.items() if not isinstance(origin, Asked)}
        return Reading(self.version, replace(self.form, questionnaire=view), replace(local, tables=tables), origins)

    def _unasked(self, table: Table) -> Table:
        """Questions that the version did not have are required of nobody."""
        return replace(
            table,
            questions=tuple(
                replace(each, required="") if self.origins[table.name, each.column] is None else each
                for each in table.questions
            ),
        )

    def _old_table(self, table: Table) -> Table | None:
        return None if self.old is None else self.old.tables.get(self.history.table_before(table.name).lower())

    def _olds(self, table: Table, column: str) -> list[Question]:
        """The questions of the old version that a question of today comes from."""
        question = next(each for each in table.questions if each.column == column)
        found = [self._old(table, asked, question) for asked in asked_in(self.origins[table.name, column])]
        return [each for each in found if each is not None]

    def _old(self, table: Table, asked: Asked, question: Question) -> Question | None:
        """The question that a name means: by its path, else the one in the same place, else the first."""
        around = self._old_table(table)
        named = [each for each in (around.questions if around else ()) if each.name == name_of(asked.name)]
        exact = [each for each in named if f"/{each.path}".endswith(f"/{asked.name}") and "/" in asked.name]
        return next(iter([*exact, *(each for each in named if each.path == question.path), *named]), None)

    def _asked_in_table(self, table: Table) -> Table:
        """What to take out of a submission for one table of today."""
        around = self._old_table(table)
        questions: dict[str, Question] = {}
        for question in table.questions:
            origin = self.origins[table.name, question.column]
            for asked in asked_in(origin):
                column = question.column if isinstance(origin, Asked) else f"?{asked.name}"
                old = self._old(table, asked, question)
                path = old.path if old is not None else _beside(question, asked)
                if self.is_ours and isinstance(origin, (Asked, Recoded)) and not self._is_taken(around, question.name):
                    path = question.name
                kind = old.type if old is not None and {old.type, question.type} & SEVERAL else question.type
                questions.setdefault(
                    column, replace(question, name=name_of(asked.name), path=path, type=kind, column=column)
                )
        for path in self._removed(table, around):
            questions[f"!{path}"] = Question(name_of(path), "text", path, table.name, f"!{path}", 0)
        before = self.history.table_before(table.name)
        path = around.path if around is not None else table.path
        if around is None and before != table.name:
            path = "/".join([*table.path.split("/")[:-1], before])
        return replace(table, path=path, questions=tuple(questions.values()))

    def _is_taken(self, around: Table | None, name: str) -> bool:
        """Whether the old version had another question under a name of today."""
        return around is not None and around.question(name) is not None

    def _removed(self, table: Table, around: Table | None) -> Iterator[str]:
        """The paths of what is no longer read and would otherwise be named by the check of unknown questions."""
        for written in self.history.removed():
            if around is None or self.old is None:
                yield written
                continue
            inside = [each.path for each in around.questions if _is_meant(written, around, each)]
            repeats = [
                each.path for each in self.old.repeats if each.parent == around.name and each.name == written.lower()
            ]
            yield from inside or repeats


def _beside(question: Question, asked: Asked) -> str:
    """Where an old question stood, as far as is known: as written, else in the place of today's."""
    if "/" in asked.name or asked.name == question.name:
        return question.path if asked.name == question.name else asked.name
    return "/".join([*question.path.split("/")[:-1], asked.name])


def _is_meant(written: str, table: Table, question: Question) -> bool:
    is_placed = f"/{question.path}".endswith(f"/{written}") or written == f"{table.name}/{question.name}"
    return question.name == name_of(written) and (is_placed or (table.name == MAIN and "/" not in written))
