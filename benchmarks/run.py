"""Run cases, each in a process of its own, peers in turn: A B C A B C, so that a busy minute is everybody's.

What a case does is in the case; what is shown in `report.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from statistics import median

from benchmarks.case import Case, Figures
from benchmarks.place import Place
from meal_pipelines.settings import CHECKOUT

LONG = 60.0
"""A case that takes more seconds than this is not repeated."""

FOREIGN = ("MEAL_", "KOBO_", "DAGSTER_", "DLT_", "PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PYTHONDONTWRITEBYTECODE")
"""Variables of the caller that would change what is measured."""


@dataclass
class Line:
    """What was measured of one case: its runs, in order, or why there is none."""

    case: Case
    runs: list[Figures] = field(default_factory=list)
    failure: str = ""

    @property
    def seconds(self) -> float:
        return median(run.seconds for run in self.runs)

    @property
    def rows(self) -> int:
        return self.runs[-1].rows

    @property
    def pace(self) -> float:
        """What is compared with the other cases of the group: seconds, or seconds per row."""
        return self.seconds / self.rows if self.case.by_rate else self.seconds

    @property
    def peak(self) -> int | None:
        peaks = [run.peak for run in self.runs if run.peak is not None]
        return max(peaks) if peaks else None

    @property
    def note(self) -> str:
        return self.runs[-1].note


def run_group(place: Place, cases: Iterable[Case], most: int, told: Callable[[str], None]) -> list[Line]:
    """Run the cases of a group in turn, until each has its number of runs; a case that failed is left out after that.

    most: runs of a case, whatever it asks for. told: called with each run.
    """
    lines = [Line(case) for case in cases]
    for turn in range(min(most, max(line.case.repeats for line in lines))):
        for line in lines:
            if not line.failure and turn < line.case.repeats and (turn == 0 or line.seconds <= LONG):
                run_case(place, line)
                told(f"{line.case.name} : {line.failure or f'{line.runs[-1].seconds:.2f} s'}")
    return lines


def run_case(place: Place, line: Line) -> None:
    """One run, added to the line."""
    place_file, result_file = place.folder / "place.json", place.folder / "result.json"
    place_file.write_text(json.dumps({**asdict(place), "folder": str(place.folder)}))
    result_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks.child", line.case.name, str(place_file), str(result_file)]
    done = subprocess.run(command, cwd=CHECKOUT, env=_environment(place), capture_output=True)
    if done.returncode or not result_file.exists():
        last = done.stderr.decode(errors="replace").strip().splitlines()[-12:]
        line.failure = "échec\n" + "\n".join(last)
        return
    line.runs.append(Figures(**json.loads(result_file.read_text())))


def _environment(place: Place) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return kept | {
        "DLT_DATA_DIR": str(place.folder / "dlt-data"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "GX_ANALYTICS_ENABLED": "False",
    }
