"""Which submissions there are, and when: blocks of a form's submissions in the order of their arrival.

A form stands alone (its submissions follow the project's calendar), or is a part of a journey (steps of the same
person, in order). Rank, day and copy are functions of the rank alone, so that a block needs no other block.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.sample.calendar import Calendar
from meal_pipelines.sample.chance import Chance, Floats, Integers, Keys
from meal_pipelines.sample.filling import Truths
from meal_pipelines.sample.model import FormSample, Journey, Step

BLOCK = 1000
LANES = 8
"""Speeds that journeys have: within one lane their order is that of their starts, so that lanes can be merged."""


@dataclass(frozen=True)
class Block:
    """Consecutive submissions of one form. copies: rank of the submission that each repeats, -1 for none.

    start, path, step: for journeys, the moment the journey began, its number, and which step this is.
    """

    numbers: Integers
    keys: Keys
    sent: Floats
    event: Integers
    today: Integers
    copies: Integers
    start: Floats = field(default_factory=lambda: np.zeros(0))
    path: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    step: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


class Copies:
    """Which submissions are another one sent again: one of the three before it, in the same block."""

    def __init__(self, chance: Chance, form: str, share: float) -> None:
        self.chance, self.form, self.share = chance, form, share

    def of(self, numbers: Integers) -> Integers:
        """The rank of the submission repeated, or one's own."""
        keys = numbers.astype(np.uint64)
        back = 1 + self.chance.below(f"{self.form}/copy/back", keys, 3)
        is_copy = self._drawn(numbers) & (numbers % BLOCK >= back) & ~self._drawn(numbers - back)
        return np.where(is_copy, numbers - back, numbers)

    def _drawn(self, numbers: Integers) -> Truths:
        shares = self.chance.uniform(f"{self.form}/copy", numbers.astype(np.uint64))
        return np.asarray(shares < self.share, dtype=bool)


class Alone:
    """The submissions of a form that follows the calendar."""

    def __init__(
        self, chance: Chance, calendar: Calendar, name: str, form: FormSample, rows: int, is_copied: bool
    ) -> None:
        self.chance, self.calendar, self.name, self.form, self.rows = chance, calendar, name, form, rows
        self.copies = Copies(chance, name, form.duplicates if is_copied else 0.0)

    def blocks(self) -> Iterator[Block]:
        for start in range(0, self.rows, BLOCK):
            yield self.block(np.arange(start, min(start + BLOCK, self.rows)))

    def block(self, numbers: Integers) -> Block:
        origin = self.copies.of(numbers)
        keys = origin.astype(np.uint64)
        event, today = self._days(self.sent(origin), keys)
        return Block(numbers, keys, self.sent(numbers), event, today, np.where(origin == numbers, -1, origin))

    def sent(self, numbers: Integers) -> Floats:
        return self.calendar.moment((numbers + 0.5) / max(self.rows, 1))

    def sent_before(self, moments: Floats) -> Integers:
        """How many submissions have arrived by then."""
        return np.floor(self.calendar.share(moments) * self.rows).astype(np.int64)

    def _days(self, sent: Floats, keys: Keys) -> tuple[Integers, Integers]:
        lag = (self.chance.uniform(f"{self.name}/lag", keys) ** 2 * (self.form.lag_days + 1)).astype(np.int64)
        return _days(self.chance, self.name, self.calendar, sent, keys, lag)


def _days(
    chance: Chance, name: str, calendar: Calendar, sent: Floats, keys: Keys, lag: Integers
) -> tuple[Integers, Integers]:
    """(day of the event, day the form was filled), neither after the day of sending."""
    day = np.floor(sent).astype(np.int64)
    event = np.maximum(day - lag, calendar.first)
    filled = event + (chance.uniform(f"{name}/filled", keys) ** 3 * (lag + 1)).astype(np.int64)
    return event, np.minimum(filled, day)


