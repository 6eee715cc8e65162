"""(e) How long a person waits: definitions imported in a new process, and `meal demo` whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.case import Case, Figures, peak_of_ended_children, stopwatch
from benchmarks.place import Place

DEMO_SHARE = 20
"""`meal demo` runs on one submission per project for so many `--rows`: 5,000 for 100,000."""


def imported(place: Place, statement: str) -> Figures:
    """A new interpreter that runs one statement and ends."""
    return _timed(place, [sys.executable, "-c", statement], 0)


def demo(place: Place) -> Figures:
    """`meal demo` as typed, generation and summary included. Memory: that of its largest process."""
    rows = demo_rows(place)
    command = [str(Path(sys.executable).with_name("meal")), "demo", "--rows", str(rows)]
    return _timed(place, command, 2 * rows)


def demo_rows(place: Place) -> int:
    return max(place.rows // DEMO_SHARE, 50)


def _timed(place: Place, command: list[str], rows: int) -> Figures:
    home = place.folder / "startup"
    home.mkdir(exist_ok=True)
    environment = {**os.environ, **place.variables("startup")}
    with stopwatch() as watch:
        done = subprocess.run(command, cwd=home, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode:
        raise RuntimeError(f"{command[:3]} : code {done.returncode}\n{done.stderr.decode()[-2000:]}")
    return Figures(watch.seconds, rows, peak_of_ended_children())


def definitions(place: Place) -> Figures:
    return imported(place, "from meal_pipelines.definitions import defs")


def dagster(place: Place) -> Figures:
    return imported(place, "import dagster")


CASES = (
    Case(
        "startup.definitions", "startup", "définitions : import dans un processus neuf", definitions,
        is_reference=True, own_peak=True, repeats=5,
    ),
    Case("startup.dagster", "startup", "dont Dagster seul : import dagster", dagster, own_peak=True, repeats=5),
    Case("startup.demo", "startup.demo", "meal demo, entier", demo, own_peak=True, repeats=1),
)  # fmt: skip
