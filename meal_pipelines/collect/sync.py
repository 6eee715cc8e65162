"""Bring `raw` level with a source: every version kept, edits and deletions seen, nothing twice.

One sweep compares what the source shows now, in key order, with what `raw` last knew, in the same order, like the two
sides of a merge: memory is bounded by a page. Each page is one transaction that also moves the cursor, so a sweep that
dies anywhere is finished by the next one. Sources are in the modules beside this one; what answers mean is not known here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import repeat
from typing import Any

import psycopg2
from psycopg2.extras import Json

from meal_pipelines.collect.source import Order, Page, Source, Submission
from meal_pipelines.errors import MealError
from meal_pipelines.protect.keyring import Keyring
from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.copy import copy_binary, pack_bigint, pack_bytes, pack_int, pack_text, pack_time, packed
from meal_pipelines.warehouse.refusals import value_free

LOCK_WAIT_S = 2.0
"""PostgreSQL releases the lock of a closed (or killed) connection a moment after its client has gone."""

GUARD_SHARE, GUARD_COUNT = 0.2, 20
"""More than this share and this number of submissions gone at once is refused: a permission lost looks the same."""


@dataclass
class Load:
    """What one pull did. received: submissions shown by the source; the others: versions written to `raw`."""

    load_id: int
    received: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    restored: int = 0
    server_count: int | None = None
    refused: str | None = None

    @property
    def written(self) -> int:
        return self.added + self.changed + self.removed + self.restored


@dataclass(frozen=True, slots=True)
class Known:
    """The last version of a submission in `raw`."""

    submission_id: str
    version: int
    present: bool
    fingerprint: bytes | None = field(repr=False)


def synchronise(
    warehouse: Warehouse,
    keyring: Keyring,
    project: str,
    form: str,
    source: Source,
    *,
    run_id: str | None = None,
    export: str | None = None,
    accept_deletions: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
) -> Load | None:
    """Sweep one source into `raw.submission`.

    export: the name of a finished export that need not be read twice; None for a server, swept each time.
    accept_deletions: believe the source even when much has disappeared from it at once.
    progress: called after each page with the submissions received and, if the server says it, their number.
    Returns: what was done, or None when this export has been read before.
    Raises: MealError when the form is being collected by another run; TransientError and ConfigurationError of the source.
    """
    with closing(warehouse.psycopg()) as connection, closing(warehouse.psycopg()) as reader:
        try:
            return _Sweep(connection, reader, keyring, project, form, source, run_id, export, accept_deletions).run(
                progress
            )
        except psycopg2.Error as error:
            refusal: MealError = value_free(error)
        raise refusal


class _Sweep:
    """One sweep of one form, under a lock that only it holds."""

    def __init__(
        self, connection: Any, reader: Any, keyring: Keyring, project: str, form: str, source: Source,
        run_id: str | None, export: str | None, accept_deletions: bool,
    ) -> None:  # fmt: skip
        self.connection, self.reader, self.source = connection, reader, source
        self.project, self.form, self.run_id, self.export = project, form, run_id, export
        self.accept_deletions = accept_deletions
        self.sealer, self.hash = keyring.sealer(project), keyring.hasher(project, "fingerprint")

    def run(self, progress: Callable[[int, int | None], None] | None) -> Load | None:
        with self.connection.cursor() as cursor:
            self._lock(cursor)
            position = self._position(cursor)
            if self.export is not None and self.export in position.get("done", []):
                return None
            load = Load(self._begin(cursor))
            sweep, after = load.load_id, None
            if position.get("sweep") is not None and position.get("export") == self.export:
                sweep, after = position["sweep"], position["after"]
            self.connection.commit()
            # A page and its cursor are one transaction: a power cut may cost the last pages, never half of one, and the next
            # sweep reads them again. Waiting for the disk at each page would buy nothing; the last commit waits.
            cursor.execute("set synchronous_commit to off")
            try:
                self._versions(cursor)
                known = _KnownInOrder(self.reader, self.project, self.form, self.source.order, after)
                for page in self.source.sweep(after):
                    self._store(cursor, load, sweep, page, known)
                    self._move(cursor, load, {**position, "sweep": sweep, "after": page.through, "export": self.export})
                    self.connection.commit()
                    if progress is not None:
                        progress(load.received, load.server_count)
                self._finish(cursor, load, sweep, position)
                cursor.execute("set synchronous_commit to on")
                self.connection.commit()
            except MealError as error:
                self.connection.rollback()
                self._close(cursor, load, "failed", str(error))
                self.connection.commit()
                raise
            return load

    def _lock(self, cursor: Any) -> None:
        deadline = time.monotonic() + LOCK_WAIT_S
        while not self._try_lock(cursor):
            if time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            raise MealError(
                f"Le formulaire « {self.form} » ({self.project}) est déjà en cours de collecte par une autre exécution. "
                f"Attendez qu'elle finisse, puis relancez."
            )
        cursor.execute(
            "update raw.load set state = 'failed', finished_at = now(), message = 'interrompu'"
            " where project = %s and form = %s and state = 'running'",
            (self.project, self.form),
        )

    def _try_lock(self, cursor: Any) -> bool:
        cursor.execute(
            "select pg_try_advisory_lock(hashtext('collect'), hashtext(%s))", (f"{self.project}/{self.form}",)
        )
        return bool(cursor.fetchone()[0])

    def _position(self, cursor: Any) -> dict[str, Any]:
        cursor.execute("select position from raw.cursor where project = %s and form = %s", (self.project, self.form))
        row = cursor.fetchone()
        return dict(row[0]) if row else {}

    def _begin(self, cursor: Any) -> int:
        cursor.execute(
            "insert into raw.load (project, form, source, state, run_id) values (%s, %s, %s, 'running', %s) returning load_id",
            (self.project, self.form, self.source.kind, self.run_id),
        )
        return int(cursor.fetchone()[0])

    def _versions(self, cursor: Any) -> None:
        """Keep every deployed version of the questionnaire: an old answer is read with the one it was given with."""
        cursor.execute(
            "select form_version from raw.form_version where project = %s and form = %s", (self.project, self.form)
        )
        known = {row[0] for row in cursor.fetchall()}
        for version in self.source.form_versions(known):
            cursor.execute(
                "insert into raw.form_version (project, form, form_version, content) values (%s, %s, %s, %s)"
                " on conflict do nothing",
                (self.project, self.form, version.form_version, Json(version.content)),
            )

    def _store(self, cursor: Any, load: Load, sweep: int, page: Page, known: _KnownInOrder) -> None:
        """Write the versions that a page brings, and note what should have been in its interval and is not."""
        before = {item.submission_id: item for item in known.through(page.through)}
        fresh: list[tuple[Submission, int, bytes]] = []
        for submission in page.submissions:
            fingerprint = self.hash(submission.content)[:16]
            last = before.pop(submission.submission_id, None)
            if last is None:
                load.added += 1
            elif not last.present:
                load.restored += 1
            elif last.fingerprint == fingerprint:
                continue
            else:
                load.changed += 1
            fresh.append((submission, 1 if last is None else last.version + 1, fingerprint))
        load.received += len(page.submissions)
        if load.server_count is None:
            load.server_count = page.server_count
        self._write(cursor, load, fresh)
        gone = [(sweep, self.project, self.form, item.submission_id) for item in before.values() if item.present]
        cursor.executemany(
            "insert into raw.missing (load_id, project, form, submission_id) values (%s, %s, %s, %s) on conflict do nothing",
            gone,
        )

    def _write(self, cursor: Any, load: Load, fresh: list[tuple[Submission, int, bytes]]) -> None:
        if not fresh:
            return
        submissions, versions, fingerprints = zip(*fresh, strict=True)
        places = [f"raw|{self.project}|{self.form}|{s.submission_id}|{version}" for s, version, _ in fresh]
        sealed = self.sealer.seal([submission.payload for submission in submissions], places)
        columns: dict[str, Iterable[bytes]] = {
            "project": repeat(pack_text(self.project)),
            "form": repeat(pack_text(self.form)),
            "submission_id": packed(pack_text, (s.submission_id for s in submissions)),
            "version": packed(pack_int, versions),
            "instance_id": packed(pack_text, (s.instance_id for s in submissions)),
            "form_version": packed(pack_text, (s.form_version for s in submissions)),
            "submitted_at": packed(pack_time, (_time(s.submitted_at) for s in submissions)),
            "changed_at": packed(pack_time, (_time(s.changed_at) for s in submissions)),
            "state": repeat(pack_text("present")),
            "payload": packed(pack_bytes, sealed),
            "fingerprint": packed(pack_bytes, fingerprints),
            "load_id": repeat(pack_bigint(load.load_id)),
            "loaded_at": repeat(pack_time(datetime.now(UTC))),
        }
        copy_binary(cursor, "raw", "submission", columns)

    def _move(self, cursor: Any, load: Load, position: dict[str, Any]) -> None:
        # In one exchange: while a thread reads the next page, each return from the database waits for Python's lock.
        cursor.execute(
            "insert into raw.cursor (project, form, position, load_id, updated_at) values (%s, %s, %s, %s, now())"
            " on conflict (project, form) do update set position = excluded.position, load_id = excluded.load_id,"
            " updated_at = excluded.updated_at;"
            " update raw.load set received = %s, added = %s, changed = %s, restored = %s, server_count = %s where load_id = %s",
            (
                self.project, self.form, Json(position), load.load_id,
                load.received, load.added, load.changed, load.restored, load.server_count, load.load_id,
            ),
        )  # fmt: skip

    def _finish(self, cursor: Any, load: Load, sweep: int, position: dict[str, Any]) -> None:
        """The sweep is whole: what it did not meet is deleted at the source, unless that is too much to believe."""
        gone, present = self._count_missing(cursor, sweep)
        if gone > GUARD_COUNT and gone > GUARD_SHARE * present and not self.accept_deletions:
            load.refused = (
                f"{gone} soumissions sur {present} ont disparu de la source d'un coup : c'est plus souvent une permission "
                f"retirée qu'un effacement. Elles sont gardées. Vérifiez les droits du compte sur « {self.form} » ; si "
                f"l'effacement est voulu, relancez avec « meal run --accept-deletions »."
            )
        elif gone:
            cursor.execute(DELETED, {"load": load.load_id, "sweep": sweep, "project": self.project, "form": self.form})
            load.removed = cursor.rowcount
        cursor.execute("delete from raw.missing where project = %s and form = %s", (self.project, self.form))
        done = position.get("done", [])
        if self.export is not None:
            done = [*done, self.export]
        self._move(cursor, load, {"done": done})
        self._close(cursor, load, "refused" if load.refused else "done", load.refused)

    def _count_missing(self, cursor: Any, sweep: int) -> tuple[int, int]:
        cursor.execute("select count(*) from raw.missing where load_id = %s", (sweep,))
        gone = int(cursor.fetchone()[0])
        if gone == 0:
            return 0, 0
        cursor.execute(PRESENT, (self.project, self.form))
        return gone, int(cursor.fetchone()[0])

    def _close(self, cursor: Any, load: Load, state: str, message: str | None) -> None:
        cursor.execute(
            "update raw.load set state = %s, removed = %s, message = %s, finished_at = now() where load_id = %s",
            (state, load.removed, message, load.load_id),
        )


PRESENT = """
    select count(*) from (
        select distinct on (submission_id) state from raw.submission
        where project = %s and form = %s order by submission_id, version desc
    ) as last where state = 'present'
