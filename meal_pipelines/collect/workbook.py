"""Partner workbooks as a source: an inbox of files that people fill in, one row per submission.

How a file is read is in `sheets/`, what earlier files brought in `received.py`. Here files are laid over each other: the
newest that says something of a row wins, and what a file no longer shows is deleted only where `project.yaml` says that
absence means it, and only when everything could be read. Exports of a server are in `export.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import ClassVar

from meal_pipelines.collect.export import PAGE_SIZE
from meal_pipelines.collect.received import FileSource, Received, StoredRow
from meal_pipelines.collect.sheets.inbox import Inbox, InboxFile, left_aside
from meal_pipelines.collect.sheets.reading import FileReader, Reading, says_the_same
from meal_pipelines.collect.sheets.receipt import Receipt, Refused, counted
from meal_pipelines.collect.source import FormVersion, Order, Page, Submission
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.deployed import content_of
from meal_pipelines.project.loaded import LoadedForm

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass
class PartnerWorkbooks(FileSource):
    """The files of one form in an inbox.

    conceal: makes a row's id from its key, when the key would identify somebody · received: what was brought before;
    without it files may be tried, but what they no longer show would pass for deleted.
    """

    inbox: Inbox
    form: LoadedForm
    conceal: Callable[[str], str] | None = None
    received: Received | None = None
    receipts: list[Receipt] = field(default_factory=list, init=False)
    _told: list[str] = field(default_factory=list, init=False, repr=False)
    kind: ClassVar[str] = "workbook"
    order: ClassVar[Order] = "text"

    def sweep(self, after: str | None = None) -> Iterator[Page]:
        """Every row of every file, laid over what `raw` holds; a file that is refused takes nothing away.

        Raises: ConfigurationError when there is no file at all, or none that can be read.
        """
        overlay = self._read()
        stored = self.received.rows(after) if self.received is not None else iter(())
        rows = overlay.rows(stored, after)
        while page := list(islice(rows, PAGE_SIZE)):
            yield Page(page, after, page[-1].submission_id)
            after = page[-1].submission_id
        self._told += overlay.told()
        yield Page([], after, None)

    def form_versions(self, known: Container[str] = ()) -> Iterator[FormVersion]:
        """The questionnaire of today, under the version that templates are stamped with: no server would remember it."""
        version = self.form.own_version
        if version not in known:
            yield FormVersion(version, content_of(self.form.questionnaire))

    def is_same(self, before: bytes, after: bytes) -> bool:
        """The same answers in another file, typed otherwise, are no edit."""
        return says_the_same(before, after)

    def remarks(self) -> list[str]:
        """Files refused, what to look at in the others, files that nothing waits for."""
        return [*(each.trouble for each in self.receipts if each.trouble is not None), *self._told]

    def _read(self) -> _Overlay:
        """Read every file that counts, the oldest first."""
        listing = self.inbox.listing()
        self._told = left_aside(listing)
        mode = self.form.form.source.files
        files = listing.files[-1:] if mode == "register" else listing.files
        reader = FileReader(self.form, self.conceal)
        readings = [(file, self._reading(reader, file)) for file in files]
        self.receipts = [reading.receipt for _, reading in readings]
        accepted = self.received.accepted() if self.received is not None else {}
        self._refuse_nothing(readings, bool(accepted) and mode == "parts")
        return _Overlay(mode, readings, {file.name for file in listing.files}, accepted)

    def _reading(self, reader: FileReader, file: InboxFile) -> Reading:
        try:
            content = self.inbox.read(file)
        except Refused as refusal:
            return Reading(Receipt(file.name, file.modified_at, file.size, refused=str(refusal)))
        return reader.read(file, content)

    def _refuse_nothing(self, readings: list[tuple[InboxFile, Reading]], may_be_empty: bool) -> None:
        """An empty inbox, or one of which nothing is understood, must not pass for the deletion of every row."""
        if not readings and not may_be_empty:
            raise ConfigurationError(
                f"Aucun classeur « {self.inbox.pattern} » dans {self.inbox.shown}. Déposez-y le fichier du partenaire, puis "
                f"relancez."
            )
        refused = [reading.receipt.refused for _, reading in readings if reading.receipt.refused is not None]
        if readings and len(refused) == len(readings):
            raise ConfigurationError("\n".join(refused))


class _Overlay:
    """The files of an inbox laid over each other, and over the rows that `raw` holds because of earlier ones.

    mode: what absence means (`files` in project.yaml) · lying: names of the files in the folder, read or not ·
    accepted: when each file that was ever read had been written.
    """

    def __init__(
        self, mode: str, readings: list[tuple[InboxFile, Reading]], lying: set[str], accepted: dict[str, datetime]
    ) -> None:
        self.mode, self.lying, self.accepted = mode, lying, accepted
        self.read = {file.name: file for file, reading in readings if reading.receipt.refused is None}
        self.is_whole = len(self.read) == len(readings)
        self.newest = max(self.read.values(), default=None)
        self.found: dict[str, tuple[Submission, InboxFile]] = {}
        self.kept: Counter[str] = Counter()
        for file, reading in readings:
            self._add(file, reading)

    def _add(self, file: InboxFile, reading: Reading) -> None:
        replaced = 0
        for submission_id, sent in reading.sent.items():
            before = self.found.get(submission_id)
            replaced += before is not None and not says_the_same(before[0].payload, sent.submission.payload)
            self.found[submission_id] = sent.submission, file
        if replaced:
            what = counted(replaced, "ligne remplace celle", "lignes remplacent celles")
            reading.receipt.notes.append(f"{what} d'un fichier plus ancien")

    def rows(self, stored: Iterable[StoredRow], after: str | None) -> Iterator[Submission]:
        """Every row that is held now, in the order of ids, from just after `after`; stored: in that order too."""
        keys = iter(sorted(key for key in self.found if after is None or key > after))
        key = next(keys, None)
        for row in stored:
            while key is not None and key < row.submission_id:
                yield self.found[key][0]
                key = next(keys, None)
            if key == row.submission_id:
                submission, file = self.found[key]
                yield row.opened() if self._is_newer(row, file) else submission
                key = next(keys, None)
            elif self._is_kept(row):
                self.kept[row.file] += 1
                yield row.opened()
        while key is not None:
            yield self.found[key][0]
            key = next(keys, None)

    def _is_newer(self, row: StoredRow, file: InboxFile) -> bool:
        """Whether the row came from a newer file than the one that shows it now: nothing goes back by itself."""
        if self.mode == "folder" and row.file in self.read:
            return False
        return row.file != file.name and self.accepted.get(row.file, LONG_AGO) > file.modified_at

    def _is_kept(self, row: StoredRow) -> bool:
        """Whether a row that no file shows is held all the same."""
        if self.mode == "parts" or not self.is_whole or self.newest is None:
            return True
        if self.mode == "folder":
            return row.file not in self.lying
        return row.file not in self.lying and self.accepted.get(row.file, LONG_AGO) > self.newest.modified_at

    def told(self) -> list[str]:
        """What was kept although no file shows it, where somebody may have meant otherwise."""
        if self.mode == "parts":
            left = {name: rows for name, rows in self.kept.items() if name in self.read}
            why = "ne sont plus dans le fichier qui les avait apportées et sont gardées (« files: parts »)"
        else:
            left = {name: rows for name, rows in self.kept.items() if name not in self.read}
            why = "sont gardées, parce que leur fichier est refusé ou a été retiré"
        named = ", ".join(f"{rows} de {name or 'fichiers plus anciens'}" for name, rows in sorted(left.items()))
        return [f"Des lignes {why} : {named}."] if left else []
