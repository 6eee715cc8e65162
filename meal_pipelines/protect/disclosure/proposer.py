"""Propose the cheapest pattern that satisfies the inequalities gathered so far: whole, by branch and bound, or in shares.

Knows what cells cost and which follow which; why an inequality holds, and when there are enough of them, is others'
business (`attacker.py`, `pattern.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from meal_pipelines.protect.disclosure.attacker import TOLERANCE, Cut, Marks
from meal_pipelines.protect.disclosure.problem import Component, Problem, State

VAGUE_COST = 0.2
"""Of « s » where « < n » could have stood; a cell costs at least 1."""
SHORTEST = 0.05
"""Seconds that a search gets at least."""


@dataclass(frozen=True)
class Proposal:
    """is_proved: nothing that satisfies the inequalities costs less, but for the gap allowed · least: what any pattern
    costs that does."""

    marks: Marks
    is_proved: bool
    least: float


class Proposer:
    """One component's choices: which statements must be hidden, which may be, and which of them may be « s »."""

    def __init__(self, problem: Problem, component: Component) -> None:
        states = {number: problem.statements[number].state for number in component.statements}
        self._must = {number for number, state in states.items() if state is State.HIDDEN}
        may = [number for number, state in states.items() if state is State.OPEN]
        numbers = (*sorted(self._must), *may)
        self._hidden = {number: column for column, number in enumerate(numbers)}
        vague = [number for number in numbers if problem.statements[number].below is not None]
        self._vague = {number: column for column, number in enumerate(vague, len(numbers))}
        self._costs = {number: problem.statements[number].cost for number in may}
        self._follows = [(rate, count) for rate, count in problem.follows if {rate, count} <= self._hidden.keys()]
        self._build()

    def _build(self) -> None:
        from highspy import Highs

        self._highs: Any = Highs()
        for option, value in (("output_flag", False), ("threads", 1), ("random_seed", 0)):
            self._highs.setOptionValue(option, value)
        for number, column in self._hidden.items():
            self._highs.addVar(1.0 if number in self._must else 0.0, 1.0)
            self._highs.changeColCost(column, self._costs.get(number, 0.0))
        for column in self._vague.values():
            self._highs.addVar(0.0, 1.0)
            self._highs.changeColCost(column, VAGUE_COST)
        for number, column in self._vague.items():
            self._highs.addRow(0.0, 1.0, 2, [self._hidden[number], column], [1.0, -1.0])
        for rate, count in self._follows:
            self._highs.addRow(0.0, 1.0, 2, [self._hidden[rate], self._hidden[count]], [1.0, -1.0])

    def everything(self) -> Marks:
        """All that can be hidden is, and says least."""
        return Marks(dict.fromkeys(self._hidden, 1.0), dict.fromkeys(self._vague, 1.0))

    def first(self) -> Marks:
        """Only what must be hidden, and what follows it."""
        hidden = {number: float(number in self._must) for number in self._hidden}
        return Marks(self._with_followers(hidden), dict.fromkeys(self._vague, 0.0))

    def _with_followers(self, hidden: Mapping[int, float]) -> dict[int, float]:
        return {**hidden, **{rate: 1.0 for rate, count in self._follows if hidden[count]}}

    def cost(self, marks: Marks) -> float:
        """Of the information that these marks withhold."""
        hidden = sum(self._costs.get(number, 0.0) * share for number, share in marks.hidden.items())
        return hidden + VAGUE_COST * sum(marks.vague.values())

    def add(self, cuts: Iterable[Cut]) -> None:
        """Inequalities that every pattern proposed from now on satisfies."""
        from highspy import kHighsInf

        for cut in cuts:
            columns = [*(self._hidden[number] for number in cut.hidden), *(self._vague[number] for number in cut.vague)]
            coefficients = [*cut.hidden.values(), *cut.vague.values()]
            self._highs.addRow(cut.least, kHighsInf, len(columns), columns, coefficients)

    def shares(self) -> Marks | None:
        """The cheapest where a cell may be hidden by half: quickly found, and never dearer than the best pattern."""
        from highspy import HighsModelStatus

        self._whole(False)
        self._highs.run()
        return self._read(round_off=False) if self._highs.getModelStatus() == HighsModelStatus.kOptimal else None

    def best(
        self, seconds: float, gap: float, *, known: Marks | None = None, kept: Collection[int] = ()
    ) -> Proposal | None:
        """The cheapest pattern, or the cheapest found in so many seconds; None when none was.

        gap: by how much, in proportion, it may be dearer than the best and pass for it · known: a pattern to improve on ·
        kept: cells that stay hidden.
        """
        from highspy import HighsModelStatus, SolutionStatus

        self._whole(True)
        self._highs.setOptionValue("mip_rel_gap", gap)
        self._highs.setOptionValue("time_limit", max(SHORTEST, seconds))
        for number in kept:
            self._highs.changeColBounds(self._hidden[number], 1.0, 1.0)
        if known is not None:
            self._suggest(known)
        self._highs.run()
        information = self._highs.getInfo()
        found = None
        if information.primal_solution_status == SolutionStatus.kSolutionStatusFeasible:
            is_proved = self._highs.getModelStatus() == HighsModelStatus.kOptimal
            found = Proposal(self._read(round_off=True), is_proved, information.mip_dual_bound)
        for number in kept:
            self._highs.changeColBounds(self._hidden[number], float(number in self._must), 1.0)
        self._highs.setOptionValue("time_limit", float("inf"))
        return found

    def _whole(self, is_whole: bool) -> None:
        from highspy import HighsVarType

        kind = HighsVarType.kInteger if is_whole else HighsVarType.kContinuous
        for column in range(len(self._hidden) + len(self._vague)):
            self._highs.changeColIntegrality(column, kind)

    def _suggest(self, marks: Marks) -> None:
        from highspy import HighsSolution

        solution = HighsSolution()
        solution.col_value = [*marks.hidden.values(), *(marks.vague[number] for number in self._vague)]
        self._highs.setSolution(solution)

    def _read(self, *, round_off: bool) -> Marks:
        found = [min(1.0, max(0.0, value)) for value in self._highs.getSolution().col_value]
        if round_off:
            found = [float(value > 0.5) for value in found]
        return Marks(
            {number: found[column] for number, column in self._hidden.items()},
            {number: found[column] for number, column in self._vague.items()},
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
                decided[number] = hidden[number] = 1.0
                reached += coefficient
        return Marks(self._with_followers(hidden), vague)

    def lighter(self, marks: Marks) -> Generator[Marks, Marks | None, None]:
        """The same pattern less one cell, the dearest first; what is sent back is the pattern to go on from."""
        for number in sorted(self._costs, key=lambda number: -self._costs[number]):
            is_bound = any(marks.hidden[count] for rate, count in self._follows if rate == number)
            if marks.hidden[number] and not is_bound:
                clear = {number: 0.0} if number in self._vague else {}
                marks = (yield Marks({**marks.hidden, number: 0.0}, {**marks.vague, **clear})) or marks
