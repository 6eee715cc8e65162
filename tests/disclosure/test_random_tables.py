"""Random populations published twice, and attacked from what was published.

The attack counts persons: how many there may be of each sex, age and province, who came when. It knows no total, no
relation and no code of the defence.
"""

from __future__ import annotations

import datetime as dt
import itertools
import os
import uuid
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from meal_pipelines.project.disclosure import Disclosure
from meal_pipelines.project.measures import CountUnique, Derived, Sum
from meal_pipelines.protect.disclosure import Figures, Key, Offer, decide
from meal_pipelines.protect.disclosure.figures import Figure, cell_of
from meal_pipelines.warehouse import Warehouse
from tests.disclosure.attack import Attack, too_narrow

THRESHOLD = 5
DIMENSIONS = {"sex": ("F", "H"), "age_band": ("0-35", "36+"), "province_code": ("02.1", "02.2", "09.1", "09.2")}
START = dt.date(2026, 3, 1)
DATES = {"2026-03": dt.date(2026, 3, 31), "2026-04": dt.date(2026, 4, 30)}
MEASURES = {
    "PERSONNES": CountUnique(kind="count_unique", mart="m", unit="person_id", date="d"),
    "SERVICES": Sum(kind="sum", mart="m", date="d"),
    "FEMMES": Derived(
        kind="derived", numerator="PERSONNES", numerator_where={"sex": "F"}, denominator="PERSONNES", scale=Decimal(100)
    ),
}
Atom = tuple[str, str, str]
"""Sex, age band, province."""


@dataclass(frozen=True)
class Person:
    atom: Atom
    month: str
    services: int

    def categories(self) -> dict[str, str]:
        named = dict(zip(DIMENSIONS, self.atom, strict=True))
        return named | {"region_code": self.atom[2][:2]}


@st.composite
def populations(draw: st.DrawFn) -> tuple[list[Person], list[tuple[str, ...]]]:
    """Persons, many in few categories as in life, and the crossings that are published."""
    shown = draw(st.lists(st.sampled_from(list(DIMENSIONS)), min_size=1, max_size=3, unique=True))
    atoms = list(itertools.product(*DIMENSIONS.values()))
    sizes = draw(st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 4, 6, 9, 25]), min_size=len(atoms), max_size=len(atoms)))
    late = draw(st.lists(st.integers(0, 4), min_size=len(atoms), max_size=len(atoms)))
    persons = [
        Person(atom, "2026-04" if number < new else "2026-03", 1 + number % 3)
        for atom, size, new in zip(atoms, sizes, late, strict=True)
        for number in range(size)
    ]
    groupings = [g for n in range(len(shown) + 1) for g in itertools.combinations(sorted(shown), n)]
    if "province_code" in shown:
        groupings.append(("region_code",))
    return persons, groupings


def _figures(persons: list[Person], groupings: list[tuple[str, ...]], month: str) -> Figures:
    """What the platform would have computed at the end of a month."""
    found: dict[Key, Figure] = {}
    there = [person for person in persons if person.month <= month]
    every = {*groupings, *((*grouping, "sex") for grouping in groupings if "sex" not in grouping)}
    for grouping in every:
        people: Counter[Any] = Counter()
        services: Counter[Any] = Counter()
        for categories in itertools.product(*(_values(name) for name in grouping)):
            people[cell_of(dict(zip(grouping, categories, strict=True)))] = 0
        for person in there:
            cell = cell_of({name: person.categories()[name] for name in grouping})
            people[cell] += 1
            services[cell] += person.services
        for cell, count in people.items():
            for code, value in (("PERSONNES", count), ("SERVICES", services[cell])):
                key = Key(code, "to_date", month, cell)
                found[key] = Figure(START, DATES[month], Decimal(value), Decimal(value), None, value)
    indicators = [SimpleNamespace(code=code, measure=measure) for code, measure in MEASURES.items()]
    return Figures(SimpleNamespace(indicators=indicators), found)  # type: ignore[arg-type]


def _values(name: str) -> tuple[str, ...]:
    return DIMENSIONS.get(name, ("02", "09"))


def _offers(figures: Figures, groupings: list[tuple[str, ...]], month: str) -> list[Offer]:
    """Two linked tables of counts and one of rates, in two files."""
    offers = []
    for key in sorted(figures.found):
        if tuple(name for name, _ in key.cell) not in {tuple(sorted(grouping)) for grouping in groupings}:
            continue
        recipient = "opsys" if key.indicator == "PERSONNES" else "thema"
        offers.append(Offer(recipient, month, key, (key,)))
        rate = Key("FEMMES", key.kind, key.period, key.cell)
        parts = figures.parts(rate)
        if key.indicator == "PERSONNES" and "sex" not in dict(key.cell) and figures.count(key) and parts and parts[1]:
            offers.append(Offer("opsys", month, rate, (parts[0],), (parts[1],)))
    return offers


