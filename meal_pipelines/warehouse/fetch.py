"""Bulk reading: the rows of a query in chunks, over a server-side cursor. What rows mean is the caller's business."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from psycopg2 import sql


def in_chunks(
    connection: Any, query: sql.Composable, parameters: Mapping[str, Any] | None = None, *, size: int
) -> Iterator[list[Any]]:
    """The rows, `size` at a time; the next ones are read in a thread while these are worked on.

    The connection belongs to the iteration until its end.
    """
    with connection.cursor(name="chunks") as cursor, ThreadPoolExecutor(1, thread_name_prefix="fetch") as reading:
        cursor.execute(query, parameters)
        coming = reading.submit(_fetch, cursor, size)
        while rows := coming.result():
            coming = reading.submit(_fetch, cursor, size)
            yield rows


def _fetch(cursor: Any, size: int) -> list[Any]:
    """Rows that another process can be given: byte strings instead of views into memory."""
    return [
        tuple(bytes(value) if type(value) is memoryview else value for value in row) for row in cursor.fetchmany(size)
    ]
