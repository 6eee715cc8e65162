"""Bring the files of one form here: ask which there are, fetch, judge, seal, keep; one file after the other.

Nothing half-written is ever taken for whole: bytes are sealed under a temporary name, come into the store once all are
there and in order, and count as kept from the transaction that says so. A run that dies anywhere is finished by the next.
A server that fails three times running is left alone until then, and no run takes longer than its budget.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg2

from meal_pipelines.collect.attachments.ledger import FileLedger, Wanted
from meal_pipelines.collect.attachments.limits import Judged, Limits, NotKept
from meal_pipelines.collect.attachments.store import FileStore, StoreUnavailable
from meal_pipelines.collect.source import FileGone, Source
from meal_pipelines.errors import ConfigurationError, MealError, TransientError
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.refusals import value_free

IN_A_ROW = 3
"""Files that fail one after the other before the server is left alone: each was tried patiently already."""

BUDGET = timedelta(minutes=30)
"""What a run may take, while others wait for the server; a first collection of many photos goes on the next nights."""

Progress = Callable[[int, int], None]


@dataclass
class Tally:
    """What one run did; counts only.

    listed: files that the source named, of the submissions asked for · kept: new here, of which `shared` had bytes that the
    store had already · refused: by reason · failed: not read this time · lost: gone when they were asked for ·
    bytes: sealed bytes that came in · stopped: why the run ended before all was asked for (French), None when it did not.
    """

    listed: int = 0
    kept: int = 0
    shared: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    lost: int = 0
    bytes: int = 0
    stopped: str | None = None

    @property
    def table(self) -> dict[str, int]:
        """What this run did, under French names."""
        return {
            "cette fois : nommés": self.listed,
            "cette fois : gardés": self.kept,
            "cette fois : gardés, contenu déjà connu": self.shared,
            "cette fois : refusés": self.refused.total(),
            "cette fois : échecs de lecture": self.failed,
            "cette fois : disparus entre-temps": self.lost,
            "cette fois : octets scellés": self.bytes,
        }

    @property
    def told(self) -> str:
        """One line for who follows the run."""
        parts = [(self.kept, "gardés"), (self.refused.total(), "refusés"), (self.failed, "en échec")]
        return ", ".join(f"{count} {word}" for count, word in parts if count) or "rien de nouveau"


def fetch_files(
    warehouse: Warehouse,
    keyring: Keyring,
    store: FileStore,
    project: str,
    form: str,
    source: Source,
    limits: Limits,
    *,
    budget: timedelta = BUDGET,
    progress: Progress | None = None,
) -> Tally:
    """Fetch the files of a form that are at the source and not here yet.

    progress: called with the number of files looked at and about how many there are.
    Raises: MealError when another run fetches them, when the store fails or the source refuses for good; a file that fails
    in passing is counted, and asked for again by the next run.
    """
    with closing(warehouse.psycopg()) as connection:
        ledger = FileLedger(connection, keyring, project, form)
        run = _Run(ledger, store, keyring, source, limits, budget, progress or (lambda done, total: None))
        try:
            return run.run()
        except psycopg2.Error as error:
            refusal: MealError = value_free(error)
        raise refusal


class _Stop(Exception):
    """Enough for this run; why, in French."""


class _Run:
    """One run for one form, under a lock that only it holds."""

    def __init__(
        self, ledger: FileLedger, store: FileStore, keyring: Keyring, source: Source, limits: Limits, budget: timedelta,
        progress: Progress,
    ) -> None:  # fmt: skip
        self.ledger, self.store, self.source, self.limits = ledger, store, source, limits
        self.sealer = keyring.file_sealer(ledger.project)
        self.ends_at = time.monotonic() + budget.total_seconds()
        self.progress, self.commit = progress, ledger.connection.commit
        self.tally, self.looked_at, self.in_a_row, self.unsaid = Tally(), 0, 0, 0

    def run(self) -> Tally:
        self.ledger.lock_form()
        self._clear_up()
        total, end = self.ledger.find_due(str(self.limits))
        self.commit()
        try:
            for wanted in self._wanted():
                self._fetch(wanted)
                self.looked_at += 1
                self.progress(self.looked_at, max(total, self.looked_at))
            # What the source did not speak of this time is asked for again, whatever it was.
            if not self.unsaid:
                self.ledger.move(end)
                self.commit()
        except _Stop as stop:
            self.tally.stopped = str(stop)
        return self.tally

    def _clear_up(self) -> None:
        """Take away what a killed run has left: half-written files, and bytes that came in and were never counted."""
        self.store.sweep_spool(self.ledger.project, self.ledger.form)
        self.ledger.lock_store(alone=True)
        for address in self.ledger.unfulfilled():
            self.store.remove(self.ledger.project, address)
        if refused := self.ledger.refused():
            for address in self.ledger.erase(refused)[2]:
                self.store.remove(self.ledger.project, address)
        self.commit()

    def _wanted(self) -> Iterator[Wanted]:
        """The files to fetch; what the source says of a submission is written down before the first of its files is."""
        for batch in self.ledger.due():
            due = {item.submission_id: item for item in batch}
            self.unsaid += len(due)
            try:
                for submission_id, files in self.source.attachments(list(due)):
                    self.tally.listed, self.unsaid = self.tally.listed + len(files), self.unsaid - 1
                    wanted = self.ledger.note(due[submission_id], files, str(self.limits))
                    self.commit()
                    yield from wanted
            except TransientError as error:
                self._let_through(error)
                raise _Stop(str(error)) from None

    def _fetch(self, file: Wanted) -> None:
        if time.monotonic() > self.ends_at:
            raise _Stop("La durée d'une collecte de fichiers est atteinte ; la suite viendra à la prochaine.")
        try:
            self._bring(file)
        except NotKept as refusal:
            self.tally.refused[refusal.reason] += 1
            self.ledger.refuse(file, refusal.reason, refusal.media_type, str(self.limits))
        except FileGone:
            self.tally.lost += 1
            self.ledger.lose(file)
        except ConfigurationError:
            raise
        except MealError as error:
            self._let_through(error)
            self.ledger.connection.rollback()
            self.ledger.fail(file)
            self.commit()
            self.tally.failed, self.in_a_row = self.tally.failed + 1, self.in_a_row + 1
            if self.in_a_row == IN_A_ROW:
                raise _Stop(str(error)) from None
            return
        self.in_a_row = 0
        self.commit()

    def _let_through(self, error: MealError) -> None:
        """What a later file would meet as well is told at once."""
        if isinstance(error, StoreUnavailable):
            raise error

    def _bring(self, file: Wanted) -> None:
        project = self.ledger.project
        judged = Judged(self.source.read_attachment(file.submission_id, file.attachment), self.limits)
        with self.store.spooled(project, self.ledger.form) as (spooled, path), closing(judged):
            address = self.sealer.seal(judged, spooled)
            if not self.ledger.intend(file, address):
                return
            self.commit()
            # An erasure may have come between: it waits for the store, or has left nothing to keep.
            self.ledger.lock_store(alone=False)
            if not self.ledger.intend(file, address):
                return
            size = spooled.tell()
            is_new = self.store.take_in(spooled, path, project, address)
            self.ledger.keep(file, judged.media_type, size, str(self.limits))
            self.commit()
        self.tally.kept += 1
        self.tally.shared += not is_new
        self.tally.bytes += size if is_new else 0
