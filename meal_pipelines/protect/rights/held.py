"""Everything a project holds on one person, opened and put together: what she is given when she asks for it.

A plain structure of French words, written as JSON by `person_folder.py`, which also makes the workbook. Of others nothing is
in it: of a submission with several persons, her row and what is not personal. The caller has recorded the access.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg2
from psycopg2 import sql

from meal_pipelines.clean.corrections import read_log
from meal_pipelines.errors import MealError
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.project.measures import marts_of
from meal_pipelines.project.questionnaire import MAIN, Question, Table, french
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.persons.pseudonyms import Pseudonymiser
from meal_pipelines.protect.rights.erasure import log_folder
from meal_pipelines.protect.rights.finding import Place, pseudonymiser
from meal_pipelines.protect.rights.redaction import Document, redact, rows_in, texts
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.refusals import value_free

Held = dict[str, Any]


def held_on(
    settings: Settings, warehouse: Warehouse, keyring: Keyring, project: LoadedProject, places: Sequence[Place]
) -> Held:
    """All that is held on the person of these places.

    Raises: MealError, when something does not open.
    """
    persons = sorted({place.person_id for place in places})
    gathering = _Gathering(project, keyring, pseudonymiser(project, keyring), frozenset(persons))
    with closing(warehouse.psycopg()) as connection, connection.cursor() as cursor:
        try:
            tables = _tables(cursor, project, persons)
            return {
                "projet": project.id,
                "intitulé": project.project.label,
                "établi le": datetime.now(UTC).isoformat(timespec="minutes"),
                "pseudonymes": persons,
                "traitement limité": _is_restricted(cursor, project, persons),
                "soumissions": [
                    gathering.submission(cursor, project.forms[form], submission_id, own)
                    for (form, submission_id), own in _by_submission(places).items()
                ],
                "coffre": gathering.vault(cursor),
                "corrections": _corrections(settings, project, places),
                "tables": tables,
                "indicateurs": _indicators(project, tables),
                "accès": _accesses(cursor, project, persons, places),
            }
        except psycopg2.Error as error:
            refusal: MealError = value_free(error)
        raise refusal


def _by_submission(places: Sequence[Place]) -> dict[tuple[str, str], list[Place]]:
    found: dict[tuple[str, str], list[Place]] = {}
    for place in places:
        found.setdefault((place.form, place.submission_id), []).append(place)
    return found


@dataclass(frozen=True)
class _Gathering:
    project: LoadedProject
    keyring: Keyring
    known: Pseudonymiser
    persons: frozenset[str]

    def submission(self, cursor: Any, form: LoadedForm, submission_id: str, places: Sequence[Place]) -> Held:
        """Every version of one submission: whole when it is hers, else her rows and what is not personal."""
        cursor.execute(VERSIONS, (self.project.id, form.name, submission_id))
        rows = cursor.fetchall()
        sealed = [(row[0], row[4]) for row in rows if row[4] is not None]
        at = [f"raw|{self.project.id}|{form.name}|{submission_id}|{version}" for version, _ in sealed]
        opened = self.keyring.sealer(self.project.id).unseal([blob for _, blob in sealed], at)
        documents = {version: orjson.loads(each) for (version, _), each in zip(sealed, opened, strict=True)}
        is_whole = any(place.repeat == MAIN for place in places)
        indices = {(place.repeat, place.repeat_index) for place in places if place.is_current}
        last = max(documents, default=0)
        return {
            "formulaire": form.name,
            "intitulé": form.form.label,
            "soumission": submission_id,
            "étendue": "entière" if is_whole else "ce qui concerne la personne",
            "versions": [
                {
                    "version": version,
                    "envoyée le": submitted and submitted.isoformat(),
                    "collectée le": loaded.isoformat(),
                    "état": "présente" if state == "present" else "supprimée à la source",
                    "réponses": self._answers(form, documents.get(version), is_whole, indices if version == last else set()),
                }
                for version, submitted, loaded, state, _ in rows
            ],
        }  # fmt: skip

    def _answers(
        self, form: LoadedForm, document: Document | None, is_whole: bool, indices: set[tuple[str, int]]
    ) -> list[Held]:
        if document is None:
            return []
        main = form.questionnaire.main
        if is_whole:
            return list(_told(form, main, document, ""))
        common = {
            key: answer for key, answer in redact(form, document, mark="", is_anonymous=True).items() if answer != ""
        }
        for key in [key for key, answer in common.items() if isinstance(answer, list)]:
            del common[key]
        found = list(_told(form, main, common, ""))
        for table in form.questionnaire.repeats:
            for number, row in enumerate(rows_in(form, document, table), start=1):
                if (table.name, number) in indices or self._is_hers(table, row):
                    found += _told(form, table, row, f"{table.name} {number}")
        return found

    def _is_hers(self, table: Table, row: Document) -> bool:
        answers = texts(table, row)
        ids = self.known.every_id(answers)
        return bool(ids) and not self.persons.isdisjoint({ids[0], self.known.card_id(answers)})

    def vault(self, cursor: Any) -> list[Held]:
        cursor.execute(VAULT, (self.project.id, sorted(self.persons)))
        rows = cursor.fetchall()
        at = [f"vault|{self.project.id}|{row[0]}|{row[1]}|{row[2]}|{row[3]}" for row in rows]
        opened = self.keyring.sealer(self.project.id).unseal([row[4] for row in rows], at)
        return [
            {"formulaire": form, "soumission": submission_id, "identité": orjson.loads(identity)}
            for (form, _, submission_id, _, _), identity in zip(rows, opened, strict=True)
        ]


def _told(form: LoadedForm, table: Table, row: Document, where: str) -> Iterator[Held]:
    """Each answer of a row and of the repeats inside it, with its label and what its codes mean."""
    questions = {key: question for question in table.questions for key in (question.name, question.path)}
    inner = {
        key: one
        for one in form.questionnaire.repeats
        if one.parent == table.name
        for key in (one.path, one.path.rsplit("/", 1)[-1])
    }
    for key, answer in row.items():
        if key in inner and isinstance(answer, list):
            for number, item in enumerate(answer, start=1):
                if isinstance(item, dict):
                    yield from _told(form, inner[key], item, f"{inner[key].name} {number}")
            continue
        question = questions.get(key)
        yield {
            "où": where,
            "question": key,
            "intitulé": question.label if question is not None else key,
            "réponse": answer,
            "en clair": _meaning(form, question, answer),
        }


def _meaning(form: LoadedForm, question: Question | None, answer: Any) -> str:
    """What codes of a list stand for; any other answer as it is."""
    text = answer if isinstance(answer, str) else orjson.dumps(answer).decode()
    if question is None or not question.is_select:
        return text
    labels = {
        choice.name: french(choice.labels) for choice in form.questionnaire.choices.get(question.list_name or "", ())
    }
    return ", ".join(labels.get(code) or code for code in text.split())


def _is_restricted(cursor: Any, project: LoadedProject, persons: Sequence[str]) -> bool:
    cursor.execute(
        "select count(*) > 0 from vault.restriction where project = %s and person_id = any(%s)", (project.id, persons)
    )
    return bool(cursor.fetchone()[0])


def _tables(cursor: Any, project: LoadedProject, persons: Sequence[str]) -> dict[str, list[Held]]:
    """The rows that carry her pseudonym where analysts read, by table."""
    cursor.execute(WITH_PERSONS, (f"{project.id}_",))
    found = {}
    for schema, name in cursor.fetchall():
        cursor.execute(
            sql.SQL("select to_jsonb(t) from {} as t where person_id = any(%s)").format(sql.Identifier(schema, name)),
            (list(persons),),
        )
        if rows := [row[0] for row in cursor.fetchall()]:
            found[f"{schema}.{name}"] = rows
    return found


def _indicators(project: LoadedProject, tables: Collection[str]) -> list[str]:
    """The codes of the indicators that count in a table where she is, whether or not she is counted there."""
    if project.logframe is None:
        return []
    return [
        each.code
        for each in project.logframe.indicators
        if any(f"marts.{mart}" in tables for mart in marts_of(each.measure))
    ]


def _corrections(settings: Settings, project: LoadedProject, places: Sequence[Place]) -> list[Held]:
    found = []
    for form in dict.fromkeys(place.form for place in places):
        log = read_log(log_folder(settings, project) / f"{form}.csv")
        own = [place for place in places if place.form == form]
        for place in own:
            for line in log.by_submission.get(place.submission_id, ()):
                if place.repeat == MAIN or (line.repeat, line.repeat_index) == (place.repeat, place.repeat_index):
                    found.append(
                        {
                            "formulaire": form, "soumission": line.submission_id, "question": line.question, "avant": line.old,
                            "après": line.new, "motif": line.reason, "auteur": line.author,
                        }
                    )  # fmt: skip
    return found


def _accesses(cursor: Any, project: LoadedProject, persons: Sequence[str], places: Sequence[Place]) -> list[Held]:
    """The lines of the log of openings that name her pseudonym or one of her submissions."""
    whole = sorted({place.submission_id for place in places if place.repeat == MAIN})
    cursor.execute(ACCESSES, (project.id, list(persons), whole))
    return [
        {"le": at.isoformat(), "à quel titre": title, "quoi": what, "pourquoi": why} for at, title, what, why in cursor
    ]


VERSIONS = """
    select version, submitted_at, loaded_at, state, payload from raw.submission
    where project = %s and form = %s and submission_id = %s order by version
"""
VAULT = """
    select form, repeat, submission_id, repeat_index, sealed from vault.identity
    where project = %s and person_id = any(%s) order by form, submission_id, repeat_index
"""
WITH_PERSONS = """
    select c.table_schema, c.table_name from information_schema.columns as c
    where c.column_name = 'person_id'
        and (c.table_schema = 'marts' or c.table_schema = 'pseudonymised' and starts_with(c.table_name, %s))
    order by 1, 2
"""
ACCESSES = """
    select at, acting_as, what, why from audit.access
    where project = %s and (person_id = any(%s) or submission_id = any(%s)) order by access_id
"""
