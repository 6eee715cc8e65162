"""One server is never read by two runs at once, whoever started them: real runs, in processes of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import dagster as dg
import pytest

from meal_pipelines.definitions import NIGHTLY, build_definitions
from meal_pipelines.orchestrate import prepare_instance
from meal_pipelines.settings import Settings
from tests.end_to_end.command import House, until
from tests.end_to_end.kobo_house import a_kobo_house
from tests.kobo_server import KoboServer


@pytest.fixture
def both() -> Iterator[tuple[KoboServer, House]]:
    with a_kobo_house() as made:
        yield made


def test_two_runs_that_meet_at_a_server_take_turns_and_both_succeed(both: tuple[KoboServer, House]) -> None:
    """The first is kept in the middle of its reading until the second waits; their requests never mingle."""
    server, house = both
    gate = threading.Event()
    server.after_answer.append(lambda: gate.wait(90))
    first = house.start("run", "-p", "alpha", "-s", "raw")
    until(lambda: server.data_requests() or first.poll() is not None, 60)
    output = house.folder / "second.txt"
    second = house.start("run", "-p", "beta", "-s", "raw", output=output)
    try:
        until(lambda: "en attente" in output.read_text(encoding="utf-8") or second.poll() is not None, 60)
    finally:
        gate.set()
        out, err = first.communicate(timeout=60)
        second.wait(timeout=60)
    said = output.read_text(encoding="utf-8")
    assert (first.returncode, second.returncode) == (0, 0), f"{out}{err}{said}"
    assert "en attente : une autre exécution lit le serveur « kobo_127.0.0.1:" in said
    asked = [path.split("/")[4] for path, _ in server.requests]
    turns = [asset for asset, before in zip(asked, ["", *asked], strict=False) if asset != before]
    assert sorted(turns) == sorted(set(turns)) and len(turns) == 4, turns


def test_two_projects_of_one_server_share_its_pool_which_lets_one_run_in(
    both: tuple[KoboServer, House], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two variables, one address; the name holds neither token nor path. Dagster counts whole runs."""
    server, house = both
    settings = house.settings(demo=False)
    pools = pools_of(settings)
    assert set(pools.values()) == {f"kobo_{server.url.removeprefix('http://')}"} and len(pools) == 4
    for variable in ("DAGSTER_HOME", "GX_ANALYTICS_ENABLED", "MEAL_HOME", "MEAL_OUT", "MEAL_PROJECTS", "MEAL_DEMO"):
        monkeypatch.setenv(variable, "")
    monkeypatch.setenv("MEAL_KEYRING", "")
    prepare_instance(settings)
    with dg.DagsterInstance.get() as instance:
        config = instance.get_concurrency_config()
        assert config.pool_config.pool_granularity is not None
        assert (config.pool_config.pool_granularity.value, config.pool_config.default_pool_limit) == ("run", 1)
        run = instance.create_run_for_job(build_definitions(settings).resolve_job_def(NIGHTLY))
        assert run.run_op_concurrency is not None and run.run_op_concurrency.all_pools == set(pools.values())


def pools_of(settings: Settings) -> dict[str, str]:
    """The pool of each raw asset."""
    found = {}
    for asset in build_definitions(settings).assets or []:
        if isinstance(asset, dg.AssetsDefinition) and all(key.path[0] == "raw" for key in asset.keys):
            [pool] = asset.op.pools
            found |= {key.to_user_string(): pool for key in asset.keys}
    return found
