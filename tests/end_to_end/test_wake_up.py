"""A submission announced by Kobo, from its call to `raw`: the receiver, Dagster's daemon, a run of that form alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from meal_pipelines.warehouse import Warehouse
from tests.collect.kobo_cases import SECRET_ANSWER
from tests.end_to_end.command import House, end_family, until
from tests.end_to_end.kobo_house import a_kobo_house


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def loads(house: House) -> list[tuple[str, str]]:
    with (
        Warehouse.open(house.settings(demo=False)) as warehouse,
        warehouse.connect() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("select project || '/' || form, state from raw.load order by load_id")
        return cursor.fetchall()


@pytest.mark.slow
def test_a_call_of_kobo_collects_its_form_and_no_other() -> None:
    """What the call carried is nowhere afterwards; what was collected came from the server."""
    with a_kobo_house() as (_, house):
        told = house.run("hook", "visites", "-p", "alpha")
        [address] = [line.strip() for line in told.out.splitlines() if "/kobo/alpha/visites/" in line]
        with up_and_listening(house) as hook_port:
            local = address.replace("https://VOTRE-ADRESSE", f"http://127.0.0.1:{hook_port}")
            answer = requests.post(local, json={"_id": 1, "identite/nom": SECRET_ANSWER}, timeout=10)
            assert answer.status_code == 202
            until(lambda: ("alpha/visites", "done") in loads(house), 240)
            assert loads(house) == [("alpha/visites", "done")]
        secret = address.rsplit("/", 1)[1].encode()
        for file in house.folder.rglob("*"):
            if file.is_file():
                content = file.read_bytes()
                assert SECRET_ANSWER.encode() not in content and secret not in content, file


@contextmanager
def up_and_listening(house: House) -> Iterator[int]:
    """`meal up --hook-port`, answering; the port where calls are heard."""
    port, hook_port, output = free_port(), free_port(), house.folder / "up.txt"
    process = house.start("up", "--port", str(port), "--hook-port", str(hook_port), output=output)
    try:
        until(lambda: "Interface" in output.read_text(encoding="utf-8") or process.poll() is not None, 120)
        assert f"127.0.0.1:{hook_port}" in output.read_text(encoding="utf-8")
        yield hook_port
    finally:
        end_family(process)
