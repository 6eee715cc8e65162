"""The part of `raw` that belongs to one form, and how it is written: versions, deletions, the cursor, the load.

What is remembered between two loads is in `position.py`, what a sweep compares with in `known.py`, what is to be written is
made in `versions.py`. Sources and what to ask of them are not known here: `sync.py` compares and decides.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Literal

from psycopg2.extras import Json

from meal_pipelines.collect.known import Known
from meal_pipelines.collect.position import Load, Position
from meal_pipelines.collect.screening import Screen
from meal_pipelines.collect.source import FormVersion
from meal_pipelines.collect.versions import Prepared
from meal_pipelines.errors import MealError
from meal_pipelines.warehouse.copy import copy_packed

LOCK_WAIT_S = 2.0
"""PostgreSQL releases the lock of a closed (or killed) connection a moment after its client has gone."""


class Ledger:
    """The part of `raw` that belongs to one form. The caller commits.

    connection: writes, in one thread at a time.
    """

    def __init__(self, connection: Any, project: str, form: str, screen: Screen) -> None:
        self.connection, self.project, self.form = connection, project, form
        self.screen = screen
        self._cursor = connection.cursor()

    def lock(self) -> None:
        """Keep other runs away from this form, for as long as the connection lives; close what a dead one left open.

        Raises: MealError when another run holds it.
        """
        deadline = time.monotonic() + LOCK_WAIT_S
        while not self._one(
            "select pg_try_advisory_lock(hashtext('collect'), hashtext(%s))", f"{self.project}/{self.form}"
        ):
            if time.monotonic() > deadline:
                raise MealError(
                    f"Le formulaire « {self.form} » ({self.project}) est déjà en cours de collecte par une autre exécution. "
                    f"Attendez qu'elle finisse, puis relancez."
                )
            time.sleep(0.05)
        self._cursor.execute(
            "update raw.load set state = 'failed', finished_at = now(), message = 'interrompu'"
            " where project = %s and form = %s and state = 'running'",
            (self.project, self.form),
        )
        self.screen.read(self._cursor)

    def wait_for_disk(self, state: Literal["on", "off"]) -> None:
        """Whether a commit waits until it is on disk, from the transaction under way on."""
        self._cursor.execute(f"set synchronous_commit to {state}")

    def _one(self, query: str, *values: object) -> Any:
        self._cursor.execute(query, values)
        row = self._cursor.fetchone()
        return row[0] if row else None

    # The load and its cursor ----------------------------------------------------------------------------------

    def begin(self, kind: str, run_id: str | None) -> Load:
        return Load(
            self._one(
                "insert into raw.load (project, form, source, state, run_id) values (%s, %s, %s, 'running', %s)"
                " returning load_id",
                self.project, self.form, kind, run_id,
            )
        )  # fmt: skip

    def position(self) -> Position:
        """Where the last load left the form."""
        stored = self._one("select position from raw.cursor where project = %s and form = %s", self.project, self.form)
        position = Position.read(stored or {})
        if position.present is None:
            position.present = int(self._one(PRESENT, self.project, self.form))
        return position

    def progress(self, load: Load, position: Position) -> tuple[object, ...]:
        """What `move` writes, as it is now: both may go on changing until it is written."""
        load.present = position.present or 0
        return (
            self.project, self.form, Json(asdict(position)), load.load_id, load.mode, load.received, load.added,
            load.changed, load.removed, load.restored, load.present, load.server_count, load.message, load.load_id,
        )  # fmt: skip

    def move(self, progress: tuple[object, ...]) -> None:
        """Remember what was done so far, in the transaction that did it."""
        # In one exchange: while other threads read and seal, each return from the database waits for Python's lock.
        self._cursor.execute(
            "insert into raw.cursor (project, form, position, load_id, updated_at) values (%s, %s, %s, %s, now())"
            " on conflict (project, form) do update set position = excluded.position, load_id = excluded.load_id,"
            " updated_at = excluded.updated_at;"
            " update raw.load set mode = %s, received = %s, added = %s, changed = %s, removed = %s, restored = %s,"
            " present = %s, server_count = %s, message = %s where load_id = %s",
            progress,
        )

    def close(self, load: Load, state: str, message: str | None) -> None:
        self._cursor.execute(
            "update raw.load set state = %s, message = %s, refused = %s, finished_at = now() where load_id = %s",
            (state, message, load.refused_count, load.load_id),
        )

    # Questionnaires -------------------------------------------------------------------------------------------

    def form_versions(self) -> set[str]:
        """The deployed versions of the questionnaire that are kept already."""
        self._cursor.execute(
            "select form_version from raw.form_version where project = %s and form = %s", (self.project, self.form)
        )
        return {row[0] for row in self._cursor.fetchall()}

    def keep(self, version: FormVersion) -> None:
        self._cursor.execute(
            "insert into raw.form_version (project, form, form_version, content) values (%s, %s, %s, %s)"
            " on conflict do nothing",
            (self.project, self.form, version.form_version, Json(version.content)),
        )

    # Submissions ----------------------------------------------------------------------------------------------

    def ids_of(self, instance_ids: Sequence[str]) -> list[str]:
        """The submissions held for present under these OpenRosa identities."""
        values = {"project": self.project, "form": self.form, "instances": list(instance_ids)}
        self._cursor.execute(PRESENT_INSTANCES, values)
        return [row[0] for row in self._cursor.fetchall()]

    def awaiting(self) -> list[str]:
        """The present submissions, sent in the last 90 days, whose files have not all reached the server."""
        self._cursor.execute(AWAITING, {"project": self.project, "form": self.form})
        return [row[0] for row in self._cursor.fetchall()]

    def write(self, prepared: Prepared, sweep: int | None = None) -> None:
        """Add the prepared rows, and note what else was met. sweep: the one under way."""
        if prepared.rows is not None:
            copy_packed(self._cursor, prepared.rows)
        of_form = {"project": self.project, "form": self.form}
        if prepared.refused:
            # Who refuses takes back what was said before, and the files sent with it.
            self._cursor.execute(FORGET_EARLIER, of_form | {"ids": list(prepared.refused)})
            self._cursor.execute(FORGET_FILES, of_form | {"ids": list(prepared.refused)})
        if prepared.erased:
            self._cursor.execute(MET_ERASED, of_form | {"keys": list(prepared.erased), "sweep": sweep})

    def erased_at_source(self) -> int:
        """How many submissions the source still has that were erased here."""
        return int(self._one(ERASED_AT_SOURCE, self.project, self.form))

    def settle_erased(self, sweep: int) -> None:
        """A sweep is whole: what was erased and not met is gone from the source too."""
        self._cursor.execute(SETTLE_ERASED, (sweep, self.project, self.form))

    def delete(self, load: Load, position: Position, submission_ids: Iterable[str]) -> None:
        """Mark as deleted those of these submissions that are held for present."""
        submission_ids = list(submission_ids)
        if erased := self.screen.erased(submission_ids):
            self._cursor.execute(GONE_ERASED, (self.project, self.form, list(erased.values())))
        self._delete(load, position, "unnest(%(ids)s::text[]) as gone(submission_id)", ids=list(submission_ids))

    def _delete(self, load: Load, position: Position, gone: str, **values: object) -> None:
        query = DELETED.format(gone=gone)
        self._cursor.execute(query, {"load": load.load_id, "project": self.project, "form": self.form, **values})
        load.removed += self._cursor.rowcount
        position.present = (position.present or 0) - self._cursor.rowcount

    # What a sweep has not met ---------------------------------------------------------------------------------

    def note_missing(self, sweep: int, known: Iterable[Known]) -> None:
        self._cursor.executemany(
            "insert into raw.missing (load_id, project, form, submission_id) values (%s, %s, %s, %s) on conflict do nothing",
            [(sweep, self.project, self.form, item.submission_id) for item in known],
        )

    def note_met(self, sweep: int, submission_ids: Sequence[str]) -> None:
        """They were missing where they stood, and are met further on."""
        self._cursor.execute(
            "delete from raw.missing where load_id = %s and submission_id = any(%s)", (sweep, list(submission_ids))
        )

    def count_missing(self, sweep: int) -> int:
        return int(self._one("select count(*) from raw.missing where load_id = %s", sweep))

    def delete_missing(self, load: Load, position: Position, sweep: int) -> None:
        self._delete(
            load, position, "(select submission_id from raw.missing where load_id = %(sweep)s) as gone", sweep=sweep
        )

    def forget_missing(self) -> None:
        self._cursor.execute("delete from raw.missing where project = %s and form = %s", (self.project, self.form))


PRESENT = """
    select count(*) from (
        select distinct on (submission_id) state, fingerprint from raw.submission
        where project = %s and form = %s order by submission_id, version desc
    ) as last where state = 'present' and fingerprint is not null
