"""cleaned → pseudonymised and vault, for one form: names leave, pseudonyms stay.

Only sealed answers pass through Python; shown answers go from table to table inside PostgreSQL. `prepare` builds in
`build`, `publish` puts in place with the identities of the same submissions, `discard` forgets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import orjson
import psycopg2
from psycopg2 import sql

from meal_pipelines.clean.tables import INDEX, SUBMISSION, cleaned_spec
from meal_pipelines.errors import MealError
from meal_pipelines.project.load import LoadedForm, LoadedProject
from meal_pipelines.project.questionnaire import MAIN, Question, Table
from meal_pipelines.protect.keyring import Keyring
from meal_pipelines.protect.pseudonyms import Pseudonymiser, generalise
from meal_pipelines.protect.tables import derived_columns, generalised, pseudonymised_spec
from meal_pipelines.warehouse import publish as wap
from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.copy import Writer, bytea_column, escape_column
from meal_pipelines.warehouse.refusals import value_free
from meal_pipelines.warehouse.tables import Column, TableSpec, create_table, identifiers, short

CHUNK = 10_000
PROTECTION_VERSION = "1"
"""Raised when the code normalises, hashes or generalises differently: every form is then protected again."""


@dataclass
class ProtectBuild:
    """One form, protected and not yet published. persons: rows that carry a pseudonym."""

    form: LoadedForm
    specs: list[TableSpec]
    whole: bool
    fingerprint: str
    until: int
    run_id: str | None
    rows: int = 0
    persons: int = 0
    without_person: int = 0

    @property
    def changed(self) -> str:
        return short(f"pseudonymised__{self.form.table}__changed")

    @property
    def identities(self) -> str:
        return short(f"pseudonymised__{self.form.table}__vault")

    def derived(self, spec: TableSpec) -> str:
        """The table in `build` of what was computed from sealed answers."""
        return short(f"{spec.schema}__{spec.name}__derived")


def prepare(
    warehouse: Warehouse,
    keyring: Keyring,
    project: LoadedProject,
    form: LoadedForm,
    *,
    run_id: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ProtectBuild | None:
    """Build the form's pseudonymised tables in `build`; None when its cleaned tables did not change.

    Raises: MealError (a wrong key, a database refusal), never with a value of the data.
    """
    specs = [pseudonymised_spec(project, form, table) for table in form.questionnaire.tables.values()]
    build = ProtectBuild(form, specs, True, "", 0, run_id)
    with closing(warehouse.psycopg()) as reader, closing(warehouse.psycopg()) as connection:
        try:
            with connection.cursor() as cursor:
                is_due = _plan(cursor, build)
                connection.commit()
                if not is_due:
                    return None
                for spec, table in zip(specs, form.questionnaire.tables.values(), strict=True):
                    _derive(build, spec, table, reader, connection, keyring, project, progress)
                    _join(cursor, build, spec, table)
                    wap.finish_staging(cursor, spec)
                    wap.show_candidate(cursor, spec, whole=build.whole, changed=build.changed)
                connection.commit()
            return build
        except psycopg2.Error as error:
            refusal: MealError = value_free(error)
        raise refusal


def _plan(cursor: Any, build: ProtectBuild) -> bool:
    cleaned = wap.last_build(cursor, f"cleaned.{build.form.table}")
    if cleaned is None:
        return False
    build.until = cleaned.load_id
    build.fingerprint = hashlib.sha256(f"{PROTECTION_VERSION}|{cleaned.fingerprint}".encode()).hexdigest()
    last = wap.last_build(cursor, build.specs[0].qualified)
    build.whole = last is None or last.fingerprint != build.fingerprint
    since = 0 if last is None or build.whole else last.load_id
    if not build.whole and build.until <= since:
        return False
    for name in (build.changed, build.identities):
        cursor.execute(sql.SQL("drop table if exists {} cascade").format(sql.Identifier("build", name)))
    cursor.execute(
        sql.SQL("create unlogged table {} as {}").format(sql.Identifier("build", build.changed), sql.SQL(CHANGED)),
        {"project": build.form.project, "form": build.form.name, "since": since, "until": build.until},
    )
    cursor.execute(
        sql.SQL("alter table {} add primary key (submission_id)").format(sql.Identifier("build", build.changed))
    )
    create_table(cursor, "build", build.identities, IDENTITY_COLUMNS, logged=False)
    for spec in build.specs:
        wap.stage(cursor, spec, whole=build.whole)
    return True


def _derive(
    build: ProtectBuild, spec: TableSpec, table: Table, reader: Any, connection: Any, keyring: Keyring,
    project: LoadedProject, progress: Callable[[int, int], None] | None,
) -> None:  # fmt: skip
    """Open each row's sealed answers, and write what may be shown of them and what goes to the vault."""
    deriver = _Deriver(build, spec, table, keyring, project)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("drop table if exists {}").format(sql.Identifier("build", build.derived(spec))))
        create_table(cursor, "build", build.derived(spec), deriver.columns, logged=False)
    with Writer(connection) as writer:
        for rows in _chunks(reader, build, table, deriver.on):
            deriver.derive(rows, writer)
            if progress is not None:
                progress(build.rows, build.rows)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("analyze {}").format(sql.Identifier("build", build.derived(spec))))


