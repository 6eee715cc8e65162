"""A process that collects one form of a loopback server, so that it can be killed.

Started by tests with one argument, JSON: home, keyring, project, kind (`kobo` or `odk`), url, page_size and the secrets of
the account. It writes a line when it begins, and one at its end.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from meal_pipelines.collect.kobo import KoboSource
from meal_pipelines.collect.odk import OdkForm
from meal_pipelines.collect.odk_session import OdkSession
from meal_pipelines.collect.source import Source
from meal_pipelines.collect.sync import synchronise
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse
from tests.collect import kobo_cases, odk_cases


def source(asked: dict[str, Any]) -> Source:
    if asked["kind"] == "kobo":
        return KoboSource(asked["url"], asked["token"], kobo_cases.ASSET, page_size=asked["page_size"])
    session = OdkSession(asked["url"], asked["email"], asked["password"])
    return OdkForm(session, "2", odk_cases.NAME, page_size=asked["page_size"])


def main() -> None:
    asked = json.loads(sys.argv[1])
    with Warehouse.open(Settings.load(environ={"MEAL_HOME": asked["home"]})) as warehouse:
        keyring, there = Keyring.read(Path(asked["keyring"])), source(asked)
        print("ready", flush=True)
        synchronise(warehouse, keyring, asked["project"], "visites", there, accept_deletions=True)
    print("done", flush=True)


if __name__ == "__main__":
    main()
