"""What a query reads, and the same query over other tables: from its syntax tree, the text left as it was written.

For queries that PostgreSQL has already accepted: nothing is judged here. Models are read and judged in `model_sql.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from meal_pipelines.warehouse.lineage import DIALECT


def columns_read(query: str, tables: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The columns that a query may read of these tables (qualified name → their columns), in the tables' own order.

    A column that names no table counts for each table of its SELECT that has it.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for scope in traverse_scope(sqlglot.parse_one(query, dialect=DIALECT)):
        for alias, (_, source) in scope.selected_sources.items():
            name = "" if isinstance(source, Scope) else f"{source.db}.{source.name}"
            if name in tables:
                found[name] |= {column.name for column in scope.columns if column.table in ("", alias)}
    return {
        name: [column for column in columns if column in found[name]]
        for name, columns in tables.items()
        if name in found
    }


def over(query: str, tables: Mapping[str, str]) -> str:
    """The query with tables replaced: by qualified name, the SQL of what is read instead."""
    places = []
    for table in sqlglot.parse_one(query, dialect=DIALECT).find_all(exp.Table):
        name = f"{table.db}.{table.name}"
        if table.db and name in tables:
            has_alias = bool(table.alias)
            places.append((table.args["db"].meta["start"], table.this.meta["end"] + 1, name, table.name, has_alias))
    text = query
    for start, end, name, bare, has_alias in sorted(places, reverse=True):
        quoted = exp.to_identifier(bare, quoted=True).sql(dialect=DIALECT)
        text = text[:start] + tables[name] + ("" if has_alias else f" as {quoted}") + text[end:]
    return text
