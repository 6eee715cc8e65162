"""What a case is, and what is measured of it: seconds, rows, the peak memory of its process.

Which cases there are is in `cases.py`; how processes are run in `run.py`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.place import Place


@dataclass(frozen=True)
class Figures:
    """One run of a case.

    seconds: of what is compared, preparation left out · peak: bytes · note: French, without data · shares: what else was
    measured, by French name, for the goals.
    """

    seconds: float
    rows: int
    peak: int | None = None
    note: str = ""
    shares: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One line of the table.

    group: the cases it is compared with and alternates with · reference: ours, against which the ratio of the others is
    taken · own_peak: the function measures the memory of the processes it starts; otherwise it is that of this process ·
    repeats: how often it runs; the median counts · by_rate: compared by seconds per row, because it may have fewer rows.
    """

    name: str
    group: str
    label: str
    run: Callable[[Place], Figures]
    is_reference: bool = False
    own_peak: bool = False
    repeats: int = 3
    by_rate: bool = False


@dataclass
class Stopwatch:
    seconds: float = 0.0


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """Wall-clock seconds of the block."""
    watch = Stopwatch()
    started = time.perf_counter()
    yield watch
    watch.seconds = time.perf_counter() - started


def peak_of_this_process() -> int | None:
    """The most memory this process has held, in bytes; None where the system does not say."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not ru_maxrss: Linux keeps that of the process that started this one (through vfork and exec).
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_of_ended_children() -> int | None:
    """The most memory that one process started from here, or from one of those, has held, in bytes."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
