"""What partners' files have brought so far: the files, in `raw.file`, and the rows that `raw` holds because of them.

A folder of files shows only what lies in it today: a file that is moved, or that cannot be read any more, must take
nothing away. `workbook.py` asks here what it brought. A row remembers its file in `raw.submission.instance_id`, as
`file#line`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from psycopg2.extras import Json

from meal_pipelines.collect.punctuality import note_file_arrivals
from meal_pipelines.collect.sheets.receipt import Receipt
from meal_pipelines.collect.source import Source, Submission
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.keys.sealing import Sealer
from meal_pipelines.warehouse.connection import Warehouse


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row that `raw` holds for present. file: the one that brought its last version · opened: that version, unsealed."""

    submission_id: str
    file: str
    opened: Callable[[], Submission] = field(repr=False)


@dataclass(frozen=True)
class ReceivedFile:
    """What became of the newest content of a file. file: its alias · told: why it was refused, else how it was read."""

    project: str
    form: str
    file: str
    modified_at: datetime
    rows: int
    is_refused: bool
    told: str


def received_files(warehouse: Warehouse, projects: Iterable[str]) -> list[ReceivedFile]:
    """Every file received so far, by form, the newest first."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(FILES, (list(projects),))
        return [
            ReceivedFile(project, form, file, modified_at, rows, state == "refused", message or " ; ".join(notes))
            for project, form, file, modified_at, rows, state, message, notes in cursor.fetchall()
        ]


@dataclass(frozen=True)
class Received:
    """The memory of one form's inbox."""

    warehouse: Warehouse = field(repr=False)
    keyring: Keyring = field(repr=False)
    project: str
    form: str

    def accepted(self) -> dict[str, datetime]:
        """When each file that was read at least once had been written, by name: the last time."""
        with self.warehouse.connect() as connection, connection.cursor() as cursor:
            cursor.execute(
                "select file, max(accepted_at) from raw.file where project = %s and form = %s and accepted_at is not null"
                " group by file",
                (self.project, self.form),
            )
            return dict(cursor.fetchall())

    def rows(self, after: str | None) -> Iterator[StoredRow]:
        """The present rows whose id comes after `after`, in the order of their ids."""
        sealer = self.keyring.sealer(self.project)
        with closing(self.warehouse.psycopg()) as connection, connection.cursor(name="received_rows") as cursor:
            cursor.itersize = 1000
            cursor.execute(PRESENT, {"project": self.project, "form": self.form, "after": after})
            for row in cursor:
                yield StoredRow(row[0], (row[2] or "").rpartition("#")[0], partial(self._opened, sealer, *row))

    def _opened(
        self, sealer: Sealer, submission_id: str, version: int, instance: str | None, form_version: str | None,
        submitted_at: datetime | None, payload: bytes,
    ) -> Submission:  # fmt: skip
        [opened] = sealer.unseal([payload], [f"raw|{self.project}|{self.form}|{submission_id}|{version}"])
        stamp = None if submitted_at is None else submitted_at.isoformat()
        return Submission(submission_id, opened, instance, form_version, stamp)

    def record(self, receipts: Iterable[Receipt], load_id: int | None) -> None:
        """Keep what became of each file, one line per content of a file; a load that refused one says so."""
        receipts = list(receipts)
        refused = sum(receipt.refused is not None for receipt in receipts)
        with self.warehouse.connect() as connection, connection.cursor() as cursor:
            if refused:
                cursor.execute(
                    "update raw.load set refused = refused + %s, state = 'refused'"
                    " where load_id = %s and state in ('done', 'refused')",
                    (refused, load_id),
                )
            for receipt in receipts:
                cursor.execute(
                    RECORD,
                    {
                        "project": self.project, "form": self.form, "file": receipt.file, "digest": receipt.digest,
                        "size": receipt.size, "modified_at": receipt.modified_at, "sheet": receipt.sheet or None,
                        "rows": receipt.rows, "state": receipt.state, "message": receipt.refused,
                        "notes": Json([*receipt.warnings, *receipt.notes]), "load_id": load_id,
                    },
                )  # fmt: skip
            if load_id is not None:
                note_file_arrivals(cursor, load_id)


class FileSource(Source):
    """A source made of files that people hand in, with a receipt of each after a sweep.

    received: where receipts are kept; None while a source is only tried.
    """

    receipts: list[Receipt]
    received: Received | None

    def record(self, load_id: int | None) -> None:
        """Keep the receipts of the last sweep, whether or not it came to its end."""
        if self.received is not None:
            self.received.record(self.receipts, load_id)


FILES = """
    select project, form, file, modified_at, rows, state, message, notes from (
        select distinct on (project, form, file) * from raw.file
        where project = any(%s) order by project, form, file, last_read_at desc
    ) as last order by project, form, modified_at desc, file
"""
PRESENT = """
    select submission_id, version, instance_id, form_version, submitted_at, payload from (
        select distinct on (submission_id) submission_id, version, state, instance_id, form_version, submitted_at, payload,
            fingerprint
        from raw.submission
        where project = %(project)s and form = %(form)s
            and (%(after)s::text is null or submission_id collate "C" > %(after)s)
        order by submission_id, version desc
    ) as last where state = 'present' and fingerprint is not null order by submission_id collate "C"
"""
RECORD = """
    insert into raw.file
        (project, form, file, digest, bytes, modified_at, sheet, rows, state, message, notes, accepted_at, load_id)
    values (%(project)s, %(form)s, %(file)s, %(digest)s, %(size)s, %(modified_at)s, %(sheet)s, %(rows)s, %(state)s,
        %(message)s, %(notes)s, case when %(state)s = 'read' then %(modified_at)s::timestamptz end, %(load_id)s)
    on conflict (project, form, file, digest) do update set bytes = excluded.bytes, modified_at = excluded.modified_at,
        sheet = excluded.sheet, rows = excluded.rows, state = excluded.state, message = excluded.message,
        notes = excluded.notes, accepted_at = coalesce(excluded.accepted_at, raw.file.accepted_at), load_id = excluded.load_id,
        last_read_at = now()
"""
