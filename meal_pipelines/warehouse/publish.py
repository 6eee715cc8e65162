"""Write, audit, publish: a table is built in the schema `build`, judged there, and put in place in one transaction.

Two ways of building. Whole: the staged table becomes the live one. By a delta: the rows of the changed submissions are
replaced. What is judged is the same in both: the staged rows, and a view of what the table would become. Readers never
see a table that is half built or condemned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from meal_pipelines.warehouse.roles import grant_readers
from meal_pipelines.warehouse.tables import (
    Column,
    TableSpec,
    create_table,
    describe_table,
    identifiers,
    missing_columns,
    short,
)


@dataclass(frozen=True)
class Built:
    """What is known of the published table when the next build begins."""

    fingerprint: str
    load_id: int
    build_no: int
    rows: int


def last_build(cursor: Any, table: str) -> Built | None:
    """The last published build of a table; None when it was never published (or is no longer there)."""
    cursor.execute(
        "select fingerprint, coalesce(load_id, 0), build_no, rows from quality.build"
        " where table_name = %s and to_regclass(%s) is not null",
        (table, table),
    )
    row = cursor.fetchone()
    return Built(*row) if row else None


def stage(cursor: Any, spec: TableSpec, *, whole: bool, columns: Sequence[Column] | None = None) -> None:
    """Make the empty staged table; what an interrupted run left there is dropped. `columns`: when it needs more."""
    discard(cursor, spec)
    create_table(cursor, "build", spec.staged, columns or spec.columns, logged=whole)


def discard(cursor: Any, spec: TableSpec) -> None:
    """Drop what is under construction: the live table stays as it was."""
    cursor.execute(sql.SQL("drop view if exists {}").format(sql.Identifier("build", spec.candidate)))
    cursor.execute(sql.SQL("drop table if exists {} cascade").format(sql.Identifier("build", spec.staged)))


def show_candidate(cursor: Any, spec: TableSpec, *, whole: bool, changed: str | None) -> None:
    """Make the view of what the table would become; `changed` is the table in `build` of the submissions replaced."""
    staged, view = sql.Identifier("build", spec.staged), sql.Identifier("build", spec.candidate)
    columns = identifiers(spec.names())
    if whole or changed is None:
        cursor.execute(sql.SQL("create view {} as select {} from {}").format(view, columns, staged))
        return
    cursor.execute(
        sql.SQL(
            "create view {view} as select {columns} from {staged} union all select {columns} from {live} as live"
            " where not exists (select 1 from {changed} as c where c.submission_id = live.submission_id)"
        ).format(
            view=view,
            columns=columns,
            staged=staged,
            live=sql.Identifier(spec.schema, spec.name),
            changed=sql.Identifier("build", changed),
        )
    )


def finish_staging(cursor: Any, spec: TableSpec) -> None:
    """Give the staged table its statistics, so that the audit is quick."""
    gather_statistics(cursor, spec.staged)


def gather_statistics(cursor: Any, name: str) -> None:
    """Let the planner know a table of `build`, from a quarter of the rows that PostgreSQL looks at by itself.

    It reads 300 rows for each unit of the target, of every column: with the usual 100, a tenth of a small form's time.
    """
    cursor.execute("set local default_statistics_target = 25")
    cursor.execute(sql.SQL("analyze {}").format(sql.Identifier("build", name)))
    cursor.execute("set local default_statistics_target to default")


def publish(cursor: Any, spec: TableSpec, *, whole: bool, changed: str | None) -> int:
    """Put the staged rows in place; part of the caller's transaction. Returns the rows that moved.

    Whole: the live table is replaced. Delta: rows of the submissions in `build.<changed>` are replaced.
    """
    live, staged = sql.Identifier(spec.schema, spec.name), sql.Identifier("build", spec.staged)
    cursor.execute(sql.SQL("drop view if exists {}").format(sql.Identifier("build", spec.candidate)))
    if not whole:
        assert changed is not None
        cursor.execute(
            sql.SQL("delete from {} as live using {} as c where c.submission_id = live.submission_id").format(
                live, sql.Identifier("build", changed)
            )
        )
        columns = identifiers(spec.names())
        cursor.execute(sql.SQL("insert into {} ({}) select {} from {}").format(live, columns, columns, staged))
        moved = int(cursor.rowcount)
        cursor.execute(sql.SQL("drop table {}").format(staged))
        return moved
    cursor.execute(sql.SQL("select count(*) from {}").format(staged))
    moved = int(cursor.fetchone()[0])
    if spec.key:
        cursor.execute(
            sql.SQL("alter table {} add constraint {} primary key ({})").format(
                staged, sql.Identifier(short(f"{spec.name}_pkey")), identifiers(spec.key)
            )
        )
    cursor.execute(sql.SQL("drop table if exists {}").format(live))
    cursor.execute(sql.SQL("alter table {} set schema {}").format(staged, sql.Identifier(spec.schema)))
    moved_name = sql.Identifier(spec.schema, spec.staged)
    cursor.execute(sql.SQL("alter table {} rename to {}").format(moved_name, sql.Identifier(spec.name)))
    describe_table(cursor, spec.schema, spec.name, spec.description, spec.columns)
    grant_readers(cursor, spec.schema, spec.name, spec.project)
    return moved


def ensure_live(cursor: Any, spec: TableSpec) -> None:
    """Make an empty live table when there is none, so that models may read it before its first build.

    For a table that was never built: one made here before its form gained a column is made anew.
    """
    if not missing_columns(cursor, spec):
        return
    cursor.execute(sql.SQL("drop table if exists {}").format(sql.Identifier(spec.schema, spec.name)))
    create_table(cursor, spec.schema, spec.name, spec.columns)
    describe_table(cursor, spec.schema, spec.name, spec.description, spec.columns)
    grant_readers(cursor, spec.schema, spec.name, spec.project)


def record_build(
    cursor: Any,
    spec: TableSpec,
    *,
    stage: str,
    project: str | None,
    form: str | None,
    fingerprint: str,
    load_id: int | None,
    run_id: str | None,
) -> int:
    """Note what the published table was built from. Returns its new build number."""
    cursor.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(spec.schema, spec.name)))
    rows = cursor.fetchone()[0]
    cursor.execute(
        "insert into quality.build (table_name, stage, project, form, fingerprint, load_id, build_no, rows, built_at, run_id)"
        " values (%s, %s, %s, %s, %s, %s, 1, %s, now(), %s)"
        " on conflict (table_name) do update set fingerprint = excluded.fingerprint, load_id = excluded.load_id,"
        " build_no = quality.build.build_no + 1, rows = excluded.rows, built_at = excluded.built_at, run_id = excluded.run_id"
        " returning build_no",
        (spec.qualified, stage, project, form, fingerprint, load_id, rows, run_id),
    )
    return int(cursor.fetchone()[0])
