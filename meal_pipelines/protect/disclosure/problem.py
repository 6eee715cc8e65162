"""A protection problem in plain numbers: unknown counts, what is said of them, what must stay uncertain.

Nothing here knows indicators, recipients or a solver. A form is a sum of counts with coefficients, by their numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

Form = Mapping[int, float]


class State(Enum):
    """What is decided of a statement. OPEN: shown or hidden, the solver chooses · HIDDEN: hidden, the solver chooses the
    mark · SHOWN: known to everybody, whatever is done now · GONE, GONE_SMALL: was hidden in an earlier publication, « s »
    or « < n »."""

    OPEN = "open"
    HIDDEN = "hidden"
    SHOWN = "shown"
    GONE = "gone"
    GONE_SMALL = "gone_small"


@dataclass(frozen=True)
class Statement:
    """One published figure: `form` has the value that was counted.

    floor: the least that a hidden figure can be (1 where zeros are shown, None where it is no count) · below: the
    threshold that « < n » would tell, None when the figure is not under it · cost: of the information lost.
    """

    form: Form
    state: State
    cost: float = 1.0
    floor: float | None = None
    below: int | None = None


@dataclass(frozen=True)
class Need:
    """What an attacker must not narrow: everything from `low` to `high` stays possible for `form`, or, where one end is
    out of reach whatever is hidden (four categories with somebody in them are at least four persons), a stretch `width`
    wide from there."""

    form: Form
    low: float
    high: float
    width: float


@dataclass
class Problem:
    """Counts (their true values), the relations that anybody knows, statements and needs.

    equal: forms that are 0 · at_most: forms that are 0 or less. Every relation holds of the true values · follows: pairs of
    statements, of which the first is hidden wherever the second is.
    """

    values: list[float] = field(default_factory=list)
    equal: list[Form] = field(default_factory=list)
    at_most: list[Form] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    follows: list[tuple[int, int]] = field(default_factory=list)

    def value(self, form: Form) -> float:
        return sum(coefficient * self.values[number] for number, coefficient in form.items())

    def components(self) -> list[Component]:
        """The parts that have nothing to do with one another and in which something is to be decided."""
        groups = _Groups(len(self.values))
        statements = [statement.form for statement in self.statements]
        for form in (*self.equal, *self.at_most, *statements, *(need.form for need in self.needs)):
            groups.join(form)
        found: dict[int, Component] = defaultdict(Component)
        for number, statement in enumerate(self.statements):
            if statement.form:
                found[groups.of(statement.form)].statements.append(number)
        for number, need in enumerate(self.needs):
            found[groups.of(need.form)].needs.append(number)
        for form in self.equal:
            found[groups.of(form)].equal.append(form)
        for form in self.at_most:
            found[groups.of(form)].at_most.append(form)
        return [part for part in found.values() if any(self._is_free(number) for number in part.statements)]

    def _is_free(self, number: int) -> bool:
        return self.statements[number].state in (State.OPEN, State.HIDDEN)


@dataclass
class Component:
    """One part of a problem: numbers of its statements and needs, and its relations."""

    statements: list[int] = field(default_factory=list)
    needs: list[int] = field(default_factory=list)
    equal: list[Form] = field(default_factory=list)
    at_most: list[Form] = field(default_factory=list)


class _Groups:
    """Disjoint sets of counts."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def join(self, form: Form) -> None:
        numbers = list(form)
        for number in numbers[1:]:
            self._parent[self._root(number)] = self._root(numbers[0])

    def of(self, form: Form) -> int:
        return self._root(next(iter(form)))

    def _root(self, number: int) -> int:
        while self._parent[number] != number:
            self._parent[number] = self._parent[self._parent[number]]
            number = self._parent[number]
        return number