"""

DELETED = """
    insert into raw.submission (project, form, submission_id, version, instance_id, form_version, submitted_at, state, load_id)
    select last.project, last.form, last.submission_id, last.version + 1, last.instance_id, last.form_version,
        last.submitted_at, 'deleted', %(load)s
    from raw.missing as missing
    cross join lateral (
        select * from raw.submission as s
        where s.project = %(project)s and s.form = %(form)s and s.submission_id = missing.submission_id
        order by version desc limit 1
    ) as last
    where missing.load_id = %(sweep)s and last.state = 'present'
"""


def _time(stamp: str | None) -> datetime | None:
    if stamp is None:
        return None
    parsed = datetime.fromisoformat(stamp)
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)


class _KnownInOrder:
    """What `raw` last knew of a form, streamed in the source's key order from a snapshot of its own.

    Only one sweep of a form runs at a time, so the snapshot stays true while pages are written beside it.
    """

    def __init__(self, connection: Any, project: str, form: str, order: Order, after: str | None) -> None:
        self._is_numeric = order == "numeric"
        self._items = self._stream(connection, project, form, order, after)
        self._next: Known | None = next(self._items, None)

    def _stream(self, connection: Any, project: str, form: str, order: Order, after: str | None) -> Iterator[Known]:
        with connection.cursor(name="known_in_order") as cursor:
            cursor.itersize = 5000
            cursor.execute(
                KNOWN_NUMERIC if order == "numeric" else KNOWN_TEXT, {"project": project, "form": form, "after": after}
            )
            for submission_id, version, state, fingerprint in cursor:
                yield Known(
                    submission_id, version, state == "present", None if fingerprint is None else bytes(fingerprint)
                )

    def through(self, key: str | None) -> Iterator[Known]:
        """Every known submission not given yet, up to and with `key` (None: to the end)."""
        while self._next is not None and (key is None or self._rank(self._next.submission_id) <= self._rank(key)):
            yield self._next
            self._next = next(self._items, None)

    def _rank(self, key: str) -> tuple[int, str]:
        """Decimal integers without leading zeros compare as numbers by length, then by text."""
        return (len(key) if self._is_numeric else 0, key)


LAST = """
    select submission_id, version, state, fingerprint from (
        select distinct on (submission_id) submission_id, version, state, fingerprint from raw.submission
        where project = %(project)s and form = %(form)s order by submission_id, version desc
    ) as last
"""
KNOWN_NUMERIC = (
    LAST
    + """
    where %(after)s::text is null
        or (length(submission_id), submission_id collate "C") > (length(%(after)s), %(after)s::text collate "C")
    order by length(submission_id), submission_id collate "C"
"""
)
KNOWN_TEXT = (
    LAST
    + """
    where %(after)s::text is null or submission_id collate "C" > %(after)s order by submission_id collate "C"
"""
)
