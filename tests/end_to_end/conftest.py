"""The demonstration, run once as people run it, and what it left: warehouse, truth, files, output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from meal_pipelines.warehouse import Warehouse
from tests.end_to_end.command import Finished, House, a_house

ROWS, SEED = 1200, 7
PROJECTS = ("prim2", "thamm_plus")


@dataclass(frozen=True, eq=False)
class Demo:
    """`meal demo --rows 1200 --seed 7`, finished; its server is up as long as the tests last."""

    house: House
    finished: Finished
    warehouse: Warehouse

    @property
    def home(self) -> Path:
        return self.house.settings().home

    @property
    def out(self) -> Path:
        return self.house.settings().out

    @property
    def sample(self) -> Path:
        return self.house.settings().sample

    def summary(self, project: str) -> dict[str, Any]:
        """What the generator says it wrote."""
        found: dict[str, Any] = json.loads((self.sample / project / "truth" / "summary.json").read_bytes())
        return found

    def truth(self, project: str, form: str) -> Iterator[dict[str, Any]]:
        """Every submission of a form, as it really is, with what was planted in it."""
        with (self.sample / project / "truth" / f"{form}.jsonl").open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)

    def query(self, text: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self.warehouse.connect() as connection, connection.cursor() as cursor:
            cursor.execute(text, parameters)
            return cursor.fetchall()


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """Every test of this folder but those that change something works on this one."""
    with a_house() as house:
        finished = house.run("demo", "--rows", str(ROWS), "--seed", str(SEED))
        assert finished.code == 0, finished.said
        with Warehouse.open(house.settings()) as warehouse:
            yield Demo(house, finished, warehouse)
