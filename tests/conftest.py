"""What every test may ask for: settings in a temporary `MEAL_HOME`, and one real warehouse for the whole session.

Tests that stop, kill or reconfigure a server take a home of their own (`tests/warehouse/`), never this one.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from xdist.scheduler import LoadScopeScheduling

from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse
from tests.stage_cases import Bench, bench_of

# How long a case takes depends on what else the machine does, and is no property of the code.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")


class _ByFile(LoadScopeScheduling):
    """Hands out whole files, and `end_to_end/` as one: its demonstration is made once, not once per process.

    Among the slow proofs one file alone asks for that demonstration, the others make houses of their own.
    pytest-xdist 3.8 has marks for that (`--dist loadgroup`), which pytest 9.2 no longer lets it read (2026-11-23).
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        is_shared = file.startswith("tests/end_to_end/") and self.config.option.markexpr != "slow"
        return "tests/end_to_end" if is_shared else file


def pytest_configure() -> None:
    """A run started in the background of a script ignores Ctrl-C, and so would every program that tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByFile:
    return _ByFile(config, log)


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Nothing of the developer's own environment or `.env` gets in."""
    folder = tmp_path_factory.mktemp("meal")
    return Settings.load(environ={"MEAL_HOME": str(folder / "home"), "MEAL_OUT": str(folder / "out")})


@pytest.fixture(scope="session")
def warehouse(settings: Settings) -> Iterator[Warehouse]:
    """One embedded PostgreSQL per session: tests keep apart by project name, or clean up after themselves."""
    with Warehouse.open(settings) as opened:
        yield opened


@pytest.fixture
def bench(warehouse: Warehouse, tmp_path: Path) -> Iterator[Bench]:
    """A small project of its own on the session's warehouse."""
    with bench_of(warehouse, tmp_path) as made:
        yield made
