"""Our suppression against results that other tools' authors printed: same table, same promise, same attack on both.

The attack is scipy's, over cells and their sums; it knows nothing of either tool.
"""

from __future__ import annotations

import pytest

from benchmarks.suppression import as_published, attacked, intervals, plainly
from benchmarks.tables import EXAMPLES, Codes, Table, small
from meal_pipelines.warehouse import Warehouse


def value(table: Table, codes: Codes) -> float:
    return table.values[codes]


def one(table: Table, codes: Codes) -> float:
    return 1.0


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_published_pattern_that_keeps_its_promise_loses_less_than_ours(name: str) -> None:
    """By the weights of the others (values, or cells) as by our own: the best is the best whoever found it."""
    example = EXAMPLES[name]()
    theirs = {method: attacked(example.table, example.needs, hidden) for method, hidden in example.theirs.items()}
    safe = [outcome for outcome in theirs.values() if not outcome.found]
    assert safe, "at least one published pattern holds"
    usual = attacked(example.table, example.needs, plainly(example.table, example.needs))
    by_value = attacked(example.table, example.needs, plainly(example.table, example.needs, value))
    by_cells = attacked(example.table, example.needs, plainly(example.table, example.needs, one))
    assert (usual.found, by_value.found, by_cells.found) == (0, 0, 0)
    assert by_value.lost <= min(outcome.lost for outcome in safe)
    assert by_cells.secondary <= min(outcome.secondary for outcome in safe)
    assert usual.lost <= min(outcome.lost for outcome in safe)
    assert usual.secondary <= min(outcome.secondary for outcome in safe)


def test_the_attack_finds_what_the_authors_say_that_it_finds() -> None:
    """Two printed intervals, and a cell of 47 that an unsafe pattern gives away: the attack is as strong as theirs."""
    widths, known = EXAMPLES["widths"](), EXAMPLES["known"]()
    found = intervals(widths.table, widths.theirs["élimination de Gauss"], widths.needs)
    assert found == {
        ("young", "Iceland"): pytest.approx((0, 13)),
        ("young", "Portugal"): pytest.approx((0, 12)),
    }
    cell = ("w", "b")
    given_away = intervals(known.table, known.theirs["SIMPLEHEURISTIC_OLD"], [cell])
    assert given_away[cell] == pytest.approx((47, 47))
    mended = intervals(known.table, known.theirs["SIMPLEHEURISTIC"], [cell])
    assert mended[cell] == pytest.approx((0, 78))


def test_what_the_platform_prints_of_a_published_table_keeps_all_that_its_marks_allow(warehouse: Warehouse) -> None:
    """The published pattern of the same six cells keeps its own promise, and not ours: Portugal cannot be 1 person."""
    example = EXAMPLES["ages"]()
    needs = small(example.table, 5)
    with warehouse.connect() as connection, connection.cursor() as cursor:
        marks, is_best = as_published(cursor, example.table, 5)
        connection.rollback()
    ours = attacked(example.table, needs, marks.keys(), marks)
    theirs = attacked(example.table, needs, example.theirs["élimination de Gauss"])
    assert is_best and (ours.found, ours.primary, ours.secondary) == (0, 6, 4)
    assert (theirs.found, theirs.primary, theirs.secondary) == (2, 6, 4)
