"""A fetch that is killed at any moment, and a file larger than the memory it may take."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from meal_pipelines.collect.attachments import FileStore
from meal_pipelines.settings import Settings
from tests.collect.file_cases import House, picture
from tests.collect.kobo_cases import ASSET, fill, source
from tests.kobo_server import KoboServer
from tests.stage_cases import Bench

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="killed as POSIX does")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KoboServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with KoboServer() as kobo:
        kobo.add_asset(ASSET)
        yield kobo


@pytest.fixture
def house(bench: Bench, tmp_path: Path) -> House:
    folder = tmp_path / "attachments"
    return House(bench, FileStore(str(folder), folder / ".partial"), folder)


def started(settings: Settings, server: KoboServer, house: House) -> subprocess.Popen[str]:
    keyring = house.bench.folder.parent / f"{house.bench.project.id}.json"
    asked = {
        "home": str(settings.home), "keyring": str(keyring), "store": str(house.folder),
        "project": house.bench.project.id, "url": server.url, "token": server.token,
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.collect.file_worker", json.dumps(asked)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "NO_PROXY": "127.0.0.1"},
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("times", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_at_random_moments_a_fetch_ends_as_an_undisturbed_one(
    times: int, settings: Settings, server: KoboServer, house: House
) -> None:
    """Every file once and whole, nothing half-written left, nothing in the store that no row has."""
    chance = random.Random(times)
    keys = fill(server, 12 + 8 * times)
    for key in keys:
        server.attach(ASSET, key, "a.png", picture(key % 7, 900_000))
        server.attach(ASSET, key, "b.png", picture(key, 300_000))
    house.bench.sync(source=source(server))
    kept_before = set()
    for _ in range(times):
        process = started(settings, server, house)
        assert process.stdout is not None
        for _ in range(chance.randrange(6)):
            process.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.06))
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept_before.add(sum(count for state, *_, count in house.states() if state == "kept"))
    assert len(kept_before) > 1, "the kills came at different moments of the work"
    house.fetch(source(server))
    assert house.states() == [("kept", True, None, 2 * len(keys))]
    assert all(
        house.content(str(key)) == {"a.png": picture(key % 7, 900_000), "b.png": picture(key, 300_000)}
        for key in chance.sample(keys, 12)
    )
    assert len(house.lying()) == 7 + len(keys) == len(house.store.addresses(house.bench.project.id))


@pytest.mark.slow
def test_a_file_of_200_mb_takes_no_more_memory_than_a_small_one(
    settings: Settings, server: KoboServer, house: House
) -> None:
    """Measured in a process of its own: what it grows by over the whole fetch."""
    [key] = fill(server, 1)
    server.attach(ASSET, key, "film.png", picture(1, 1000) + bytes(200_000_000))
    house.bench.sync(source=source(server))
    process = started(settings, server, house)
    out, _ = process.communicate(timeout=300)
    done = json.loads(out.splitlines()[-1])
    assert done["kept"] == 1
    assert done["grown"] < 40_000, f"{done['grown']} KiB"
    [lying] = house.lying()
    assert lying.stat().st_size > 200_000_000
