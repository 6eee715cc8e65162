"""The readings of a form's versions: which submissions are read otherwise than today's, and what nothing describes.

A version that differs in nothing has no reading of its own and costs nothing. What a version asked is read from
`raw.form_version`; what people decided, from `forms/<form>.yaml`. How one version is read is in `reading.py`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from meal_pipelines.clean.reading import Reading, ReadingMaker
from meal_pipelines.project.deployed import deployed_questionnaire
from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.project.origins import History
from meal_pipelines.project.questionnaire import Questionnaire

KEPT = "select form_version, content from raw.form_version where project = %s and form = %s"


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

    def undecided_choices(self) -> list[str]:
        """« question : code » of the choices that another version offers, today's questionnaire does not, and nobody mapped."""
        decided = {
            code
            for change in self.form.versions.changes
            for codes in change.choices.values()
            for code in codes.values()
        }
        return sorted(
            f"{question.name} : {code}"
            for question in self.form.questionnaire.questions()
            for code in self.accepted(question.list_name or "")
            if code not in decided
        )

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
        reading = ReadingMaker(self.form, version, old, History(changes, frozenset(repeats)), is_ours).made()
        local = self.form.questionnaire
        view = reading.form.questionnaire
        is_todays = (reading.asked.tables, view.tables, view.choices) == (local.tables, local.tables, local.choices)
        return None if is_todays else reading


def _conditions(questionnaire: Questionnaire, table: str, column: str) -> list[tuple[Any, ...]]:
    questions = questionnaire.tables[table].questions
    return [(each.required, each.relevant, each.constraint) for each in questions if each.column == column]
