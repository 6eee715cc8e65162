"""(a) From a local HTTP server to rows in PostgreSQL: ours, dlt's REST source, pandas, and COPY of the same bytes.

Peers read at most `PEER_ROWS`, and are compared by rows per second: dlt would take a million rows a quarter of an hour.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import partial
from itertools import repeat
from typing import Any

import orjson

from benchmarks.case import Case, Figures, stopwatch
from benchmarks.kobo import ASSET
from benchmarks.peers import dlt_pipeline, flat, to_sql
from benchmarks.place import PAGE, PROJECT, SCHEMA, Place, execute, fresh_schema

FORM = "beneficiaires"
DATA = f"/api/v2/assets/{ASSET}/"

PEER_ROWS = 100_000


def ours(place: Place) -> Figures:
    """Sealed, fingerprinted, one transaction per page with the cursor in it."""
    from meal_pipelines.collect.kobo import KoboSource
    from meal_pipelines.collect.sync import synchronise

    source = KoboSource(place.kobo_url, place.kobo_token, ASSET, page_size=PAGE)
    keyring = place.keyring()
    with place.warehouse() as warehouse:
        execute(warehouse, "truncate raw.submission, raw.cursor, raw.missing", "checkpoint")
        with stopwatch() as watch:
            load = synchronise(warehouse, keyring, PROJECT, FORM, source)
    assert load is not None
    assert load.added == place.count(FORM), "a row is missing"
    return Figures(watch.seconds, load.added)


def with_dlt(place: Place, file_format: str | None) -> Figures:
    """One table of whole rows: without nesting, which is dlt's best case here."""
    from dlt.sources.rest_api import rest_api_source

    source: Any = rest_api_source(
        {
            "client": {
                "base_url": f"{place.kobo_url}{DATA}",
                "auth": {
                    "type": "api_key",
                    "name": "Authorization",
                    "api_key": f"Token {place.kobo_token}",
                    "location": "header",
                },
                "paginator": {
                    "type": "offset",
                    "limit": PAGE,
                    "offset_param": "start",
                    "limit_param": "limit",
                    "total_path": "count",
                    "maximum_offset": PEER_ROWS,
                },
            },
            "resources": [
                {
                    "name": FORM,
                    "endpoint": {"path": "data/", "params": {"format": "json"}, "data_selector": "results"},
                }
            ],
        },
        max_table_nesting=0,
    )
    with place.warehouse() as warehouse:
        fresh_schema(warehouse)
        pipeline = dlt_pipeline(place, warehouse)
        with stopwatch() as watch:
            pipeline.run(source, loader_file_format=file_format)
        return Figures(watch.seconds, _rows(warehouse, min(place.count(FORM), PEER_ROWS)))


def with_pandas(place: Place) -> Figures:
    """Every page in memory, then one flat table."""
    import pandas  # noqa: F401 - its import is nobody's collection
    import requests

    with place.warehouse() as warehouse, requests.Session() as session:
        session.headers["Authorization"] = f"Token {place.kobo_token}"
        fresh_schema(warehouse)
        warehouse.engine().connect().close()
        with stopwatch() as watch:
            rows: list[dict[str, Any]] = []
            while True:
                query = {"format": "json", "limit": str(PAGE), "start": str(len(rows))}
                answer = session.get(f"{place.kobo_url}{DATA}data/", params=query, timeout=60).json()
                rows += answer["results"]
                if answer["next"] is None or len(rows) >= PEER_ROWS:
                    break
            to_sql(warehouse, [(FORM, flat(rows))])
        return Figures(watch.seconds, _rows(warehouse, min(place.count(FORM), PEER_ROWS)))


def floor(place: Place) -> Figures:
    """The payloads as text, already in memory, into a table of one column without key or index."""
    escaped = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
    body = b"".join(
        orjson.dumps(row).decode().translate(escaped).encode() + b"\n"
        for body in place.bodies(FORM)
        for row in orjson.loads(body)["results"]
    )
    with place.warehouse() as warehouse:
        fresh_schema(warehouse)
        execute(warehouse, f"create table {SCHEMA}.{FORM} (payload text)")
        with warehouse.connect() as connection, connection.cursor() as cursor, stopwatch() as watch:
            cursor.copy_expert(f"copy {SCHEMA}.{FORM} from stdin", io.BytesIO(body))
            connection.commit()
        rows = _rows(warehouse, place.count(FORM))
        return Figures(watch.seconds, rows, note=f"{len(body) / rows:.0f} octets par ligne")


