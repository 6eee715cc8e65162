"""Whatever partners and officers do to an inbox, nothing that was read once is lost, and nothing goes back by itself.

The model is one sentence: a row is what the newest readable file that ever showed it said (« files: parts »).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.protect.keyring import Keyring
from meal_pipelines.warehouse import Warehouse
from tests.collect.workbook_cases import a_project
from tests.collect.workbook_house import House

FILES = st.sampled_from(["subventions-a.csv", "subventions-b.csv", "subventions-c.csv"])
ROWS = st.dictionaries(st.sampled_from(["S-1", "S-2", "S-3", "S-4"]), st.sampled_from(["A", "B", "C"]), max_size=4)


class Inbox(RuleBasedStateMachine):
    """Files come, are sent again with other rows, arrive broken, are moved away and come back, between two nights."""

    warehouse: Warehouse

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        path = Path(self.folder.name)
        project = a_project(path / "p", name=f"w{uuid4().hex[:8]}")
        self.house = House(self.warehouse, Keyring.create(path / "k.json"), path / "p", project)
        self.readable: dict[str, tuple[int, dict[str, str]]] = {}
        self.away: dict[str, bytes] = {}
        self.held: dict[str, tuple[int, str]] = {}
        """By key: when the file that said it last had been written, and what it said."""

    @rule(name=FILES, rows=ROWS)
    def send(self, name: str, rows: dict[str, str]) -> None:
        self.house.put(name, *([key, value, 1] for key, value in rows.items()))
        self.readable[name] = (self.house.clock, rows)

    @rule(name=FILES, rows=ROWS)
    def send_what_cannot_be_read(self, name: str, rows: dict[str, str]) -> None:
        self.house.put(name, *([key, value, 1] for key, value in rows.items()), [None, "une remarque", 1])
        self.readable.pop(name, None)

    @rule(name=FILES)
    def move_away(self, name: str) -> None:
        (self.house.inbox / name).unlink(missing_ok=True)
        self.readable.pop(name, None)

    @rule()
    def night(self) -> None:
        try:
            self.house.night()
        except ConfigurationError:
            assert not self.readable, "only an inbox of which nothing can be read is refused whole"
        for stamp, rows in sorted(self.readable.values(), key=lambda file: file[0]):
            for key, value in rows.items():
                if self.held.get(key, (0, ""))[0] <= stamp:
                    self.held[key] = (stamp, value)
        assert self.house.holds() == {key: value for key, (_, value) in self.held.items()}

    @rule()
    def a_quiet_night(self) -> None:
        """Twice the same: the second finds nothing to do."""
        self.night()
        versions = self.house.versions()
        self.night()
        assert self.house.versions() == versions

    def teardown(self) -> None:
        self.night()
        self.house.clear()
        self.folder.cleanup()


@pytest.fixture(scope="module")
def inboxes(warehouse: Warehouse) -> Iterator[type[Inbox]]:
    Inbox.warehouse = warehouse
    yield Inbox


def test_an_inbox_forgets_nothing_and_goes_back_to_nothing(inboxes: type[Inbox]) -> None:
    run_state_machine_as_test(
        inboxes,
        settings=settings(
            max_examples=40, stateful_step_count=14, deadline=None, phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
