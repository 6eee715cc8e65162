"""People: who is met, and what they answer about themselves wherever they are met.

A person is a number; everything about them is a function of it. Two people never have the same phone. The same person's
name and phone are written in different ways from one form to another, as happens in the field.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from meal_pipelines.sample.chance import Chance, Floats, Integers, Keys, cumulative
from meal_pipelines.sample.draw import Draw
from meal_pipelines.sample.filling import Column, Filling, Truths
from meal_pipelines.sample.homes import Homes
from meal_pipelines.sample.model import Persons
from meal_pipelines.sample.names import ORIGINS
from meal_pipelines.sample.noise import Noise, Noisy

TRIES = 4
POOL = "pool"
"""What an attribute may depend on that is no question: the name of the person's pool."""
MOBILE = (60, 61, 62, 63, 64, 65, 66, 67, 69, 70, 71, 76, 77)
"""First two digits of Moroccan mobile numbers; 13 × 10,000,000 numbers."""
NUMBERS, STRIDE, START = len(MOBILE) * 10_000_000, 61_803_399, 27_182_818
WRITINGS: tuple[tuple[float, Callable[[str], str]], ...] = (
    (0.45, lambda n: f"0{n}"),
    (0.20, lambda n: f"+212{n}"),
    (0.07, lambda n: f"00212{n}"),
    (0.12, lambda n: f"0{n[0]} {n[1:3]} {n[3:5]} {n[5:7]} {n[7:]}"),
    (0.08, lambda n: f"0{n[0]}.{n[1:3]}.{n[3:5]}.{n[5:7]}.{n[7:]}"),
    (0.08, lambda n: f"+212 {n[:3]}-{n[3:]}"),
)
SPELLINGS = (0.72, 0.86, 0.95, 1.0)
"""As registered, in capitals, without accents, in small letters with spaces for hyphens."""


@dataclass(frozen=True)
class PoolState:
    """One pool. size: how many people; known_before(moments): how many are registered then; holds(m): who is one."""

    name: str
    size: int
    known_before: Callable[[Floats], Integers] | None = None
    holds: Callable[[Integers], np.ndarray[tuple[int], np.dtype[np.bool_]]] | None = None


