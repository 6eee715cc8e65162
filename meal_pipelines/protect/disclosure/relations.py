"""What everybody knows of counts without being told: how totals, categories, places and periods hang together.

A relation is only written where the data satisfy it. Where unique persons happen to add up, the equality is written too:
an attacker who guesses it guesses right. Where they do not, a total lies between its largest category and their sum.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from meal_pipelines.protect.disclosure.figures import Cell
from meal_pipelines.protect.disclosure.problem import Form

PLACES = ("region_code", "province_code", "commune_code")
"""Dimensions whose HCP codes begin with the code of the place around them."""
MOST_COVERS = 12
"""Of one period by others; more of them say the same again."""


@dataclass(frozen=True)
class Count:
    """One count in a problem: its number there and its true value."""

    number: int
    value: float


@dataclass(frozen=True)
class Dated:
    """A count of a period."""

    count: Count
    start: dt.date
    end: dt.date


@dataclass
class Relations:
    """Forms that are zero, and forms that are zero or less."""

    equal: list[Form]
    at_most: list[Form]

    def whole_of(self, whole: Count, parts: Sequence[Count], *, exact: bool) -> None:
        """`whole` is covered by `parts`; exact: they cannot overlap."""
        for part in parts:
            self.not_above(part, whole)
        if len(parts) == 0:
            return
        total = sum(part.value for part in parts)
        form = {whole.number: 1.0, **{part.number: -1.0 for part in parts}}
        if total == whole.value:
            self.equal.append(form)
        elif total > whole.value and not exact:
            self.at_most.append(form)

    def not_above(self, lower: Count, upper: Count) -> None:
        if lower.number != upper.number and lower.value <= upper.value:
            self.at_most.append({lower.number: 1.0, upper.number: -1.0})


def among_categories(
    relations: Relations, counts: Mapping[Cell, Count], *, exact: bool, alone: Collection[tuple[Cell, str]] = ()
) -> None:
    """Totals and categories of one indicator over one period, whatever the number of crossed dimensions.

    alone: (cell, dimension) of categories whose siblings are not among the counts: they add up to nothing.
    """
    children: dict[tuple[Cell, str], list[Count]] = defaultdict(list)
    for cell, count in counts.items():
        for position, (dimension, _) in enumerate(cell):
            if (cell, dimension) in alone:
                continue
            children[(cell[:position] + cell[position + 1 :], dimension)].append(count)
    for (cell, _), parts in children.items():
        if cell in counts:
            relations.whole_of(counts[cell], parts, exact=exact)
    for wide, narrow in ((0, 1), (1, 2), (0, 2)):
        _among_places(relations, counts, PLACES[wide], PLACES[narrow])


def _among_places(relations: Relations, counts: Mapping[Cell, Count], wide: str, narrow: str) -> None:
    """A region and its provinces, a province and its communes."""
    for cell, count in counts.items():
        code = dict(cell).get(wide)
        if code is None:
            continue
        others = tuple(pair for pair in cell if pair[0] != wide)
        inside = [
            part
            for other, part in counts.items()
            if dict(other).get(narrow, "").startswith(f"{code}.")
            and tuple(pair for pair in other if pair[0] != narrow) == others
        ]
        for part in inside:
            relations.not_above(part, count)
        if inside and sum(part.value for part in inside) == count.value:
            relations.equal.append({count.number: 1.0, **{part.number: -1.0 for part in inside}})


def among_periods(relations: Relations, dated: Sequence[Dated]) -> None:
    """The same count over periods that lie in one another or follow one another."""
    ordered = sorted(set(dated), key=lambda at: (at.start, at.end, at.count.number))
    for outer in ordered:
        inside = [at for at in ordered if at is not outer and _lies_in(at, outer)]
        for at in inside:
            if not any(other is not at and _lies_in(at, other) and (other.start, other.end) != (at.start, at.end)
                       for other in inside):  # fmt: skip
                relations.not_above(at.count, outer.count)
        for cover in _covers(outer, inside):
            relations.whole_of(outer.count, [at.count for at in cover], exact=False)


def _lies_in(inner: Dated, outer: Dated) -> bool:
    smaller = (inner.end - inner.start) < (outer.end - outer.start)
    return smaller and inner.start >= outer.start and inner.end <= outer.end


def _covers(outer: Dated, inside: Sequence[Dated]) -> Iterator[list[Dated]]:
    """The shortest ways to make a period of others end to end, one for each that it can begin with."""
    by_start: dict[dt.date, list[Dated]] = defaultdict(list)
    for at in inside:
        by_start[at.start].append(at)
    rest: dict[dt.date, list[Dated] | None] = {outer.end + dt.timedelta(days=1): []}

    def shortest(start: dt.date) -> list[Dated] | None:
        if start not in rest:
            rest[start] = None
            ways = [
                [at, *way] for at in by_start[start] if (way := shortest(at.end + dt.timedelta(days=1))) is not None
            ]
            rest[start] = min(ways, key=len) if ways else None
        return rest[start]

    found = 0
    for first in sorted(by_start[outer.start], key=lambda at: at.end, reverse=True):
        way = shortest(first.end + dt.timedelta(days=1))
        if way is not None and found < MOST_COVERS:
            found += 1
            yield [first, *way]
