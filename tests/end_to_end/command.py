"""The command `meal` as people run it: a process of its own, in a home of its own, with nothing of the developer's.

What the tests ask of the warehouse it leaves behind is in `state.py`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from meal_pipelines.project.load import load_projects
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.sample import generate
from meal_pipelines.settings import Settings

MEAL = Path(sys.executable).with_name("meal.exe" if sys.platform == "win32" else "meal")
OURS = ("MEAL_", "KOBO_", "PRIM2_", "THAMM_", "DAGSTER_")


@dataclass(frozen=True)
class Finished:
    """How one command ended. peak: the most memory it held with its child processes, in bytes; seconds it took."""

    code: int
    out: str
    err: str
    peak: int
    seconds: float

    @property
    def said(self) -> str:
        """Both streams on one line each way, for messages of failed tests."""
        return f"code {self.code}\n{self.out}\n{self.err}"


@dataclass(frozen=True, eq=False)
class House:
    """A folder for one warehouse and its files. more: variables that every command run here sees."""

    folder: Path
    more: dict[str, str] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        ours = {"MEAL_HOME": str(self.folder / "h"), "MEAL_OUT": str(self.folder / "out")}
        return kept | ours | {"PYTHONUNBUFFERED": "1"} | self.more

    def settings(self, *, demo: bool = True) -> Settings:
        return Settings.load(demo=demo, environ=self.environ)

    def start(
        self, *arguments: str, environ: Mapping[str, str] | None = None, output: Path | None = None
    ) -> subprocess.Popen[str]:
        """Start the command in a session of its own, as a terminal would; its streams are pipes, or one file."""
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        if output is not None:
            streams = {"stdout": output.open("w", encoding="utf-8"), "stderr": subprocess.STDOUT}
        return subprocess.Popen(
            [str(MEAL), *arguments], cwd=self.folder, env={**self.environ, **(environ or {})}, text=True,
            stdin=subprocess.DEVNULL, encoding="utf-8", start_new_session=sys.platform != "win32", **streams,
        )  # fmt: skip

    def run(self, *arguments: str, environ: Mapping[str, str] | None = None, timeout: float = 300) -> Finished:
        """Run the command to its end."""
        started = time.monotonic()
        process = self.start(*arguments, environ=environ)
        watch = _Memory(process.pid)
        watch.start()
        try:
            out, err = process.communicate(timeout=timeout)
        finally:
            end(process)
            watch.ended.set()
        watch.join()
        return Finished(process.returncode, out, err, watch.peak, time.monotonic() - started)


def furnish(house: House, rows: int, seed: int) -> None:
    """A sample of both projects and a keyring, as `meal demo` makes them; nothing is collected yet."""
    settings = house.settings()
    for name, project in load_projects(settings).items():
        generate(project, rows, seed, settings.sample / name)
    Keyring.create(settings.keyring)


@contextmanager
def a_house(**more: str) -> Iterator[House]:
    """A house in a short path (a Unix socket's may have 103 bytes), removed when its server has stopped."""
    folder = Path(tempfile.mkdtemp(prefix="meal-"))
    house = House(folder, more)
    try:
        yield house
    finally:
        for home in (folder / "h" / "demo", folder / "h"):
            until(lambda home=home: server_of(home) is None, seconds=30)  # type: ignore[misc]
        shutil.rmtree(folder, ignore_errors=True)


def end(process: subprocess.Popen[str]) -> None:
    """Kill the command if it still runs."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        process.wait()


def end_family(process: subprocess.Popen[str]) -> None:
    """Kill the command and what it started, but for the keeper, which outlives them to stop the database."""
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    end(process)
    for child in family:
        with suppress(psutil.NoSuchProcess):
            if "meal_pipelines.warehouse.keeper" not in child.cmdline():
                child.kill()


def server_of(home: Path) -> int | None:
    """The embedded server's process, None when there is no living one."""
    with suppress(FileNotFoundError, ValueError, IndexError):
        pid = int((home / "postgres" / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
        return pid if psutil.pid_exists(pid) else None
    return None


def until(fact: object, seconds: float) -> None:
    """Wait for a fact (a function without arguments); fails when it does not come true in time."""
    assert callable(fact)
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.1)


class _Memory(threading.Thread):
    """Watches a process and its children: what each alone holds, and its part of what they share."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak, self.ended = pid, 0, threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.2):
            with suppress(psutil.Error):
                family = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
                self.peak = max(self.peak, sum(_held(process) for process in family))


def _held(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        memory = process.memory_full_info() if sys.platform == "linux" else process.memory_info()
        return int(getattr(memory, "pss", memory.rss))
    return 0
