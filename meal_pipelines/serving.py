"""Dagster's UI and daemon, and who listens to Kobo's calls: started together, ended together. Runs are in `orchestrate.py`."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.invocation import typed
from meal_pipelines.orchestrate import bury_dead_runs, prepare_instance
from meal_pipelines.settings import CHECKOUT, Settings
from meal_pipelines.visitors import names

QUIET = ["--log-level", "warning", "--dagster-log-level", "error", "--code-server-log-level", "error"]


def serve(settings: Settings, *, port: int, read_only: bool = False, hook_port: int | None = None) -> Iterator[str]:
    """Start the UI and the daemon; yields the address when it answers, then ends when one of them does.

    hook_port: where to listen for Kobo's calls as well; None does not listen.
    Raises: ConfigurationError when a port is taken or `MEAL_UI_URL` is no address; MealError when a process stops by itself.
    """
    prepare_instance(settings)
    names(settings)
    _require_free(port, "--port")
    if hook_port is not None:
        _require_free(hook_port, "--hook-port")
    signal.signal(signal.SIGTERM, _interrupt)  # a service manager's stop ends the children too
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        bury_dead_runs(instance, all_untagged=True)
    workspace = ["-w", str(CHECKOUT / "workspace.yaml")]
    webserver = [sys.executable, "-m", "resources.webserver", "-h", "127.0.0.1", "-p", str(port), *workspace, *QUIET]
    if read_only:
        webserver.append("--read-only")
    levels = ["--log-level", "error", "--code-server-log-level", "error"]
    commands = [webserver, [sys.executable, "-m", "dagster._daemon", "run", *workspace, *levels]]
    if hook_port is not None:
        commands.append([sys.executable, "-m", "meal_pipelines.collect.hook_receiver", str(hook_port)])
    with ExitStack() as stack:
        processes = [stack.enter_context(_process(command)) for command in commands]
        address = f"http://127.0.0.1:{port}"
        while not (_answers(address) and (hook_port is None or _listens(hook_port))):
            _require_running(processes)
            time.sleep(0.3)
        yield address
        while True:
            _require_running(processes)
            time.sleep(1)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _require_free(port: int, option: str) -> None:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise ConfigurationError(
                f"Le port {port} est déjà pris. Fermez l'autre programme, ou choisissez-en un autre : "
                f"{typed(f'up {option} {port + 1}')}."
            ) from None


NAMES = {
    "resources.webserver": "L'interface de Dagster",
    "dagster._daemon": "Le planificateur de Dagster",
    "meal_pipelines.collect.hook_receiver": "L'écoute des appels de Kobo",
}


def _require_running(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is not None:
            name = NAMES[process.args[2]]  # type: ignore[index]
            raise MealError(
                f"{name} s'est arrêté(e) (code {process.returncode}). Lancez {typed('doctor')}, puis relancez."
            )


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/server_info", timeout=2) as answer:  # noqa: S310 - a loopback address of ours
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours, ended with the block: politely, then by force, and at once when somebody presses Ctrl-C again."""
    process = subprocess.Popen(command, cwd=CHECKOUT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=15)
        finally:
            process.kill()
            process.wait()
