"""Whatever happens on ODK Central, and whatever breaks on the way, `raw` ends level with it and remembers what it showed."""

from __future__ import annotations

import os

import pytest

from meal_pipelines.warehouse import Warehouse
from tests.collect.driving import IS_HUNT, drive
from tests.collect.odk_machine import on


def run(warehouse: Warehouse, examples: int, steps: int, *, again: bool = True) -> int:
    """Runs the machine. Returns: its steps. again: the same each time; with MEAL_HUNT in the environment, others."""
    machine = on(warehouse)
    drive(machine, examples, steps, again=again)
    print(f"{machine.steps} steps, {machine.nights} quiet nights")
    return machine.steps


def test_raw_ends_level_with_central_whatever_happened(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Edits, reviews, deletions, restorations, purges, late files, new versions, faults; during a load and between two."""
    monkeypatch.setitem(os.environ, "NO_PROXY", "127.0.0.1")
    assert run(warehouse, 6, 25) > 100


@pytest.mark.slow
def test_raw_ends_level_with_central_over_thousands_of_steps(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "NO_PROXY", "127.0.0.1")
    assert run(warehouse, 60, 60, again=not IS_HUNT) >= 2000
