"""Choose what is hidden besides what must be: the pattern that loses least and that the attacker cannot undo.

A mixed-integer programme (HiGHS) proposes a pattern, the attacker's linear programmes judge it and answer with the
inequalities it breaks, until none is broken: so a pattern is always verified, whatever its cost. After `seconds` without
an end, cells are added greedily instead, by the same inequalities and under the same judge.
Source: Fischetti and Salazar, "Solving the cell suppression problem on tabular data with linear constraints" (2001).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from meal_pipelines.protect.disclosure.attacker import TOLERANCE, Attacker, Cut, Marks
from meal_pipelines.protect.disclosure.problem import Component, Need, Problem, State

VAGUE_COST = 0.2
"""Of « s » where « < n » could have stood; a cell costs at least 1."""


@dataclass
class Pattern:
    """What is decided. hidden, vague: numbers of statements · exposed: needs that earlier publications already defeat ·
    is_optimal: False where time ran out and cells were added greedily."""

    hidden: set[int] = field(default_factory=set)
    vague: set[int] = field(default_factory=set)
    exposed: set[int] = field(default_factory=set)
    is_optimal: bool = True


def choose(problem: Problem, *, seconds: float = 20.0) -> Pattern:
    """The pattern for a whole problem, part by part; `seconds` is for all of them."""
    pattern = Pattern()
    until = time.monotonic() + seconds
    for component in problem.components():
        found = _Choice(problem, component, until).made()
        pattern.hidden |= found.hidden
        pattern.vague |= found.vague
        pattern.exposed |= found.exposed
        pattern.is_optimal &= found.is_optimal
    return pattern


class _Choice:
    """The search in one component."""

    def __init__(self, problem: Problem, component: Component, until: float) -> None:
        self._problem, self._component, self._until = problem, component, until
        self._attacker = Attacker(problem, component)
        states = {number: problem.statements[number].state for number in component.statements}
        self._must = [number for number, state in states.items() if state is State.HIDDEN]
        self._may = [number for number, state in states.items() if state is State.OPEN]
        self._can_be_vague = [n for n in (*self._must, *self._may) if problem.statements[n].below is not None]
        self._exposed: set[int] = set()
        self._reach = self._within_reach()

    def made(self) -> Pattern:
        proposer = _Proposer(self._problem, self._must, self._may, self._can_be_vague)
        marks, optimal = proposer.first(), True
        while cuts := self._broken(marks):
            proposer.add(cuts)
            left = self._until - time.monotonic()
            proposed = proposer.best(left) if left > 0 else None
            if proposed is None:
                optimal = False
                proposed = proposer.greedy(marks, cuts)
            marks = proposed
        hidden = {number for number, is_hidden in marks.hidden.items() if is_hidden}
        vague = {number for number, is_vague in marks.vague.items() if is_vague and number in hidden}
        return Pattern(hidden, vague, self._exposed, optimal)

    def _within_reach(self) -> dict[int, tuple[float, float]]:
        """What to keep possible for each need, from what is possible when everything is hidden."""
        decided = dict.fromkeys((*self._must, *self._may), True)
        self._attacker.suppose(Marks(decided, dict.fromkeys(self._can_be_vague, True)))
        found = {}
        for number in self._component.needs:
            need = self._problem.needs[number]
            low = need.low + self._missing(need, need.low, upwards=False)
            high = need.high if low == need.low else max(need.high, low + need.width)
            short = self._missing(need, high, upwards=True)
            high -= short
            if short and low == need.low:
                low -= max(0.0, need.width - (high - low))
                low += self._missing(need, low, upwards=False)
            if (low > need.low or high < need.high) and high - low < need.width - TOLERANCE:
                self._exposed.add(number)
            found[number] = low, high
        return found

    def _missing(self, need: Need, end: float, *, upwards: bool) -> float:
        value = self._problem.value(need.form)
        wanted = end - value if upwards else value - end
        cut = self._attacker.reaches(need.form, wanted, upwards=upwards) if wanted > TOLERANCE else None
        return 0.0 if cut is None else max(0.0, cut.missing)

    def _broken(self, marks: Marks) -> list[Cut]:
        """What the attacker can do against this pattern."""
        self._attacker.suppose(marks)
        found = []
        for number, (low, high) in self._reach.items():
            form = self._problem.needs[number].form
            value = self._problem.value(form)
            for upwards, wanted in ((True, high - value), (False, value - low)):
                if wanted <= TOLERANCE:
                    continue
                cut = self._attacker.reaches(form, wanted, upwards=upwards)
                if cut is not None and cut.missing <= TOLERANCE:
                    found.append(_tightened(cut))
        return found


class _Proposer:
    """The cheapest pattern that satisfies the inequalities gathered so far."""

    def __init__(self, problem: Problem, must: list[int], may: list[int], can_be_vague: list[int]) -> None:
        from highspy import Highs, HighsVarType

        self._must, self._may, self._can_be_vague = must, may, can_be_vague
        self._costs = {number: problem.statements[number].cost for number in may}
        self._highs: Any = Highs()
        for option, value in (("output_flag", False), ("threads", 1), ("random_seed", 0), ("mip_rel_gap", 1e-4)):
            self._highs.setOptionValue(option, value)
        self._hidden = {number: column for column, number in enumerate((*must, *may))}
        self._follows = [(rate, count) for rate, count in problem.follows if {rate, count} <= self._hidden.keys()]
        self._vague = {number: column for column, number in enumerate(can_be_vague, len(self._hidden))}
        for number in (*must, *may):
            self._highs.addVar(1.0 if number in must else 0.0, 1.0)
            self._highs.changeColCost(self._hidden[number], self._costs.get(number, 0.0))
        for number in can_be_vague:
            self._highs.addVar(0.0, 1.0)
            self._highs.changeColCost(self._vague[number], VAGUE_COST)
        for column in range(len(self._hidden) + len(self._vague)):
            self._highs.changeColIntegrality(column, HighsVarType.kInteger)
        for number in can_be_vague:
            self._highs.addRow(0.0, 1.0, 2, [self._hidden[number], self._vague[number]], [1.0, -1.0])
        for rate, count in self._follows:
            self._highs.addRow(0.0, 1.0, 2, [self._hidden[rate], self._hidden[count]], [1.0, -1.0])

    def first(self) -> Marks:
        """Only what must be hidden, and what follows it."""
        hidden = {number: number in set(self._must) for number in self._hidden}
        return Marks(self._with_followers(hidden), dict.fromkeys(self._can_be_vague, False))

    def _with_followers(self, hidden: dict[int, bool]) -> dict[int, bool]:
        return hidden | {rate: True for rate, count in self._follows if hidden[count]}

    def add(self, cuts: Iterable[Cut]) -> None:
        from highspy import kHighsInf

        for cut in cuts:
            columns = [*(self._hidden[number] for number in cut.hidden), *(self._vague[number] for number in cut.vague)]
            coefficients = [*cut.hidden.values(), *cut.vague.values()]
            self._highs.addRow(cut.least, kHighsInf, len(columns), columns, coefficients)

    def best(self, seconds: float) -> Marks | None:
        """None when there is no proof of the best within the time."""
        from highspy import HighsModelStatus

        self._highs.setOptionValue("time_limit", self._highs.getRunTime() + max(0.05, seconds))
        self._highs.run()
        if self._highs.getModelStatus() != HighsModelStatus.kOptimal:
            return None
        chosen = [value > 0.5 for value in self._highs.getSolution().col_value]
        return Marks(
            {number: chosen[column] for number, column in self._hidden.items()},
            {number: chosen[column] for number, column in self._vague.items()},
        )

    def greedy(self, marks: Marks, cuts: Iterable[Cut]) -> Marks:
        """More of the same pattern: for each inequality, what gives most for its cost, until it holds."""
        hidden, vague = dict(marks.hidden), dict(marks.vague)
        for cut in cuts:
            reached = sum(c for n, c in cut.hidden.items() if hidden[n]) + sum(
                c for n, c in cut.vague.items() if vague[n]
            )
            choices = [(c / self._costs.get(n, 1.0), c, n, hidden) for n, c in cut.hidden.items() if not hidden[n]]
            choices += [(c / VAGUE_COST, c, n, vague) for n, c in cut.vague.items() if not vague[n]]
            for _, coefficient, number, decided in sorted(choices, key=lambda choice: choice[:3], reverse=True):
                if reached >= cut.least - TOLERANCE:
                    break
                decided[number] = hidden[number] = True
                reached += coefficient
        return Marks(self._with_followers(hidden), vague)


def _tightened(cut: Cut) -> Cut:
    """No coefficient needs to exceed what is to be reached: choices are whole."""
    return Cut(
        cut.least,
        {number: min(c, cut.least) for number, c in cut.hidden.items()},
        {number: min(c, cut.least) for number, c in cut.vague.items()},
    )
