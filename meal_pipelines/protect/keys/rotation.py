"""The rotation of sealing keys: a new key seals, everything is sealed anew, the old key goes when nothing uses it.

Each step finds by itself what is left to do, so that a rotation killed anywhere is finished by another. The key of
pseudonyms is never replaced here: every person would get a second pseudonym.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import psycopg2
from psycopg2 import errors, sql

from meal_pipelines.collect.attachments.ledger import FileLedger
from meal_pipelines.collect.attachments.store import FileStore
from meal_pipelines.errors import MealError
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.keys.resealing import reseal
from meal_pipelines.protect.keys.sealed_places import FIXED, NUMBER, sealed_columns, under_construction
from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.refusals import value_free

FILES = "fichiers joints"
SPOOL = ".rotation"
LOCK_TIMEOUT = "10s"


class Follower(Protocol):
    """Who follows a rotation. begin: so many values of a place are to be sealed anew · advance: some more are."""

    def begin(self, place: str, total: int) -> None: ...

    def advance(self, count: int) -> None: ...


@dataclass(frozen=True)
class Uses:
    """How many sealed values each key of the ring still has. by_place: (place, key number) → count."""

    by_place: Mapping[tuple[str, int], int]

    def of(self, number: int) -> int:
        return sum(count for (_, each), count in self.by_place.items() if each == number)


@dataclass
class Rotated:
    """What one run did. values: sealed anew · retired: the keys that went · kept: why an old key had to stay."""

    values: int = 0
    retired: list[int] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def prepare_key(warehouse: Warehouse, keyring: Keyring) -> Keyring:
    """The ring with a key that waits to seal, or with older keys still in use: made only where a rotation is to begin.

    The file as it was stays beside it until the old key is retired. Raises: ConfigurationError, when it cannot be written.
    """
    if keyring.next is not None or len(keyring.sealing) > 1:
        return keyring
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select max(substr(key_id, 9)::int) from audit.key where key_id like 'sealing-%'")
        [(used,)] = cursor.fetchall()
        number = max(used or 0, *keyring.sealing) + 1
        if keyring.path is not None:
            _keep_copy(keyring.path, copy_of(keyring.path))
        made = keyring.with_new_key(number)
        made.check_against(cursor)
    return made


def copy_of(path: Path) -> Path:
    """Where the file of a ring is kept, as it was before a rotation, until its old key is retired."""
    return path.with_name(f"{path.name}.avant-rotation")


def _keep_copy(path: Path, to: Path) -> None:
    to.unlink(missing_ok=True)
    to.touch(mode=0o600)
    shutil.copyfile(path, to)


def rotate(
    warehouse: Warehouse, keyring: Keyring, store: FileStore, projects: Collection[str], follower: Follower
) -> Rotated:
    """Seal with the ring's newest key, seal everything of these projects anew, and retire what nothing uses any more.

    projects: all those that the warehouse has, or the old key stays. Others may collect and build meanwhile.
    Raises: MealError when a value does not open; what was sealed anew stays so.
    """
    if keyring.next is not None:
        keyring = keyring.sealing_with(keyring.next)
    done = Rotated()
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select now()")
        [(started,)] = cursor.fetchall()
    for project in projects:
        with warehouse.connect() as connection, connection.cursor() as cursor:
            columns = [
                (column, count_others(cursor, column, keyring.current)) for column in sealed_columns(cursor, project)
            ]
        for column, count in columns:
            follower.begin(f"{project} · {column.qualified}", count)
            done.values += reseal(warehouse, keyring, project, column, follower.advance)
        done.values += _reseal_files(warehouse, keyring, store, project, follower)
    old = sorted(keyring.sealing.keys() - {keyring.current})
    if old:
        done.kept = _retire(warehouse, keyring, store, started)
    if not done.kept:
        done.retired = old
        if keyring.path is not None:
            if old:
                keyring.without(old)
            copy_of(keyring.path).unlink(missing_ok=True)
    return done


def count_others(cursor: Any, column: Any, current: int) -> int:
    """How many values of a column another key than the current one seals."""
    cursor.execute(
        sql.SQL("select count(*) from {} where {} and {} <> {}").format(
            column.identifier, column.is_of_project, column.number, sql.Literal(current)
        )
    )
    [(count,)] = cursor.fetchall()
    return int(count)


def count_uses(warehouse: Warehouse, keyring: Keyring, store: FileStore) -> Uses:
    """Count, over the whole warehouse, what each key seals: every row and the head of every file is read."""
    found: Counter[tuple[str, int]] = Counter()
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for project in known_projects(cursor):
            for column in sealed_columns(cursor, project):
                cursor.execute(
                    sql.SQL("select {number}, count(*) from {table} where {mine} and {column} is not null group by 1").format(
                        number=column.number, table=column.identifier, mine=column.is_of_project,
                        column=sql.Identifier(column.column),
                    )
                )  # fmt: skip
                for number, count in cursor.fetchall():
                    found[column.qualified, number] += count
            for _, number in _files(connection, keyring, store, project):
                found[FILES, number] += 1
    return Uses(found)


def known_projects(cursor: Any) -> list[str]:
    """Every project that the warehouse has sealed values of."""
    cursor.execute("select distinct project from raw.load union select distinct project from vault.identity order by 1")
    return [row[0] for row in cursor.fetchall()]


# Files ------------------------------------------------------------------------------------------------------------


def _files(connection: Any, keyring: Keyring, store: FileStore, project: str) -> Iterable[tuple[bytes, int]]:
    """(address, key number) of every kept file of a project."""
    sealer = keyring.file_sealer(project)
    for address in sorted(FileLedger(connection, keyring, project, "").contents()):
        with store.opened(project, address) as sealed:
            yield address, sealer.key_number(sealed)


def _reseal_files(warehouse: Warehouse, keyring: Keyring, store: FileStore, project: str, follower: Follower) -> int:
    """Seal a project's files anew, one after the other; an erasure waits for the file under way."""
    sealer, count = keyring.file_sealer(project), 0
    with closing(warehouse.psycopg()) as connection:
        try:
            ledger = FileLedger(connection, keyring, project, "")
            store.sweep_spool(project, SPOOL)
            due = [
                address for address, number in _files(connection, keyring, store, project) if number != keyring.current
            ]
            follower.begin(f"{project} · {FILES}", len(due))
            for address in due:
                ledger.lock_store(alone=False)
                if not ledger.unreferenced([address]):
                    with store.opened(project, address) as sealed, store.spooled(project, SPOOL) as (file, path):
                        again = sealer.seal(sealer.unseal(sealed, address), file)
                        assert again == address
                        store.replace(file, path, project, address)
                    count += 1
                connection.commit()
                follower.advance(1)
            return count
        except psycopg2.Error as error:
            refusal: MealError = value_free(error)
        raise refusal


