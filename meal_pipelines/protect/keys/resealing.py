"""Seal a column anew, in bulk: read by ranges of pages, opened, sealed with the current key, written back, in several threads.

Each batch is a transaction: killed anywhere, the next run goes on with what an older key still seals. Which columns there
are is in `sealed_places.py`; when the older key may go, in `rotation.py`.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Lock
from typing import Any

import psycopg2
from psycopg2 import errors, sql

from meal_pipelines.errors import MealError
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.keys.sealed_places import SealedColumn
from meal_pipelines.protect.keys.sealing import START, Sealer
from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.copy import HEADER, binary_rows, copy_binary, packed_bytes
from meal_pipelines.warehouse.refusals import value_free

BATCH_BYTES = 8 << 20
"""Of a batch in memory, about: its pages and what lies outside them."""
WORKERS = 4
"""PostgreSQL works in a process for each, and takes two to three times as long over a row as this program (2026-11)."""
PASSES = 20
_length = struct.Struct("!i").unpack_from


def reseal(
    warehouse: Warehouse, keyring: Keyring, project: str, column: SealedColumn, advance: Callable[[int], None]
) -> int:
    """Seal with the current key whatever another key of the ring seals in this column. Returns: how many values.

    Others may write meanwhile; rows that move while they are read are taken by another pass. advance: values done, each time.
    Raises: MealError when a value does not open, or when rows keep moving.
    """
    told, lock = [0], Lock()

    def done(count: int) -> None:
        with lock:
            told[0] += count
            advance(count)

    for _ in range(PASSES):
        ranges = _ranges(warehouse, keyring, column)
        if not ranges:
            return told[0]
        shares = [ranges[start::WORKERS] for start in range(min(WORKERS, len(ranges)))]
        with ThreadPoolExecutor(len(shares)) as pool:
            for work in [pool.submit(_share, warehouse, keyring, project, column, share, done) for share in shares]:
                work.result()
    raise MealError(
        f"{column.qualified} est réécrite sans cesse par d'autres exécutions. Attendez leur fin, puis relancez."
    )


def _ranges(warehouse: Warehouse, keyring: Keyring, column: SealedColumn) -> list[tuple[int, int]]:
    """Ranges of pages that together hold every value to be sealed anew; none when there is none."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        try:
            cursor.execute(
                sql.SQL(
                    "select min((ctid::text::point)[0])::int, max((ctid::text::point)[0])::int from {} where {} and {} <> {}"
                ).format(column.identifier, column.is_of_project, column.number, sql.Literal(keyring.current))
            )
            [(first, last)] = cursor.fetchall()
            cursor.execute(
                "select pg_table_size(%s) / greatest(pg_relation_size(%s) / 8192, 1)",
                (column.qualified, column.qualified),
            )
            [(size,)] = cursor.fetchall()
        except errors.UndefinedTable:
            return []
    if first is None:
        return []
    step = max(1, BATCH_BYTES // max(size, 8192))
    return [(page, min(page + step, last + 1)) for page in range(first, last + 1, step)]


def _share(
    warehouse: Warehouse, keyring: Keyring, project: str, column: SealedColumn, ranges: Sequence[tuple[int, int]],
    done: Callable[[int], None],
) -> None:  # fmt: skip
    """One thread's part of the pages, on a connection of its own."""
    sealer = keyring.sealer(project)
    with closing(warehouse.psycopg()) as connection, connection.cursor() as cursor:
        try:
            # What is not on disk yet after a power cut is sealed anew by the next run, which waits for the disk at its end.
            cursor.execute("set synchronous_commit to off")
            cursor.execute("create temporary table resealed (place tid, start bytea, sealed bytea)")
            cursor.execute("alter table resealed alter sealed set storage external")
            connection.commit()
            for first, last in ranges:
                done(_batch(cursor, sealer, keyring.current, column, first, last))
                connection.commit()
        except errors.UndefinedTable:
            # Replaced while it was read: the next pass looks at the new one.
            return
        except psycopg2.Error as error:
            refusal: MealError = value_free(error)
        else:
            return
        raise refusal


def _batch(cursor: Any, sealer: Sealer, current: int, column: SealedColumn, first: int, last: int) -> int:
    rows = _read(cursor, current, column, first, last)
    if not rows:
        return 0
    places = [str(place, "utf-8") for _, _, place in rows]
    sealed = sealer.seal(sealer.unseal([value for _, value, _ in rows], places), places)
    columns = {
        "place": packed_bytes([row[0] for row in rows]),
        "start": packed_bytes([row[1][:START] for row in rows]),
        "sealed": packed_bytes(sealed),
    }
    copy_binary(cursor, "pg_temp", "resealed", tuple(columns), binary_rows(columns))
    # The range again, or the whole table would be read for each batch. Another row may have come to lie there since: a value
    # is known by its key and its nonce.
    cursor.execute(
        sql.SQL(
            "update {table} as t set {column} = r.sealed from pg_temp.resealed as r"
            " where t.ctid = r.place and substr(t.{column}, 1, {start}) = r.start and {in_range}"
        ).format(
            table=column.identifier,
            column=sql.Identifier(column.column),
            start=sql.Literal(START),
            in_range=_in_range("t.ctid", first, last),
        )
    )
    count = int(cursor.rowcount)
    cursor.execute("truncate pg_temp.resealed")
    return count


def _read(cursor: Any, current: int, column: SealedColumn, first: int, last: int) -> list[tuple[bytes, bytes, bytes]]:
    """(where it lies, sealed value, what it is bound to) of the values in a range of pages that another key seals."""
    query = sql.SQL(
        "copy (select ctid, {column}, {place} from {table} where {in_range} and {of_project} and {number} <> {current})"
        " to stdout (format binary)"
    ).format(
        column=sql.Identifier(column.column),
        place=column.place,
        table=column.identifier,
        in_range=_in_range("ctid", first, last),
        of_project=column.is_of_project,
        number=column.number,
        current=sql.Literal(current),
    )
    answer = io.BytesIO()
    cursor.copy_expert(query, answer, size=1 << 20)
    return list(_rows(answer.getvalue()))


def _in_range(place: str, first: int, last: int) -> sql.Composable:
    bounds = sql.Literal(f"({first},0)"), sql.Literal(f"({last},0)")
    return sql.SQL("{place} >= {}::tid and {place} < {}::tid").format(*bounds, place=sql.SQL(place))


def _rows(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Rows of three fields in COPY's binary form, none of them null."""
    position, end = len(HEADER), len(data) - 2
    while position < end:
        one = position + 6
        two = one + 4 + _length(data, position + 2)[0]
        three = two + 4 + _length(data, two - 4)[0]
        position = three + _length(data, three - 4)[0]
        yield data[one : two - 4], data[two : three - 4], data[three:position]
