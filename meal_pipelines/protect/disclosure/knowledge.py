"""What an attacker brings along to one problem: the relations between its counts, and what two publications differ by.

The relations themselves are `relations.py`'s; here is between which counts they hold, now and in earlier publications.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from meal_pipelines.protect.disclosure.figures import Cell, Key, Offer
from meal_pipelines.protect.disclosure.problem import Form, Need
from meal_pipelines.protect.disclosure.publications import PublishedCell
from meal_pipelines.protect.disclosure.relations import Count, Relations, among_categories, among_periods
from meal_pipelines.protect.disclosure.statements import Writer

Group = tuple[str, ...]
"""An indicator, a period, a quantity, and of an earlier publication which one: counts between which relations hold."""


def write_knowledge(writer: Writer, offers: Sequence[Offer], past: Sequence[PublishedCell]) -> None:
    """All of it, into a problem whose statements are written."""
    _write_relations(writer, offers, past)
    if writer.settings.differences:
        _write_differences(writer, offers, past)


def _write_relations(writer: Writer, offers: Sequence[Offer], past: Sequence[PublishedCell]) -> None:
    """Between categories, places, the two counts of a rate, and periods."""
    relations = Relations(writer.problem.equal, writer.problem.at_most)
    alone = _alone(past)
    for group, counts in [*_now(writer, offers).items(), *_then(writer, past).items()]:
        exact = writer.figures.is_additive(group[0])
        among_categories(relations, counts, exact=exact, alone=alone.get(group, frozenset()))
    for offer in offers:
        for upper in offer.denominator[:1]:
            for lower in offer.numerator:
                relations.not_above(_current(writer, lower), _current(writer, upper))
    for cell in past:
        for upper in cell.offer.denominator[:1]:
            span = cell.start, cell.end
            for lower in cell.offer.numerator:
                relations.not_above(
                    writer.count(lower, cell.values[lower], span), writer.count(upper, cell.values[upper], span)
                )
    _rests(writer, offers, past)
    for dated in writer.dated.values():
        among_periods(relations, list(dated))
    writer.problem.equal[:] = _once(writer.problem.equal)
    writer.problem.at_most[:] = _once(writer.problem.at_most)


def _rests(writer: Writer, offers: Sequence[Offer], past: Sequence[PublishedCell]) -> None:
    """What is left of a rate's denominator does not shrink with time either: men, where women are told."""
    rests: dict[tuple[str, Cell], set[tuple[dt.date, int, int]]] = defaultdict(set)
    for offer, values, span in (
        *((offer, None, None) for offer in offers),
        *((cell.offer, cell.values, (cell.start, cell.end)) for cell in past),
    ):
        if offer.key.kind != "to_date" or len(offer.numerator) != 1 or len(offer.denominator) != 1:
            continue
        upper, lower = (
            _current(writer, key) if values is None else writer.count(key, values[key], span)
            for key in (offer.denominator[0], offer.numerator[0])
        )
        end = span[1] if span else writer.spans[offer.key.kind, offer.key.period][1]
        rests[offer.key.indicator, offer.key.cell].add((end, upper.number, lower.number))
    for moments in rests.values():
        for (_, whole, part), (_, later_whole, later_part) in pairwise(sorted(moments)):
            sums: dict[int, float] = defaultdict(float)
            for number, coefficient in ((whole, 1.0), (part, -1.0), (later_whole, -1.0), (later_part, 1.0)):
                sums[number] += coefficient
            form = {number: coefficient for number, coefficient in sums.items() if coefficient}
            if form and writer.problem.value(form) <= 0:
                writer.problem.at_most.append(form)


def _once(forms: Sequence[Form]) -> list[Form]:
    return list({frozenset(form.items()): form for form in forms}.values())


def _current(writer: Writer, key: Key) -> Count:
    return writer.count(key, writer.figures.count(key) or 0.0)


def _now(writer: Writer, offers: Sequence[Offer]) -> dict[Group, dict[Cell, Count]]:
    """Every count of the indicators and periods that are broken down, whether anybody is shown it or not."""
    wanted = {
        (key.indicator, key.kind, key.period, key.quantity)
        for offer in offers
        for key in (*offer.numerator, *offer.denominator)
        if key.cell
    }
    found: dict[Group, dict[Cell, Count]] = defaultdict(dict)
    for key in writer.figures.found:
        for quantity in ("value", "numerator", "denominator"):
            group, named = (key.indicator, key.kind, key.period, quantity), key.within(key.cell, quantity)
            if group in wanted and writer.figures.count(named) is not None:
                found[group][key.cell] = _current(writer, named)
    return found


