"""One table protected by our solver, and any pattern of hidden cells attacked, by the same rules for every tool.

`plainly` knows what other tools suppose: nothing but the sums, and that no value is negative. `as_published` is what the
platform does with a table of persons: its reader also knows what its marks say. Costs are ours unless others are given.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from benchmarks.tables import TOTAL, Codes, Needs, Table
from tests.disclosure.attack import Attack, too_narrow

DAY = dt.date(2026, 12, 31)
PROJECT = "comparaison"


@dataclass(frozen=True)
class Outcome:
    """What is hidden. primary, secondary: cells · lost: the values of all of them, added up · found: small cells of which
    the attack rules out a value that was to stay possible."""

    primary: int
    secondary: int
    lost: float
    found: int


def our_cost(table: Table, codes: Codes) -> float:
    """As `statements.py` weighs it: one plus the logarithm, ten times for the total of all."""
    return (10.0 if set(codes) == {TOTAL} else 1.0) * (1 + math.log1p(table.values[codes]))


def plainly(table: Table, needs: Needs, cost: Callable[[Table, Codes], float] = our_cost) -> frozenset[Codes]:
    """The cells to hide for these needs, by our solver alone."""
    from meal_pipelines.protect.disclosure.pattern import choose
    from meal_pipelines.protect.disclosure.problem import Need, Problem, State, Statement

    problem = Problem(values=list(table.values.values()))
    number = {codes: place for place, codes in enumerate(table.values)}
    for whole, parts in table.sums():
        problem.equal.append({number[whole]: 1.0, **{number[part]: -1.0 for part in parts}})
    for codes, value in table.values.items():
        state = State.HIDDEN if codes in needs else State.OPEN if value else State.SHOWN
        problem.statements.append(Statement({number[codes]: 1.0}, state, cost(table, codes), 0.0))
    for codes, (low, high) in needs.items():
        problem.needs.append(Need({number[codes]: 1.0}, low, high, high - low))
    pattern = choose(problem, seconds=600.0)
    assert not pattern.exposed and pattern.is_optimal
    return frozenset(codes for codes, place in number.items() if place in pattern.hidden)


def as_published(cursor: Any, table: Table, threshold: int) -> tuple[dict[Codes, str], bool]:
    """The marks that the platform prints in a table of records, all of it published at once, zeros shown; whether it had the
    time to find the best.

    A dimension with groups stands for regions and provinces. In the caller's transaction, which is to be taken back.
    """
    from meal_pipelines.project.disclosure import Disclosure
    from meal_pipelines.project.measures import Sum
    from meal_pipelines.protect.disclosure import Figures, Key, Offer, decide
    from meal_pipelines.protect.disclosure.figures import Figure, cell_of

    named = {codes: Key("N", "to_date", "2026", cell_of(_categories(table, codes))) for codes in table.values}
    found = {
        named[codes]: Figure(DAY, DAY, Decimal(value), Decimal(value), None, int(value))
        for codes, value in table.values.items()
    }
    counted: Any = SimpleNamespace(indicators=[SimpleNamespace(code="N", measure=Sum(kind="sum", mart="m", date="d"))])
    offers = [Offer("opsys", "2026", key, (key,)) for key in named.values()]
    settings, spans = Disclosure(threshold=threshold), {("to_date", "2026"): (DAY, DAY)}
    made = decide(cursor, PROJECT, settings, Figures(counted, found), offers, [("opsys", "2026")], spans)
    marks = {codes: mark for codes, key in named.items() if (mark := made.mark("opsys", key)) is not None}
    return marks, made.is_optimal


def _categories(table: Table, codes: Codes) -> dict[str, str]:
    found = {}
    for (name, tree), code in zip(table.dimensions.items(), codes, strict=True):
        if code == TOTAL:
            continue
        if len(tree) == 1:
            found[name] = code
        elif code in tree:
            found["region_code"] = f"{list(tree).index(code):02}"
        else:
            region = next(place for place, whole in enumerate(tree) if code in tree[whole])
            found["province_code"] = f"{region:02}.{code}"
    return found


def intervals(
    table: Table, hidden: Collection[Codes], wanted: Collection[Codes], marks: Mapping[Codes, str] | None = None
) -> dict[Codes, tuple[float, float]]:
    """The least and the most that each cell can be for a reader; marks: what stands in place of hidden cells, where it tells
    something."""
    attack = Attack()
    attack.equal += [({whole: 1.0, **dict.fromkeys(parts, -1.0)}, 0.0) for whole, parts in table.sums()]
    for codes, value in table.values.items():
        if codes not in hidden:
            attack.know({codes: 1.0}, value)
        elif marks is not None:
            attack.know({codes: 1.0}, marks[codes])
    return dict(zip(wanted, attack.intervals([{codes: 1.0} for codes in wanted]), strict=True))


def attacked(
    table: Table,
    needs: Needs,
    hidden: Collection[Codes],
    marks: Mapping[Codes, str] | None = None,
    width: float = math.inf,
) -> Outcome:
    """What is lost by a pattern, and what a reader makes of it all the same; width: of an interval that is enough, even if
    something that was to stay possible is not in it."""
    known = intervals(table, hidden, needs, marks)
    found = [codes for codes, (low, high) in needs.items() if too_narrow(known[codes], low, high, width=width)]
    lost = sum(table.values[codes] for codes in hidden)
    return Outcome(len(needs), len(set(hidden) - needs.keys()), lost, len(found))
