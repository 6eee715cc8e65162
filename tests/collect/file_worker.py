"""A process that fetches the files of one form of a loopback server, so that it can be killed or measured.

Started by tests with one argument, JSON: home, keyring, store, project, url, token. It writes a line after each file, and
at its end what it kept and what it grew by, in KiB.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from meal_pipelines.collect.attachments import FileStore, Limits, fetch_files
from meal_pipelines.collect.kobo import KoboSource
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse
from tests.collect.kobo_cases import ASSET


def main() -> None:
    asked = json.loads(sys.argv[1])
    settings = Settings.load(environ={"MEAL_HOME": asked["home"]})
    store = FileStore(asked["store"], Path(asked["store"]) / ".partial")
    with Warehouse.open(settings) as warehouse:
        there = KoboSource(asked["url"], asked["token"], ASSET)
        print("ready", flush=True)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        tally = fetch_files(
            warehouse, Keyring.read(Path(asked["keyring"])), store, asked["project"], "visites", there,
            Limits(300_000_000, ("image/*",)), progress=lambda done, _: print(done, flush=True),
        )  # fmt: skip
    print(json.dumps({"kept": tally.kept, "grown": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before}))


if __name__ == "__main__":
    main()
