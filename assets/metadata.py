"""What the UI shows of an asset: column schemas, column lineage, table names, row counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from meal_pipelines.warehouse.tables import Column, TableSpec
from resources import Platform

KINDS = {"postgres", "python"}


def column_schema(spec: TableSpec) -> dg.TableSchema:
    """The columns of a table with their French descriptions and what they tell of a person."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.type,
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=not column.required),
                tags={"confidentialite": column.privacy},
            )
            for column in spec.columns
        ]
    )


def table_metadata(spec: TableSpec, **more: Any) -> dict[str, Any]:
    """Metadata known before any run."""
    return {
        "dagster/table_name": f"meal.{spec.qualified}",
        "dagster/storage_kind": "postgres",
        "dagster/column_schema": column_schema(spec),
        "description de la table": spec.description,
        **more,
    }


def rows_published(platform: Platform, table: str) -> int:
    """Rows of the table as it is published, whichever run made it; 0 when none did."""
    with platform.warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select coalesce(rows, 0) from quality.build where table_name = %s", (table,))
        row = cursor.fetchone()
    return row[0] if row else 0


def column_lineage(spec: TableSpec, dependencies: Mapping[str, list[tuple[dg.AssetKey, str]]]) -> dg.TableColumnLineage:
    """Column → (asset, column) pairs it is made from."""
    return dg.TableColumnLineage(
        deps_by_column={
            name: [dg.TableColumnDep(asset_key=key, column_name=column) for key, column in sources]
            for name, sources in dependencies.items()
            if sources
        }
    )


def from_questions(column: Column) -> list[tuple[dg.AssetKey, str]]:
    """Lineage to collected answers: the sources name (project/form, question path)."""
    return [(dg.AssetKey(["raw", *form.split("/")]), path) for form, path in column.sources]


def from_tables(column: Column, keys: Mapping[str, dg.AssetKey]) -> list[tuple[dg.AssetKey, str]]:
    """Lineage to other tables: the sources name (qualified table, column)."""
    return [(keys[table], name) for table, name in column.sources if table in keys]