class Walk:
    """All journeys of one kind; journey k starts in the order of k."""

    def __init__(self, chance: Chance, calendar: Calendar, name: str, journey: Journey) -> None:
        self.chance, self.calendar, self.name, self.journey = chance, calendar, name, journey
        self.count = 1
        order = [step.name for step in journey.steps]
        unknown = [step.after for step in journey.steps if step.after and step.after not in order]
        if unknown:
            raise ConfigurationError(f"sample.yaml, parcours « {name} » : l'étape « {unknown[0]} » n'existe pas.")
        self.befores = [
            order.index(step.after) if step.after else place - 1 for place, step in enumerate(journey.steps)
        ]
        if any(before >= place for place, before in enumerate(self.befores)):
            raise ConfigurationError(
                f"sample.yaml, parcours « {name} » : une étape vient après une étape qui la suit. Corrigez « after »."
            )

    def steps_of(self, form: str) -> list[int]:
        return [place for place, step in enumerate(self.journey.steps) if step.form == form]

    def starts(self, paths: Integers) -> Floats:
        first = float(self.calendar.share(np.array([self.calendar.first + self.journey.starts_after_days]))[0])
        return self.calendar.moment(first + (1 - first) * (paths + 0.5) / self.count)

    def times(self, paths: Integers) -> tuple[Floats, Truths]:
        """(moment of sending, whether it happens) for each journey and step."""
        starts = self.starts(paths)
        slow, fast = self.journey.spread
        gone = (starts - self.calendar.first) / (self.calendar.last - self.calendar.first)
        pace = self.journey.pace[0] + (self.journey.pace[1] - self.journey.pace[0]) * gone
        factor = (slow + (fast - slow) * (paths % LANES) / (LANES - 1)) * pace
        sent = np.zeros((len(paths), len(self.befores)))
        reached = np.zeros((len(paths), len(self.befores)), dtype=bool)
        for place, (step, before) in enumerate(zip(self.journey.steps, self.befores, strict=True)):
            earlier = starts if before < 0 else sent[:, before]
            sent[:, place] = earlier + np.round(step.days * (1.0 if step.on_time else factor))
            drawn = self.chance.uniform(f"{self.name}/{step.name}/reach", paths.astype(np.uint64)) < step.reach
            there = drawn & (sent[:, place] < self.calendar.last)
            reached[:, place] = there if before < 0 else there & reached[:, before]
        return sent, reached

    def events(self, paths: Integers, step: int, lag_days: int) -> tuple[Integers, Integers]:
        """(day of that step, day it was filled): never before the step that comes before it."""
        sent, _ = self.times(paths)
        before = self.befores[step]
        gap = np.floor(sent[:, step] - (self.starts(paths) if before < 0 else sent[:, before]))
        most = np.minimum(gap if before >= 0 else float(lag_days), lag_days)
        keys = paths.astype(np.uint64)
        label = f"{self.name}/{step}"
        lag = np.floor(self.chance.uniform(f"{label}/lag", keys) ** 2 * (most + 1)).astype(np.int64)
        return _days(self.chance, label, self.calendar, sent[:, step], keys, lag)

    def fit(self, form: str, rows: int) -> None:
        """As many journeys as give the form its rows."""
        self.count = 2000
        rate = self.rows(form) / self.count
        if rate == 0:
            raise ConfigurationError(
                f"sample.yaml, parcours « {self.name} » : aucune étape n'arrive au formulaire « {form} ». "
                "Raccourcissez « days » ou augmentez « reach »."
            )
        self.count = max(int(rows / rate), 1)
        while self.rows(form) < rows:
            self.count += max(self.count // 100, 1)

    def rows(self, form: str) -> int:
        total = 0
        for start in range(0, self.count, 20_000):
            _, reached = self.times(np.arange(start, min(start + 20_000, self.count)))
            total += int(reached[:, self.steps_of(form)].sum())
        return total

    def merged(self, form: str) -> Iterator[tuple[float, int, int]]:
        """(moment, journey, step) of the form's submissions, by moment (to a day)."""
        return heapq.merge(*(self._lane(lane, step) for lane in range(LANES) for step in self.steps_of(form)))

    def _lane(self, lane: int, step: int) -> Iterator[tuple[float, int, int]]:
        for start in range(lane, self.count, LANES * 256):
            paths = np.arange(start, min(start + LANES * 256, self.count), LANES)
            sent, reached = self.times(paths)
            there = reached[:, step]
            yield from zip(sent[there, step].tolist(), paths[there].tolist(), [step] * int(there.sum()), strict=True)


class Part:
    """The submissions of a form that is a part of a journey."""

    def __init__(self, walk: Walk, name: str, form: FormSample, rows: int, is_copied: bool) -> None:
        self.walk, self.name, self.form, self.rows = walk, name, form, rows
        self.copies = Copies(walk.chance, name, form.duplicates if is_copied else 0.0)

    @property
    def steps(self) -> list[Step]:
        return self.walk.journey.steps

    def blocks(self) -> Iterator[Block]:
        merged = islice(self.walk.merged(self.name), self.rows)
        start = 0
        while found := list(islice(merged, BLOCK)):
            yield self._block(np.arange(start, start + len(found)), found)
            start += len(found)

    def _block(self, numbers: Integers, found: list[tuple[float, int, int]]) -> Block:
        sent = np.array([moment for moment, _, _ in found])
        origin = self.copies.of(numbers)
        paths = np.array([path for _, path, _ in found])[origin - numbers[0]]
        steps = np.array([step for _, _, step in found])[origin - numbers[0]]
        event, today = np.zeros_like(paths), np.zeros_like(paths)
        for step in np.unique(steps).tolist():
            rows = steps == step
            event[rows], today[rows] = self.walk.events(paths[rows], step, self.form.lag_days)
        keys = (paths * 64 + steps).astype(np.uint64)
        copies = np.where(origin == numbers, -1, origin)
        return Block(numbers, keys, sent, event, today, copies, self.walk.starts(paths), paths, steps)
