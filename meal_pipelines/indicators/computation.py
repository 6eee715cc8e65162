"""What one computation of a project's indicators is: made by `compute.py`, judged by `audit.py`."""

from __future__ import annotations

from dataclasses import dataclass

from meal_pipelines.indicators.compile import Compiled
from meal_pipelines.indicators.periods import Calendar
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.warehouse.tables import TableSpec


@dataclass(frozen=True)
class Computation:
    """Indicators that stand in `build`, to be judged.

    computed, unchanged: codes · table: its `staged` table holds the new rows, its `candidate` view every row that the
    project would have · fingerprints: what each indicator was made of · queries: of every indicator, as documented.
    """

    project: LoadedProject
    calendar: Calendar
    computed: list[str]
    unchanged: list[str]
    table: TableSpec
    fingerprints: dict[str, str]
    queries: dict[str, Compiled]
    run_id: str | None
