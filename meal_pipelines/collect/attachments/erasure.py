"""Erase the files of persons: their rows, their sealed names, and the bytes that no other submission has.

Who is to be erased, and what else is held on them, is not known here. What stays is one row per submission that says only
that its files were erased, so that no later collection brings them back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import psycopg2

from meal_pipelines.collect.attachments.ledger import FileLedger
from meal_pipelines.collect.attachments.store import FileStore
from meal_pipelines.errors import MealError
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.refusals import value_free


@dataclass(frozen=True)
class Erased:
    """What an erasure did. submissions: those marked now · files: rows taken away · contents: sealed files removed."""

    submissions: int
    files: int
    contents: int


def erase(
    warehouse: Warehouse,
    keyring: Keyring,
    store: FileStore,
    project: str,
    form: str,
    submission_ids: Sequence[str] | None = None,
) -> Erased:
    """Erase the files of these submissions, or of the whole form (None), kept or still expected.

    Bytes shared with another submission stay for that one. Interrupted, it is finished by calling it again: bytes go
    first, the rows that lead to them last. Backups of the store keep them until they expire.
    Raises: MealError, when the store cannot be written; nothing is then said to be erased.
    """
    with closing(warehouse.psycopg()) as connection:
        ledger = FileLedger(connection, keyring, project, form)
        try:
            ledger.lock_store(alone=True)
            submissions, files, addresses = ledger.erase(submission_ids)
            for address in addresses:
                store.remove(project, address)
            connection.commit()
            return Erased(submissions, files, len(addresses))
        except psycopg2.Error as error:
            refusal: MealError = value_free(error)
        raise refusal


def erase_named(
    warehouse: Warehouse,
    keyring: Keyring,
    store: FileStore,
    project: str,
    form: str,
    names: Mapping[str, Sequence[str]],
) -> Erased:
    """Erase some files of submissions (their names, by submission): those of one person among others. As `erase`."""
    with closing(warehouse.psycopg()) as connection:
        ledger = FileLedger(connection, keyring, project, form)
        try:
            ledger.lock_store(alone=True)
            files, contents = 0, 0
            for submission_id, named in names.items():
                count, addresses = ledger.erase_named(submission_id, named)
                for address in addresses:
                    store.remove(project, address)
                files, contents = files + count, contents + len(addresses)
            connection.commit()
            return Erased(0, files, contents)
        except psycopg2.Error as error:
            refusal: MealError = value_free(error)
        raise refusal


@dataclass(frozen=True)
class Compared:
    """The store beside the database. strangers: sealed files that no row has · missing: kept files that do not lie there."""

    strangers: int
    missing: int


def compare_store(
    warehouse: Warehouse, keyring: Keyring, store: FileStore, project: str, *, remove: bool = False
) -> Compared:
    """Compare a project's files with what the database says is kept: after one of the two was restored.

    remove: take the strangers away; never where another warehouse uses the same address. Raises: as `erase`.
    """
    with closing(warehouse.psycopg()) as connection:
        ledger = FileLedger(connection, keyring, project, "")
        try:
            ledger.lock_store(alone=True)
            there = store.addresses(project)
            strangers = ledger.unreferenced(sorted(there))
            if remove:
                for address in strangers:
                    store.remove(project, address)
            missing = ledger.contents() - there
            connection.commit()
            return Compared(len(strangers), len(missing))
        except psycopg2.Error as error:
            refusal: MealError = value_free(error)
        raise refusal
