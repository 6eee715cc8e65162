"""The interface that `meal up` opens, asked over HTTP as a browser does."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.end_to_end.command import House, end_family, until


@dataclass(frozen=True)
class Interface:
    """The running UI, asked over HTTP as a browser does."""

    process: subprocess.Popen[str]
    port: int

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            told: dict[str, Any] = json.loads(answer.read())
        assert not told.get("errors"), told
        found: dict[str, Any] = told["data"]
        return found

    def page(self, path: str) -> bytes:
        """One page as a browser gets it."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            content: bytes = answer.read()
        return content


@contextmanager
def up(house: House, *options: str) -> Iterator[Interface]:
    """`meal up`, answering. What it says goes to a file: nobody reads a pipe here, and a full one stops it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    output = house.folder / "up.txt"
    process = house.start("up", *options, "--port", str(port), output=output)
    try:
        until(lambda: f"127.0.0.1:{port}" in output.read_text(encoding="utf-8") or process.poll() is not None, 90)
        assert process.poll() is None, output.read_text(encoding="utf-8")
        yield Interface(process, port)
    finally:
        end_family(process)
