"""What a source shows against what `raw` last knew: the versions to add, sealed and ready to be written.

Nothing is written here, so that a page is prepared while `ledger.py` writes the one before. The time of a large collection is
spent here, per submission: what is done to all of them is done in as few passes as it takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import repeat
from typing import Any

from meal_pipelines.collect.known import Known, KnownInOrder, known_of, moment
from meal_pipelines.collect.position import Load, Position
from meal_pipelines.collect.screening import Screen
from meal_pipelines.collect.source import Order, Source, Submission
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.warehouse.copy import (
    Packed,
    pack_bigint,
    pack_binary,
    pack_int,
    pack_text,
    pack_time,
    packed,
    packed_bytes,
    packed_once,
    packed_texts,
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of submissions shown by a source.

    rows: of `raw.submission`, None when nothing differs · gone: the known ones that the source holds no more, seen on
    completing them · erased: keys of what was erased and is shown again · refused: the known ones whose person now refuses.
    """

    rows: Packed | None = field(default=None, repr=False)
    gone: Sequence[Known] = ()
    erased: Sequence[bytes] = ()
    refused: Sequence[str] = ()


class Versions:
    """Prepares the versions of one form's submissions. reader: a connection that only reads, while another writes."""

    def __init__(self, reader: Any, keyring: Keyring, project: str, form: str, screen: Screen) -> None:
        self._reader, self._project, self._form, self._screen = reader, project, form, screen
        self._sealer, self._hash = keyring.sealer(project), keyring.hasher(project, "fingerprint")

    def last(self, submission_ids: Sequence[str]) -> dict[str, Known]:
        """The last version of each of these submissions that `raw` has."""
        with self._reader.cursor() as cursor:
            cursor.execute(LAST_OF, (self._project, self._form, list(submission_ids)))
            return {key: known_of(key, *rest) for key, *rest in cursor.fetchall()}

    def in_order(self, order: Order, after: str | None) -> KnownInOrder:
        """The last versions of all submissions whose key comes after `after`, in the order of their keys."""
        return KnownInOrder(self._reader, self._project, self._form, order, after)

    def prepare(
        self, load: Load, position: Position, submissions: Iterable[Submission], last: dict[str, Known], source: Source
    ) -> Prepared:
        """Seal a version of each submission that differs from its last one, `last`, as known before. Touches no row."""
        submissions = list(submissions)
        erased = self._screen.erased(submission.submission_id for submission in submissions)
        if erased:
            submissions = [submission for submission in submissions if submission.submission_id not in erased]
        fingerprints = {each.submission_id: self._hash(each.payload)[:16] for each in submissions}
        if last:
            submissions = self._differing(submissions, fingerprints, last, source)
        prepared = (
            self._completed(load, position, submissions, fingerprints, last, source) if submissions else Prepared()
        )
        return replace(prepared, erased=tuple(erased.values()))

    def _differing(
        self, submissions: Sequence[Submission], fingerprints: dict[str, bytes], last: dict[str, Known], source: Source
    ) -> list[Submission]:
        """Those new, back again, or saying something else than their last version does."""
        fresh: list[Submission] = []
        doubtful: list[tuple[Submission, Known]] = []
        for submission in submissions:
            known = last.get(submission.submission_id)
            if known is None or not known.present:
                fresh.append(submission)
            elif known.fingerprint != fingerprints[submission.submission_id]:
                doubtful.append((submission, known))
        before = self._payloads([known for _, known in doubtful]) if doubtful else {}
        fresh += [
            submission
            for submission, known in doubtful
            if not source.is_same(before[known.submission_id], self._screen.kept(submission).submission.payload)
        ]
        return fresh

    def _completed(
        self, load: Load, position: Position, fresh: Sequence[Submission], fingerprints: dict[str, bytes],
        last: dict[str, Known], source: Source,
    ) -> Prepared:  # fmt: skip
        completed = source.completed(fresh)
        kept, refused = self._screen.all_kept(completed)
        ids = [submission.submission_id for submission in completed]
        before = [last.get(submission_id) for submission_id in ids]
        new, back = before.count(None), sum(known is not None and not known.present for known in before)
        load.added += new
        load.restored += back
        load.changed += len(before) - new - back
        position.present = (position.present or 0) + new + back
        # What the source showed and could not complete is gone since. Passed over, an edit of it would be lost for good when
        # it comes back before the next load: no stamp would tell.
        gone: list[Known] = []
        if last and len(ids) < len(fresh):
            there = set(ids)
            left_out = (last.get(s.submission_id) for s in fresh if s.submission_id not in there)
            gone = [known for known in left_out if known is not None and known.present]
        versions = [1 if known is None else known.version + 1 for known in before]
        rows = self._rows(load, kept, versions, [fingerprints[each] for each in ids]) if kept else None
        return Prepared(rows, gone, refused=refused)

    def _payloads(self, known: Sequence[Known]) -> dict[str, bytes]:
        """The payloads of these versions, opened."""
        with self._reader.cursor() as cursor:
            ids, versions = [item.submission_id for item in known], [item.version for item in known]
            cursor.execute(PAYLOADS, (ids, versions, self._project, self._form))
            rows = cursor.fetchall()
        opened = self._sealer.unseal([row[2] for row in rows], self._places([row[:2] for row in rows]))
        return {row[0]: payload for row, payload in zip(rows, opened, strict=True)}

    def _places(self, versions: Iterable[tuple[str, int]]) -> list[str]:
        before = f"raw|{self._project}|{self._form}|"
        return [f"{before}{submission_id}|{version}" for submission_id, version in versions]

    def _rows(
        self, load: Load, submissions: Sequence[Submission], versions: Sequence[int], fingerprints: Sequence[bytes]
    ) -> Packed:
        ids = [submission.submission_id for submission in submissions]
        places = self._places(zip(ids, versions, strict=True))
        return pack_binary("raw", "submission", {
            "project": repeat(pack_text(self._project)),
            "form": repeat(pack_text(self._form)),
            "state": repeat(pack_text("present")),
            "load_id": repeat(pack_bigint(load.load_id)),
            "loaded_at": repeat(pack_time(datetime.now(UTC))),
            "submission_id": packed_texts(ids),
            "version": packed_once(pack_int, versions),
            "instance_id": packed_texts([s.instance_id for s in submissions]),
            "form_version": packed_once(pack_text, [s.form_version for s in submissions]),
            "submitted_at": packed(pack_time, [moment(s.submitted_at) for s in submissions]),
            "changed_at": packed(pack_time, [moment(s.changed_at) for s in submissions]),
            "attachments": packed_once(pack_int, [s.attachments for s in submissions]),
            "attachments_present": packed_once(pack_int, [s.attachments_present for s in submissions]),
            "fingerprint": packed_bytes(fingerprints),
            "payload": packed_bytes(self._sealer.seal([s.payload for s in submissions], places)),
        })  # fmt: skip


LAST_OF = """
    select distinct on (submission_id) submission_id, version, state, fingerprint from raw.submission
    where project = %s and form = %s and submission_id = any(%s) order by submission_id, version desc
"""
PAYLOADS = """
    select s.submission_id, s.version, s.payload
    from unnest(%s::text[], %s::int[]) as asked(submission_id, version)
    join raw.submission as s on s.submission_id = asked.submission_id and s.version = asked.version
    where s.project = %s and s.form = %s
"""
