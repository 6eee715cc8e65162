"""A mistake in a logframe is met by the indicators of its project, and by nothing else that Dagster shows."""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg

from meal_pipelines.definitions import build_definitions
from meal_pipelines.settings import CHECKOUT, Settings


def test_a_mart_that_does_not_exist_leaves_the_graph_and_the_other_project_standing(tmp_path: Path) -> None:
    """Refused there, with file and line, by the run; before it, nobody could open the interface or collect anything."""
    projects = shutil.copytree(CHECKOUT / "projects", tmp_path / "projects")
    logframe = projects / "prim2" / "logframe.yaml"
    text = logframe.read_text(encoding="utf-8")
    logframe.write_text(text.replace("mart: grant_contract", "mart: grant_contrat", 1), encoding="utf-8")
    settings = Settings.load(environ={"MEAL_HOME": str(tmp_path), "MEAL_PROJECTS": str(projects)})
    keys = set(build_definitions(settings).resolve_asset_graph().materializable_asset_keys)
    assert {dg.AssetKey(["indicators", project]) for project in ("prim2", "thamm_plus")} <= keys
