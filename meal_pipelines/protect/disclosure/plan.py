"""The decision for everything that leaves together: which figures are hidden, how they look, and what that costs.

Made again only when a figure, a setting or an earlier publication changed. Files ask for the mark of a figure; what a
mark looks like in them is their business.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meal_pipelines.project.disclosure import Disclosure
from meal_pipelines.protect.disclosure.figures import Figures, Key, Offer
from meal_pipelines.protect.disclosure.knowledge import write_knowledge
from meal_pipelines.protect.disclosure.pattern import Pattern, choose
from meal_pipelines.protect.disclosure.problem import State
from meal_pipelines.protect.disclosure.publications import (
    PRIMARY,
    SECONDARY,
    Mark,
    Publication,
    PublishedCell,
    drafts,
    earlier,
    record,
)
from meal_pipelines.protect.disclosure.statements import Span, Writer, Written

RULES = "3"
"""Raised when the code decides differently: every plan is then made again."""
HIDDEN = "s"
SECONDS = 60.0
"""For the best pattern of one project; without its proof, a pattern that is as safe and may lose a little more."""


@dataclass(frozen=True)
class Protection:
    """What was decided for one project. marks: by recipient and figure, only what is hidden.

    exposed: figures that earlier publications already give away, whatever is hidden now · seconds: to decide.
    """

    marks: Mapping[tuple[str, Key], Mark]
    offered: Mapping[str, int]
    exposed: int
    is_optimal: bool
    seconds: float

    def mark(self, recipient: str, key: Key) -> str | None:
        found = self.marks.get((recipient, key))
        return found.text if found else None

    def count(self, recipient: str, reason: str) -> int:
        return sum(mark.reason == reason for (reader, _), mark in self.marks.items() if reader == recipient)

    def lost_pct(self, recipient: str) -> float:
        """Hidden figures, in percent of those that the recipient would be shown."""
        offered = self.offered.get(recipient, 0)
        hidden = self.count(recipient, PRIMARY) + self.count(recipient, SECONDARY)
        return round(100 * hidden / offered, 1) if offered else 0.0


NOTHING: Protection = Protection({}, {}, 0, True, 0.0)
"""For a project of which nothing is about persons."""


def decide(
    cursor: Any,
    project: str,
    settings: Disclosure,
    figures: Figures,
    offers: Sequence[Offer],
    publications: Sequence[Publication],
    spans: Mapping[tuple[str, str], Span],
) -> Protection:
    """Decide for these publications together, against all earlier ones, and note what they show.

    Args: offers, of all of them · spans: first and last day of each (kind, period), cut at the last day of data.
    In the caller's transaction, which commits; one process at a time per project.
    """
    cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"audit.published_cell:{project}",))
    current = frozenset(publications)
    past = earlier(cursor, project, current)
    wanted = _fingerprint(settings, figures, offers, past, sorted(current), spans)
    known = drafts(cursor, project, current)
    done = _done(cursor, project, wanted, known, offers)
    if done is not None:
        return done
    started = time.monotonic()
    kept = {(cell.offer.recipient, cell.offer.key) for cell in (*past, *known) if cell.mark is not None}
    writer = Writer(settings, figures, spans)
    written = writer.write(offers, past, kept)
    write_knowledge(writer, offers, past)
    pattern = choose(written.problem, seconds=SECONDS)
    marks = _marks(written, pattern, offers)
    made = Protection(
        marks, Counter(offer.recipient for offer in offers), len(pattern.exposed), pattern.is_optimal,
        round(time.monotonic() - started, 2),
    )  # fmt: skip
    record(cursor, project, current, [_cell(offer, figures, spans, marks) for offer in offers])
    _note(cursor, project, wanted, made)
    return made


def _marks(written: Written, pattern: Pattern, offers: Sequence[Offer]) -> dict[tuple[str, Key], Mark]:
    found = {}
    for offer in offers:
        name, threshold = (offer.recipient, offer.key), written.thresholds[offer.key]
        if name in written.alone:
            found[name] = Mark(HIDDEN, PRIMARY, threshold)
            continue
        number = written.statement_of.get(name)
        if number is None:
            continue
        statement = written.problem.statements[number]
        must = statement.state is State.HIDDEN
        if must or number in pattern.hidden:
            clear = must and statement.below is not None and number not in pattern.vague
            text = f"< {statement.below}" if clear else HIDDEN
            found[name] = Mark(text, PRIMARY if must else SECONDARY, threshold)
    return found


def _cell(
    offer: Offer, figures: Figures, spans: Mapping[tuple[str, str], Span], marks: Mapping[tuple[str, Key], Mark]
) -> PublishedCell:
    start, end = spans[offer.key.kind, offer.key.period]
    values = {key: figures.count(key) or 0.0 for key in (*offer.numerator, *offer.denominator)}
    return PublishedCell(offer, start, end, values, marks.get((offer.recipient, offer.key)))


def _fingerprint(
    settings: Disclosure,
    figures: Figures,
    offers: Sequence[Offer],
    past: Sequence[PublishedCell],
    publications: Sequence[Publication],
    spans: Mapping[tuple[str, str], Span],
) -> str:
    """Of all that the decision depends on."""

    def named(key: Key) -> list[Any]:
        return [key.indicator, key.kind, key.period, list(key.cell), key.quantity]

    counted = [
        [named(key), str(at.value), str(at.numerator), str(at.denominator), at.units]
        for key, at in sorted(figures.found.items(), key=lambda pair: pair[0])
    ]
    offered = [[offer.recipient, offer.publication, named(offer.key), offer.units] for offer in offers]
    before = [
        [cell.offer.recipient, cell.offer.publication, cell.version, named(cell.offer.key), list(cell.values.values()),
         cell.mark.text if cell.mark else None]
        for cell in past
    ]  # fmt: skip
    periods = sorted((kind, period, *days) for (kind, period), days in spans.items())
    parts = [RULES, settings.model_dump(mode="json"), counted, offered, before, list(publications), periods]
    text = json.dumps(parts, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: dt.date) -> str:
    return value.isoformat()


def _done(
    cursor: Any, project: str, wanted: str, known: Sequence[PublishedCell], offers: Sequence[Offer]
) -> Protection | None:
    """The decision as it stands, when nothing changed since."""
    cursor.execute(
        "select exposed, is_optimal, seconds from extracts.disclosure where project = %s and fingerprint = %s",
        (project, wanted),
    )
    row = cursor.fetchone()
    if row is None or len(known) != len(offers):
        return None
    marks = {(cell.offer.recipient, cell.offer.key): cell.mark for cell in known if cell.mark is not None}
    return Protection(marks, Counter(offer.recipient for offer in offers), row[0], row[1], float(row[2]))


def _note(cursor: Any, project: str, wanted: str, made: Protection) -> None:
    reasons = Counter(mark.reason for mark in made.marks.values())
    cursor.execute(
        "insert into extracts.disclosure (project, fingerprint, cells, primary_cells, secondary_cells, exposed,"
        " is_optimal, seconds) values (%s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (project) do update set fingerprint = excluded.fingerprint, cells = excluded.cells,"
        " primary_cells = excluded.primary_cells, secondary_cells = excluded.secondary_cells,"
        " exposed = excluded.exposed, is_optimal = excluded.is_optimal, seconds = excluded.seconds, decided_at = now()",
        (
            project, wanted, sum(made.offered.values()), reasons[PRIMARY], reasons[SECONDARY], made.exposed,
            made.is_optimal, made.seconds,
        ),
    )  # fmt: skip