def _chunks(reader: Any, build: ProtectBuild, table: Table, on: list[tuple[str, str]]) -> Iterator[list[Any]]:
    """(submission_id, repeat_index, personal, days …) of the rows to protect, `CHUNK` at a time."""
    live, main = sql.Identifier("cleaned", build.form.table_of(table.name)), sql.Identifier("cleaned", build.form.table)
    index = sql.SQL("0") if table.name == MAIN else sql.SQL("t.repeat_index")
    days = [sql.SQL(", {}::text").format(sql.Identifier(alias, column)) for alias, column in on]
    is_joined = table.name != MAIN and any(alias == "m" for alias, _ in on)
    query = sql.SQL("select t.submission_id, {index}, t.personal{days} from {live} as t{main}{changed}").format(
        index=index,
        days=sql.SQL("").join(days),
        live=live,
        main=sql.SQL(" join {} as m on m.submission_id = t.submission_id").format(main) if is_joined else sql.SQL(""),
        changed=sql.SQL(" join {} as c on c.submission_id = t.submission_id").format(
            sql.Identifier("build", build.changed)
        ),
    )
    with reader.cursor(name="rows_to_protect") as cursor:
        cursor.itersize = CHUNK
        cursor.execute(query)
        while rows := cursor.fetchmany(CHUNK):
            yield rows


class _Deriver:
    """Computes what is shown of sealed answers, for one table of one form."""

    def __init__(
        self, build: ProtectBuild, spec: TableSpec, table: Table, keyring: Keyring, project: LoadedProject
    ) -> None:
        self.build, self.spec, self.table, self.form = build, spec, table, build.form
        self.sealer = keyring.sealer(project.id)
        self.bands = project.project.age_bands
        self.shown = generalised(self.form, table)
        self.sealed_columns = {question.column for question in self.form.sealed(table)}
        self.on = self._days()
        persons = project.project.persons
        has_person = table.name in project.person_tables(self.form) and persons is not None
        self.persons = Pseudonymiser(persons, keyring.hasher(project.id, "person")) if has_person and persons else None
        self.names = {question.column: question.name for question in self.form.sealed(table)}
        self.identifiers = {
            question.column for question in self.form.sealed(table) if self.form.class_of(question) == "identifier"
        }
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
        opened = iter(self.sealer.unseal([row[2] for row in filled], places))
        documents = [orjson.loads(next(opened)) if row[2] is not None else {} for row in rows]
        data: list[list[str | None]] = [[row[0] for row in rows], [str(row[1]) for row in rows]]
        people: list[str | None] = [None] * len(rows)
        if self.persons is not None:
            people = [self._person(document) for document in documents]
            data.append(people)
            self.build.persons += sum(person is not None for person in people)
            self.build.without_person += sum(person is None for person in people)
        for question, _ in self.shown:
            data.append(self._generalise(question, rows, documents))
        self.build.rows += len(rows)
        names = [column.name for column in self.columns]
        writer.copy("build", self.build.derived(self.spec), names, [escape_column(column) for column in data])
        self._to_vault(rows, documents, people, writer)

    def _person(self, document: dict[str, Any]) -> str | None:
        assert self.persons is not None
        return self.persons.person_id(
            {self.names.get(column, column): text for column, text in document.items() if column != "?"}
        )

    def _generalise(self, question: Question, rows: list[Any], documents: list[dict[str, Any]]) -> list[str | None]:
        rule = self.form.generalisation(question)
        assert rule is not None
        day = self._day(question)
        place = None
        if day is not None:
            pairs = dict(zip(self.on, range(3, 3 + len(self.on)), strict=True))
            place = pairs.get(("t" if day in self.table.questions else "m", day.column))
        known: dict[tuple[str | None, str | None], str | None] = {}
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
            identity = {self.names[column]: text for column, text in document.items() if column in self.identifiers}
            if identity and person is not None:
                found.append((row[0], str(row[1]), person))
                identities.append(orjson.dumps(identity))
        places = [f"vault|{self.form.project}|{self.form.name}|{self.table.name}|{line[0]}|{line[1]}" for line in found]
        sealed = self.sealer.seal(identities, places)
        data = [escape_column([line[position] for line in found]) for position in (0, 1, 2)]
        names = [column.name for column in IDENTITY_COLUMNS]
        repeat = escape_column([self.table.name] * len(found))
        writer.copy("build", self.build.identities, names, [*data, repeat, bytea_column(sealed)])


