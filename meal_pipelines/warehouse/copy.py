"""Bulk writing: rows to PostgreSQL by COPY, in its text or its binary form.

Values are formatted here and nowhere else; what they mean is the caller's business.
"""

from __future__ import annotations

import io
import struct
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Any, Self

from psycopg2 import sql

from meal_pipelines.warehouse.tables import identifiers

NULL = "\\N"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
ESCAPED = "\\\t\n\r\x00"
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x00": None})
HEADER, TRAILER = b"PGCOPY\n\xff\r\n\x00" + bytes(8), b"\xff\xff"
ABSENT = b"\xff\xff\xff\xff"


def escape(text: str) -> str:
    """One value as COPY's text form wants it; NUL, which PostgreSQL cannot hold, is left out."""
    return text.translate(ESCAPES)


def escape_column(texts: Sequence[str | None]) -> list[str]:
    """A column of n values; where one needs escaping, each distinct value is escaped once."""
    whole = "".join(filter(None, texts))
    if not any(mark in whole for mark in ESCAPED):
        return [NULL if text is None else text for text in texts]
    known: dict[str | None, str] = {text: escape(text) for text in set(texts) if text is not None}
    known[None] = NULL
    return [known[text] for text in texts]


def bytea_column(values: Sequence[bytes | None]) -> list[str]:
    """A column of n byte strings in hexadecimal, with the backslash that COPY wants doubled."""
    return [NULL if value is None else "\\\\x" + value.hex() for value in values]


@dataclass(frozen=True)
class Packed:
    """Rows of one table in COPY's text or binary form, to be written by a `Writer`; nothing when there is no row."""

    schema: str
    table: str
    columns: tuple[str, ...]
    body: bytes = field(repr=False)
    is_binary: bool = False


def pack(schema: str, table: str, columns: Sequence[str], data: Sequence[Sequence[str]]) -> Packed:
    """Columns of formatted texts (see above) as the rows of a table."""
    lines = "\n".join(map("\t".join, zip(*data, strict=True)))
    return Packed(schema, table, tuple(columns), f"{lines}\n".encode() if lines else b"")


def pack_binary(schema: str, table: str, columns: Mapping[str, Iterable[bytes]]) -> Packed:
    """The same of columns as `binary_rows` takes them."""
    return Packed(schema, table, tuple(columns), binary_rows(columns), is_binary=True)


def copy_packed(cursor: Any, rows: Packed) -> None:
    """COPY rows into their table."""
    if not rows.body:
        return
    if rows.is_binary:
        copy_binary(cursor, rows.schema, rows.table, rows.columns, rows.body)
        return
    names = identifiers(rows.columns)
    statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(rows.schema, rows.table), names)
    cursor.copy_expert(statement, io.BytesIO(rows.body), size=len(rows.body))


def binary_rows(columns: Mapping[str, Iterable[bytes]]) -> bytes:
    """Rows in COPY's binary form: half the bytes of the text form where the values are bytes themselves.

    columns: by name, n values made by `packed` or its like; or `itertools.repeat` of one, where every row has the same.
    At least one column differs from row to row.
    """
    pieces: list[Iterable[bytes]] = []
    same = struct.pack("!h", len(columns))
    for column in columns.values():
        if isinstance(column, repeat):
            same += next(column)
            continue
        # What all rows have alike, in columns side by side, is one piece of each row.
        pieces += [repeat(same), column] if same else [column]
        same = b""
    rows = zip(*pieces, *([repeat(same)] if same else []), strict=False)
    return b"".join([HEADER, *chain.from_iterable(rows), TRAILER])


def copy_binary(cursor: Any, schema: str, table: str, columns: Sequence[str], rows: bytes) -> None:
    """COPY what `binary_rows` made of these columns into a table."""
    names = identifiers(columns)
    statement = sql.SQL("copy {} ({}) from stdin (format binary)").format(sql.Identifier(schema, table), names)
    # In one piece: each piece would wait for Python's lock, which other threads hold meanwhile.
    cursor.copy_expert(statement, io.BytesIO(rows), size=len(rows))


def packed(packer: Callable[[Any], bytes], values: Iterable[Any]) -> list[bytes]:
    """A column for `copy_binary`; packers are `pack_int`, `pack_bigint`, `pack_time`, `pack_uuids`."""
    return [ABSENT if value is None else packer(value) for value in values]


def packed_bytes(values: Iterable[bytes | None]) -> list[bytes]:
    """As `packed`, for byte strings."""
    return [ABSENT if value is None else _length(len(value)) + value for value in values]


def packed_texts(values: Iterable[str | None]) -> list[bytes]:
    """As `packed`, for texts."""
    return packed_bytes([None if value is None else value.encode() for value in values])


def packed_once(packer: Callable[[Any], bytes], values: Sequence[Any]) -> list[bytes]:
    """As `packed`, for a column of few distinct values: each of them is packed once."""
    known = {value: ABSENT if value is None else packer(value) for value in set(values)}
    return [known[value] for value in values]


_length = struct.Struct("!i").pack
_integer = struct.Struct("!ii").pack
_bigint = struct.Struct("!iq").pack
_uuids = struct.Struct("!5i").pack
UUID_TYPE = 2950
"""As PostgreSQL numbers it in every database."""


def pack_bytes(value: bytes) -> bytes:
    return _length(len(value)) + value


def pack_text(value: str) -> bytes:
    data = value.encode()
    return _length(len(data)) + data


def pack_int(value: int) -> bytes:
    return _integer(4, value)


def pack_bigint(value: int) -> bytes:
    return _bigint(8, value)


def pack_uuids(elements: Sequence[bytes]) -> bytes:
    """An array of uuid out of at least one element, each made by `pack_bytes`, or `ABSENT`."""
    return pack_bytes(_uuids(1, 1, UUID_TYPE, len(elements), 1) + b"".join(elements))


def pack_time(value: datetime) -> bytes:
    """A timestamp with time zone: microseconds since 2000-01-01 UTC."""
    delta = value - EPOCH
    return _bigint(8, (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds)


class Writer:
    """Writes chunks in a thread of its own, so that the next chunk is made meanwhile; at most two wait.

    The connection belongs to the writer until the end of the block; the caller commits afterwards.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="copy")
        self._waiting: deque[Future[None]] = deque()

    def copy(self, rows: Packed) -> None:
        """As `copy_packed`; an error shows at a later call or at the end of the block."""
        while len(self._waiting) >= 2:
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(self._write, rows))

    def _write(self, rows: Packed) -> None:
        with self._connection.cursor() as cursor:
            copy_packed(cursor, rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=kind is not None)
        if kind is None:
            while self._waiting:
                self._waiting.popleft().result()
