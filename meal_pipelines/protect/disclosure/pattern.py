"""Choose what is hidden besides what must be: the pattern that loses least and that the attacker cannot undo.

A programme (`proposer.py`) proposes a pattern, the attacker's linear programmes judge it and answer with the inequalities
it breaks, until none is broken: so a pattern is always verified, whatever its cost. Inequalities are first gathered where a
cell may be hidden by half, which is quick; then patterns are searched for roughly, then exactly. Where the time for that
runs out, the last fair proposal is completed greedily, every cell that it hides for nothing is shown again, and then parts
of it are chosen anew, all under the same judge, until nothing is gained by it or the time is over.
Source: Fischetti and Salazar, "Solving the cell suppression problem on tabular data with linear constraints" (2001).
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from meal_pipelines.protect.disclosure.attacker import TOLERANCE, Attacker, Cut, Marks
from meal_pipelines.protect.disclosure.problem import Component, Form, Need, Problem
from meal_pipelines.protect.disclosure.proposer import Proposer

ROUGH, EXACT = 0.02, 1e-4
"""By how much, in proportion, a pattern may be dearer than the best: while none is safe yet, and in the end."""
SLICE = 2.0
"""Seconds for one proposal: the attacker's answer to a fair one teaches more than the proof of a better one."""
FAIR = 1.2
"""How much dearer than what any pattern costs a proposal without proof may be, to be worth completing."""
PROVING = 0.3
"""Of the time, for the best pattern and its proof; the rest is for making a safe one better."""
KEPT = (0.9, 0.8, 0.7, 0.6)
"""Of the hidden cells, how many stay hidden while the others are chosen again, turn by turn."""
TRIES = 40
"""How many times in a row that may fail."""
PROGRESS = 1e-3
"""By how much, in proportion, a round in shares must raise the cost to be worth another one."""


@dataclass
class Pattern:
    """What is decided. hidden, vague: numbers of statements · exposed: needs that earlier publications already defeat ·
    is_optimal: False where time ran out before the best was proved to be it."""

    hidden: set[int] = field(default_factory=set)
    vague: set[int] = field(default_factory=set)
    exposed: set[int] = field(default_factory=set)
    is_optimal: bool = True


def choose(problem: Problem, *, seconds: float = 20.0) -> Pattern:
    """The pattern for a whole problem, part by part, small ones first; `seconds` is for all of them, shared by size."""
    pattern = Pattern()
    until = time.monotonic() + seconds
    components = sorted(problem.components(), key=lambda part: len(part.statements))
    sizes = [len(part.statements) for part in components]
    for place, component in enumerate(components):
        share = sizes[place] / sum(sizes[place:])
        found = _Choice(problem, component, share * (until - time.monotonic())).made()
        pattern.hidden |= found.hidden
        pattern.vague |= found.vague
        pattern.exposed |= found.exposed
        pattern.is_optimal &= found.is_optimal
    return pattern


