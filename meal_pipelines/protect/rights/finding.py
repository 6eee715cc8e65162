"""Where a person is: every submission, version and row of a project that gives her pseudonym.

Reads what is sealed in `raw` (quarantined rows and older versions are in no table that names a pseudonym) and what the
vault knows. What is done with the places is decided elsewhere; nothing here is shown to anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg2

from meal_pipelines.clean.extract import RawTable, extract
from meal_pipelines.clean.parse import parser_of
from meal_pipelines.clean.readings import Readings
from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.keys.sealing import Sealer
from meal_pipelines.protect.persons.linking import everyone
from meal_pipelines.protect.persons.pseudonyms import Pseudonymiser
from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.refusals import value_free

CHUNK = 5_000

Progress = Callable[[int], None]


@dataclass(frozen=True, order=True)
class Place:
    """A row that is a person's. repeat, repeat_index: `''` and 0 for the submission itself · is_current: False when only an
    earlier version says so."""

    form: str
    submission_id: str
    repeat: str
    repeat_index: int
    is_current: bool
    person_id: str


def pseudonymiser(project: LoadedProject, keyring: Keyring) -> Pseudonymiser:
    """Raises: ConfigurationError, when the project recognises nobody."""
    if project.project.persons is None:
        raise ConfigurationError(f"Le projet « {project.id} » ne reconnaît personne (« persons » dans project.yaml).")
    return Pseudonymiser(project.project.persons, keyring.hasher(project.id, "person"))


def ids_of(project: LoadedProject, keyring: Keyring, answers: Mapping[str, str]) -> list[str]:
    """What the pseudonym of whoever gives these answers may be, by each key that they complete.

    Raises: ConfigurationError, when they complete none.
    """
    found = pseudonymiser(project, keyring).every_id(answers)
    if not found:
        assert project.project.persons is not None
        keys = " ; ou ".join(" et ".join(key) for key in project.project.persons.keys)
        raise ConfigurationError(f"Ces réponses ne suffisent pas à reconnaître quelqu'un. Il faut : {keys}.")
    return found


def places_of(
    warehouse: Warehouse,
    keyring: Keyring,
    project: LoadedProject,
    persons: Collection[str],
    *,
    by_any_key: bool = False,
    progress: Progress | None = None,
) -> list[Place]:
    """Every row of these persons, under whichever of their pseudonyms, in every version, in order of form and submission.

    by_any_key: also the rows of which a key that did not make their pseudonym gives one of these: somebody to look at.
    progress: called with the number of versions read so far. Raises: MealError, without a value of the data.
    """
    known, wanted = pseudonymiser(project, keyring), set(persons)
    with (
        closing(warehouse.psycopg()) as reader,
        closing(warehouse.psycopg()) as connection,
        connection.cursor() as cursor,
    ):
        try:
            while True:
                wanted = everyone(cursor, project.id, wanted)
                look = _Look(project, known, frozenset(wanted), by_any_key, keyring.sealer(project.id))
                found, cards = _read(reader, cursor, look, progress or (lambda read: None))
                # A card and who shows it are one person: what was told by the card alone is hers too.
                if cards <= wanted:
                    return sorted(found)
                wanted |= cards
        except psycopg2.Error as error:
            refusal: MealError = value_free(error)
        raise refusal


def _read(reader: Any, cursor: Any, look: _Look, progress: Progress) -> tuple[set[Place], set[str]]:
    """One reading of everything. Returns: the places found, and every pseudonym of whoever is there."""
    project, found, same, read = look.project, set[Place](), set[str](), 0
    for form in project.forms.values():
        if not project.person_tables(form):
            continue
        readings = Readings.read(cursor, form)
        cursor.execute(VAULT, (project.id, form.name, sorted(look.persons)))
        found |= {Place(form.name, *row) for row in cursor.fetchall()}
        for rows in _versions(reader, form):
            for reading, part in readings.parted(rows):
                payloads = look.opened(form, part)
                tables = extract(form.questionnaire, payloads) if reading is None else reading.extract(payloads)
                for place, card in look.among(form, part, tables):
                    found.add(place)
                    same |= {place.person_id} | ({card} if card is not None else set())
            read += len(rows)
            progress(read)
    return found, set() if look.by_any_key else same


@dataclass(frozen=True)
class _Look:
    """Whom to look for. persons: pseudonyms · by_any_key: also whoever another key gives one of them."""

    project: LoadedProject
    known: Pseudonymiser
    persons: frozenset[str]
    by_any_key: bool
    sealer: Sealer

    def opened(self, form: LoadedForm, rows: list[Any]) -> list[bytes]:
        places = [f"raw|{self.project.id}|{form.name}|{row[0]}|{row[1]}" for row in rows]
        return self.sealer.unseal([row[3] for row in rows], places)

    def among(
        self, form: LoadedForm, rows: list[Any], tables: Mapping[str, RawTable]
    ) -> Iterator[tuple[Place, str | None]]:
        """Each row that is theirs, with the pseudonym of the card shown there."""
        for name in self.project.person_tables(form):
            raw = tables[name]
            answers = {
                question.name: raw.answers[question.column].parsed(parser_of(question))[0].rows()
                for question in raw.table.questions
                if question.name in self.known.asked
            }
            spelled = self.known.spelled(answers, len(raw))
            by_key, cards = zip(*self.known.ids_by_key(spelled), strict=True), self.known.card_ids(spelled)
            for row, (ids, card) in enumerate(zip(by_key, cards, strict=True)):
                person = next((each for each in ids if each is not None), None)
                theirs = set(ids) if self.by_any_key else {person, card}
                if person is not None and self.persons & theirs:
                    owner = rows[raw.owner[row]]
                    yield Place(form.name, owner[0], name, raw.repeat_index[row], owner[4], person), card


def _versions(reader: Any, form: LoadedForm) -> Iterator[list[Any]]:
    """(submission_id, version, form_version, payload, is_current) of every version that says something, some at a time."""
    with reader.cursor(name="every_version") as cursor:
        cursor.itersize = CHUNK
        cursor.execute(EVERY, (form.project, form.name))
        while rows := cursor.fetchmany(CHUNK):
            yield rows


VAULT = """
    select submission_id, repeat, repeat_index, true, person_id from vault.identity
    where project = %s and form = %s and person_id = any(%s)
"""
EVERY = """
    select submission_id, version, form_version, payload,
        version = max(version) over (partition by submission_id) as is_current
    from raw.submission where project = %s and form = %s and payload is not null
"""
