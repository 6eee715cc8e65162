"""The embedded server's life among processes that come, go and are killed: real processes, each test in its own home."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg2
import pytest

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.settings import CHECKOUT, Settings
from meal_pipelines.warehouse import Role, Warehouse
from meal_pipelines.warehouse.external import connect

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and Unix sockets")

USER = """
import sys
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse
with Warehouse.open(Settings.load(environ={"MEAL_HOME": sys.argv[1]})) as warehouse:
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select pg_postmaster_start_time()")
        print(cursor.fetchone()[0], flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "h"
    _until(lambda: not _server_pid(tmp_path / "h"))


def _settings(home: Path) -> Settings:
    return Settings.load(environ={"MEAL_HOME": str(home)})


def _user(home: Path, *, own_session: bool = False) -> subprocess.Popen[str]:
    """Another process that opens the warehouse, says when the server was started, and stays until its stdin closes."""
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT,
        start_new_session=own_session,
    )  # fmt: skip


def _started_at(user: subprocess.Popen[str]) -> str:
    assert user.stdout is not None
    line = user.stdout.readline()
    assert line, "the process ended before it could open the warehouse"
    return line


def _server_pid(home: Path) -> int | None:
    """The postmaster's pid, None when there is no living server."""
    with suppress(FileNotFoundError, ValueError, ProcessLookupError):
        pid = int((home / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, 0)
        return pid
    return None


def _keepers(home: Path) -> list[int]:
    import psutil

    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if (command := process.info["cmdline"] or []) and "meal_pipelines.warehouse.keeper" in command
        and str(home) in command
    ]  # fmt: skip


def _until(fact: Callable[[], bool], seconds: float = 8) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.1)


def test_five_processes_opening_at_once_make_one_server_and_one_keeper(home: Path) -> None:
    """The webserver, the daemon and the code servers of `meal up` start together on an empty folder."""
    users = [_user(home) for _ in range(5)]
    assert len({_started_at(user) for user in users}) == 1
    _until(lambda: len(_keepers(home)) == 1)
    for user in users:
        user.communicate()
    _until(lambda: _server_pid(home) is None)
    _until(lambda: not _keepers(home))


def test_the_server_ends_with_its_last_user_even_when_both_were_killed(home: Path) -> None:
    first, last = _user(home), _user(home)
    assert _started_at(first) == _started_at(last)
    first.kill()
    first.wait()
    time.sleep(2.5)
    assert _server_pid(home), "the other one still uses it"
    last.kill()
    last.wait()
    _until(lambda: _server_pid(home) is None)


def test_ctrl_c_in_the_terminal_reaches_neither_the_server_nor_its_keeper(home: Path) -> None:
    """A terminal sends SIGINT to the whole process group of the command that started the server."""
    starter = _user(home, own_session=True)
    began = _started_at(starter)
    other = _user(home, own_session=True)
    _started_at(other)
    os.killpg(starter.pid, signal.SIGINT)
    starter.wait(timeout=30)
    time.sleep(2)
    third = _user(home)
    assert _started_at(third) == began
    for user in (other, third):
        user.communicate()


def test_a_connected_analyst_keeps_the_server_up(home: Path) -> None:
    """DBeaver holds no lock of ours; its open connection counts."""
    warehouse = Warehouse.open(_settings(home))
    with closing(warehouse.psycopg("analyst")) as analyst, analyst.cursor() as cursor:
        warehouse.close()
        time.sleep(2.5)
        cursor.execute("select 1")
    _until(lambda: _server_pid(home) is None)


@pytest.mark.parametrize("by_the_next_opener", [True, False])
def test_a_killed_keeper_is_replaced_by_whoever_opens_or_leaves_next(home: Path, by_the_next_opener: bool) -> None:
    with Warehouse.open(_settings(home)):
        _until(lambda: len(_keepers(home)) == 1)
        os.kill(_keepers(home)[0], signal.SIGKILL)
        _until(lambda: not _keepers(home))
        if by_the_next_opener:
            user = _user(home)
            _started_at(user)
            user.kill()
            user.wait()
            assert len(_keepers(home)) == 1
    _until(lambda: _server_pid(home) is None)


def test_opening_while_the_keeper_stops_finds_a_server(home: Path) -> None:
    """Short commands follow one another at the keeper's own pace: each must find, or make, a living server."""
    for pause_s in (0.0, 0.9, 1.0, 1.05, 1.1, 1.2):
        with Warehouse.open(_settings(home)) as warehouse, warehouse.connect() as connection:
            assert connection.status
        time.sleep(pause_s)


def test_a_power_cut_does_not_prevent_the_next_start(home: Path) -> None:
    """postmaster.pid is left behind, and its pid may be another program's after the reboot: here, this test's."""
    with Warehouse.open(_settings(home)) as warehouse, warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("create table marts.kept as select 1 as one")
    _until(lambda: _server_pid(home) is None)
    lines = [str(os.getpid()), str(home / "postgres"), "1700000000", "5432", str(home / "postgres"), "", "1 1", "ready"]
    (home / "postgres" / "postmaster.pid").write_text("\n".join(lines) + "\n")
    with Warehouse.open(_settings(home)) as warehouse, warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select one from marts.kept")
        assert cursor.fetchone() == (1,)


