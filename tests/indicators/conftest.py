"""The mart of `logframes.py` as a real table, and a connection to fill it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from psycopg2 import extensions, extras, sql

from meal_pipelines.warehouse import Warehouse
from meal_pipelines.warehouse.tables import create_table, identifiers
from tests.indicators.logframes import MART, PROJECT

Fill = Callable[[Sequence[Mapping[str, Any]], dt.date | None], None]


@pytest.fixture(scope="module")
def connection(warehouse: Warehouse) -> Iterator[extensions.connection]:
    """As the pipeline, with the mart empty; nothing of it is left behind."""
    opened = warehouse.psycopg()
    with opened.cursor() as cursor:
        create_table(cursor, MART.schema, MART.name, MART.columns)
    opened.commit()
    yield opened
    opened.rollback()
    with opened.cursor() as cursor:
        cursor.execute(sql.SQL("drop table {}").format(sql.Identifier(MART.schema, MART.name)))
        for table in ("indicators.value", "indicators.target", "indicators.definition", "raw.submission", "raw.load"):
            cursor.execute(
                sql.SQL("delete from {} where project = %s").format(sql.Identifier(*table.split("."))), (PROJECT,)
            )
        cursor.execute("delete from quality.build where project = %s or table_name = %s", (PROJECT, MART.qualified))
    opened.commit()
    opened.close()


@pytest.fixture(scope="module")
def fill(connection: extensions.connection) -> Fill:
    """Make these the mart's rows, and the day the last submission was received (None: none was)."""

    def filled(records: Sequence[Mapping[str, Any]], cutoff: dt.date | None) -> None:
        with connection.cursor() as cursor:
            table = sql.Identifier(MART.schema, MART.name)
            cursor.execute(sql.SQL("delete from {}").format(table))
            names = [name for name in MART.names() if name not in ("project", "sent_at")]
            rows = [(PROJECT, *(record[name] for name in names)) for record in records]
            statement = sql.SQL("insert into {} (project, {}) values %s").format(table, identifiers(names))
            extras.execute_values(cursor, statement.as_string(cursor), rows)
            # The same rows in another project: none of them may count.
            extras.execute_values(cursor, statement.as_string(cursor), [("autre", *row[1:]) for row in rows])
            _receive(cursor, cutoff)
            cursor.execute(
                "insert into quality.build (table_name, stage) values (%s, 'marts')"
                " on conflict (table_name) do update set build_no = quality.build.build_no + 1",
                (MART.qualified,),
            )
        connection.commit()

    return filled


def _receive(cursor: extensions.cursor, cutoff: dt.date | None) -> None:
    cursor.execute("delete from raw.submission where project = %s", (PROJECT,))
    cursor.execute("delete from raw.load where project = %s", (PROJECT,))
    if cutoff is None:
        return
    cursor.execute("insert into raw.load (project, form, source) values (%s, 'f', 's') returning load_id", (PROJECT,))
    load_id = (cursor.fetchone() or (0,))[0]
    # A submission deleted since does not move the cut-off.
    received = dt.datetime.combine(cutoff, dt.time(12), dt.UTC)
    later = received + dt.timedelta(days=50)
    rows = [("a", 1, received, "present"), ("b", 1, later, "present"), ("b", 2, later, "deleted")]
    extras.execute_values(
        cursor,
        "insert into raw.submission (project, form, submission_id, version, submitted_at, state, load_id) values %s",
        [(PROJECT, "f", *row, load_id) for row in rows],
    )
