"""The last version of each submission that `raw` has, streamed in the order of its source: one side of a sweep's merge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from meal_pipelines.collect.source import Order


class Known(msgspec.Struct, frozen=True, gc=False):
    """The last version of a submission in `raw`."""

    submission_id: str
    version: int
    present: bool
    fingerprint: bytes | None
    key: str = ""


class KnownInOrder:
    """What `raw` last knew of a form, streamed in the source's key order from a snapshot of its own.

    Only one load of a form runs at a time, so the snapshot stays true while pages are written beside it.
    """

    def __init__(self, connection: Any, project: str, form: str, order: Order, after: str | None) -> None:
        self._order = order
        self._items = self._stream(connection, project, form, after)
        self._next: Known | None = next(self._items, None)

    def _stream(self, connection: Any, project: str, form: str, after: str | None) -> Iterator[Known]:
        day, _, key = (after or "").partition("|") if self._order == "submitted" else (None, "", after)
        with connection.cursor(name="known_in_order") as cursor:
            cursor.itersize = 5000
            cursor.execute(
                KNOWN_IN_ORDER[self._order],
                {"project": project, "form": form, "after": key or None, "day": day or None},
            )
            for row in cursor:
                yield known_of(*row)

    def through(self, key: str | None) -> Iterator[Known]:
        """Every known submission not given yet, up to and with `key` (None: to the end)."""
        while self._next is not None and (key is None or self._rank(self._next.key) <= self._rank(key)):
            yield self._next
            self._next = next(self._items, None)

    def _rank(self, key: str) -> tuple[Any, str]:
        """Decimal integers without leading zeros compare as numbers by length, then by text."""
        if self._order == "submitted":
            day, _, submission_id = key.partition("|")
            return moment(day), submission_id
        return (len(key) if self._order == "numeric" else 0, key)


def known_of(submission_id: str, version: int, state: str, fingerprint: Any, key: str = "") -> Known:
    return Known(submission_id, version, state == "present", None if fingerprint is None else bytes(fingerprint), key)


def moment(stamp: str | None) -> datetime | None:
    """A source's stamp; without a zone it is UTC."""
    if stamp is None:
        return None
    parsed = datetime.fromisoformat(stamp)
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)


LAST = """
    select distinct on (submission_id) submission_id, version, state, fingerprint, instance_id, submitted_at
    from raw.submission where project = %(project)s and form = %(form)s and (fingerprint is not null or state = 'deleted')
    order by submission_id, version desc
"""
"""What an erasure leaves of a submission, under an identifier of its own, has no fingerprint: no source has it."""
KNOWN_IN_ORDER: dict[Order, str] = {
    "numeric": f"""
        select submission_id, version, state, fingerprint, submission_id from ({LAST}) as last
        where %(after)s::text is null
            or (length(submission_id), submission_id collate "C") > (length(%(after)s), %(after)s::text collate "C")
        order by length(submission_id), submission_id collate "C"
    """,
    "text": f"""
        select submission_id, version, state, fingerprint, submission_id from ({LAST}) as last
        where %(after)s::text is null or submission_id collate "C" > %(after)s order by submission_id collate "C"
    """,
    "submitted": f"""
        select submission_id, version, state, fingerprint,
            to_char(submitted_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '|' || submission_id
        from ({LAST}) as last
        where %(after)s::text is null
            or (submitted_at, submission_id collate "C") > (%(day)s::timestamptz, %(after)s::text collate "C")
        order by submitted_at, submission_id collate "C"
    """,
}
