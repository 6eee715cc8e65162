"""Whatever happens on KoboToolbox, and whatever breaks on the way, `raw` ends level with it and remembers what it showed."""

from __future__ import annotations

import pytest

from meal_pipelines.collect import kobo
from meal_pipelines.warehouse import Warehouse
from tests.collect.driving import IS_HUNT, drive
from tests.collect.kobo_machine import KoboCollection, on


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of a few rows instead of a hundred: otherwise every row of a small form is looked at again each night."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(kobo, "NEWEST", 3)
    monkeypatch.setattr(kobo, "BATCH", 2)


def run(warehouse: Warehouse, examples: int, steps: int, *, again: bool = True) -> type[KoboCollection]:
    """The machine, run. again: the same steps each time; with MEAL_HUNT in the environment, others each time."""
    machine = on(warehouse)
    drive(machine, examples, steps, again=again)
    print(f"{machine.steps} steps, {machine.nights} quiet nights, {machine.followed} of them without a sweep")
    return machine


def test_raw_ends_level_with_kobo_whatever_happened(warehouse: Warehouse) -> None:
    """Edits, reviews, deletions, rows lost and found, late files, new versions, rights, faults; during a load and between two."""
    machine = run(warehouse, 6, 25)
    assert machine.steps > 100
    assert machine.followed > 0


@pytest.mark.slow
def test_raw_ends_level_with_kobo_over_thousands_of_steps(warehouse: Warehouse) -> None:
    machine = run(warehouse, 60, 60, again=not IS_HUNT)
    assert machine.steps >= 2000
    assert machine.followed > machine.nights / 3
