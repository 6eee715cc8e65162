"""A process that rotates the keys of a warehouse, so that it can be killed.

Started by tests with one argument, JSON: home, keyring, store. It writes a line when it begins, one for each batch, and one
at its end.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from meal_pipelines.collect.attachments import FileStore
from meal_pipelines.protect.keys import resealing
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.keys.rotation import known_projects, prepare_key, rotate
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse


class Lines:
    """Tells each batch, so that the kill may come between two."""

    def begin(self, place: str, total: int) -> None:
        print(place, total, flush=True)

    def advance(self, count: int) -> None:
        print(count, flush=True)


def main() -> None:
    asked = json.loads(sys.argv[1])
    resealing.BATCH_BYTES = 8192
    store = FileStore(asked["store"], Path(asked["store"]) / ".partial")
    with Warehouse.open(Settings.load(environ={"MEAL_HOME": asked["home"]})) as warehouse:
        print("ready", flush=True)
        keyring = prepare_key(warehouse, Keyring.read(Path(asked["keyring"])))
        with warehouse.connect() as connection, connection.cursor() as cursor:
            projects = known_projects(cursor)
        done = rotate(warehouse, keyring, store, projects, Lines())
    print("kept" if done.kept else "retired", flush=True)


if __name__ == "__main__":
    main()
