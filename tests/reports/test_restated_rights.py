"""Somebody is erased after a freeze: the report keeps its totals, nothing of her, and says what her leaving changed."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from meal_pipelines.indicators.reports.contributing import marts_of
from meal_pipelines.indicators.reports.restate import restatements
from meal_pipelines.protect.rights.access import Actor
from meal_pipelines.protect.rights.erasure import erase_person
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse
from tests.reports.house import house_of, some_visits
from tests.stage_cases import PROJECT


@pytest.mark.parametrize("leaving", ["cut_loose", "delete"])
def test_an_erasure_is_the_cause_of_what_it_changes_and_of_nothing_else(
    warehouse: Warehouse, settings: Settings, tmp_path: Path, leaving: str
) -> None:
    """What stays counted is one person still; what is deleted is one person less, and the report can still be replayed."""
    with house_of(warehouse, tmp_path, PROJECT.replace("age_bands:", f"erasure: {leaving}\nage_bands:")) as house:
        house.rows = some_visits()
        house.night()
        freeze = house.freeze()
        [(her,)] = house.query(
            "select answers ->> 'person_id' from indicators.reported_record where project = %s and submission_id = 'v1'",
            house.name,
        )
        bench = house.bench
        actor = Actor("officer", "dpo", "demande n° 1")
        erase_person(settings, warehouse, bench.keyring, bench.project, [her], actor, really=True)
        house.night()
        marts = marts_of(bench.project, house.models)
        found = restatements(house.connection, bench.project, freeze, marts)
        kept = house.query("select answers::text from indicators.reported_record where project = %s", house.name)
        assert not any(her in text for (text,) in kept)
        assert {cause for cell in found.cells for cause in cell.causes} <= {"rights"} and found.cells
        assert all(sum(cell.causes.values()) == cell.difference for cell in found.cells)
        totals = {
            cell.indicator: cell.difference for cell in found.cells
            if not cell.disaggregation and (cell.period_kind, cell.period) == ("to_date", "2026-05")
        }  # fmt: skip
        assert totals.get("U-1", Decimal(0)) == (0 if leaving == "cut_loose" else -1)