def _join(cursor: Any, build: ProtectBuild, spec: TableSpec, table: Table) -> None:
    """Fill the staged table: shown answers from `cleaned`, beside what was derived."""
    cleaned = cleaned_spec(build.form, table)
    shown = set(cleaned.names())
    columns = [sql.Identifier("t" if name in shown else "d", name) for name in spec.names()]
    on = sql.SQL("d.submission_id = t.submission_id")
    if table.name != MAIN:
        on = sql.SQL("d.submission_id = t.submission_id and d.repeat_index = t.repeat_index")
    derived = sql.Identifier("build", build.derived(spec))
    cursor.execute(
        sql.SQL("insert into {staged} ({names}) select {columns} from {live} as t join {derived} as d on {on}").format(
            staged=sql.Identifier("build", spec.staged),
            names=identifiers(spec.names()),
            columns=sql.SQL(", ").join(columns),
            live=sql.Identifier("cleaned", cleaned.name),
            derived=derived,
            on=on,
        )
    )
    cursor.execute(sql.SQL("drop table {}").format(derived))


def publish(warehouse: Warehouse, build: ProtectBuild) -> None:
    """Put the tables in place, and the identities of the same submissions in the vault."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for spec in build.specs:
            wap.publish(cursor, spec, whole=build.whole, changed=build.changed)
            wap.record_build(
                cursor, spec, stage="pseudonymised", project=build.form.project, form=build.form.name,
                fingerprint=build.fingerprint, load_id=build.until, run_id=build.run_id,
            )  # fmt: skip
        whose = {"project": build.form.project, "form": build.form.name}
        forget = FORGET if build.whole else FORGET_CHANGED
        names = {"changed": sql.Identifier("build", build.changed), "found": sql.Identifier("build", build.identities)}
        cursor.execute(sql.SQL(forget).format(**names), whose)
        cursor.execute(sql.SQL(KEEP).format(**names), whose)
        _drop(cursor, build)


def discard(warehouse: Warehouse, build: ProtectBuild) -> None:
    """Forget a condemned build: yesterday's tables stay."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for spec in build.specs:
            wap.discard(cursor, spec)
        _drop(cursor, build)


def _drop(cursor: Any, build: ProtectBuild) -> None:
    for name in (build.changed, build.identities):
        cursor.execute(sql.SQL("drop table if exists {} cascade").format(sql.Identifier("build", name)))


IDENTITY_COLUMNS = (
    Column("submission_id", "text", ""), Column("repeat_index", "integer", ""), Column("person_id", "text", ""),
    Column("repeat", "text", ""), Column("sealed", "bytea", ""),
)  # fmt: skip
CHANGED = """
    select distinct submission_id from raw.submission
    where project = %(project)s and form = %(form)s and load_id > %(since)s and load_id <= %(until)s
"""
FORGET = "delete from vault.identity where project = %(project)s and form = %(form)s"
FORGET_CHANGED = """
    delete from vault.identity as v using {changed} as c
    where v.project = %(project)s and v.form = %(form)s and v.submission_id = c.submission_id
"""
KEEP = """
    insert into vault.identity (project, form, repeat, submission_id, repeat_index, person_id, sealed)
    select %(project)s, %(form)s, f.repeat, f.submission_id, f.repeat_index, f.person_id, f.sealed from {found} as f
"""
