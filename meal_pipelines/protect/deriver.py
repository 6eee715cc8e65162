"""Open sealed answers, and compute what may be shown of them: the pseudonym, and what quasi-identifiers become.

Writes nothing. Chunks, joins and publication are in `stage.py`; what a pseudonym is, in `pseudonyms.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import Any

import orjson

from meal_pipelines.clean.tables import INDEX, SUBMISSION
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.privacy import Generalisation
from meal_pipelines.project.questionnaire import Question, Table
from meal_pipelines.protect import personal
from meal_pipelines.protect.build import Derived, ProtectBuild
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.persons.link_keys import LinkKeys
from meal_pipelines.protect.persons.normalise import Spelled
from meal_pipelines.protect.persons.pseudonyms import Pseudonymiser, generalise
from meal_pipelines.protect.rights.redaction import MARK, is_mark, replacement
from meal_pipelines.protect.tables import card_question, derived_columns, generalised
from meal_pipelines.warehouse.copy import (
    Packed,
    escape_column,
    pack,
    pack_binary,
    pack_int,
    pack_text,
    packed_bytes,
    packed_once,
)
from meal_pipelines.warehouse.tables import TableSpec


class _Coarser(dict[tuple[str | None, str | None], str | None]):
    """What is shown for each (answer, day), worked out when it is first met."""

    def __init__(self, rule: Generalisation, bands: tuple[str, ...]) -> None:
        super().__init__()
        self._rule, self._bands = rule, bands

    def __missing__(self, pair: tuple[str | None, str | None]) -> str | None:
        shown = self[pair] = generalise(self._rule, self._bands, *pair)
        return shown


class ChunkDeriver:
    """Computes what is shown of chunks of one form's tables. derivers: by table, main first."""

    def __init__(self, build: ProtectBuild, keyring: Keyring, project: LoadedProject) -> None:
        tables = build.form.questionnaire.tables.values()
        self.derivers = {
            table.name: Deriver(build, spec, table, keyring, project)
            for spec, table in zip(build.specs, tables, strict=True)
        }

    def __call__(self, chunk: tuple[str, list[Any]]) -> Derived:
        """Work on n rows of the table named: (submission_id, repeat_index, personal, days …)."""
        table, rows = chunk
        return self.derivers[table].derive(rows)


