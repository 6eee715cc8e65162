"""Dagster as the officer has it: definitions that load, a graph that is known, a UI from which a run can be started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error

import psutil
import pytest

from assets.follow_up import FOLLOW_UP, FOLLOWS
from meal_pipelines.definitions import NIGHTLY
from meal_pipelines.warehouse import Warehouse
from tests.end_to_end.asset_graph import SNAPSHOT, asset_graph
from tests.end_to_end.command import House, a_house, furnish, server_of, until
from tests.end_to_end.interface import Interface, up

LOADED = """
import time
import meal_pipelines.definitions
meal_pipelines.definitions.build_definitions().get_repository_def()
print(time.process_time())
"""


def test_the_graph_of_assets_is_the_one_that_was_reviewed() -> None:
    """After a change that is meant: python -m tests.end_to_end.asset_graph, and look at the difference."""
    assert asset_graph() == SNAPSHOT.read_text(encoding="utf-8")


def test_definitions_load_in_less_than_three_seconds() -> None:
    """Each process of Dagster loads them; Great Expectations alone would take seven. Processor time: others work too."""
    with a_house() as house:
        loaded = subprocess.run(
            [sys.executable, "-c", LOADED], env=house.environ, capture_output=True, text=True, check=True, timeout=120
        )
    assert float(loaded.stdout) < 3


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_run_started_from_the_interface_works_and_ctrl_c_ends_everything() -> None:
    """One workbook is none, as happens: its form fails, and the run that follows by itself has the figures of both projects."""
    with a_house() as house:
        furnish(house, 150, 11)
        (house.settings().sample / "thamm_plus" / "offres" / "offres-001.xlsx").write_text("pas un classeur", "utf-8")
        with up(house, "--demo") as interface:
            _an_image_of_another_site_starts_nothing(interface)
            _run_from_the_interface(interface)
            settings = house.settings()
            with (
                Warehouse.open(settings) as warehouse,
                warehouse.connect() as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute("select count(distinct project) from indicators.value")
                assert cursor.fetchone() == (2,)
            _interrupt(house, interface)


def _an_image_of_another_site_starts_nothing(interface: Interface) -> None:
    """Dagster itself obeys a mutation that stands in the address of an image, whatever page shows it."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        interface.page("/graphql?query=mutation{setNuxSeen}")
    assert refused.value.code == 405


def _run_from_the_interface(interface: Interface) -> None:
    """Launch the nightly job with its button's own request, and wait for its end and for that of the run that follows."""
    found = interface.ask(
        "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"
    )
    (repository,) = found["repositoriesOrError"]["nodes"]
    selector = {
        "repositoryName": repository["name"], "repositoryLocationName": repository["location"]["name"],
        "pipelineName": NIGHTLY,
    }  # fmt: skip
    launched = interface.ask(LAUNCH, params={"selector": selector, "mode": "default", "runConfigData": "{}"})
    run_id = launched["launchRun"]["run"]["runId"]
    assert _ended(interface, run_id) == "FAILURE"
    assert _failed(interface, run_id) == ["raw__thamm_plus__offres"]
    following = {"tags": [{"key": FOLLOWS, "value": run_id}]}
    until(lambda: interface.ask(RUNS, filter=following)["runsOrError"]["results"], seconds=90)
    [follow_up] = interface.ask(RUNS, filter=following)["runsOrError"]["results"]
    assert follow_up["jobName"] == FOLLOW_UP
    assert _ended(interface, follow_up["runId"]) == "SUCCESS", _failed(interface, follow_up["runId"])


def _ended(interface: Interface, run_id: str) -> str:
    deadline, status = time.monotonic() + 240, ""
    while status not in ("SUCCESS", "FAILURE", "CANCELED"):
        assert time.monotonic() < deadline, f"still {status}"
        time.sleep(1)
        status = interface.ask(STATUS, id=run_id)["runOrError"]["status"]
    return status


def _failed(interface: Interface, run_id: str) -> list[str]:
    steps = interface.ask(STEPS, id=run_id)["runOrError"]["stepStats"]
    return [step["stepKey"] for step in steps if step["status"] == "FAILURE"]


def _interrupt(house: House, interface: Interface) -> None:
    """Ctrl-C reaches the whole group of the terminal; the server goes once nobody uses it."""
    family = psutil.Process(interface.process.pid).children(recursive=True)
    names = {" ".join(child.cmdline()[:4]) for child in family}
    assert any("resources.webserver" in name for name in names) and any("dagster._daemon" in name for name in names), (
        names
    )
    os.killpg(interface.process.pid, signal.SIGINT)
    assert interface.process.wait(timeout=60) in (0, 1)
    _, living = psutil.wait_procs(family, timeout=30)
    assert not living, [" ".join(child.cmdline()) for child in living]
    until(lambda: server_of(house.settings().home) is None, seconds=15)


LAUNCH = """
mutation launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
STATUS = "query status($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
RUNS = "query runs($filter: RunsFilter!) { runsOrError(filter: $filter) { ... on Runs { results { runId jobName } } } }"
STEPS = """
query why($id: ID!) {
  runOrError(runId: $id) {
    ... on Run { stepStats { stepKey status } }
  }
}
"""
