"""Whatever happens on the server between two sweeps, and whatever breaks during them, `raw` ends level with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from meal_pipelines.errors import TransientError
from meal_pipelines.warehouse import Warehouse
from tests.collect.kobo_cases import ASSET, source
from tests.kobo_server import KoboServer
from tests.stage_cases import Bench, bench_of

FAULTS = ("reset", "truncated", "cut", "empty", "html", "502")
EXHAUSTED = 5
"""Faults in a row after which the client gives the sweep up."""


class Collection(RuleBasedStateMachine):
    """People submit, edit, review, delete and restore while sweeps succeed, break in the middle or are resumed."""

    warehouse: Warehouse

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.opened = bench_of(self.warehouse, Path(self.folder.name))
        self.bench: Bench = self.opened.__enter__()
        self.server = KoboServer()
        self.server.__enter__()
        self.server.add_asset(ASSET)
        self.live: list[int] = []
        self.gone: list[int] = []
        self.seen: dict[str, int] = {}
        """Versions that quiet sweeps have shown so far: they may only grow in number."""

    @rule(count=st.integers(1, 4))
    def submit(self, count: int) -> None:
        self.live += [self.server.submit(ASSET, {"age": str(number)}) for number in range(count)]

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def edit(self, data: st.DataObject) -> None:
        self.server.edit(ASSET, data.draw(st.sampled_from(self.live)), {"age": "99"})

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def review(self, data: st.DataObject) -> None:
        self.server.validate(ASSET, data.draw(st.sampled_from(self.live)))

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.live))
        self.server.delete(ASSET, key)
        self.live.remove(key)
        self.gone.append(key)

    @precondition(lambda self: self.gone)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.gone))
        self.server.restore(ASSET, key)
        self.gone.remove(key)
        self.live.append(key)

    @rule(fault=st.sampled_from(FAULTS), pages=st.integers(0, 2))
    def broken_sweep(self, fault: str, pages: int) -> None:
        """The server fails from some page on; a form with fewer pages is swept whole."""
        self.server.faults.extend([*[""] * pages, *[fault] * EXHAUSTED])
        with suppress(TransientError):
            self._sweep()
        self.server.faults.clear()

    @rule(fault=st.sampled_from([fault for fault in FAULTS if fault != "empty"]))
    def shaky_sweep(self, fault: str) -> None:
        """One fault is overcome by a new try (a count without rows is left to the next run)."""
        self.server.faults.append(fault)
        self._sweep()
        self.server.faults.clear()

    @rule()
    def quiet_sweeps(self) -> None:
        """The first may only finish a sweep that was broken off; the second sees everything."""
        self._sweep()
        self._sweep()
        assert self.bench.present() == {str(key) for key in self.live}
        shown = {str(row["_id"]): row for row in self.server.rows(ASSET)}
        for key, version, blob in self._last():
            assert self.bench.unsealed(blob, f"raw|{self.bench.project.id}|visites|{key}|{version}") == shown[key]
            assert version >= self.seen.get(key, 0)
            self.seen[key] = version
        assert self._sweep().written == 0

    def teardown(self) -> None:
        self.quiet_sweeps()
        self.server.__exit__(None, None, None)
        self.opened.__exit__(None, None, None)
        self.folder.cleanup()

    def _sweep(self) -> Any:
        return self.bench.sync(source=source(self.server, page_size=3), accept_deletions=True)

    def _last(self) -> Iterator[tuple[str, int, Any]]:
        """The last version of each present submission; versions are numbered without a gap."""
        rows = self.bench.query(
            "select distinct on (submission_id) submission_id, version, payload, state,"
            " count(*) over (partition by submission_id) from raw.submission where project = %s"
            " order by submission_id, version desc",
            self.bench.project.id,
        )
        for key, version, payload, state, count in rows:
            assert count == version
            if state == "present":
                yield key, version, payload


def test_raw_ends_level_with_the_server_whatever_happened(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edits, deletions and restorations before, during and after sweeps that break or are resumed."""
    monkeypatch.setitem(os.environ, "NO_PROXY", "127.0.0.1")
    machine = type("OnThisWarehouse", (Collection,), {"warehouse": warehouse})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=8,
            stateful_step_count=14,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
