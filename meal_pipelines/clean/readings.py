"""How submissions of each version of a form are read: what they were asked, under the questions of today.

A version that differs in nothing has no reading of its own and costs nothing. What a version asked is read from
`raw.form_version`; what people decided, from `forms/<form>.yaml`. Answers are made in `old_answers.py`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from meal_pipelines.clean.coded import CodedAnswers
from meal_pipelines.clean.corrections import Correction
from meal_pipelines.clean.extract import RawTable, extract
from meal_pipelines.clean.old_answers import answers_of, recoded
from meal_pipelines.clean.old_rules import OldRules, choices_kept
from meal_pipelines.project.deployed import deployed_questionnaire
from meal_pipelines.project.form_versions import name_of
from meal_pipelines.project.load import LoadedForm
from meal_pipelines.project.origins import Asked, History, Origin, Recoded, asked_in
from meal_pipelines.project.questionnaire import MAIN, Question, Questionnaire, Table

SEVERAL = {"select_multiple", "rank"}
KEPT = "select form_version, content from raw.form_version where project = %s and form = %s"


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


@dataclass
class Readings:
    """The readings of every version of a form that is known. unknown: versions met that nothing describes."""

    form: LoadedForm
    contents: Mapping[str, Mapping[str, Any]]
    unknown: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, cursor: Any, form: LoadedForm) -> Readings:
        """With the deployed versions that `raw` keeps."""
        cursor.execute(KEPT, (form.project, form.name))
        return cls(form, dict(cursor.fetchall()))

    @cached_property
    def known(self) -> dict[str, Reading]:
        """The readings that differ from today's, by version."""
        named = {version for change in self.form.versions.changes for version in change.until}
        found = {version: self._reading(version) for version in sorted(named | self.contents.keys())}
        return {version: reading for version, reading in found.items() if reading is not None}

    @cached_property
    def digest(self) -> str:
        """Changes when a submission may be read otherwise."""
        done = [(version, reading.digest) for version, reading in self.known.items()]
        return hashlib.sha256(repr([done, self.form.versions.unknown_as]).encode()).hexdigest() if done else ""

    def of(self, version: str | None) -> Reading | None:
        """The reading of a version; None when it is read as today's. One that nothing describes is noted."""
        if version is None or version in self.known:
            return self.known.get(version or "")
        if self.is_unknown(version):
            self.unknown.add(version)
            return self.known.get(self.form.versions.unknown_as or "")
        return None

    def is_unknown(self, version: str) -> bool:
        """Whether versions are described, and this one is not."""
        is_described = bool(self.contents) or bool(self.form.versions.changes)
        current = (self.form.own_version, self.form.versions.deployed)
        is_known = version in self.contents or self.form.versions.names(version) or version in current
        return is_described and not is_known

    def parted(self, rows: list[Any]) -> Iterator[tuple[Reading | None, list[Any]]]:
        """Rows of submissions (their version is the third column) by the way they are read, in order."""
        if not self.contents and not self.form.versions.changes:
            yield None, rows
            return
        found: dict[str, list[Any]] = defaultdict(list)
        readings: dict[str, Reading | None] = {}
        for version in dict.fromkeys(row[2] for row in rows):
            reading = self.of(version)
            key = "" if reading is None else f"{reading.digest}{reading.version if reading.origins else ''}"
            readings.setdefault(key, reading)
            found[key] += [row for row in rows if row[2] == version]
        for key, part in found.items():
            yield readings[key], part

    def spared(self, table: str, column: str) -> tuple[str, ...]:
        """The versions that ask a question under other conditions than today's, or do not ask it."""
        return tuple(
            version
            for version, reading in self.known.items()
            if _conditions(reading.form.questionnaire, table, column)
            != _conditions(self.form.questionnaire, table, column)
        )

    def accepted(self, list_name: str) -> tuple[str, ...]:
        """The choices of a list that only older versions have and that stay as they are."""
        today = {choice.name for choice in self.form.questionnaire.choices.get(list_name, ())}
        kept = (
            choice.name
            for reading in self.known.values()
            for choice in reading.form.questionnaire.choices.get(list_name, ())
        )
        return tuple(dict.fromkeys(name for name in kept if name not in today))

    def _reading(self, version: str) -> Reading | None:
        content = self.contents.get(version)
        if content is not None and "sheets" in content and version == self.form.own_version:
            return None
        old = deployed_questionnaire(version, content) if content is not None else None
        is_ours = content is not None and "sheets" in content
        changes = self.form.versions.since(version)
        if old is None and not changes:
            return None
        repeats = {table.name for table in (*self.form.questionnaire.repeats, *(old.repeats if old else ()))}
        repeats |= {name for change in changes for name in change.repeats}
        reading = _Maker(self.form, version, old, History(changes, frozenset(repeats)), is_ours).made()
        local = self.form.questionnaire
        view = reading.form.questionnaire
        is_todays = (reading.asked.tables, view.tables, view.choices) == (local.tables, local.tables, local.choices)
        return None if is_todays else reading


def _one_name(origin: Origin) -> str:
    return next((asked.name for asked in asked_in(origin)), "")


def _last(path: str) -> str:
    """The name of a repeat in lower case, as the warehouse and the cleaning log write it."""
    return path.rpartition("/")[2].lower()


def _conditions(questionnaire: Questionnaire, table: str, column: str) -> list[tuple[Any, ...]]:
    questions = questionnaire.tables[table].questions
    return [(each.required, each.relevant, each.constraint) for each in questions if each.column == column]


class _Maker:
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
        elif any(origin is None for origin in self.origins.values()):
            view = replace(local, tables={name: self._unasked(table) for name, table in local.tables.items()})
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
