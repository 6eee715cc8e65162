"""A run that is killed anywhere is finished by running again: the same tables, row for row, as if nothing had happened.

Two warehouses with one keyring and one sample. One is left in peace. The other is killed with -9 again and again, first
while it holds only the first export (every table is built whole), then when edits and deletions have come (by a delta).
"""

from __future__ import annotations

import queue
import random
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.warehouse import Warehouse
from tests.end_to_end.command import House, a_house, end, furnish
from tests.end_to_end.state import builds, differences, published

pytestmark = pytest.mark.slow

ROWS, SEED = 300, 3
KILLS_A_ROUND = 16
LAST = "2-dernier-export"
STAGES = ("Marts · reference", "Collecte", "Nettoyage", "Pseudonymisation", "Marts", "Indicateurs", "Extraits")


def test_twenty_kills_leave_the_tables_of_an_undisturbed_run() -> None:
    moments = random.Random(20261123)
    with a_house() as calm, a_house() as disturbed:
        furnish(calm, ROWS, SEED)
        shutil.copytree(calm.settings().home, disturbed.settings().home)
        killed: Counter[str] = Counter()
        for is_whole in (True, False):
            with _without_last_export(calm, disturbed) if is_whole else _everything():
                quiet = calm.run("run", "--demo")
                assert quiet.code == 0, quiet.said
                killed += _killed_often(disturbed, moments)
                finished = disturbed.run("run", "--demo")
                assert finished.code == 0, finished.said
                assert _differences(calm, disturbed) == []
        print("killed during:", dict(killed))
        assert killed.total() >= 20, killed
        assert len(killed) >= 5, f"the kills fell in a few stages only: {killed}"


@contextmanager
def _without_last_export(*houses: House) -> Iterator[None]:
    """As long as the block lasts, the server has shown its first export only."""
    moved: list[tuple[Path, Path]] = []
    for house in houses:
        for folder in list(house.settings().sample.rglob(LAST)):
            aside = house.folder / "later" / folder.relative_to(house.settings().sample)
            aside.parent.mkdir(parents=True)
            moved.append((folder.rename(aside), folder))
    yield
    for aside, folder in moved:
        aside.rename(folder)


@contextmanager
def _everything() -> Iterator[None]:
    yield


def _killed_often(house: House, moments: random.Random) -> Counter[str]:
    """Start and kill until a run ends by itself or the round is over; by stage, how often.

    Each run may finish some things of those that were still to be done (a hundred or so at first), and dies a random
    moment later: while the next one is collected, written, judged or published. The first dies while it starts.
    """
    killed: Counter[str] = Counter()
    for attempt in range(KILLS_A_ROUND):
        process = house.start("run", "--demo")
        done = moments.choice((0, 3, 6, 9, 12)) if attempt else -1
        stage = _wait(process, done, moments.uniform(0, 0.7 if attempt else 3))
        if stage is None:
            assert process.wait() == 0
            break
        end(process)
        killed[stage] += 1
    return killed


def _wait(process: subprocess.Popen[str], done: int, delay: float) -> str | None:
    """Wait until `done` more things are done (-1: not even the start) and a moment more; the stage it was in.

    None when the command ended before.
    """
    lines: queue.Queue[str] = queue.Queue()
    assert process.stdout is not None
    threading.Thread(
        target=lambda stream: [lines.put(line) for line in stream], args=[process.stdout], daemon=True
    ).start()
    stage, fresh = "Démarrage", 0
    while done >= 0 and fresh <= done and process.poll() is None:
        try:
            line = lines.get(timeout=0.1)
        except queue.Empty:
            continue
        named = next((name for name in STAGES if f"✓ {name}" in line), None)
        if named is not None:
            stage = named.partition(" ·")[0]
            fresh += "à jour" not in line and "rien de nouveau" not in line
    time.sleep(delay)
    return None if process.poll() is not None else stage


def _differences(calm: House, disturbed: House) -> list[str]:
    with Warehouse.open(calm.settings()) as one, Warehouse.open(disturbed.settings()) as other:
        keyring = Keyring.read(calm.settings().keyring)
        found = differences(published(one, keyring), published(other, keyring))
        assert builds(other)["tables under construction"] == (0,)
        return found
