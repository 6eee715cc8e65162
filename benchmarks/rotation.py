"""(g) The rotation of keys: sealed values of about 1 kB in `raw.submission`, and identities in the vault, sealed anew.

Rows are made here, sealed with an older key, in a form of their own that is gone afterwards. Counting before and the
retirement of the key are not counted.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING

from benchmarks.case import Case, Figures, stopwatch
from benchmarks.place import PROJECT, Place, execute

if TYPE_CHECKING:
    import psutil

    from meal_pipelines.protect.keys.keyring import Keyring
    from meal_pipelines.warehouse.connection import Warehouse

FORM = "rotation"
BATCH = 10_000


def ours(place: Place, table: str, size: int, fill: Callable[[Warehouse, Keyring, int, int], None]) -> Figures:
    """Seal every value of a column anew, as `meal keys rotate` does."""
    import psutil

    from meal_pipelines.protect.keys.keyring import Keyring
    from meal_pipelines.protect.keys.resealing import reseal
    from meal_pipelines.protect.keys.sealed_places import sealed_columns

    keys = {1: os.urandom(32), 2: os.urandom(32)}
    old, new = (Keyring(current, keys, os.urandom(32)) for current in keys)
    with place.warehouse() as warehouse, closing(warehouse.psycopg()) as connection:
        execute(warehouse, "truncate raw.submission, raw.cursor, raw.missing, vault.identity")
        fill(warehouse, old, place.rows, size)
        execute(warehouse, f"vacuum analyze {table}", "checkpoint")
        column = next(each for each in sealed_columns(connection.cursor(), PROJECT) if each.qualified == table)
        processes = [psutil.Process(), _server(connection.info.backend_pid)]
        before = sum(map(_processor, processes))
        with stopwatch() as watch:
            done = reseal(warehouse, new, PROJECT, column, lambda _: None)
        spent = (sum(map(_processor, processes)) - before) / place.rows
        execute(warehouse, "truncate raw.submission, vault.identity")
    assert done == place.rows, "a row was left out"
    return Figures(watch.seconds, done, note=f"processeur : {spent * 1e6:.0f} µs par ligne, PostgreSQL compris")


def _server(backend_pid: int) -> psutil.Process:
    """The process that starts and buries PostgreSQL's others."""
    import psutil

    parent = psutil.Process(backend_pid).parent()
    assert parent is not None
    return parent


def _processor(process: psutil.Process) -> float:
    """Seconds of processor of a process and of those it started, the ended ones included."""
    own = sum(process.cpu_times()[:4])
    return own + sum(sum(child.cpu_times()[:2]) for child in process.children())


def _versions(warehouse: Warehouse, old: Keyring, rows: int, size: int) -> None:
    from meal_pipelines.warehouse.copy import (
        binary_rows,
        copy_binary,
        pack_bigint,
        pack_int,
        pack_text,
        packed_bytes,
        packed_texts,
    )  # fmt: skip

    sealer = old.sealer(PROJECT)
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "insert into raw.load (project, form, source) values (%s, %s, 'bench') returning load_id", (PROJECT, FORM)
        )
        [(load,)] = cursor.fetchall()
        for start in range(0, rows, BATCH):
            ids = [str(number) for number in range(start, min(start + BATCH, rows))]
            places = [f"raw|{PROJECT}|{FORM}|{number}|1" for number in ids]
            columns = {
                "project": repeat(pack_text(PROJECT)), "form": repeat(pack_text(FORM)),
                "submission_id": packed_texts(ids), "version": repeat(pack_int(1)),
                "state": repeat(pack_text("present")), "load_id": repeat(pack_bigint(load)),
                "payload": packed_bytes(sealer.seal([os.urandom(size) for _ in ids], places)),
            }  # fmt: skip
            copy_binary(cursor, "raw", "submission", tuple(columns), binary_rows(columns))


def _identities(warehouse: Warehouse, old: Keyring, rows: int, size: int) -> None:
    from meal_pipelines.warehouse.copy import binary_rows, copy_binary, pack_text, packed_bytes, packed_texts

    sealer = old.sealer(PROJECT)
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for start in range(0, rows, BATCH):
            ids = [str(number) for number in range(start, min(start + BATCH, rows))]
            places = [f"vault|{PROJECT}|{FORM}||{number}|0" for number in ids]
            columns = {
                "project": repeat(pack_text(PROJECT)), "form": repeat(pack_text(FORM)),
                "submission_id": packed_texts(ids), "person_id": packed_texts(ids),
                "sealed": packed_bytes(sealer.seal([os.urandom(size) for _ in ids], places)),
            }  # fmt: skip
            copy_binary(cursor, "vault", "identity", tuple(columns), binary_rows(columns))


CASES = (
    Case(
        "rotation.versions",
        "rotation.versions",
        "meal : sceller de nouveau, versions de 1 ko",
        partial(ours, table="raw.submission", size=1000, fill=_versions),
        is_reference=True,
    ),
    Case(
        "rotation.identities",
        "rotation.identities",
        "meal : sceller de nouveau, identités de 120 octets",
        partial(ours, table="vault.identity", size=120, fill=_identities),
        is_reference=True,
    ),
)