# The old key ------------------------------------------------------------------------------------------------------


def _retire(warehouse: Warehouse, keyring: Keyring, store: FileStore, started: datetime) -> list[str]:
    """Mark every key but the current one as retired. Returns: why that could not be done, in French; nothing when it was."""
    old = keyring.sealing.keys() - {keyring.current}
    with warehouse.connect() as connection, connection.cursor() as cursor:
        reasons = _under_way(cursor, started, keyring.current)
        if not reasons and not _forms_are_quiet(cursor):
            reasons = ["des fichiers joints sont en cours de collecte"]
        if reasons:
            return reasons
        uses = count_uses(warehouse, keyring, store)
        left = sum(count for (_, number), count in uses.by_place.items() if number != keyring.current)
        if left:
            return [f"{left} valeur(s) ou fichier(s) ne sont pas encore scellés avec la clé n° {keyring.current}"]
        try:
            _refuse_older(cursor, keyring.current)
        except errors.LockNotAvailable:
            return ["une table est retenue par une autre exécution"]
        except errors.CheckViolation:
            return ["des lignes viennent d'être écrites avec une ancienne clé"]
        cursor.execute(
            "update audit.key set retired_at = now() where retired_at is null and key_id = any(%s)",
            ([f"sealing-{number}" for number in old],),
        )
    return []


def _under_way(cursor: Any, started: datetime, current: int) -> list[str]:
    """What may still bring in values that an older key has sealed."""
    cursor.execute(
        "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'meal'"
        " and pid <> pg_backend_pid() and xact_start < %s",
        (started,),
    )
    [(running,)] = cursor.fetchall()
    if running:
        return ["une exécution commencée avant la rotation n'est pas finie"]
    for table, column in under_construction(cursor):
        name = sql.Identifier(column)
        cursor.execute(
            sql.SQL("select exists (select 1 from {} where {} <> {})").format(
                sql.Identifier("build", table), NUMBER.format(column=name), sql.Literal(current)
            )
        )
        [(is_old,)] = cursor.fetchall()
        if is_old:
            return ["une table est en construction, ou est restée d'une exécution interrompue"]
    return []


def _forms_are_quiet(cursor: Any) -> bool:
    """Whether no form's files are being fetched; until the end of the transaction none will be."""
    cursor.execute("select distinct project || '/' || form from raw.load")
    for (name,) in cursor.fetchall():
        cursor.execute("select pg_try_advisory_xact_lock(hashtext('attachments'), hashtext(%s))", (name,))
        if not cursor.fetchone()[0]:
            return False
    return True


def _refuse_older(cursor: Any, current: int) -> None:
    """Let the database itself make sure that no value of an older key is there, and that none comes in any more."""
    cursor.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT)))
    for schema, table, column, _ in FIXED:
        cursor.execute(
            sql.SQL(
                "alter table {table} drop constraint if exists sealed_with_a_current_key,"
                " add constraint sealed_with_a_current_key check ({number} >= {current})"
            ).format(
                table=sql.Identifier(schema, table),
                number=NUMBER.format(column=sql.Identifier(column)),
                current=sql.Literal(current),
            )
        )
