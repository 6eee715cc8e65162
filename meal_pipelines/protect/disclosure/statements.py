"""From figures that are offered, and those published before, to a protection problem in plain numbers.

What counts as too small is decided here (primary suppression); what an attacker knows besides is in `knowledge.py`, and what
else must be hidden is left to `pattern.py`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from meal_pipelines.project.disclosure import Disclosure
from meal_pipelines.protect.disclosure.figures import Cell, Figures, Key, Offer
from meal_pipelines.protect.disclosure.problem import Form, Need, Problem, State, Statement
from meal_pipelines.protect.disclosure.publications import PublishedCell
from meal_pipelines.protect.disclosure.relations import Count, Dated

TOTAL_WEIGHT = 10.0
"""How much more a total is worth than a category of the same size."""
KEPT_WEIGHT = 0.5
"""Of a figure that the last version of these publications hid: patterns should not wander from night to night."""
Span = tuple[dt.date, dt.date]


@dataclass(frozen=True)
class Size:
    """A count or a rate that is to be shown: its counts and how small is too small."""

    offers: tuple[Offer, ...]
    threshold: int
    numerator: float
    denominator: float | None
    form: Form
    numerator_form: Form
    denominator_form: Form

    @property
    def cell(self) -> Cell:
        return self.offers[0].key.cell


@dataclass
class Written:
    """The problem, and which of its statements is which offer. `alone`: offers without counts that are too small."""

    problem: Problem
    statement_of: dict[tuple[str, Key], int]
    alone: set[tuple[str, Key]]
    thresholds: dict[Key, int]


@dataclass
class Writer:
    """Writes one problem. spans: first and last day of each (kind, period), cut at the last day of data."""

    settings: Disclosure
    figures: Figures
    spans: Mapping[tuple[str, str], Span]
    problem: Problem = field(default_factory=Problem)
    numbers: dict[tuple[Key, float], int] = field(default_factory=dict)
    said: dict[tuple[frozenset[tuple[int, float]], State], int] = field(default_factory=dict)
    dated: dict[tuple[str, Cell, str], set[Dated]] = field(default_factory=lambda: defaultdict(set))

    @property
    def floor(self) -> int:
        """The least that a hidden count can be: zeros are shown, or hidden with the rest."""
        return 1 if self.settings.zeros == "shown" else 0

    def write(
        self, offers: Sequence[Offer], past: Sequence[PublishedCell], kept: Collection[tuple[str, Key]]
    ) -> Written:
        """kept: the offers that the last version of these publications hid."""
        written = Written(self.problem, {}, set(), {})
        for cell in past:
            self._before(cell)
        known = {form for form, state in self.said if state is State.SHOWN}
        for size in self._sizes(offers, written):
            was_hidden = any((offer.recipient, offer.key) in kept for offer in size.offers)
            number = self._statement(size, known=frozenset(size.form.items()) in known, was_hidden=was_hidden)
            for offer in size.offers:
                written.statement_of[offer.recipient, offer.key] = number
        self._follow(offers, written)
        return written

    def count(self, key: Key, value: float, span: Span | None = None) -> Count:
        """The count of that name and value; two versions of a figure that was corrected are two counts."""
        number = self.numbers.setdefault((key, value), len(self.problem.values))
        if number == len(self.problem.values):
            self.problem.values.append(value)
        count = Count(number, value)
        start, end = span or self.spans[key.kind, key.period]
        self.dated[key.indicator, key.cell, key.quantity].add(Dated(count, start, end))
        return count

    def _before(self, cell: PublishedCell) -> None:
        """A figure that is out: known, or known to be hidden."""
        if not cell.offer.numerator:
            return
        numerator = self._sum(cell.offer.numerator, cell.values, (cell.start, cell.end))
        denominator = self._sum(cell.offer.denominator, cell.values, (cell.start, cell.end))
        is_count = not cell.offer.denominator
        form = numerator if is_count else self._rate(numerator, denominator)
        if cell.mark is None:
            self._say(Statement(form, State.SHOWN))
            return
        threshold = cell.mark.threshold
        if is_count:
            state = State.GONE_SMALL if cell.mark.text.startswith("<") else State.GONE
            below = threshold if state is State.GONE_SMALL else None
            self._say(Statement(form, state, floor=min(self.floor, self.problem.value(form)), below=below))
        self._needs(threshold, numerator, None if is_count else denominator)

    def _sizes(self, offers: Sequence[Offer], written: Written) -> Iterator[Size]:
        """Each count once, however many show it, with the strictest threshold; each rate once; medians apart."""
        together: dict[tuple[Key, ...], list[Offer]] = defaultdict(list)
        for offer in offers:
            names = offer.numerator if not offer.denominator else (offer.key, *offer.numerator)
            together[names or (offer.key,)].append(offer)
        for group in together.values():
            first = group[0]
            threshold = max(
                self.settings.threshold_of(offer.recipient, [name for name, _ in offer.key.cell]) for offer in group
            )
            written.thresholds |= {offer.key: threshold for offer in group}
            if not first.numerator:
                if first.units is not None and 1 <= first.units < threshold:
                    written.alone |= {(offer.recipient, offer.key) for offer in group}
                continue
            values = {key: self.figures.count(key) or 0.0 for key in (*first.numerator, *first.denominator)}
            above, under = self._sum(first.numerator, values), self._sum(first.denominator, values)
            form = self._rate(above, under) if first.denominator else above
            size = self.problem.value(under) if first.denominator else None
            yield Size(tuple(group), threshold, self.problem.value(above), size, form, above, under)

    def _statement(self, size: Size, *, known: bool, was_hidden: bool) -> int:
        weight = TOTAL_WEIGHT if not size.cell else 1.0
        reach = size.numerator if size.denominator is None else size.denominator
        cost = weight * (1 + math.log1p(reach)) * (KEPT_WEIGHT if was_hidden else 1.0)
        if size.denominator is None:
            small = self.floor <= size.numerator < size.threshold
            below = size.threshold if small and self.settings.mark == "threshold" else None
            if size.numerator < self.floor:  # a zero, where zeros are shown: it may stand for something impossible
                return self._say(Statement(size.form, State.SHOWN))
            state = State.HIDDEN if small else State.SHOWN if known else State.OPEN
            if small:
                self._needs(size.threshold, size.numerator_form, None)
            return self._say(Statement(size.form, state, cost, float(self.floor), below))
        small = self._needs(size.threshold, size.numerator_form, size.denominator_form)
        state = State.HIDDEN if small else State.SHOWN if known else State.OPEN
        return self._say(Statement(size.form, state, cost))

    def _follow(self, offers: Sequence[Offer], written: Written) -> None:
        """No rate is shown of a count that is hidden: with the next publication it would narrow it."""
        counts = {
            offer.numerator[0]: written.statement_of[offer.recipient, offer.key]
            for offer in offers
            if len(offer.numerator) == 1 and not offer.denominator
        }
        for offer in offers:
            rate = written.statement_of.get((offer.recipient, offer.key))
            if rate is None or not offer.denominator:
                continue
            if self.problem.statements[rate].state is not State.OPEN:
                continue
            for key in (*offer.numerator, *offer.denominator):
                if key in counts and (rate, counts[key]) not in self.problem.follows:
                    self.problem.follows.append((rate, counts[key]))

    def _needs(self, threshold: int, numerator: Form, denominator: Form | None) -> bool:
        """Ask for the protection of what is too small in a count or a rate; whether there is anything."""
        forms = [numerator]
        if denominator is not None:
            rest = dict(denominator)
            for number, coefficient in numerator.items():
                rest[number] = rest.get(number, 0.0) - coefficient
            forms += [denominator, {number: c for number, c in rest.items() if c != 0.0}]
        found = False
        for form in forms:
            if form and self.floor <= self.problem.value(form) < threshold:
                found = True
                self.need(Need(form, float(self.floor), float(threshold - 1), float(threshold)))
        return found

    def need(self, need: Need) -> None:
        if need not in self.problem.needs:
            self.problem.needs.append(need)

    def _say(self, statement: Statement) -> int:
        """Once for each form and state: files repeat one another."""
        name = (frozenset(statement.form.items()), statement.state)
        if name not in self.said:
            self.said[name] = len(self.problem.statements)
            self.problem.statements.append(statement)
        return self.said[name]

    def _sum(self, keys: Sequence[Key], values: Mapping[Key, float], span: Span | None = None) -> Form:
        return {self.count(key, values[key], span).number: 1.0 for key in keys}

    def _rate(self, numerator: Form, denominator: Form) -> Form:
        """Zero when the rate is what it is: numerator - rate × denominator."""
        under = self.problem.value(denominator)
        rate = self.problem.value(numerator) / under if under else 0.0
        form = dict(numerator)
        for number, coefficient in denominator.items():
            form[number] = form.get(number, 0.0) - rate * coefficient
        return {number: coefficient for number, coefficient in form.items() if coefficient != 0.0}
