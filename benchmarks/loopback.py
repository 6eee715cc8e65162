"""A loopback server in a process of its own: its work must not be counted as the client's.

Which server it is, and what it holds, is in `kobo.py` and `odk.py`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from meal_pipelines.settings import CHECKOUT


@dataclass(frozen=True)
class Loopback:
    """A running server: where it is and how one logs in, in the words it said."""

    words: list[str]
    process: subprocess.Popen[str]

    def asked(self) -> int:
        """How many requests it has had."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextmanager
def started(module: str, *arguments: str) -> Iterator[Loopback]:
    """`python -m MODULE ARGUMENT…`, until the end of the block."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield Loopback(process.stdout.readline().rstrip("\n").split("\t"), process)
        finally:
            process.stdin.close()
            process.wait(timeout=30)


def answer_until_closed(requests: Sequence[Any], *words: str) -> None:
    """In the server's process: say how to reach it, then, at each line, how many requests it has had."""
    print(*words, sep="\t", flush=True)
    for _ in sys.stdin:
        print(len(requests), flush=True)
