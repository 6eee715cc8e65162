"""One block of a table being filled: its rows' numbers, days and persons, its answers so far, expressions over them.

An answer is text as a server keeps it, None when there is none. How an answer is drawn is in `draw.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meal_pipelines.project.expression import Scope, parse
from meal_pipelines.project.values import Values
from meal_pipelines.sample.chance import Floats, Integers, Keys

Column = NDArray[Any]
Truths = NDArray[np.bool_]


@dataclass
class Filling:
    """Rows of one table, in the order of their submissions.

    keys: what chance depends on (two copies of one submission have the same). numbers: the rank of the submission in
    its form. event, today: days. persons: ordinal of the person, -1 when the table meets none. parent, rows_in_parent: the block
    around a repeat, and for each row the place of its parent there. fixed: answers that the step of a journey decides.
    writings: how each phone is written. slips: (question, row, word) of identities that slipped into free text.
    """

    keys: Keys
    numbers: Integers
    event: Integers
    today: Integers
    sent: Floats
    persons: Integers
    parent: Filling | None = None
    rows_in_parent: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    fixed: dict[str, Column] = field(default_factory=dict)
    columns: dict[str, Column] = field(default_factory=dict)
    writings: dict[str, Integers] = field(default_factory=dict)
    slips: list[tuple[str, int, str]] = field(default_factory=list)
    _values: dict[str, Values] = field(default_factory=dict)
    _known: dict[str, Truths] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.keys)

    @property
    def submissions(self) -> Integers:
        """For each row, the place of its submission in the block."""
        if self.parent is None:
            return np.arange(self.size)
        return self.parent.submissions[self.rows_in_parent]

    def column(self, name: str) -> Column:
        """The answers to a question of this table, or of the tables around it."""
        if name in self.columns:
            return self.columns[name]
        if self.parent is None:
            return np.full(self.size, None, dtype=object)
        outer: Column = self.parent.column(name)[self.rows_in_parent]
        return outer

    def values(self, name: str) -> Values:
        found = self._values.get(name)
        if found is None:
            found = self._values[name] = Values.of_texts(self.column(name))
        return found

    def answer(self, name: str, column: Column) -> None:
        self.columns[name] = column
        self._values.pop(name, None)

    def scope(self, current: Column | None = None) -> Scope:
        now = None if current is None else Values.of_texts(current)
        return Scope(self.size, _Answers(self), self.today.astype(float), now)

    def holds(self, source: str) -> Truths:
        """For each row, whether the expression is true; remembered, since its questions are already answered."""
        known = self._known.get(source)
        if known is None:
            known = self._known[source] = np.asarray(parse(source).holds(self.scope()), dtype=bool)
        return known

    def numbers_of(self, source: str) -> Floats:
        """For each row, the expression as a number."""
        values = np.asarray(parse(source).values(self.scope()).number, dtype=float)
        return np.broadcast_to(values, (self.size,))

    def relevant(self, conditions: tuple[str, ...]) -> Truths:
        mask = np.ones(self.size, dtype=bool)
        for source in conditions:
            mask = mask & self.holds(source)
        return mask


class _Answers(Mapping[str, Values]):
    """The answers that an expression may name, read when they are named."""

    def __init__(self, filling: Filling) -> None:
        self._filling = filling

    def __getitem__(self, name: str) -> Values:
        return self._filling.values(name)

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._filling.columns)

    def __len__(self) -> int:
        return len(self._filling.columns)
