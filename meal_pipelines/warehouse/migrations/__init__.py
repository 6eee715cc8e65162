"""The fixed tables, as Alembic revisions in `versions/`, one per subject; form tables are made by the pipeline.

A revision is never edited once it has been released: a change is a new one. There is no way down; to go back,
restore a backup.
"""

from __future__ import annotations

from alembic import op
from psycopg2 import extensions, sql


def run(statement: str | sql.Composable) -> None:
    """Execute SQL as it stands, as whoever is migrating; `%` and `:` mean nothing here."""
    connection = op.get_bind().connection.driver_connection
    assert isinstance(connection, extensions.connection)
    with connection.cursor() as cursor:
        cursor.execute(statement)


def as_owner() -> None:
    """Work as `meal_pipeline` for the rest of the transaction, so that it owns what is made."""
    run("set local role meal_pipeline")


def describe(relation: str, text: str, *, kind: str = "table", **columns: str) -> None:
    """Say in French what a table (or view) and its columns are, for those who meet them in DBeaver."""
    run(
        sql.SQL("comment on {} {} is {}").format(sql.SQL(kind), sql.Identifier(*relation.split(".")), sql.Literal(text))
    )
    describe_columns(relation, **columns)


def describe_columns(relation: str, **columns: str) -> None:
    """Say in French what columns of a table (or view) that stands are."""
    for column, meaning in columns.items():
        target = sql.Identifier(*relation.split("."), column)
        run(sql.SQL("comment on column {} is {}").format(target, sql.Literal(meaning)))
