"""Erase a person from a project, or take back what was kept by consent: everything that holds her, files included.

Where she is comes from `finding.py`; what leaves each table, from `form_erasure.py`. Backups, and what PostgreSQL has not
written over yet, are for the administrator (`docs/administration.md`).
"""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from psycopg2 import sql

from meal_pipelines.clean.corrections import forget_lines
from meal_pipelines.collect.attachments import FileStore, erase, erase_named
from meal_pipelines.collect.ledger import Ledger
from meal_pipelines.collect.links import at_source
from meal_pipelines.collect.screening import Screen
from meal_pipelines.collect.sources import concealer
from meal_pipelines.errors import MealError
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.project.questionnaire import MAIN
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.persons.linking import forget, hold
from meal_pipelines.protect.rights.access import Actor, record
from meal_pipelines.protect.rights.finding import Place, Progress, places_of
from meal_pipelines.protect.rights.form_erasure import FROZEN, FormErasure, Why, cut_loose
from meal_pipelines.protect.rights.redaction import MARK
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.refusals import value_free
from meal_pipelines.warehouse.turns import turn


@dataclass
class Erasure:
    """What an erasure takes out, or would.

    submissions: whole ones, rows: of submissions that concern others · counts: rows by table · links: where to delete at the
    source · lines: of the cleaning log · contents: sealed files removed.
    """

    submissions: int = 0
    rows: int = 0
    lines: int = 0
    contents: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    links: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.submissions or self.rows)


@dataclass(frozen=True)
class _OfForm:
    """Where a person is in one form: whole submissions, and rows of others."""

    form: LoadedForm
    submissions: set[str]
    rows: dict[str, set[tuple[str, int]]]


def erase_person(
    settings: Settings,
    warehouse: Warehouse,
    keyring: Keyring,
    project: LoadedProject,
    persons: Collection[str],
    actor: Actor,
    *,
    why: Why = "request",
    really: bool = False,
    progress: Progress | None = None,
) -> Erasure:
    """Erase everything that these pseudonyms hold in a project; what stays counted is what `project.yaml` says.

    really: otherwise nothing is changed, and what would be is counted. Raises: MealError, when a collection of one of the
    forms is under way; nothing is then erased, unless files were, which calling again completes.
    """
    places = places_of(warehouse, keyring, project, persons, progress=progress)
    found = [_of_form(project.forms[name], places) for name in dict.fromkeys(place.form for place in places)]
    done = Erasure(
        sum(len(each.submissions) for each in found), sum(len(ids) for each in found for ids in each.rows.values())
    )
    for each in found:
        ids = sorted(each.submissions | each.rows.keys())
        done.links += [at_source(settings, project, each.form, submission_id) for submission_id in ids]
    with ExitStack() as stack:
        if really:
            for each in found:
                stack.enter_context(alone(warehouse, keyring, project, each.form))
            _erase_whole_files(settings, warehouse, keyring, project, found, done)
        hers = {*persons, *(place.person_id for place in places)}
        erasures = _erase_rows(warehouse, keyring, project, found, hers, actor, why, really, done)
        if really:
            _erase_named_files(settings, warehouse, keyring, project, erasures, done)
            _vacuum(warehouse, done.counts)
    for each in found:
        conceal = concealer(each.form, keyring) if _has_workbooks(project, each.form) else None
        done.lines += forget_lines(
            log_folder(settings, project) / f"{each.form.name}.csv", each.submissions, each.rows, conceal, really=really
        )
    return done


def log_folder(settings: Settings, project: LoadedProject) -> Any:
    """Where the cleaning logs of a project lie: beside it, or beside the sample in a demonstration."""
    return (settings.sample / project.id if settings.demo else project.folder) / "corrections"


def _has_workbooks(project: LoadedProject, form: LoadedForm) -> bool:
    return project.project.sources[form.form.source.use].kind == "workbook"


