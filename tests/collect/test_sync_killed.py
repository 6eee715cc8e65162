"""A collection that is killed at any moment, again and again, ends with the rows of one that was left in peace."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse
from tests.collect import kobo_cases, odk_cases
from tests.kobo_server import KoboServer
from tests.odk_server import OdkServer
from tests.stage_cases import Bench, bench_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="killed as POSIX does")

PAGE = 7
Version = tuple[str, int, str, bytes]


class OnKobo:
    """A form on the loopback KoboToolbox and what people do to it between two loads."""

    kind = "kobo"

    def __init__(self, server: KoboServer) -> None:
        self.server = server
        server.add_asset(kobo_cases.ASSET)
        server.manage(kobo_cases.ASSET)
        self.account = {"url": server.url, "token": server.token}

    def happen(self, chance: random.Random, count: int) -> None:
        ids = list(self.server.assets[kobo_cases.ASSET].ids)
        for key in chance.sample(ids, min(len(ids), count // 2)):
            self.server.edit(kobo_cases.ASSET, key, {"age": str(chance.randrange(99))})
        for key in chance.sample(ids, min(len(ids) // 4, count // 8)):
            self.server.delete(kobo_cases.ASSET, key)
        kobo_cases.fill(self.server, count)
        self.server.wait(hours=12)

    def source(self) -> Any:
        return kobo_cases.source(self.server, page_size=PAGE)


class OnOdk:
    """The same on the loopback ODK Central."""

    kind = "odk"

    def __init__(self, server: OdkServer) -> None:
        self.server = server
        self.form = odk_cases.add_form(server)
        self.account = {"url": server.url, "email": server.email, "password": server.password}

    def happen(self, chance: random.Random, count: int) -> None:
        roots = sorted(self.server.present(self.form))
        for root in chance.sample(roots, min(len(roots), count // 2)):
            self.server.edit(self.form, root, {"age": str(chance.randrange(99))})
        for root in chance.sample(roots, min(len(roots) // 4, count // 8)):
            self.server.delete(self.form, root)
        odk_cases.fill(self.server, self.form, count)
        self.server.wait(hours=12)

    def source(self) -> Any:
        return odk_cases.source(self.server, page_size=PAGE)


@contextmanager
def opened(kind: str) -> Iterator[OnKobo | OnOdk]:
    if kind == "kobo":
        with KoboServer() as kobo:
            yield OnKobo(kobo)
    else:
        with OdkServer() as odk:
            yield OnOdk(odk)


def versions(bench: Bench) -> list[Version]:
    """Every version that `raw` holds: id, number, state, payload with its keys in order."""
    rows = bench.query(
        "select submission_id, version, state, payload from raw.submission where project = %s", bench.project.id
    )
    place = f"raw|{bench.project.id}|visites"
    return sorted(
        (key, version, state, b"" if state == "deleted" else orjson.dumps(
            bench.unsealed(blob, f"{place}|{key}|{version}"), option=orjson.OPT_SORT_KEYS))
        for key, version, state, blob in rows
    )  # fmt: skip


def start(settings: Settings, bench: Bench, form: OnKobo | OnOdk) -> subprocess.Popen[str]:
    keyring = bench.folder.parent / f"{bench.project.id}.json"
    asked = {
        "home": str(settings.home), "keyring": str(keyring), "project": bench.project.id, "kind": form.kind,
        "page_size": PAGE, **form.account,
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.collect.sync_worker", json.dumps(asked)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "NO_PROXY": "127.0.0.1"},
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("kind", ["kobo", "odk"])
@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_at_random_moments_a_collection_ends_as_an_undisturbed_one(
    kind: str, kills: int, settings: Settings, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole readings and changes; the same versions of the same rows, none twice, none missing."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    chance, killed, modes = random.Random(f"{kind}{kills}"), 0, set()
    calm_folder, killed_folder = tmp_path / "calm", tmp_path / "killed"
    calm_folder.mkdir(), killed_folder.mkdir()
    with opened(kind) as form, bench_of(warehouse, calm_folder) as calm, bench_of(warehouse, killed_folder) as bench:
        while killed < kills:
            form.happen(chance, 150)
            modes.add(calm.sync(source=form.source(), accept_deletions=True).mode)
            # Some of the kills fall on each load, so that whole readings and changes both have theirs.
            for _ in range(-(-kills // 5)):
                process = start(settings, bench, form)
                time.sleep(chance.uniform(0, 0.4))
                process.kill()
                process.communicate()
                killed += process.returncode == -signal.SIGKILL
            process = start(settings, bench, form)
            process.communicate()
            assert process.returncode == 0
            assert versions(bench) == versions(calm), f"after {killed} kills"
    print(f"{kind}: {killed} kills, {modes}")
    assert modes == {"sweep", "changes"}
