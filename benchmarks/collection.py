"""(a) From a local HTTP server to rows in PostgreSQL: ours, dlt's REST source, pandas, and COPY of the same bytes."""

from __future__ import annotations

import io
from functools import partial
from typing import Any

import orjson

from benchmarks.case import Case, Figures, stopwatch
from benchmarks.kobo import ASSET
from benchmarks.peers import dlt_pipeline, flat, to_sql
from benchmarks.place import PAGE, PROJECT, SCHEMA, Place, execute, fresh_schema

FORM = "beneficiaires"
DATA = f"/api/v2/assets/{ASSET}/"


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
        return Figures(watch.seconds, _rows(place, warehouse))


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
                if answer["next"] is None:
                    break
            to_sql(warehouse, [(FORM, flat(rows))])
        return Figures(watch.seconds, _rows(place, warehouse))


def floor(place: Place) -> Figures:
    """The payloads as text, already in memory, into a table of one column without key or index."""
    escaped = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
    lines = [
        orjson.dumps(row).decode().translate(escaped) + "\n"
        for body in place.bodies(FORM)
        for row in orjson.loads(body)["results"]
    ]
    body = "".join(lines).encode()
    with place.warehouse() as warehouse:
        fresh_schema(warehouse)
        execute(warehouse, f"create table {SCHEMA}.{FORM} (payload text)")
        with warehouse.connect() as connection, connection.cursor() as cursor, stopwatch() as watch:
            cursor.copy_expert(f"copy {SCHEMA}.{FORM} from stdin", io.BytesIO(body))
            connection.commit()
        return Figures(watch.seconds, _rows(place, warehouse), note=f"{len(body) / len(lines):.0f} octets par ligne")


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
        rows = int(execute(warehouse, "select count(*) from raw.submission"))
    assert rows == place.count(FORM), "a row is missing"
    return Figures(watch.seconds, rows, note=f"{body.tell() / rows:.0f} octets par ligne")


def _rows(place: Place, warehouse: Any) -> int:
    found = int(execute(warehouse, f"select count(*) from {SCHEMA}.{FORM}"))
    assert found == place.count(FORM), "a row is missing"
    return found


CASES = (
    Case("collect.ours", "collect", "meal : synchronise (Kobo → raw scellé)", ours, is_reference=True),
    Case("collect.dlt", "collect", "dlt : REST, réglages d'origine", partial(with_dlt, file_format=None)),
    Case("collect.dlt_csv", "collect", "dlt : REST, CSV et COPY", partial(with_dlt, file_format="csv")),
    Case("collect.pandas", "collect", "pandas : json_normalize + to_sql", with_pandas),
    Case("collect.floor", "collect", "plancher : COPY des mêmes octets en texte", floor),
    Case("collect.floor_in_raw", "collect", "plancher : COPY des lignes scellées dans raw", floor_in_raw),
)
