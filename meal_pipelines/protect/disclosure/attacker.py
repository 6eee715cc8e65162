"""What somebody who holds every published table can work out: the least and the most that a hidden figure can be.

A linear programme per question, solved by HiGHS. It is both the judge of a pattern of suppressed cells and, by its
dual solution, the reason that the pattern is not enough yet. Who decides what is hidden is `pattern.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meal_pipelines.protect.disclosure.problem import Component, Form, Problem, State, Statement

TOLERANCE = 1e-6
ROOM = 12
"""How far above the truth an attacker is taken to look for a hidden count, in thresholds. Less room is a better informed
attacker, so a bound errs on the safe side; without any, programmes would have no end."""
SMALLEST_ROOM = 60.0


@dataclass(frozen=True)
class Marks:
    """For each undecided statement, whether it is hidden, and whether « s » stands there where « < n » would be true.

    1 or 0 in a pattern; a share in between while one is searched for.
    """

    hidden: Mapping[int, float]
    vague: Mapping[int, float]


@dataclass
class Cut:
    """What hiding must satisfy: the sum of `hidden` and `vague` coefficients over what is chosen reaches `least`."""

    least: float
    hidden: dict[int, float] = field(default_factory=dict)
    vague: dict[int, float] = field(default_factory=dict)

    @property
    def missing(self) -> float:
        """How much of `least` is out of reach, whatever is hidden."""
        return self.least - sum(self.hidden.values()) - sum(self.vague.values())


@dataclass(frozen=True)
class _Row:
    """Bounds of a statement's distance from the truth: `below` and `above` once hidden, `further` once « s »."""

    number: int
    below: float
    above: float
    further: float


class Attacker:
    """One component, ready to be questioned again and again as the pattern changes.

    Works on distances from the truth, so that every relation is satisfied by zero.
    """

    def __init__(self, problem: Problem, component: Component) -> None:
        from highspy import Highs

        self._problem, self._component = problem, component
        self._columns = self._number_columns()
        self._highs: Any = Highs()
        # Only the costs change from question to question: the last answer is where a primal simplex goes on from.
        options: dict[str, bool | int | str] = {
            "output_flag": False,
            "threads": 1,
            "random_seed": 0,
            "presolve": "off",
            "simplex_strategy": 4,
        }
        for option, value in options.items():
            self._highs.setOptionValue(option, value)
        self._possible: list[list[float]] = []
        self._fixed: list[tuple[float, float]] = []
        self._rows: list[_Row] = []
        self._build()

    def _number_columns(self) -> dict[int, int]:
        component, problem = self._component, self._problem
        forms = [*component.equal, *component.at_most, *(problem.statements[n].form for n in component.statements)]
        forms += [problem.needs[n].form for n in component.needs]
        return {number: column for column, number in enumerate(sorted({n for form in forms for n in form}))}

    def _build(self) -> None:
        from highspy import kHighsInf

        self._bounds = []
        for number in self._columns:
            value = self._problem.values[number]
            self._bounds.append((-value, value + _room(value, None)))
            self._highs.addVar(*self._bounds[-1])
        for form in self._component.equal:
            self._add(form, 0.0, 0.0)
        for form in self._component.at_most:
            self._add(form, -kHighsInf, -self._problem.value(form))
        for number in self._component.statements:
            statement = self._problem.statements[number]
            below, above, further = self._reach(statement)
            if statement.state in (State.OPEN, State.HIDDEN):
                self._rows.append(_Row(number, below, above, further))
                continue
            span = {State.SHOWN: (0.0, 0.0), State.GONE: (-below, further), State.GONE_SMALL: (-below, above)}
            self._add(statement.form, *span[statement.state])
        self._first = len(self._fixed)
        for row in self._rows:
            self._add(self._problem.statements[row.number].form, 0.0, 0.0)

    def _reach(self, statement: Statement) -> tuple[float, float, float]:
        """How far below the truth a hidden figure may be thought; how far above under « < n »; and under « s »."""
        value = self._problem.value(statement.form)
        if statement.floor is None:
            size = sum(abs(c) * self._problem.values[n] for n, c in statement.form.items())
            wide = _room(size, statement.below)
            return wide, wide, wide
        further = _room(value, statement.below)
        above = statement.below - 1 - value if statement.below is not None else further
        return max(0.0, value - statement.floor), max(0.0, above), further

    def _add(self, form: Form, low: float, high: float) -> None:
        columns = [self._columns[number] for number in form]
        self._highs.addRow(low, high, len(columns), columns, list(form.values()))
        self._fixed.append((low, high))

    def suppose(self, marks: Marks) -> None:
        """Publish by this pattern. What was thought possible before and still is, is kept."""
        spans = []
        for place, row in enumerate(self._rows, self._first):
            hidden, vague = marks.hidden[row.number], marks.vague.get(row.number, 0.0)
            spans.append((-row.below * hidden, row.above * hidden + (row.further - row.above) * vague))
            self._highs.changeRowBounds(place, *spans[-1])
        self._possible = [world for world in self._possible if self._allows(world, spans)]

    def _allows(self, world: list[float], spans: list[tuple[float, float]]) -> bool:
        for row, (low, high) in zip(self._rows, spans, strict=True):
            if (
                not low - TOLERANCE
                <= self._distance(self._problem.statements[row.number].form, world)
                <= high + TOLERANCE
            ):
                return False
        return True

    def _distance(self, form: Form, world: list[float]) -> float:
        return sum(coefficient * world[self._columns[number]] for number, coefficient in form.items())

    def reaches(self, form: Form, wanted: float, *, upwards: bool) -> Cut | None:
        """None when `form` can be thought as far from the truth as wanted in this direction, else what limits it.

        The cut's `least` is what hiding has to add.
        """
        sign = -1.0 if upwards else 1.0  # HiGHS minimises
        if any(-sign * self._distance(form, world) >= wanted - TOLERANCE for world in self._possible):
            return None
        columns = [self._columns[number] for number in form]
        for column, coefficient in zip(columns, form.values(), strict=True):
            self._highs.changeColCost(column, sign * coefficient)
        self._highs.run()
        solution = self._highs.getSolution()
        for column in columns:
            self._highs.changeColCost(column, 0.0)
        world = list(solution.col_value)
        if -sign * self._distance(form, world) >= wanted - TOLERANCE:
            self._possible.append(world)
            return None
        cut = self._cut(list(solution.row_dual), list(solution.col_dual))
        cut.least += wanted
        return cut

    def _cut(self, rows: list[float], columns: list[float]) -> Cut:
        """By duality: no pattern lets the distance exceed this sum."""
        always = sum(_limit(dual, *bounds) for dual, bounds in zip(columns, self._bounds, strict=True))
        for dual, bounds in zip(rows[: self._first], self._fixed, strict=False):
            always += _limit(dual, *bounds)
        cut = Cut(-always)
        for dual, row in zip(rows[self._first :], self._rows, strict=True):
            if dual > TOLERANCE / 100:
                cut.hidden[row.number] = dual * row.below
            elif dual < -TOLERANCE / 100:
                cut.hidden[row.number] = -dual * row.above
                if row.further > row.above:
                    cut.vague[row.number] = -dual * (row.further - row.above)
        return cut


def _room(value: float, below: int | None) -> float:
    return max(value, ROOM * (below or 5), SMALLEST_ROOM)


def _limit(dual: float, low: float, high: float) -> float:
    """What a bound contributes to the distance at most."""
    if abs(dual) <= TOLERANCE / 100:
        return 0.0
    return -dual * (low if dual > 0 else high)
