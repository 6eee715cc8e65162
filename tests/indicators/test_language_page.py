"""The page that officers read shows what works: every example of it compiles over the project it names."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import get_args

import pytest
from ruamel.yaml import YAML

from meal_pipelines.indicators import Calendar, compile_indicator
from meal_pipelines.project.load import load_projects
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator
from meal_pipelines.project.measures import FromSql, Measure
from meal_pipelines.settings import CHECKOUT, Settings
from meal_pipelines.warehouse.tables import TableSpec
from tests.expectations.test_mart_suites import DECLARED as MARTS
from tests.indicators.logframes import indicator

PAGE = (CHECKOUT / "docs" / "langage_indicateurs.md").read_text(encoding="utf-8")
EXAMPLES = [YAML(typ="safe").load(text) for text in re.findall(r"```yaml\n(.+?)```", PAGE, re.DOTALL)]
PLACES = re.findall(r"```yaml\n(?:# (\w+)\n)?", PAGE)
CALENDAR = Calendar.of(dt.date(2026, 3, 1), dt.date(2029, 2, 28), dt.date(2026, 9, 1))


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LoadedProject]:
    home = {"MEAL_HOME": str(tmp_path_factory.mktemp("home")), "MEAL_PROJECTS": str(CHECKOUT / "projects")}
    return load_projects(Settings.load(environ=home, demo=False))


@pytest.mark.parametrize(
    ("place", "measure"), list(zip(PLACES, EXAMPLES, strict=True)), ids=lambda each: str(each)[:30]
)
def test_every_example_compiles(place: str, measure: dict[str, object], projects: dict[str, LoadedProject]) -> None:
    """An example that no longer works would be copied by whoever trusts the page."""
    if measure["kind"] == "sql":
        FromSql.model_validate(measure)  # the file it names is an example too
        return
    entry = {**indicator("EX-1", {"kind": "sum"}), "measure": measure}
    project = projects[place]
    assert project.logframe is not None
    added = Indicator.model_validate(entry)
    logframe = project.logframe.model_copy(update={"indicators": [*project.logframe.indicators, added]})
    marts: dict[str, TableSpec] = dict(MARTS)
    assert compile_indicator(replace(project, logframe=logframe), added, marts, CALENDAR).sql


def test_every_kind_of_measure_has_its_example() -> None:
    """A kind that the page does not show does not exist for an officer."""
    union = get_args(Measure)[0]
    kinds = {get_args(each.model_fields["kind"].annotation)[0] for each in get_args(union)}
    assert {example["kind"] for example in EXAMPLES} == kinds