"""
FORGET_EARLIER = """
    with earlier as (
        delete from raw.submission as s
        where project = %(project)s and form = %(form)s and submission_id = any(%(ids)s) and payload is not null
            and version < (select max(version) from raw.submission as last where last.project = s.project
                and last.form = s.form and last.submission_id = s.submission_id and last.state = 'present')
        returning *
    )
    insert into raw.submission (project, form, submission_id, version, form_version, submitted_at, changed_at, state, load_id,
        loaded_at, attachments, attachments_present, fingerprint)
    select project, form, submission_id, version, form_version, submitted_at, changed_at, state, load_id, loaded_at, 0, 0,
        fingerprint
    from earlier
"""
FORGET_FILES = """
    insert into raw.attachment (project, form, submission_id, file_key, state, is_at_source, version)
    select distinct project, form, submission_id, ''::bytea, 'erased', false, 0 from raw.attachment
    where project = %(project)s and form = %(form)s and submission_id = any(%(ids)s)
    on conflict do nothing
"""
MET_ERASED = """
    update raw.erased set is_at_source = true, met_load_id = coalesce(%(sweep)s, met_load_id)
    where project = %(project)s and form = %(form)s and submission_key = any(%(keys)s)
"""
GONE_ERASED = """
    update raw.erased set is_at_source = false where project = %s and form = %s and submission_key = any(%s::bytea[])
