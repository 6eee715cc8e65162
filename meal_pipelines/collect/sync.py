"""Bring `raw` level with a source: every version kept, edits and deletions seen, nothing twice.

A source that says what changed is asked for that, and believed only when its total agrees with ours afterwards. In every
other case, and once in a while whatever it says, it is swept: what it shows now, in key order, is compared with what
`raw` last knew, in the same order, like the two sides of a merge, so that memory is bounded by a page. Each page is one
transaction that also moves the cursor: a load that dies anywhere is finished by the next one.

Sources are in the modules beside this one, what is added in `versions.py`, the tables in `ledger.py`; what answers mean is not known here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg2

from meal_pipelines.collect.known import Known, moment
from meal_pipelines.collect.ledger import Ledger
from meal_pipelines.collect.position import Load, Position, SweepPosition
from meal_pipelines.collect.punctuality import note_arrivals
from meal_pipelines.collect.screening import Screen
from meal_pipelines.collect.source import Delta, Page, Source, SweepNeeded
from meal_pipelines.collect.turns import short_turns
from meal_pipelines.collect.versions import Prepared, Versions
from meal_pipelines.errors import MealError
from meal_pipelines.invocation import typed
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.model import Frequency
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.refusals import value_free

GUARD_SHARE, GUARD_COUNT = 0.2, 20
"""More than this share and this number of submissions gone at once is refused: a permission lost looks the same."""

SWEEP_EVERY = timedelta(days=7)
"""How long what a source says of its changes is believed without reading it whole."""

Progress = Callable[[int, int | None], None]


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
    sweep_every: timedelta = SWEEP_EVERY,
    frequency: Frequency | None = None,
    progress: Progress | None = None,
    loaded: LoadedProject | None = None,
) -> Load | None:
    """Bring `raw.submission` level with one source.

    export: the name of a finished export that need not be read twice; None for a server, read each time.
    accept_deletions: believe the source even when much has disappeared from it at once.
    sweep_every: a source that says what changed is still read whole after this time.
    frequency: how often the form is filled in, by which more is expected.
    loaded: the project, by which who refuses or was erased from a repeat is told; None where nobody can be.
    progress: called after each page with the submissions received and, if the server says it, their number.
    Returns: what was done, or None when this export has been read before.
    Raises: MealError when the form is being collected by another run; TransientError and ConfigurationError of the source.
    """
    with closing(warehouse.psycopg()) as connection, closing(warehouse.psycopg()) as reader:
        screen = Screen(keyring, project, form, loaded)
        ledger = Ledger(connection, project, form, screen)
        versions = Versions(reader, keyring, project, form, screen)
        synchronisation = _Synchronisation(ledger, versions, source, export, accept_deletions, sweep_every, progress)
        try:
            return synchronisation.run(run_id, frequency)
        except psycopg2.Error as error:
            refusal: MealError = value_free(error)
        raise refusal


class _Synchronisation:
    """One load of one form, under a lock that only it holds."""

    load: Load
    position: Position

    def __init__(
        self, ledger: Ledger, versions: Versions, source: Source, export: str | None, accept_deletions: bool,
        sweep_every: timedelta, progress: Progress | None,
    ) -> None:  # fmt: skip
        self.ledger, self.versions, self.source = ledger, versions, source
        self.export, self.accept_deletions, self.sweep_every = export, accept_deletions, sweep_every
        self.progress = progress or (lambda received, total: None)
        self.commit = ledger.connection.commit

    def run(self, run_id: str | None, frequency: Frequency | None) -> Load | None:
        self.ledger.lock()
        self.position = self.ledger.position()
        is_first = self.position.swept_at is None
        if self.export is not None and self.export in self.position.done:
            return None
        self.load = self.ledger.begin(self.source.kind, run_id)
        self.commit()
        # A page and its cursor are one transaction: a power cut may cost the last pages, never half of one, and the next
        # load reads them again. Waiting for the disk at each page would buy nothing; the last commit waits.
        self.ledger.wait_for_disk("off")
        try:
            why = self._due()
            why = self._follow() if why is None else why
            if why is not None:
                self.load.mode, self.load.message = "sweep", why or None
                self._sweep()
            self.load.message = " ".join(filter(None, [self.load.message, *self.source.remarks()])) or None
            self.load.erased = self.ledger.erased_at_source()
            self.ledger.wait_for_disk("on")
            self.ledger.close(
                self.load, "refused" if self.load.refused else "done", self.load.refused or self.load.message
            )
            with self.ledger.connection.cursor() as cursor:
                note_arrivals(
                    cursor, self.load.load_id, says_arrival=self.source.says_arrival, is_first=is_first, frequency=frequency
                )  # fmt: skip
            self.commit()
        except MealError as error:
            self.ledger.connection.rollback()
            self.ledger.close(self.load, "failed", str(error))
            self.commit()
            raise
        return self.load

    # What the source says has changed -------------------------------------------------------------------------

    def _due(self) -> str | None:
        """Why the source is to be read whole without asking what changed; None when it may be asked."""
        swept_at = moment(self.position.swept_at)
        if self.position.mark is None or swept_at is None:
            return ""
        if self.position.sweep is not None:
            return "Reprise d'une lecture complète interrompue."
        if datetime.now(UTC) - swept_at >= self.sweep_every:
            return f"Lecture complète périodique (tous les {self.sweep_every.days} jours)."
        return None

    def _follow(self) -> str | None:
        """Apply what the source says has changed. Returns: why that was not enough, None when both sides agree."""
        # Twice: what changed between the source's answers is in the second.
        for _ in range(2):
            try:
                total = self._apply_changes()
            except SweepNeeded as why:
                self.ledger.connection.rollback()
                self.position = self.ledger.position()
                return f"Lecture complète : {why}."
            held = (self.position.present or 0) + self.ledger.erased_at_source()
            if total is None or total == held:
                return None
        return f"Lecture complète : le serveur compte {total} soumissions, l'entrepôt {held}."

    def _apply_changes(self) -> int | None:
        """The total that the source gives at the end."""
        assert self.position.mark is not None
        total, unseen_versions = None, False
        known_versions = self.ledger.form_versions()
        for delta in self.source.changes(self.position.mark, self.ledger.awaiting()):
            self._apply(delta)
            unseen_versions |= delta.is_redeployed or any(
                s.form_version is not None and s.form_version not in known_versions for s in delta.submissions
            )
            if delta.mark is not None:
                total, self.load.server_count, self.position.mark = delta.total, delta.total, delta.mark
                if unseen_versions:
                    self._keep_versions()
            self.ledger.move(self.ledger.progress(self.load, self.position))
            self.commit()
            self.progress(self.load.received, None)
        return total

    def _apply(self, delta: Delta) -> None:
        shown = {submission.submission_id: submission for submission in delta.submissions}
        self.load.received += len(shown)
        gone = [*delta.gone, *self._named(delta.gone_instances)]
        if shown:
            last = self.versions.last(list(shown))
            prepared = self.versions.prepare(self.load, self.position, shown.values(), last, self.source)
            self.ledger.write(prepared)
            gone += [known.submission_id for known in prepared.gone]
        if gone:
            self.ledger.delete(self.load, self.position, gone)

    def _named(self, instance_ids: Sequence[str]) -> list[str]:
        """The submissions of these instances; those never collected are nobody's.

        Raises: SweepNeeded, when one instance stands for several submissions.
        """
        found = self.ledger.ids_of(instance_ids) if instance_ids else []
        if len(found) > len(set(instance_ids)):
            raise SweepNeeded("un même identifiant d'instance désigne plusieurs soumissions")
        return found

    def _keep_versions(self) -> None:
        """Keep every deployed version of the questionnaire: an old answer is read with the one it was given with."""
        for version in self.source.form_versions(self.ledger.form_versions()):
            self.ledger.keep(version)

    # Everything the source holds ------------------------------------------------------------------------------

    def _sweep(self) -> None:
        sweep = self.position.sweep
        if sweep is None or sweep.export != self.export:
            sweep = SweepPosition(self.load.load_id, mark=self.source.mark(), export=self.export)
            self.position.sweep = sweep
        self._keep_versions()
        ledger, load = self.ledger, self.load
        known = self.versions.in_order(self.source.order, sweep.after)
        # While a page is sealed, those before it are written and the next is fetched. Two wait to be written: with one, whoever
        # is slower for a moment is waited for at each page (2026-11: 6 % of the time).
        with short_turns(), ThreadPoolExecutor(1, thread_name_prefix="raw") as pool:
            writing: deque[Future[None]] = deque()
            for page in self.source.sweep(sweep.after):
                before = {item.submission_id: item for item in known.through(page.through)}
                moved = self._moved(page, before, writing)
                prepared = self.versions.prepare(load, self.position, page.submissions, before | moved, self.source)
                met = {submission.submission_id for submission in page.submissions}
                missing = [item for key, item in before.items() if item.present and key not in met]
                missing += prepared.gone
                found_again = [key for key in moved if key not in {item.submission_id for item in prepared.gone}]
                if sweep.count is None and page.server_count is not None:
                    sweep.count = sweep.seen + page.server_count
                sweep.seen, sweep.after = sweep.seen + len(page.submissions), page.through
                load.received, load.server_count = load.received + len(page.submissions), sweep.count
                _wait(writing, leaving=1)
                progress = None if page.through is None else ledger.progress(load, self.position)
                writing.append(pool.submit(self._write, sweep.load, prepared, missing, found_again, progress))
                self.progress(load.received, load.server_count)
            _wait(writing)
        self._end(sweep)

    def _moved(self, page: Page, before: dict[str, Known], writing: deque[Future[None]]) -> dict[str, Known]:
        """What is known, elsewhere, of the submissions of a page: one sent again after a purge has another stamp.

        It may have been on one of the pages being written, under its former stamp.
        """
        if self.source.order != "submitted":
            return {}
        strangers = [s.submission_id for s in page.submissions if s.submission_id not in before]
        if not strangers:
            return {}
        _wait(writing)
        return self.versions.last(strangers)

    def _write(
        self,
        sweep: int,
        prepared: Prepared,
        missing: list[Known],
        moved: list[str],
        progress: tuple[object, ...] | None,
    ) -> None:
        """One page: its rows, what should have been in its interval and is not, and how far the sweep has come.

        progress: None for the last page, which ends in the transaction that ends the sweep.
        """
        self.ledger.write(prepared, sweep)
        if missing:
            self.ledger.note_missing(sweep, missing)
        if moved:
            self.ledger.note_met(sweep, moved)
        if progress is not None:
            self.ledger.move(progress)
            self.commit()

    def _end(self, sweep: SweepPosition) -> None:
        """The sweep is whole: what it did not meet is deleted at the source, unless that is too much to believe."""
        gone, present = self.ledger.count_missing(sweep.load), self.position.present or 0
        if gone > GUARD_COUNT and gone > GUARD_SHARE * present and not self.accept_deletions:
            self.load.refused_count = gone
            self.load.refused = (
                f"{gone} soumissions sur {present} ont disparu de la source d'un coup : c'est plus souvent une permission "
                f"retirée qu'un effacement. Elles sont gardées. Vérifiez les droits du compte sur « {self.ledger.form} » ; si "
                f"l'effacement est voulu, relancez avec {typed('run --accept-deletions')}."
            )
        elif gone:
            self.ledger.delete_missing(self.load, self.position, sweep.load)
        self.ledger.settle_erased(sweep.load)
        self.ledger.forget_missing()
        self.position.sweep = None
        self.position.mark, self.position.swept_at = sweep.mark, datetime.now(UTC).isoformat()
        if self.export is not None:
            self.position.done = [*self.position.done, self.export]
        self.ledger.move(self.ledger.progress(self.load, self.position))


def _wait(writing: deque[Future[None]], *, leaving: int = 0) -> None:
    """Wait until at most `leaving` pages remain to be written. Raises: what writing one met."""
    while len(writing) > leaving:
        writing.popleft().result()
