"""Every column of the warehouse that holds sealed bytes, and what its values are bound to: what a rotation must reach.

A new sealed column is added here, or its values are lost with the old key; sealed files are in `collect/attachments/`.
Each `place` says in SQL what the code that seals says in Python: a rotation opens every value at it before sealing anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

NUMBER = sql.SQL("get_byte(substr({column}, 1, 1), 0)")
"""The number of the key that sealed a value, without fetching the whole of it."""


@dataclass(frozen=True)
class SealedColumn:
    """The sealed values of one project in one table.

    place: SQL text expression over the row · project: None where the table belongs to the project as a whole.
    """

    schema: str
    table: str
    column: str
    place: sql.Composable
    project: str | None

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.table}"

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.table)

    @property
    def number(self) -> sql.Composable:
        return NUMBER.format(column=sql.Identifier(self.column))

    @property
    def is_of_project(self) -> sql.Composable:
        return sql.SQL("true") if self.project is None else sql.SQL("project = {}").format(sql.Literal(self.project))


FIXED = (
    ("raw", "submission", "payload", ("raw", "project", "form", "submission_id", "version")),
    ("raw", "attachment", "name", ("attachment", "project", "form", "submission_id", "encode(file_key, 'hex')")),
    ("vault", "identity", "sealed", ("vault", "project", "form", "repeat", "submission_id", "repeat_index")),
)
"""(schema, table, column, what a value is bound to: a word, then parts of the row)."""


def sealed_columns(cursor: Any, project: str) -> list[SealedColumn]:
    """Every sealed column of a project, the fixed tables first, then the published tables of `cleaned`."""
    fixed = [
        SealedColumn(schema, table, column, _bound(sql.Literal(word), *map(sql.SQL, parts)), project)
        for schema, table, column, (word, *parts) in FIXED
    ]
    cursor.execute(CLEANED, (project,))
    return [*fixed, *(_cleaned(table, has_index) for table, has_index in cursor.fetchall())]


def under_construction(cursor: Any) -> list[tuple[str, str]]:
    """(table, column) of sealed values in `build`: of all projects, between the cleaning and the publication."""
    cursor.execute(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'build' and data_type = 'bytea' and column_name in ('personal', 'sealed')"
    )
    return [(table, column) for table, column in cursor.fetchall()]


def _cleaned(table: str, has_index: bool) -> SealedColumn:
    index = sql.SQL("repeat_index") if has_index else sql.SQL("0")
    place = _bound(sql.Literal("cleaned"), sql.Literal(table), sql.SQL("submission_id"), index)
    return SealedColumn("cleaned", table, "personal", place, None)


def _bound(*parts: sql.Composable) -> sql.Composable:
    return sql.SQL("concat_ws('|', {})").format(sql.SQL(", ").join(parts))


CLEANED = """
    select c.table_name, bool_or(c.column_name = 'repeat_index')
    from quality.build as b join information_schema.columns as c
        on c.table_schema = 'cleaned' and b.table_name = 'cleaned.' || c.table_name
    where b.stage = 'cleaned' and b.project = %s
    group by c.table_name having bool_or(c.column_name = 'personal') order by c.table_name
"""
