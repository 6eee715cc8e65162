"""Open sealed answers, and compute what may be shown of them: the pseudonym, and what quasi-identifiers become.

Chunks, joins and publication are in `stage.py`; what a pseudonym is, in `pseudonyms.py`.
"""

from __future__ import annotations

from typing import Any

import orjson

from meal_pipelines.clean.tables import INDEX, SUBMISSION
from meal_pipelines.project.load import LoadedProject
from meal_pipelines.project.questionnaire import Question, Table
from meal_pipelines.protect.build import IDENTITY_COLUMNS, ProtectBuild
from meal_pipelines.protect.keyring import Keyring
from meal_pipelines.protect.pseudonyms import Pseudonymiser, generalise
from meal_pipelines.protect.tables import derived_columns, generalised
from meal_pipelines.warehouse.copy import Writer, bytea_column, escape_column
from meal_pipelines.warehouse.tables import TableSpec


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
        asked = {name for key in persons.keys for name in key} if persons else set()
        self.keys = [(question.name, question.column) for question in self.form.sealed(table) if question.name in asked]
        self.identifiers = [
            (question.name, question.column)
            for question in self.form.sealed(table)
            if self.form.class_of(question) == "identifier"
        ]
        self.known: dict[str, dict[tuple[str | None, str | None], str | None]] = {}
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

    def derive(self, rows: list[Any], writer: Writer) -> None:
        """Write n rows of derived columns, and the identities found in them."""
        cleaned = self.form.table_of(self.table.name)
        filled = [row for row in rows if row[2] is not None]
        places = [f"cleaned|{cleaned}|{row[0]}|{row[1]}" for row in filled]
        opened = self.sealer.unseal([row[2] for row in filled], places)
        # One array: a third of the time of as many documents.
        answers = iter(orjson.loads(b"[" + b",".join(opened) + b"]"))
        documents = [next(answers) if row[2] is not None else {} for row in rows]
        data: list[list[str | None]] = [[row[0] for row in rows], [str(row[1]) for row in rows]]
        people: list[str | None] = [None] * len(rows)
        if self.persons is not None:
            people = self._people(documents)
            data.append(people)
            self.build.persons += sum(person is not None for person in people)
            self.build.without_person += sum(person is None for person in people)
        for question, _ in self.shown:
            data.append(self._generalise(question, rows, documents))
        self.build.rows += len(rows)
        names = [column.name for column in self.columns]
        writer.copy("build", self.build.derived(self.spec), names, [escape_column(column) for column in data])
        self._to_vault(rows, documents, people, writer)

    def _people(self, documents: list[dict[str, Any]]) -> list[str | None]:
        """The pseudonym in each row; whoever comes several times in a chunk is hashed once."""
        assert self.persons is not None
        names, columns = [name for name, _ in self.keys], [column for _, column in self.keys]
        known: dict[tuple[str | None, ...], str | None] = {}
        people = []
        for document in documents:
            told = tuple(map(document.get, columns))
            if told not in known:
                answers = {name: text for name, text in zip(names, told, strict=True) if text is not None}
                known[told] = self.persons.person_id(answers)
            people.append(known[told])
        return people

    def _generalise(self, question: Question, rows: list[Any], documents: list[dict[str, Any]]) -> list[str | None]:
        rule = self.form.generalisation(question)
        assert rule is not None
        day = self._day(question)
        place = None
        if day is not None:
            pairs = dict(zip(self.on, range(3, 3 + len(self.on)), strict=True))
            place = pairs.get(("t" if day in self.table.questions else "m", day.column))
        known = self.known.setdefault(question.column, {})
        values = []
        for row, document in zip(rows, documents, strict=True):
            on = row[place] if place is not None else (document.get(day.column) if day is not None else None)
            pair = (document.get(question.column), on)
            if pair not in known:
                known[pair] = generalise(rule, self.bands, *pair)
            values.append(known[pair])
        return values

    def _to_vault(
        self, rows: list[Any], documents: list[dict[str, Any]], people: list[str | None], writer: Writer
    ) -> None:
        """Seal the identifiers of each person apart, where only the data-protection officer's role reaches."""
        if self.persons is None:
            return
        found: list[tuple[str, str, str]] = []
        identities = []
        for row, document, person in zip(rows, documents, people, strict=True):
            identity = {name: document[column] for name, column in self.identifiers if column in document}
            if identity and person is not None:
                found.append((row[0], str(row[1]), person))
                identities.append(orjson.dumps(identity))
        places = [f"vault|{self.form.project}|{self.form.name}|{self.table.name}|{line[0]}|{line[1]}" for line in found]
        sealed = self.sealer.seal(identities, places)
        data = [escape_column([line[position] for line in found]) for position in (0, 1, 2)]
        names = [column.name for column in IDENTITY_COLUMNS]
        repeat = escape_column([self.table.name] * len(found))
        writer.copy("build", self.build.identities, names, [*data, repeat, bytea_column(sealed)])
