"""What the tests have chunks worked on by: it can be pickled, and imports little, so that another process starts quickly.

Started as a program, it works with one other process without end, and says which that is.
"""

from __future__ import annotations

import os
import time
from itertools import repeat
from typing import Any

from meal_pipelines.errors import MealError
from meal_pipelines.workers import Workers
from tests import worker_cases


class Slow:
    """Says which process worked on a chunk, after a moment; 13 is refused, 14 is a defect."""

    def __call__(self, chunk: int) -> tuple[int, int]:
        time.sleep(0.02)
        if chunk == 13 and not self.is_here():
            raise MealError("Le lot ne se lit pas.")
        if chunk == 14 and not self.is_here():
            raise KeyError(chunk)
        return chunk, os.getpid()

    @staticmethod
    def is_here() -> bool:
        """Whether this is the process that was given the chunks, and not another."""
        return os.environ.get("MEAL_TEST_HERE") == str(os.getpid())


class Telling:
    """Says what it was made with, and which process worked."""

    def __init__(self, word: str) -> None:
        self.word = word

    def __call__(self, chunk: int) -> tuple[str, int]:
        time.sleep(0.02)
        return self.word, os.getpid()


def main() -> None:
    told = set[int]()

    def keep(done: Any) -> None:
        if done[1] not in told | {os.getpid()}:
            print(done[1], flush=True)
            told.add(done[1])

    with Workers(worker_cases.Slow, others=1) as workers:  # not `__main__`'s, which another process does not know
        workers.work(repeat(0), keep)


if __name__ == "__main__":
    main()
