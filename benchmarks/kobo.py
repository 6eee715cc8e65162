"""The loopback KoboToolbox in a process of its own: its work must not be counted as the client's.

`python -m benchmarks.kobo FOLDER` serves the pages of FOLDER until its standard input is closed.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from meal_pipelines.settings import CHECKOUT
from tests.kobo_server import KoboServer

ASSET = "aBenchmark"


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, str]]:
    """(address, token) of a server that shows the rows of a folder of pages."""
    command = [sys.executable, "-m", "benchmarks.kobo", str(folder)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None and server.stdout is not None
        try:
            url, token = server.stdout.readline().split()
            yield url, token
        finally:
            server.stdin.close()
            server.wait(timeout=30)


def _serve(folder: Path) -> None:
    with KoboServer() as kobo:
        asset = kobo.add_asset(ASSET)
        for path in sorted(folder.glob("*.json")):
            for row in orjson.loads(path.read_bytes())["results"]:
                asset.ids.append(row["_id"])
                asset.rows[row["_id"]] = orjson.dumps(row)
        print(kobo.url, kobo.token, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