def _behind(key: Key) -> dict[Any, float]:
    """The unknowns that a count adds up: persons (or services) of each kind that came by that month."""
    wanted = dict(key.cell)
    unknowns: dict[Any, float] = {}
    for atom in itertools.product(*DIMENSIONS.values()):
        categories = Person(atom, "", 0).categories()
        if all(categories[name] == value for name, value in wanted.items()):
            unknowns |= {(key.indicator, atom, month): 1.0 for month in DATES if month <= key.period}
    return unknowns


def _minus(one: dict[Any, float], other: dict[Any, float], by: float = 1.0) -> dict[Any, float]:
    return {name: one.get(name, 0.0) - by * other.get(name, 0.0) for name in {**one, **other}}


def _attack(warehouse: Warehouse, persons: list[Person], groupings: list[tuple[str, ...]]) -> tuple[int, int, int]:
    """Publish twice, attack once; how many figures were published, hidden for themselves and for others."""
    project, attack = f"hasard_{uuid.uuid4().hex[:8]}", Attack()
    targets: list[tuple[dict[Any, float], float, float]] = []
    shown: dict[tuple[str, Any], tuple[Key, float]] = {}
    counts = [0, 0, 0]
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for month, end in DATES.items():
            figures = _figures(persons, groupings, month)
            offers = _offers(figures, groupings, month)
            publications, spans = [("opsys", month), ("thema", month)], {("to_date", month): (START, end)}
            made = decide(cursor, project, Disclosure(), figures, offers, publications, spans)
            assert made.exposed == 0
            counts[0] += len(offers)
            for offer in offers:
                mark = made.marks.get((offer.recipient, offer.key))
                counts[1] += mark is not None and mark.reason == "primary"
                counts[2] += mark is not None and mark.reason == "secondary"
                true = [figures.count(key) or 0.0 for key in (*offer.numerator, *offer.denominator)]
                behind = [_behind(key) for key in (*offer.numerator, *offer.denominator)]
                if offer.denominator:
                    if mark is None:
                        attack.know(_minus(behind[0], behind[1], true[0] / true[1]), 0.0)
                    implied = [
                        (behind[0], true[0]),
                        (behind[1], true[1]),
                        (_minus(behind[1], behind[0]), true[1] - true[0]),
                    ]
                    small = [form for form, value in implied if 1 <= value < THRESHOLD]
                    assert bool(small) <= (mark is not None), "a rate about few persons is hidden"
                    targets += [(form, 1.0, THRESHOLD - 1.0) for form in small]
                    continue
                attack.know(behind[0], true[0] if mark is None else mark.text)
                if 1 <= true[0] < THRESHOLD:
                    assert mark is not None, "a small count is hidden"
                    targets.append((behind[0], 1.0, THRESHOLD - 1.0))
                before = shown.get((offer.key.indicator, offer.key.cell))
                if before is not None and 1 <= true[0] - before[1] < THRESHOLD:
                    targets.append((_minus(behind[0], _behind(before[0])), max(0.0, 1.0 - before[1]), THRESHOLD - 1.0))
                if mark is None:
                    shown[offer.key.indicator, offer.key.cell] = (offer.key, true[0])
        connection.rollback()
    targets = list({(frozenset(form.items()), low, high): (form, low, high) for form, low, high in targets}.values())
    found = attack.intervals([form for form, _, _ in targets])
    for (form, low, high), interval in zip(targets, found, strict=True):
        assert not too_narrow(interval, low, high, width=THRESHOLD), (interval, low, high, form)
    return counts[0], counts[1], counts[2]


@settings(
    max_examples=5, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), derandomize=True
)
@given(populations())
def test_nothing_hidden_is_worked_out_of_two_publications(warehouse: Warehouse, population: Any) -> None:
    """Totals, crossings, regions and provinces, rates, two files, two dates: the reader has them all."""
    _attack(warehouse, *population)


@pytest.mark.slow
@settings(
    # A drawn population may take a minute. MEAL_HUNT draws two hundred others.
    max_examples=200 if os.environ.get("MEAL_HUNT") else 15,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=not os.environ.get("MEAL_HUNT"),
)
@given(populations())
def test_nothing_hidden_is_worked_out_of_random_populations(warehouse: Warehouse, population: Any) -> None:
    """The same, more often."""
    _attack(warehouse, *population)