class _Choice:
    """The search in one component."""

    def __init__(self, problem: Problem, component: Component, seconds: float) -> None:
        self._problem, self._component = problem, component
        self._until = time.monotonic() + seconds
        self._least = 0.0
        self._attacker = Attacker(problem, component)
        self._proposer = Proposer(problem, component)
        self._exposed: set[int] = set()
        self._reach = self._within_reach()

    def made(self) -> Pattern:
        marks, is_optimal = self._proposer.first(), True
        if self._learnt(marks):
            self._learn_in_shares()
            marks, is_optimal = self._searched()
            if not is_optimal:
                marks, is_optimal = self._improved(self._lightened(self._completed(marks)))
        hidden = {number for number, share in marks.hidden.items() if share}
        vague = {number for number, share in marks.vague.items() if share and number in hidden}
        return Pattern(hidden, vague, self._exposed, is_optimal)

    def _learn_in_shares(self) -> None:
        """Gather inequalities where cells may be hidden by half, as long as that raises the least cost."""
        cost = 0.0
        while (marks := self._proposer.shares()) is not None and self._left() > 0:
            before, cost = cost, self._proposer.cost(marks)
            if not self._learnt(marks) or cost - before < PROGRESS * cost:
                return

    def _searched(self) -> tuple[Marks, bool]:
        """The best pattern, or the last that was proposed; whether it is proved to be the best."""
        marks, gap, until = self._proposer.first(), ROUGH, time.monotonic() + PROVING * self._left()
        while (left := until - time.monotonic()) > 0:
            proposal = self._proposer.best(left if gap == EXACT else min(left, SLICE), gap)
            if proposal is None:
                break
            self._least = max(self._least, proposal.least)
            is_safe = not self._learnt(proposal.marks)
            if is_safe or proposal.is_proved or self._proposer.cost(proposal.marks) < FAIR * self._least:
                marks = proposal.marks
            if is_safe and gap == EXACT:
                return marks, proposal.is_proved
            gap = EXACT if is_safe else gap
        return marks, False

    def _completed(self, marks: Marks) -> Marks:
        """Safe: nothing that is hidden is shown again, and more is hidden, greedily, for one need after the other."""
        self._attacker.suppose(marks)
        for form, wanted, upwards in self._wanted():
            while (cut := self._limit(form, wanted, upwards=upwards)) is not None:
                marks = self._proposer.greedy(marks, [cut])
                self._attacker.suppose(marks)
        return marks

    def _improved(self, marks: Marks) -> tuple[Marks, bool]:
        """A safe pattern made better by parts: most of what it hides stays hidden, the rest is chosen again."""
        chance, tries = random.Random(0), 0
        while tries < TRIES and self._left() > 0:
            if self._proposer.cost(marks) <= self._least * (1 + EXACT):
                return marks, True
            kept = [n for n, share in marks.hidden.items() if share and chance.random() < KEPT[tries % len(KEPT)]]
            better = self._better(marks, kept)
            tries = 0 if better else tries + 1
            marks = better or marks
        return marks, False

    def _better(self, marks: Marks, kept: list[int]) -> Marks | None:
        """A safe pattern that loses less and hides these cells too."""
        until = min(self._until, time.monotonic() + 2 * SLICE)
        while (left := until - time.monotonic()) > 0:
            proposal = self._proposer.best(left, ROUGH / 4, known=marks, kept=kept)
            if proposal is None or self._proposer.cost(proposal.marks) > self._proposer.cost(marks) - TOLERANCE:
                return None
            if not self._learnt(proposal.marks):
                return proposal.marks
        return None

    def _left(self) -> float:
        return self._until - time.monotonic()

    def _lightened(self, marks: Marks) -> Marks:
        """The safe pattern without the cells that it hides for nothing."""
        lighter = self._proposer.lighter(marks)
        tried = next(lighter, None)
        while tried is not None and time.monotonic() < self._until:
            is_safe = next(self._broken(tried), None) is None
            marks = tried if is_safe else marks
            try:
                tried = lighter.send(tried if is_safe else None)
            except StopIteration:
                break
        return marks

    def _within_reach(self) -> dict[int, tuple[float, float]]:
        """What to keep possible for each need, from what is possible when everything is hidden."""
        self._attacker.suppose(self._proposer.everything())
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

    def _learnt(self, marks: Marks) -> bool:
        """Whether the attacker can do anything against this pattern; no later one will allow it."""
        cuts = list(self._broken(marks))
        self._proposer.add(cuts)
        return bool(cuts)

    def _broken(self, marks: Marks) -> Iterator[Cut]:
        """What the attacker can do against this pattern."""
        self._attacker.suppose(marks)
        for form, wanted, upwards in self._wanted():
            if (cut := self._limit(form, wanted, upwards=upwards)) is not None:
                yield cut

    def _wanted(self) -> Iterator[tuple[Form, float, bool]]:
        """How far from the truth each need is to be thought possible, upwards or downwards."""
        for number, (low, high) in self._reach.items():
            form = self._problem.needs[number].form
            value = self._problem.value(form)
            yield from (
                (form, wanted, up) for up, wanted in ((True, high - value), (False, value - low)) if wanted > TOLERANCE
            )

    def _limit(self, form: Form, wanted: float, *, upwards: bool) -> Cut | None:
        cut = self._attacker.reaches(form, wanted, upwards=upwards)
        return _tightened(cut) if cut is not None and cut.missing <= TOLERANCE else None


def _tightened(cut: Cut) -> Cut:
    """No coefficient needs to exceed what is to be reached: choices are whole."""
    return Cut(
        cut.least,
        {number: min(c, cut.least) for number, c in cut.hidden.items()},
        {number: min(c, cut.least) for number, c in cut.vague.items()},
    )
