"""What a table of the warehouse looks like: columns, types, descriptions, privacy; and the SQL that makes it.

Metadata is written once, here or in a model's `schema.yml`: DDL, comments, UI schemas and dictionaries are derived.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from psycopg2 import sql

Privacy = Literal["open", "sensitive", "pseudonym", "sealed", "technical"]


@dataclass(frozen=True)
class Column:
    """One column: name, PostgreSQL type, French description, what it tells of a person, and where it comes from.

    sources: (table, column) pairs as the warehouse names them, or (form, question path) for collected answers.
    copies: of a mart's column, the sources whose values stand in it unchanged.
    """

    name: str
    type: str
    description: str
    privacy: Privacy = "open"
    required: bool = False
    sources: tuple[tuple[str, str], ...] = ()
    copies: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class TableSpec:
    """A table that the pipeline builds and publishes. key: its grain. project: whose it is, None when it holds several."""

    schema: str
    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    project: str | None = None

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def staged(self) -> str:
        """Its name in the schema `build` while it is made and judged."""
        return short(f"{self.schema}__{self.name}")

    @property
    def candidate(self) -> str:
        """The view in `build` of what the table would become."""
        return short(f"{self.schema}__{self.name}__candidate")

    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


def short(name: str) -> str:
    """The name itself, or a shortened one that fits PostgreSQL's 63 bytes."""
    if len(name.encode()) <= 58:
        return name
    return name[:49] + "_" + hashlib.sha256(name.encode()).hexdigest()[:8]


def identifiers(names: Sequence[str], prefix: str | None = None) -> sql.Composable:
    """`"a", "b"` or `t."a", t."b"`."""
    qualify = (lambda name: sql.Identifier(prefix, name)) if prefix else sql.Identifier
    return sql.SQL(", ").join(qualify(name) for name in names)


def create_table(cursor: Any, schema: str, name: str, columns: Sequence[Column], *, logged: bool = True) -> None:
    """Create a table with these columns, without keys: those come after the rows."""
    definitions = sql.SQL(", ").join(
        sql.SQL("{} {}{}").format(
            sql.Identifier(column.name), sql.SQL(column.type), sql.SQL(" not null" if column.required else "")
        )
        for column in columns
    )
    kind = sql.SQL("" if logged else "unlogged")
    cursor.execute(sql.SQL("create {} table {} ({})").format(kind, sql.Identifier(schema, name), definitions))


def describe_table(cursor: Any, schema: str, name: str, description: str, columns: Sequence[Column]) -> None:
    """Put the French descriptions where DBeaver and Power BI show them."""
    cursor.execute(sql.SQL("comment on table {} is %s").format(sql.Identifier(schema, name)), (description,))
    for column in columns:
        cursor.execute(
            sql.SQL("comment on column {} is %s").format(sql.Identifier(schema, name, column.name)),
            (column.description,),
        )


def missing_columns(cursor: Any, spec: TableSpec) -> list[str]:
    """The declared columns that the table in place does not have; all of them when there is no table."""
    cursor.execute(
        "select column_name from information_schema.columns where table_schema = %s and table_name = %s",
        (spec.schema, spec.name),
    )
    there = {row[0] for row in cursor.fetchall()}
    return [name for name in spec.names() if name not in there]
