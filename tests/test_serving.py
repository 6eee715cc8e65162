"""The processes behind `meal up` end with it, however it is stopped."""

from __future__ import annotations

import _thread
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from meal_pipelines.serving import _process

DEAF = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).touch()
time.sleep(60)
"""


def test_who_presses_ctrl_c_twice_leaves_nothing_running(tmp_path: Path) -> None:
    """An interface that is still starting does not end at once; left behind, it would hold the port of the next `meal up`."""
    started = tmp_path / "started"
    left: list[subprocess.Popen[bytes]] = []
    with pytest.raises(KeyboardInterrupt), _process([sys.executable, "-c", DEAF, str(started)]) as process:
        left.append(process)
        while not started.exists():
            time.sleep(0.05)
        threading.Timer(0.5, _thread.interrupt_main).start()
    assert left[0].poll() is not None