def _then(writer: Writer, past: Sequence[PublishedCell]) -> dict[Group, dict[Cell, Count]]:
    """The same of each earlier publication, from what it held."""
    found: dict[Group, dict[Cell, Count]] = defaultdict(dict)
    for cell in past:
        for key, value in cell.values.items():
            found[_group(key, cell)][key.cell] = writer.count(key, value, (cell.start, cell.end))
    return found


def _alone(past: Sequence[PublishedCell]) -> dict[Group, set[tuple[Cell, str]]]:
    """Categories without their siblings: women, where a rate tells of women and nothing of men."""
    found: dict[Group, set[tuple[Cell, str]]] = defaultdict(set)
    told: dict[Group, set[Cell]] = defaultdict(set)
    for cell in past:
        for key in cell.offer.numerator:
            if not cell.offer.denominator:
                told[_group(key, cell)].add(key.cell)
                continue
            common = {pair for at in cell.offer.denominator for pair in at.cell}
            found[_group(key, cell)] |= {(key.cell, pair[0]) for pair in key.cell if pair not in common}
    return {group: {at for at in pairs if at[0] not in told[group]} for group, pairs in found.items()}


def _group(key: Key, cell: PublishedCell) -> Group:
    which = (cell.offer.recipient, cell.offer.publication, str(cell.version))
    return (key.indicator, key.kind, key.period, key.quantity, *which)


@dataclass(frozen=True, order=True)
class _Moment:
    """A cumulated count at one date. is_now: in a publication being made · is_shown: what stands there is known, or may
    be made known."""

    end: dt.date
    is_now: bool
    value: float
    number: int
    is_shown: bool
    threshold: int


def _write_differences(writer: Writer, offers: Sequence[Offer], past: Sequence[PublishedCell]) -> None:
    """The increase of a cumulated count between two dates at which it is shown is a figure too, and may be small."""
    chains: dict[tuple[str, Cell, str], set[_Moment]] = defaultdict(set)
    for name, moment in (*_moments_now(writer, offers), *_moments_past(writer, past)):
        chains[name].add(moment)
    for chain in chains.values():
        last: dict[bool, _Moment] = {}
        for moment in sorted(chain):
            for before in last.values():
                if moment.is_now or before.is_now or not moment.is_shown:
                    _ask(writer, before, moment)
            if moment.is_shown:
                last[moment.is_now] = moment


def _moments_now(writer: Writer, offers: Sequence[Offer]) -> Iterator[tuple[tuple[str, Cell, str], _Moment]]:
    for offer in offers:
        if offer.key.kind == "to_date" and len(offer.numerator) == 1 and not offer.denominator:
            key = offer.numerator[0]
            count = _current(writer, key)
            threshold = writer.settings.threshold_of(offer.recipient, [name for name, _ in key.cell])
            end = writer.spans[key.kind, key.period][1]
            yield _chain(key), _Moment(end, True, count.value, count.number, True, threshold)


def _moments_past(writer: Writer, past: Sequence[PublishedCell]) -> Iterator[tuple[tuple[str, Cell, str], _Moment]]:
    for cell in past:
        offer = cell.offer
        if offer.key.kind == "to_date" and len(offer.numerator) == 1 and not offer.denominator:
            key = offer.numerator[0]
            count = writer.count(key, cell.values[key], (cell.start, cell.end))
            threshold = writer.settings.threshold_of(offer.recipient, [name for name, _ in key.cell])
            yield _chain(key), _Moment(cell.end, False, count.value, count.number, cell.mark is None, threshold)


def _chain(key: Key) -> tuple[str, Cell, str]:
    return key.indicator, key.cell, key.quantity


def _ask(writer: Writer, before: _Moment, after: _Moment) -> None:
    """Protect a small difference, in whichever direction; none at all says nothing of anybody."""
    difference = after.value - before.value
    threshold = max(before.threshold, after.threshold)
    if before.number == after.number or not 1 <= abs(difference) < threshold:
        return
    sign = 1.0 if difference > 0 else -1.0
    # A hidden count is at least the floor: after a shown 0, an increase of 0 would be shown.
    least = max(0.0, writer.floor - min(before.value, after.value))
    writer.need(Need({after.number: sign, before.number: -sign}, least, float(threshold - 1), float(threshold)))