class People:
    """All people of one project. An ordinal is number × pools + pool."""

    def __init__(
        self, chance: Chance, persons: Persons, pools: Sequence[PoolState], noise: Noise | None = None
    ) -> None:
        self.chance, self.persons, self.pools, self.noise = chance, persons, list(pools), noise
        self.fallback = next(i for i, pool in enumerate(self.pools) if pool.known_before is None)
        self.attributes: dict[str, Draw] = {}
        self.homes: Homes | None = None
        self._first, self._family, self._places = _name_tables()
        self._origins = list(ORIGINS)
        mixes = {"*": {"ma": 1.0}, **persons.origins}
        self._mixes = {key: cumulative([mix.get(o, 0.0) for o in self._origins[:3]]) for key, mix in mixes.items()}

    def ordinal(self, pool: str, numbers: Integers) -> Integers:
        return numbers * len(self.pools) + [p.name for p in self.pools].index(pool)

    def name(self, ordinal: int) -> str:
        """How the truth calls this person."""
        number, pool = divmod(ordinal, len(self.pools))
        return f"{self.pools[pool].name}-{number:07d}"

    @property
    def count(self) -> int:
        """More than any ordinal."""
        return len(self.pools) * max(pool.size for pool in self.pools)

    def meet(
        self,
        label: str,
        keys: Keys,
        mix: dict[str, float],
        moments: Floats,
        item: Integers,
        items: Integers,
        recent: float = np.inf,
        around: Sequence[Integers] = (),
    ) -> Integers:
        """Who is met: from the pools by weight, registered by then; items of one submission are different people.

        around: groups of neighbours (`Homes.around`) to meet, the first that has as many; anybody where none has.
        """
        names = [pool.name for pool in self.pools]
        wanted = [names.index(name) for name in mix] or [self.fallback]
        bounds = cumulative(list(mix.values()) or [1.0])
        chosen = np.array(wanted)[np.searchsorted(bounds, self.chance.uniform(f"{label}/pool", keys), side="right")]
        found = np.full(len(keys), -1, dtype=np.int64)
        for place in [*dict.fromkeys(wanted), self.fallback]:
            pool = self.pools[place]
            for attempt in range(TRIES if pool.holds else 1):
                rows = np.flatnonzero((found < 0) & ((chosen == place) | (place == self.fallback)))
                if not len(rows):
                    break
                low, high = _window(pool, moments[rows], recent)
                shares = (item[rows] + self.chance.uniform(f"{label}/{pool.name}/{attempt}", keys[rows])) / items[rows]
                numbers, good = self._among(low, high, shares, items[rows], [who[rows] for who in around])
                if pool.holds:
                    good &= pool.holds(numbers)
                found[rows[good]] = numbers[good] * len(self.pools) + place
        if around and (rows := np.flatnonzero(found < 0)).size:
            anybody = {names[self.fallback]: 1.0}
            found[rows] = self.meet(label, keys[rows], anybody, moments[rows], item[rows], items[rows], recent)
        return found

    def _among(
        self, low: Integers, high: Integers, shares: Floats, items: Integers, around: Sequence[Integers]
    ) -> tuple[Integers, Truths]:
        """(number of each, whether there are as many as are met together), in the first group that is large enough."""
        if not around or self.homes is None:
            return low + (shares * (high - low)).astype(np.int64), high - low >= items
        numbers, good = low.copy(), np.zeros(len(low), dtype=bool)
        for who in around:
            counts = self.homes.count(who, low, high)
            rows = np.flatnonzero(~good & (counts >= items))
            # Each item has whole places of its own among so few people: no two of them are the same person.
            parts = shares[rows] * items[rows]
            first, after = (np.floor((np.floor(parts) + one) * counts[rows] / items[rows]) for one in (0, 1))
            places = (first + parts % 1 * (after - first)).astype(np.int64)
            numbers[rows] = self.homes.numbers(who[rows], low[rows], places)
            good[rows] = True
        return numbers, good

    def answers(self, name: str, filling: Filling, persons: Integers) -> Column:
        """What these people answer about themselves, the same in every form."""
        return self.attributes[name](_About(self, filling, persons), self.keys_of(name, persons))

    def keys_of(self, name: str, persons: Integers) -> Keys:
        """What the chance of an attribute depends on: the person; of a code, the person's number in the pool."""
        how = self.persons.attributes[name]
        return (persons // len(self.pools) if how.pattern is not None else persons).astype(np.uint64)

    def national_numbers(self, persons: Integers) -> list[str]:
        """Nine digits, all different."""
        places = (persons * STRIDE + START) % NUMBERS
        return [f"{MOBILE[place // 10_000_000]}{place % 10_000_000:07d}" for place in places.tolist()]

    def noisy(self, label: str) -> Noisy | None:
        """The noise in one form's table; None without noise."""
        return None if self.noise is None else Noisy(self.chance, self.noise, f"{label}/noise")

    def phones(
        self, label: str, keys: Keys, persons: Integers, allowed: Sequence[int], noisy: Noisy | None = None
    ) -> tuple[list[str], Integers]:
        """(numbers as written, which writing each has); `allowed`: the writings that the constraint accepts."""
        bounds = cumulative([WRITINGS[i][0] for i in allowed])
        writing = np.array(allowed)[np.searchsorted(bounds, self.chance.uniform(label, keys), side="right")]
        whose = persons if noisy is None else noisy.phones(keys, persons, len(self.pools), self.count + len(self.pools))
        numbers = self.national_numbers(whose)
        return [WRITINGS[how][1](n) for how, n in zip(writing.tolist(), numbers, strict=True)], writing

    def names(
        self, filling: Filling, keys: Keys, persons: Integers, label: str, *, first: bool, noisy: Noisy | None = None
    ) -> Column:
        """First names or family names, each as this meeting spells it."""
        if noisy is None:
            return self._spelled(filling, keys, persons, label, first=first)[1]
        own = noisy.names(keys, *self._spelled(filling, keys, persons, label, first=first), first=first)
        if swapped := noisy.swapped(keys):
            other = noisy.names(keys, *self._spelled(filling, keys, persons, label, first=not first), first=not first)
            own[swapped] = other[swapped]
        return own

    def _spelled(
        self, filling: Filling, keys: Keys, persons: Integers, label: str, *, first: bool
    ) -> tuple[Column, Column]:
        """(as registered, as this meeting spells it without noise)."""
        them = persons.astype(np.uint64)
        origin = self._origin(filling, persons, them)
        sex = self.answers(self.persons.roles["sex"], filling, persons)
        women = np.asarray(sex == self.persons.women, dtype=np.int64)
        starts, lengths = self._places["first" if first else "family"]
        column = women if first else np.zeros_like(women)
        shares = self.chance.uniform("person/first" if first else "person/family", them)
        place = starts[origin, column] + (shares * lengths[origin, column]).astype(np.int64)
        spelling = np.searchsorted(np.array(SPELLINGS), self.chance.uniform(label, keys), side="right")
        table = self._first if first else self._family
        return table[0, place], table[spelling, place]

    def _origin(self, filling: Filling, persons: Integers, them: Keys) -> Integers:
        share = self.chance.uniform("person/origin", them)
        by = self.persons.origin_by
        answers = self.answers(by, filling, persons) if by else np.full(len(persons), "*", dtype=object)
        rows = {key: row for row, key in enumerate(self._mixes)}
        group = np.array([rows.get(answer, rows["*"]) for answer in answers.tolist()], dtype=np.int64)
        bounds = np.concatenate([row + mix for row, mix in enumerate(self._mixes.values())])
        origin = np.searchsorted(bounds, group + share, side="right") - 3 * group
        arabic = (self.chance.uniform("person/arabic", them) < self.persons.arabic) & (origin == 0)
        return np.where(arabic, self._origins.index("arabic"), origin)


class _About(Filling):
    """People's own answers, as far as they depend on one another."""

    def __init__(self, people: People, filling: Filling, persons: Integers) -> None:
        nothing = np.zeros(0, dtype=np.int64)
        super().__init__(persons.astype(np.uint64), persons, filling.event, filling.today, filling.sent, nothing)
        self.people, self.around = people, filling

    def column(self, name: str) -> Column:
        if name not in self.columns:
            if name == POOL:
                names = np.array([pool.name for pool in self.people.pools], dtype=object)
                self.columns[name] = names[self.numbers % len(names)]
            elif name not in self.people.attributes:
                return self.around.column(name)
            else:
                self.columns[name] = self.people.attributes[name](self, self.people.keys_of(name, self.numbers))
        return self.columns[name]


def _window(pool: PoolState, moments: Floats, recent: float) -> tuple[Integers, Integers]:
    if pool.known_before is None:
        return np.zeros(len(moments), dtype=np.int64), np.full(len(moments), pool.size, dtype=np.int64)
    high = pool.known_before(moments)
    low = np.zeros_like(high) if np.isinf(recent) else pool.known_before(moments - recent)
    return np.minimum(low, np.maximum(high - 1, 0)), high


def _name_tables() -> tuple[Column, Column, dict[str, tuple[Integers, Integers]]]:
    """Every name in every spelling (spelling × place), and where each origin's names start and how many they are."""
    first: list[str] = []
    family: list[str] = []
    places: dict[str, list[list[tuple[int, int]]]] = {"first": [], "family": []}
    for names in ORIGINS.values():
        spans = []
        for group in (names.men, names.women):
            spans.append((len(first), len(group)))
            first.extend(group)
        places["first"].append(spans)
        places["family"].append([(len(family), len(names.families))])
        family.extend(names.families)
    spans_of = {key: (np.array(value)[:, :, 0], np.array(value)[:, :, 1]) for key, value in places.items()}
    return _spelled(first), _spelled(family), spans_of


def _spelled(names: list[str]) -> Column:
    bare = ["".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)) for name in names]
    bare = [letters if name[0] < "\u0600" else name for letters, name in zip(bare, names, strict=True)]
    small = [name.lower().replace("-", " ") for name in names]
    return np.array([names, [name.upper() for name in names], bare, small], dtype=object)