"""
ERASED_AT_SOURCE = """
    select count(*) from raw.erased where project = %s and form = %s and position = 0 and is_at_source
"""
SETTLE_ERASED = """
    update raw.erased set is_at_source = met_load_id is not distinct from %s
    where project = %s and form = %s and position = 0
"""
PRESENT_INSTANCES = """
    select last.submission_id from (
        select distinct submission_id from raw.submission
        where project = %(project)s and form = %(form)s and instance_id = any(%(instances)s)
    ) as once
    cross join lateral (
        select submission_id, state, instance_id from raw.submission as s
        where s.project = %(project)s and s.form = %(form)s and s.submission_id = once.submission_id
        order by version desc limit 1
    ) as last
    where state = 'present' and instance_id = any(%(instances)s)
"""
AWAITING = """
    select last.submission_id from (
        select distinct submission_id from raw.submission
        where project = %(project)s and form = %(form)s and attachments > attachments_present
    ) as once
    cross join lateral (
        select submission_id, state, attachments, attachments_present, submitted_at from raw.submission as s
        where s.project = %(project)s and s.form = %(form)s and s.submission_id = once.submission_id
        order by version desc limit 1
    ) as last
    where state = 'present' and attachments > attachments_present and submitted_at > now() - interval '90 days'
"""
DELETED = """
    insert into raw.submission (project, form, submission_id, version, instance_id, form_version, submitted_at, state, load_id)
    select last.project, last.form, last.submission_id, last.version + 1, last.instance_id, last.form_version,
        last.submitted_at, 'deleted', %(load)s
    from {gone}
    cross join lateral (
        select * from raw.submission as s
        where s.project = %(project)s and s.form = %(form)s and s.submission_id = gone.submission_id
        order by version desc limit 1
    ) as last
    where last.state = 'present'
"""