def floor_sealed(place: Place) -> Figures:
    """The rows as they came, in memory and told apart: sealed and COPYed, page by page, into `raw.submission`."""
    from meal_pipelines.collect.kobo_rows import read_page
    from meal_pipelines.warehouse.copy import (
        binary_rows,
        copy_binary,
        pack_bigint,
        pack_int,
        pack_text,
        packed_bytes,
        packed_texts,
    )

    pages = [[(row.submission_id, row.payload) for row in read_page(body).submissions] for body in place.bodies(FORM)]
    sealer = place.keyring().sealer(PROJECT)
    with place.warehouse() as warehouse:
        load = execute(
            warehouse,
            "truncate raw.submission, raw.cursor, raw.missing",
            "checkpoint",
            f"insert into raw.load (project, form, source) values ('{PROJECT}', '{FORM}', 'kobo') returning load_id",
        )
        same = {"project": PROJECT, "form": FORM, "state": "present"}
        with warehouse.connect() as connection, connection.cursor() as cursor, stopwatch() as watch:
            for page in pages:
                keys, payloads = zip(*page, strict=True)
                sealed = sealer.seal(payloads, [f"raw|{PROJECT}|{FORM}|{key}|1" for key in keys])
                columns: dict[str, Iterable[bytes]] = {name: repeat(pack_text(text)) for name, text in same.items()}
                columns |= {"version": repeat(pack_int(1)), "load_id": repeat(pack_bigint(load))}
                columns |= {"submission_id": packed_texts(keys), "payload": packed_bytes(sealed)}
                copy_binary(cursor, "raw", "submission", list(columns), binary_rows(columns))
            connection.commit()
        return Figures(watch.seconds, _rows(warehouse, place.count(FORM), "raw.submission"))


def floor_in_raw(place: Place) -> Figures:
    """The sealed rows themselves, in COPY's binary form and in memory, into `raw.submission` with its key and indexes."""
    body = io.BytesIO()
    ours(place)
    with place.warehouse() as warehouse:
        with warehouse.connect() as connection, connection.cursor() as cursor:
            cursor.copy_expert("copy raw.submission to stdout (format binary)", body)
        execute(warehouse, "truncate raw.submission", "checkpoint")
        body.seek(0)
        with warehouse.connect() as connection, connection.cursor() as cursor, stopwatch() as watch:
            cursor.copy_expert("copy raw.submission from stdin (format binary)", body)
            connection.commit()
        rows = _rows(warehouse, place.count(FORM), "raw.submission")
    return Figures(watch.seconds, rows, note=f"{body.tell() / rows:.0f} octets par ligne")


def _rows(warehouse: Any, expected: int, table: str = f"{SCHEMA}.{FORM}") -> int:
    found = int(execute(warehouse, f"select count(*) from {table}"))
    assert found == expected, "a row is missing"
    return found


_case = partial(Case, group="collect", by_rate=True)

CASES = (
    _case("collect.ours", label="meal : synchronise (Kobo → raw scellé)", run=ours, is_reference=True),
    _case("collect.dlt", label="dlt : REST, réglages d'origine", run=partial(with_dlt, file_format=None)),
    _case("collect.dlt_csv", label="dlt : REST, CSV et COPY", run=partial(with_dlt, file_format="csv")),
    _case("collect.pandas", label="pandas : json_normalize + to_sql", run=with_pandas),
    _case("collect.floor", label="plancher : COPY des mêmes octets en texte", run=floor),
    _case("collect.floor_sealed", label="plancher : scellement et COPY dans raw", run=floor_sealed),
    _case("collect.floor_in_raw", label="plancher : COPY seul, déjà scellées, dans raw", run=floor_in_raw),
)
