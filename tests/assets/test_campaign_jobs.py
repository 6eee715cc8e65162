"""The annual campaigns as jobs: each launches its own recipient's extracts, of every project that it concerns, once a year."""

from __future__ import annotations

import dagster as dg
import pytest

from meal_pipelines.definitions import build_definitions
from meal_pipelines.settings import Settings

ASSETS = {
    "thema": {"extracts/prim2/thema", "extracts/thamm_plus/thema"},
    "tei": {"extracts/thamm_plus/tei"},
    "afd": {"extracts/prim2/afd", "extracts/thamm_plus/afd"},
}


@pytest.mark.parametrize("recipient", ASSETS)
def test_each_kind_of_campaign_has_its_job_and_its_day(settings: Settings, recipient: str) -> None:
    """An officer asked for TEI must not have to find it among all the extracts."""
    definitions = build_definitions(settings)
    job = definitions.resolve_job_def(f"campagne_{recipient}")
    assert {key.to_user_string() for key in job.asset_layer.selected_asset_keys} == ASSETS[recipient]
    schedule = definitions.resolve_schedule_def(f"campagne_{recipient}_annuelle")
    assert schedule.job_name == f"campagne_{recipient}"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    _, _, day, month, _ = str(schedule.cron_schedule).split()
    assert month == "1" and int(day) >= 15
