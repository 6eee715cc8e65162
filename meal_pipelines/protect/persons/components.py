"""Which pseudonyms are one person's: those that strong keys and reviewers join, and no refusal keeps apart.

A pure function of what is known, whatever the order in which it came: deltas in any order and a rebuild give the same persons,
under the same pseudonym. Nothing here knows tables, keys or answers.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

DECISION = "decision"
LATE = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, order=True)
class Tie:
    """Something that several pseudonyms share. rank: which is believed first, decisions (-1) before keys."""

    rank: int
    key: str
    persons: tuple[str, ...]
    because: str


@dataclass(frozen=True)
class Kept:
    """What a pseudonym is shown as, and by what it was first joined to others."""

    kept: str
    because: str


def joined(
    first_sent: Mapping[str, dt.datetime | None], ties: Iterable[Tie], apart: Collection[tuple[str, str]]
) -> dict[str, Kept]:
    """Every pseudonym that is shown as another one, and which.

    first_sent: when each pseudonym was first sent; the earliest of a person is kept (then the smallest), so that whoever comes
    later never changes what was published. apart: pairs that a reviewer found to be two persons: no tie, and no chain of ties,
    joins them; of two ties that cannot both hold, that of the smaller rank, then of the smaller key, does.
    """
    clusters = {person: {person} for person in first_sent}
    enemies: dict[str, set[str]] = defaultdict(set)
    for one, other in apart:
        enemies[one].add(other)
        enemies[other].add(one)
    reasons: dict[str, str] = {}
    for tie in sorted(ties):
        known = sorted(person for person in tie.persons if person in clusters)
        for place, person in enumerate(known):
            for other in known[:place]:
                if _unite(clusters, enemies, person, other):
                    for each in (person, other):
                        reasons.setdefault(each, tie.because)
    found: dict[str, Kept] = {}
    for person, cluster in clusters.items():
        kept = min(cluster, key=lambda each: (first_sent[each] or LATE, each))
        if kept != person:
            found[person] = Kept(kept, reasons[person])
    return found


def _unite(clusters: dict[str, set[str]], enemies: Mapping[str, set[str]], person: str, other: str) -> bool:
    """Make one person of two; whether it was done."""
    one, two = clusters[person], clusters[other]
    if one is two:
        return False
    small, large = sorted((one, two), key=len)
    if any(not enemies[each].isdisjoint(large) for each in small if each in enemies):
        return False
    large |= small
    for each in small:
        clusters[each] = large
    return True
