"""The peers, used as their documentation says: dlt's pipeline, and pandas with `json_normalize` and `to_sql`.

Their working files stay in the benchmark's folder; neither sends anything anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from benchmarks.place import SCHEMA, Place

if TYPE_CHECKING:
    import pandas as pd

    from meal_pipelines.warehouse.connection import Warehouse

CHUNK = 10_000


def dlt_pipeline(place: Place, warehouse: Warehouse) -> Any:
    """A new dlt pipeline into the schema of the peers, on the same server and role as ours."""
    import shutil

    import dlt
    from dlt.destinations import postgres
    from dlt.destinations.impl.postgres.configuration import PostgresCredentials

    url = warehouse.url()
    credentials = PostgresCredentials()
    credentials.database, credentials.username = str(url.database), str(url.username)
    # dlt wants a host in its place; libpq takes a socket's folder there, percent-encoded.
    host = url.query.get("host", url.host)
    credentials.host, credentials.password = quote(str(host), safe=""), url.password or ""
    credentials.port = int(str(url.query.get("port", url.port)))
    shutil.rmtree(place.folder / "dlt", ignore_errors=True)
    return dlt.pipeline(
        "benchmark",
        pipelines_dir=str(place.folder / "dlt"),
        destination=postgres(credentials=credentials),
        dataset_name=SCHEMA,
    )


def flat(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """One column per path; what is still a list becomes JSON, which a table can hold."""
    import pandas as pd

    frame = pd.json_normalize(rows)
    for column in frame.columns:
        if frame[column].map(lambda value: isinstance(value, list)).any():
            frame[column] = frame[column].map(json.dumps)
    return frame


def to_sql(warehouse: Warehouse, frames: Iterable[tuple[str, pd.DataFrame]]) -> None:
    """Each frame into a new table."""
    for name, frame in frames:
        frame.to_sql(name, warehouse.engine(), schema=SCHEMA, index=False, chunksize=CHUNK)
