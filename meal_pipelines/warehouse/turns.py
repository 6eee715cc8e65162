"""Turns: one run at a time reads a server or builds a thing; whoever comes second waits, and says so.

An advisory lock of PostgreSQL, which goes with its connection whatever becomes of the process that holds it, and which every
machine that works on the warehouse sees.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from meal_pipelines.errors import MealError
from meal_pipelines.warehouse.connection import Warehouse

PATIENCE_S = 3600.0
"""A first collection of a large form takes tens of minutes; beyond an hour somebody should look."""
PAUSE_S = 0.5


@contextmanager
def turn(
    warehouse: Warehouse,
    room: str,
    what: str,
    *,
    waiting: Callable[[], None] | None = None,
    patience_s: float = PATIENCE_S,
) -> Iterator[None]:
    """Hold the turn of `what` for the length of the block.

    room: what kind of thing it is, so that names of different kinds never meet. waiting: called once when another run
    holds it. Raises: MealError when it is still held after `patience_s` seconds.
    """
    deadline = time.monotonic() + patience_s
    with closing(warehouse.psycopg()) as connection, connection.cursor() as cursor:
        # Asked again and again rather than waited for inside PostgreSQL: Ctrl-C ends the wait at once.
        while not _taken(cursor, room, what):
            if waiting is not None:
                waiting()
                waiting = None
            if time.monotonic() > deadline:
                raise MealError(
                    f"« {what} » est en cours dans une autre exécution depuis plus de {round(patience_s / 60)} min. "
                    f"Attendez sa fin, ou arrêtez-la dans Dagster (Runs), puis relancez."
                )
            connection.commit()
            time.sleep(PAUSE_S)
        connection.commit()
        yield


def _taken(cursor: Any, room: str, what: str) -> bool:
    cursor.execute("select pg_try_advisory_lock(hashtext(%s), hashtext(%s))", (room, what))
    [row] = cursor.fetchall()
    return bool(row[0])
