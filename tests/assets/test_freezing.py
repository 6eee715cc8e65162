"""Freezing as a job: what its launchpad asks for, and how it refuses; what a freeze is, is tried in `tests/reports/`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from assets.freezing import FREEZING
from meal_pipelines.definitions import build_definitions
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse
from resources import followed


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The real projects, in a warehouse that has received nothing."""
    folder: Path = tmp_path_factory.mktemp("freezing")
    made = Settings.load(environ={"MEAL_HOME": str(folder / "h"), "MEAL_OUT": str(folder / "out")})
    with Warehouse.open(made):
        yield made


def _refusal(settings: Settings, **asked: str) -> str:
    """Run the job as the launchpad does, and read why it stops."""
    with followed(settings, None), dg.DagsterInstance.ephemeral() as instance:
        job = build_definitions(settings).resolve_job_def(FREEZING)
        result = job.execute_in_process(
            instance=instance, raise_on_error=False, run_config={"ops": {"figer": {"config": asked}}}
        )
    [event] = result.filter_events(lambda event: event.event_type_value == "STEP_FAILURE")
    failure = event.step_failure_data.user_failure_data
    assert failure is not None
    return str(failure.description)


def test_the_job_asks_for_what_the_command_asks_for_and_refuses_as_it_does(settings: Settings) -> None:
    asked = {"project": "prim2", "period": "2026-S1", "label": "Rapport semestriel", "by": "Personne d'essai"}
    assert "rien n'a été reçu" in _refusal(settings, **asked)
    assert "le nom de la personne qui fige" in _refusal(settings, **asked | {"by": ""})
    assert "Projet inconnu. Projets : prim2" in _refusal(settings, **asked | {"project": "prim3"})


def test_the_launchpad_shows_the_fields_to_fill_in(settings: Settings) -> None:
    """Whoever opens it finds the names of what is asked, and no name that would pass for somebody's."""
    job = build_definitions(settings).resolve_job_def(FREEZING)
    assert job.run_config is not None
    asked = job.run_config["ops"]["figer"]["config"]
    assert asked == {"project": "prim2", "period": "", "label": "", "by": "", "reason": ""}
