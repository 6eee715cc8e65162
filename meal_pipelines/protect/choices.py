"""What the codes that analysts meet mean: `marts.choice`, made of the choice lists of every project's questionnaires.

Only lists and wordings, which stand in the forms; no answer is read here. Places, nationalities and age bands are
reference tables of their own (`warehouse/seeds.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from psycopg2 import extensions, extras, sql

from meal_pipelines.clean.readings import Readings
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.project.questionnaire import Choice, Question, arabic, french
from meal_pipelines.warehouse.publish import last_build, publish, record_build, stage
from meal_pipelines.warehouse.tables import Column, TableSpec, identifiers

CHOICE = TableSpec(
    schema="marts",
    name="choice",
    description="Ce que veulent dire les codes des listes de choix : libellés des questionnaires, en français et en arabe. "
    "Une ligne par projet, colonne et code.",
    columns=(
        Column("project", "text", "Projet", required=True),
        Column("table_name", "text", "Table où le code se lit, par exemple marts.person", required=True),
        Column("column_name", "text", "Colonne de cette table", required=True),
        Column("code", "text", "Code, tel que la colonne l'écrit ; une colonne à choix multiples en a plusieurs", required=True),
        Column("label_fr", "text", "Libellé français ; à défaut, celui de la première langue du questionnaire"),
        Column("label_ar", "text", "Libellé arabe ; vide : le questionnaire n'en a pas"),
        Column("position", "integer", "Rang dans la liste, à partir de 1", required=True),
        Column("form", "text", "Formulaire, par exemple prestations", required=True),
        Column("question", "text", "Nom de la question dans le questionnaire", required=True),
        Column("list_name", "text", "Nom de la liste de choix dans le questionnaire", required=True),
        Column(
            "is_offered",
            "boolean",
            "vrai : le questionnaire d'aujourd'hui propose ce code ; faux : seule une version antérieure le proposait",
            required=True,
        ),
    ),
    key=("project", "table_name", "column_name", "code"),
)  # fmt: skip


class Meaning(NamedTuple):
    """A row of `marts.choice`: a code of a column."""

    project: str
    table_name: str
    column_name: str
    code: str
    label_fr: str | None
    label_ar: str | None
    position: int
    form: str
    question: str
    list_name: str
    is_offered: bool


def load_choices(
    connection: extensions.connection,
    projects: Mapping[str, LoadedProject],
    marts: Collection[TableSpec] = (),
    *,
    run_id: str | None = None,
) -> int | None:
    """Write `marts.choice` anew when a questionnaire, a privacy class or a known version of a form has changed.

    projects: every project there is, whatever the run is about. marts: those whose columns repeat codes of a form.
    Returns: its rows, None when nothing changed.
    """
    forms = [(project, form) for project in projects.values() for form in project.forms.values()]
    with connection, connection.cursor() as cursor:
        fingerprint = _fingerprint(cursor, forms, marts)
        before = last_build(cursor, CHOICE.qualified)
        if before is not None and before.fingerprint == fingerprint:
            return None
        found = [meaning for _, form in forms for meaning in meanings(form, Readings.read(cursor, form))]
        found += meanings_of_marts(found, marts)
        stage(cursor, CHOICE, whole=True)
        insert = sql.SQL("insert into {} ({}) values %s").format(
            sql.Identifier("build", CHOICE.staged), identifiers(CHOICE.names())
        )
        extras.execute_values(cursor, insert, found, page_size=1000)
        rows = publish(cursor, CHOICE, whole=True, changed=None)
        record_build(
            cursor, CHOICE, stage="marts", project=None, form=None, fingerprint=fingerprint, load_id=None, run_id=run_id
        )
    return rows


def meanings(form: LoadedForm, readings: Readings) -> Iterator[Meaning]:
    """The codes of every column of `pseudonymised` that holds choices of a form, in the order of its questionnaire."""
    for table in form.questionnaire.tables.values():
        for question in form.shown(table):
            if question.is_select and question.list_name is not None:
                name = f"pseudonymised.{form.table_of(table.name)}"
                yield from _of_question(form, readings, question, question.list_name, name)


def meanings_of_marts(collected: Collection[Meaning], marts: Collection[TableSpec]) -> list[Meaning]:
    """The same codes under the columns of the marts that repeat them: one row per project, column and code.

    Where several forms fill a column, a code has the wording of the first, by name of table and question.
    """
    known: dict[tuple[str, str], list[Meaning]] = {}
    for meaning in collected:
        known.setdefault((meaning.table_name, meaning.column_name), []).append(meaning)
    found: dict[tuple[str, ...], Meaning] = {}
    for mart in marts:
        for column in mart.columns:
            for meaning in (each for origin in column.copies for each in known.get(origin, ())):
                key = (meaning.project, mart.qualified, column.name, meaning.code)
                found.setdefault(key, meaning._replace(table_name=mart.qualified, column_name=column.name))
    return list(found.values())


def _of_question(
    form: LoadedForm, readings: Readings, question: Question, list_name: str, table: str
) -> Iterator[Meaning]:
    """A code that stands twice in a list has its first wording, as everywhere; one of old versions comes after today's."""
    today = _by_code(form.questionnaire.choices.get(list_name, ()))
    old = _by_code(
        choice
        for reading in readings.known.values()
        for choice in reading.form.questionnaire.choices.get(list_name, ())
        if choice.name not in today
    )
    for position, choice in enumerate((*today.values(), *old.values()), start=1):
        yield Meaning(
            project=form.project,
            table_name=table,
            column_name=question.column,
            code=choice.name,
            label_fr=french(choice.labels) or None,
            label_ar=arabic(choice.labels) or None,
            position=position,
            form=form.name,
            question=question.name,
            list_name=list_name,
            is_offered=choice.name in today,
        )


def _by_code(choices: Iterable[Choice]) -> dict[str, Choice]:
    found: dict[str, Choice] = {}
    for choice in choices:
        found.setdefault(choice.name, choice)
    return found


def _fingerprint(
    cursor: extensions.cursor, forms: list[tuple[LoadedProject, LoadedForm]], marts: Collection[TableSpec]
) -> str:
    """What the table would be made from. A version of a form that is kept never changes: its name is enough."""
    cursor.execute("select project, form, form_version from raw.form_version order by 1, 2, 3")
    parts = [repr((CHOICE.columns, CHOICE.description)), repr(cursor.fetchall())]
    parts += [repr((mart.qualified, [(column.name, column.copies) for column in mart.columns])) for mart in marts]
    for project, form in forms:
        parts += [form.table, project.fingerprint(form), form.versions.model_dump_json()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
