"""The receiver of Kobo's calls, a process of its own, asked over HTTP: what wakes a form, and what wakes nothing."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from meal_pipelines.collect.hook_address import hook_path, hook_secret, public_address
from meal_pipelines.collect.hook_receiver import LARGEST, Bucket
from meal_pipelines.collect.wakings import woken_at
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.settings import CHECKOUT, Settings
from tests.collect.kobo_cases import SECRET_ANSWER


@dataclass(frozen=True)
class Ears:
    """A receiver that listens. home: its MEAL_HOME."""

    settings: Settings
    port: int

    @property
    def home(self) -> Path:
        return self.settings.home

    def path(self, form: str, project: str = "prim2") -> str:
        return hook_path(hook_secret(self.settings), project, form)

    def post(self, path: str, body: bytes = b"{}", method: str = "POST") -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, f"http://127.0.0.1:{self.port}{path}", data=body, timeout=20)

    def woken(self, form: str) -> bool:
        return woken_at(self.home, "prim2", form) is not None


@pytest.fixture(scope="module")
def ears(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ears]:
    home = tmp_path_factory.mktemp("hook")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {**os.environ, "MEAL_HOME": str(home), "MEAL_HOOK_SECRET": "", "MEAL_DEMO": "0"}
    command = [sys.executable, "-m", "meal_pipelines.collect.hook_receiver", str(port)]
    process = subprocess.Popen(command, cwd=CHECKOUT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 60
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        yield Ears(Settings.load(environ={"MEAL_HOME": str(home)}), port)
    finally:
        process.terminate()
        said, _ = process.communicate(timeout=20)
    assert said == b"", "a path is a secret, and a body may be a person: nothing is said"


def test_a_call_at_the_address_of_a_form_wakes_it_and_leaves_only_a_date(ears: Ears) -> None:
    answer = ears.post(ears.path("beneficiaires"), f'{{"identite/nom": "{SECRET_ANSWER}"}}'.encode())
    assert (answer.status_code, answer.content) == (202, b"")
    assert "server" not in answer.headers
    mark = ears.home / "wakings" / "prim2" / "beneficiaires"
    assert mark.stat().st_size == 0 and stat.S_IMODE(mark.stat().st_mode) == 0o600
    assert abs(time.time() - (woken_at(ears.home, "prim2", "beneficiaires") or 0)) < 10
    kept = [file for file in ears.home.rglob("*") if file.is_file()]
    assert all(SECRET_ANSWER.encode() not in file.read_bytes() for file in kept)
    assert woken_at(ears.home, "prim2", "prestations") is None


def test_everything_else_is_not_found_and_nothing_says_why(ears: Ears) -> None:
    """The token of another form, of another project, none, another method: one answer, and nothing is woken."""
    right = ears.path("prestations")
    token = right.rsplit("/", 1)[1]
    wrong = [
        "/", "/kobo", "/kobo/prim2/prestations", f"{right}/", f"{right}x", right[:-1], f"/kobo/prim2/prestations/{'0' * 40}",
        f"/kobo/prim2/institutions/{token}", f"/kobo/thamm_plus/prestations/{token}", "/kobo/prim2/prestations/é",
        f"/kobo/prim2/..%2f..%2fx/{token}", "/docs", "/server_info", ears.path("../../x"), ears.path("Majuscule"),
    ]  # fmt: skip
    answers = [ears.post(path) for path in wrong] + [ears.post(right, method=name) for name in ("GET", "PUT", "HEAD")]
    assert {(answer.status_code, answer.content, answer.headers.get("Allow")) for answer in answers} == {
        (404, b"", None)
    }
    assert not ears.woken("prestations") and not (ears.home / "x").exists()


def test_a_body_without_end_is_let_go_and_the_form_woken_all_the_same(ears: Ears) -> None:
    """No more than a bound is read; the wake-up does not wait for it."""
    with socket.create_connection(("127.0.0.1", ears.port), timeout=20) as caller:
        head = f"POST {ears.path('institutions')} HTTP/1.1\r\nHost: x\r\nContent-Length: {10**9}\r\n\r\n"
        caller.sendall(head.encode())
        sent = 0
        with pytest.raises(OSError):
            while sent < 40 * LARGEST:
                caller.sendall(b"x" * 65536)
                sent += 65536
    assert sent < 40 * LARGEST and ears.woken("institutions")


def test_a_sender_that_falls_silent_is_answered_and_the_form_is_woken_at_once(ears: Ears) -> None:
    with socket.create_connection(("127.0.0.1", ears.port), timeout=20) as caller:
        caller.sendall(f"POST {ears.path('paiements')} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n".encode())
        deadline = time.monotonic() + 3
        while not ears.woken("paiements"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert caller.recv(200).startswith(b"HTTP/1.1 202")


def test_a_flood_at_one_form_is_held_back_and_others_are_heard(ears: Ears) -> None:
    answers = [ears.post(ears.path("satisfaction")) for _ in range(160)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused and {answer.headers["Retry-After"] for answer in refused} == {"1"}
    assert [answer.status_code for answer in answers[:60]] == [202] * 60
    assert ears.post(ears.path("plaintes")).status_code == 202


def test_a_bucket_lets_a_tablet_empty_itself_and_then_ten_a_second() -> None:
    bucket = Bucket()
    assert sum(bucket.take(1000.0) for _ in range(500)) == 100
    assert sum(bucket.take(1000.0 + tenth / 100) for tenth in range(1, 101)) == 10
    assert sum(bucket.take(5000.0) for _ in range(500)) == 100


# The address ------------------------------------------------------------------------------------------------------


def settings(home: Path, **more: str) -> Settings:
    return Settings.load(environ={"MEAL_HOME": str(home), **more})


def test_the_secret_is_made_once_and_read_by_its_owner_only(tmp_path: Path) -> None:
    """Two processes that start together have one secret."""
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(hook_secret(settings(tmp_path)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1 and len(found[0]) >= 32
    assert stat.S_IMODE((tmp_path / "hook_secret").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["hook_secret"]


def test_a_secret_of_ones_own_is_taken_if_it_is_long_enough(tmp_path: Path) -> None:
    own = "une-suite-de-caracteres-tires-au-hasard"
    assert hook_secret(settings(tmp_path, MEAL_HOOK_SECRET=own)) == own.encode()
    with pytest.raises(ConfigurationError, match="MEAL_HOOK_SECRET est trop courte") as refusal:
        hook_secret(settings(tmp_path, MEAL_HOOK_SECRET="azerty"))
    assert "azerty" not in str(refusal.value) and not (tmp_path / "hook_secret").exists()
    (tmp_path / "hook_secret").write_text("")
    with pytest.raises(ConfigurationError, match="abîmé"):
        hook_secret(settings(tmp_path))


def test_the_public_address_is_https_or_nothing(tmp_path: Path) -> None:
    path = hook_path(b"x" * 32, "prim2", "beneficiaires")
    assert public_address(settings(tmp_path), path) is None
    told = public_address(settings(tmp_path, MEAL_HOOK_URL="https://meal.example.org/"), path)
    assert told == f"https://meal.example.org{path}"
    with pytest.raises(ConfigurationError, match="https"):
        public_address(settings(tmp_path, MEAL_HOOK_URL="http://meal.example.org"), path)