def test_a_server_killed_under_its_users_is_started_again_by_the_next_one(home: Path) -> None:
    with Warehouse.open(_settings(home)):
        pid = _server_pid(home)
        assert pid
        os.kill(pid, signal.SIGKILL)
        with Warehouse.open(_settings(home)) as again, again.connect() as connection:
            assert connection.status


def test_a_deep_home_with_spaces_and_accents_works(tmp_path: Path) -> None:
    """A socket's path is limited to 107 bytes; an officer's documents folder is often longer."""
    home = tmp_path / "Projets de l'équipe « suivi & évaluation »" / ("dossier très long " * 6).strip() / "meal"
    with Warehouse.open(_settings(home)) as warehouse, warehouse.connect("analyst") as connection:
        host = dict(warehouse.url().normalized_query)["host"][0]
        assert stat.S_IMODE(Path(host).stat().st_mode) == 0o700
        assert connection.status
    _until(lambda: _server_pid(home) is None)


def test_the_data_folder_is_private_and_nothing_listens_on_tcp(home: Path) -> None:
    with Warehouse.open(_settings(home)) as warehouse, warehouse.connect() as connection, connection.cursor() as cursor:
        assert stat.S_IMODE((home / "postgres").stat().st_mode) == 0o700
        cursor.execute("show listen_addresses")
        assert cursor.fetchone() == ("",)
        assert warehouse.tcp_url("analyst") is None


def test_the_server_is_told_no_secret_of_its_starter(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It outlives whoever starts it, and its superuser can print its environment: keys stay outside the database."""
    import psutil

    monkeypatch.setenv("MEAL_KEYRING_JSON", "planted")
    with Warehouse.open(_settings(home)):
        pid = _server_pid(home)
        assert pid is not None
        told = psutil.Process(pid).environ()
    assert "PATH" in told and "planted" not in told.values()


def test_a_port_opened_for_the_analyst_asks_for_a_password_and_closes_with_the_server(home: Path) -> None:
    port = _free_port()
    with Warehouse.open(_settings(home)) as warehouse:
        url = warehouse.open_tcp(port)
        assert url == warehouse.tcp_url("analyst")
        assert stat.S_IMODE((home / "passwords.json").stat().st_mode) == 0o600
        roles: tuple[Role, ...] = ("analyst", "dpo", "pipeline")
        for role in roles:
            given = warehouse.tcp_url(role)
            assert given is not None
            with closing(connect(given)) as connection, connection.cursor() as cursor:
                cursor.execute("select count(*) from indicators.progress")
        for refused in (url.set(password="faux"), url.set(password=""), url.set(username="postgres", password="faux")):
            with pytest.raises(psycopg2.OperationalError):
                connect(refused)
        with warehouse.connect() as again:
            assert again.status
    _until(lambda: _server_pid(home) is None)
    with Warehouse.open(_settings(home)) as warehouse:
        assert warehouse.tcp_url("analyst") is None


def test_a_port_is_not_opened_under_the_feet_of_others(home: Path) -> None:
    """Opening one restarts the server: another process's run would be cut."""
    with Warehouse.open(_settings(home)) as warehouse:
        user = _user(home)
        _started_at(user)
        with pytest.raises(ConfigurationError, match="d'autres programmes"):
            warehouse.open_tcp(_free_port())
        user.communicate()
        with socket.socket() as occupant:
            occupant.bind(("127.0.0.1", 0))
            occupant.listen()
            with pytest.raises(ConfigurationError, match="écouter sur le port"):
                warehouse.open_tcp(occupant.getsockname()[1])
        with warehouse.connect() as connection:
            assert connection.status


def test_a_demonstration_is_made_anew_unless_somebody_looks_at_it(home: Path) -> None:
    Warehouse.discard(_settings(home))  # nothing yet: nothing to do
    with Warehouse.open(_settings(home)) as warehouse:
        with warehouse.connect() as connection, connection.cursor() as cursor:
            cursor.execute("create table marts.yesterday as select 1 as one")
        with pytest.raises(ConfigurationError, match="d'autres programmes"):
            Warehouse.discard(_settings(home))
    Warehouse.discard(_settings(home))
    assert not (home / "postgres").exists()
    with Warehouse.open(_settings(home)) as warehouse, warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select to_regclass('marts.yesterday')")
        assert cursor.fetchone() == (None,)


def test_the_server_s_log_holds_no_value(home: Path) -> None:
    """Statements, parameters and the values that errors quote would lie in clear beside the sealed data."""
    marker = "0661-marqueur"
    with Warehouse.open(_settings(home)) as warehouse:
        with closing(warehouse.psycopg()) as connection, connection.cursor() as cursor, pytest.raises(psycopg2.Error):
            cursor.execute("select cast(%s as int)", (marker,))
        assert marker not in (home / "postgres" / "server.log").read_text()


def test_a_home_that_cannot_be_made_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="MEAL_HOME"):
        Warehouse.open(_settings(tmp_path / "file" / "home"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