class Deriver:
    """Computes what is shown of sealed answers, for one table of one form."""

    def __init__(
        self, build: ProtectBuild, spec: TableSpec, table: Table, keyring: Keyring, project: LoadedProject
    ) -> None:
        self.build, self.spec, self.table, self.form = build, spec, table, build.form
        self.sealer = keyring.sealer(project.id)
        self.bands = tuple(project.project.age_bands)
        self.shown = generalised(self.form, table)
        self.sealed_columns = {question.column for question in self.form.sealed(table)}
        self.on = self._days()
        persons = project.project.persons
        has_person = table.name in project.person_tables(self.form) and persons is not None
        self.persons = Pseudonymiser(persons, keyring.hasher(project.id, "person")) if has_person and persons else None
        self.links = LinkKeys(persons, keyring.hasher(project.id, "link")) if has_person and persons else None
        asked = {name for key in persons.every_key for name in key} | persons.links.questions if persons else set()
        self.keys = [(question.name, question.column) for question in self.form.sealed(table) if question.name in asked]
        self.has_cards = card_question(project, table) is not None
        self.identifiers = [
            (question.name, question.column)
            for question in self.form.sealed(table)
            if self.form.class_of(question) == "identifier"
        ]
        self.coarser: dict[str, _Coarser] = {}
        self.has_marks = False
        self.columns = [SUBMISSION, INDEX, *derived_columns(project, self.form, table)]

    def _days(self) -> list[tuple[str, str]]:
        """(table alias, column) of each shown question that gives the day of a generalisation."""
        main = self.form.questionnaire.main
        found: dict[tuple[str, str], None] = {}
        for question, _ in self.shown:
            day = self._day(question)
            if day is not None:
                alias = "t" if day in self.table.questions else "m"
                assert alias == "t" or day in main.questions
                if alias == "m" or day.column not in self.sealed_columns:
                    found[alias, day.column] = None
        return list(found)

    def _day(self, question: Question) -> Question | None:
        rule = self.form.generalisation(question)
        if rule is None or rule.on is None:
            return None
        return self.table.question(rule.on) or self.form.questionnaire.main.question(rule.on)

    def derive(self, rows: list[Any]) -> Derived:
        """n rows of derived columns, and the identities found in them."""
        documents = self._open(rows)
        data: list[list[str | None]] = [[row[0] for row in rows], [str(row[1]) for row in rows]]
        asked = {name: [document.get(column) for document in documents] for name, column in self.keys}
        spelled = self.persons.spelled(asked, len(rows)) if self.persons is not None else None
        people, cards = self._people(documents, spelled)
        if self.persons is not None:
            data.append(people)
            if self.has_cards:
                data.append(cards)
        for question, _ in self.shown:
            data.append(self._generalise(question, rows, documents))
        names = [column.name for column in self.columns]
        data = self._without_restricted(data, people, cards)
        written = [pack("build", self.build.derived(self.spec), names, [escape_column(column) for column in data])]
        if spelled is None:
            return Derived(written, len(rows), 0, 0)
        without = people.count(None)
        written.append(self._to_vault(rows, documents, people, spelled))
        return Derived(written, len(rows), len(rows) - without, without)

    def _people(
        self, documents: list[dict[str, str]], spelled: Spelled | None
    ) -> tuple[list[str | None], list[str | None]]:
        """The pseudonyms of n rows: the person's, and that of the card shown."""
        rows = len(documents)
        if spelled is None:
            return [None] * rows, [None] * rows
        assert self.persons is not None
        people = self.persons.person_ids(spelled)
        cards: list[str | None] = self.persons.card_ids(spelled) if self.has_cards else [None] * rows
        if self.has_marks:
            marks = list(map(_mark, documents))
            people = [person if mark is None else replacement(mark) for mark, person in zip(marks, people, strict=True)]
            cards = [card if mark is None else None for mark, card in zip(marks, cards, strict=True)]
        return people, cards

    def _without_restricted(
        self, data: list[list[str | None]], people: list[str | None], cards: list[str | None]
    ) -> list[list[str | None]]:
        """The columns without the rows of those whose data rest."""
        rest = self.build.restricted
        if not rest:
            return data
        kept = [place for place, pair in enumerate(zip(people, cards, strict=True)) if rest.isdisjoint(pair)]
        return [[column[place] for place in kept] for column in data]

    def _open(self, rows: list[Any]) -> list[dict[str, str]]:
        """The personal answers of each row, by column."""
        cleaned = self.form.table_of(self.table.name)
        filled = [row for row in rows if row[2] is not None]
        places = [personal.place(cleaned, row[0], row[1]) for row in filled]
        opened = self.sealer.unseal([row[2] for row in filled], places)
        # One array: a third of the time of as many documents.
        written = b"[" + b",".join(opened) + b"]"
        self.has_marks = MARK.encode() in written
        answers = iter(orjson.loads(written))
        return [next(answers) if row[2] is not None else {} for row in rows]

    def _generalise(self, question: Question, rows: list[Any], documents: list[dict[str, str]]) -> list[str | None]:
        rule = self.form.generalisation(question)
        assert rule is not None
        answers = [document.get(question.column) for document in documents]
        days: list[str | None] = [None] * len(rows)
        day = self._day(question)
        if day is not None:
            shown = ("t" if day in self.table.questions else "m", day.column)
            if shown in self.on:
                place = 3 + self.on.index(shown)
                days = [row[place] for row in rows]
            else:
                days = [document.get(day.column) for document in documents]
        coarser = self.coarser.setdefault(question.column, _Coarser(rule, self.bands))
        return [coarser[pair] for pair in zip(answers, days, strict=True)]

    def _to_vault(
        self, rows: list[Any], documents: list[dict[str, str]], people: list[str | None], spelled: Spelled
    ) -> Packed:
        """Seal the identifiers of each person apart, where only the data-protection officer's role reaches, with her keys."""
        assert self.links is not None
        columns = []
        for name, column in self.identifiers:
            answers = [document.get(column) for document in documents]
            if self.has_marks:
                answers = [None if is_mark(answer) else answer for answer in answers]
            columns.append(personal.pieces(name, answers))
        identities = personal.objects(columns)
        found = [place for place, person in enumerate(people) if person is not None and identities[place]]
        table = f"vault|{self.form.project}|{self.form.name}|{self.table.name}"
        places = [f"{table}|{rows[place][0]}|{rows[place][1]}" for place in found]
        sealed = self.sealer.seal([identities[place] for place in found], places)
        strong, weak = self.links.of(spelled)
        packing: dict[str, Iterable[bytes]] = {
            "submission_id": packed_once(pack_text, [rows[place][0] for place in found]),
            "repeat_index": packed_once(pack_int, [rows[place][1] for place in found]),
            "person_id": packed_once(pack_text, [people[place] for place in found]),
            "repeat": repeat(pack_text(self.table.name)),
            "strong": [strong[place] for place in found],
            "weak": [weak[place] for place in found],
            "sealed": packed_bytes(sealed),
        }
        return pack_binary("build", self.build.identities, packing)


def _mark(document: dict[str, str]) -> str | None:
    """What stands for the answers of a row whose person was taken out."""
    return next((answer for answer in document.values() if isinstance(answer, str) and is_mark(answer)), None)