def _of_form(form: LoadedForm, places: Sequence[Place]) -> _OfForm:
    own = [place for place in places if place.form == form.name]
    whole = {place.submission_id for place in own if place.repeat == MAIN and place.is_current}
    rows: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for place in own:
        if place.submission_id not in whole:
            here = {(place.repeat, place.repeat_index)} if place.is_current else set()
            rows[place.submission_id] |= here
    return _OfForm(form, whole, dict(rows))


@contextmanager
def alone(warehouse: Warehouse, keyring: Keyring, project: LoadedProject, form: LoadedForm) -> Iterator[None]:
    """No collection and no stage of this form works meanwhile."""
    with ExitStack() as stack:
        connection = stack.enter_context(closing(warehouse.psycopg()))
        Ledger(connection, project.id, form.name, Screen(keyring, project.id, form.name)).lock()
        connection.commit()
        for schema in ("cleaned", "pseudonymised"):
            stack.enter_context(turn(warehouse, "build", f"{schema}/{project.id}/{form.name}", patience_s=60))
        yield


def _erase_rows(
    warehouse: Warehouse, keyring: Keyring, project: LoadedProject, found: Sequence[_OfForm], persons: Collection[str],
    actor: Actor, why: Why, really: bool, done: Erasure,
) -> list[FormErasure]:  # fmt: skip
    """Every table of every form in one transaction, which ends in nothing when it is only to be counted."""
    mark, erasures = _mark(project, why), []
    with closing(warehouse.psycopg()) as connection, connection.cursor() as cursor:
        try:
            hold(cursor, project.id)
            for each in found:
                erasure = FormErasure(cursor, keyring, project, each.form, why, mark)
                erasure.submissions(each.submissions)
                erasure.rows(each.rows)
                erasures.append(erasure)
                done.counts += erasure.counts
            if frozen := cut_loose(cursor, project.id, (), (), persons):
                done.counts[FROZEN] += frozen
            forget(cursor, project, {*persons, *(person for each in erasures for person in each.persons)})
            cursor.execute(
                "delete from vault.restriction where project = %s and person_id = any(%s)", (project.id, list(persons))
            )
            if really:
                items = done.submissions + done.rows
                record(cursor, actor, "withdraw" if why == "withdrawal" else "erase", project.id, items=items)
                connection.commit()
            else:
                connection.rollback()
            return erasures
        except psycopg2.Error as error:
            refusal: MealError = value_free(error)
        raise refusal


def _mark(project: LoadedProject, why: Why) -> str | None:
    """What replaces the answers of who stays counted; None when she does not.

    Erased, she stays one person, under a pseudonym that nobody can compute; who takes her consent back is no person any more,
    like whoever refused it.
    """
    leaving = project.project.withdrawal if why == "withdrawal" else project.project.erasure
    if leaving == "delete":
        return None
    return MARK if why == "withdrawal" else MARK + secrets.token_hex(16)


def _erase_whole_files(
    settings: Settings, warehouse: Warehouse, keyring: Keyring, project: LoadedProject, found: Sequence[_OfForm], done: Erasure
) -> None:  # fmt: skip
    for each in found:
        if each.submissions:
            store = FileStore.of(settings)
            done.contents += erase(
                warehouse, keyring, store, project.id, each.form.name, sorted(each.submissions)
            ).contents


def _erase_named_files(
    settings: Settings, warehouse: Warehouse, keyring: Keyring, project: LoadedProject, erasures: Sequence[FormErasure],
    done: Erasure,
) -> None:  # fmt: skip
    for erasure in erasures:
        if names := {submission_id: given for submission_id, given in erasure.files.items() if given}:
            store = FileStore.of(settings)
            done.contents += erase_named(warehouse, keyring, store, project.id, erasure.form.name, names).contents


def _vacuum(warehouse: Warehouse, tables: Collection[str]) -> None:
    """Let PostgreSQL write over what was erased: until then the rows are still in its files."""
    with closing(warehouse.psycopg()) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        try:
            for table in sorted(tables):
                cursor.execute(sql.SQL("vacuum {}").format(sql.Identifier(*table.split(".", 1))))
        except psycopg2.Error as error:
            raise value_free(error) from None
