"""Which forms and tables a project's figures are made of, and the copy of their rows that a freeze keeps.

Rows are kept as `pseudonymised` has them, before any mart joins or deduplicates: what a late registration changes in an old
delivery can then be told from what the delivery itself changed. Only columns that the marts read are kept. A row that has not
changed since an earlier freeze is not kept twice.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg2 import sql

from meal_pipelines.project import measures
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.questionnaire import MAIN
from meal_pipelines.protect.tables import pseudonymised_spec
from meal_pipelines.warehouse.models import Mart, Models, load_models
from meal_pipelines.warehouse.outcomes import Behind, Form, forms_behind
from meal_pipelines.warehouse.reading import columns_read
from meal_pipelines.warehouse.seeds import MODELS
from meal_pipelines.warehouse.tables import TableSpec, identifiers

OWN = ("submission_id", "repeat_index", "version")
"""Columns of `indicators.reported_record` itself, and not of its `answers`."""


@dataclass(frozen=True)
class Input:
    """One table that marts read. form: None for a reference table · columns: those they read."""

    spec: TableSpec
    form: str | None
    repeat: str
    columns: tuple[str, ...]

    @property
    def table(self) -> str:
        return self.spec.qualified

    def described(self, load_id: int | None, rows: int) -> dict[str, Any]:
        """As a freeze remembers it."""
        types = [[column.name, column.type] for column in self.spec.columns if column.name in self.columns]
        return {
            "form": self.form or "", "repeat": self.repeat, "columns": types, "load_id": load_id or 0, "rows": rows,
        }  # fmt: skip


@dataclass(frozen=True)
class Contributing:
    """What a project's indicators are made of. marts: in an order in which they can be built."""

    marts: tuple[Mart, ...]
    inputs: tuple[Input, ...]


def marts_of(project: LoadedProject, folder: Path = MODELS) -> dict[str, Mart]:
    """Every mart, its query reading the tables of this project alone."""
    specs = _tables(project)
    return load_models(folder, {name: spec for name, (spec, _, _) in specs.items()}, {project.id}).marts


def marts_read(project: LoadedProject) -> set[str]:
    """The marts that the project's logframe measures."""
    logframe = project.logframe
    assert logframe is not None
    read = {name for indicator in logframe.indicators for name in measures.marts_of(indicator.measure)}
    return read | ({logframe.declarations} if logframe.declarations else set())


def figure_forms(project: LoadedProject, marts: Mapping[str, Mart]) -> frozenset[Form]:
    """The forms of the project that its figures are made from. marts: every mart, of this project alone or of all.

    A mart that does not exist is refused by the indicators that name it, in the run.
    """
    forms_of = Models(dict(marts)).forms_of(
        {name: (project.id, form) for name, (_, form, _) in _tables(project).items()}
    )
    return frozenset(form for mart in marts_read(project) for form in forms_of.get(mart, ()))


def figures_behind(cursor: Any, project: LoadedProject, marts: Mapping[str, Mart]) -> list[Behind]:
    """Those of them that stand still."""
    return forms_behind(cursor, figure_forms(project, marts))


def contributing(project: LoadedProject, marts: Mapping[str, Mart], read: Collection[str]) -> Contributing:
    """What these marts are made of. read: the marts that indicators read, by name."""
    wanted: list[Mart] = []
    waiting = set(read)
    for mart in reversed(list(marts.values())):
        if mart.name in waiting:
            wanted.insert(0, mart)
            waiting |= {table.name for table in mart.inputs if table.qualified == f"marts.{table.name}"}
    known = _tables(project)
    made = {mart.spec.qualified for mart in wanted}
    tables = {table.qualified: table for mart in wanted for table in mart.inputs if table.qualified not in made}
    names = {name: spec.names() for name, spec in tables.items()}
    columns: dict[str, set[str]] = {name: set() for name in tables}
    for mart in wanted:
        for name, found in columns_read(mart.sql, names).items():
            columns[name] |= set(found)
    inputs = []
    for name, spec in sorted(tables.items()):
        _, form, repeat = known.get(name, (spec, None, MAIN))
        inputs.append(Input(spec, form, repeat, tuple(each for each in spec.names() if each in columns[name])))
    return Contributing(tuple(wanted), tuple(inputs))


def rows_of(each: Input, columns: Collection[str] | None = None) -> sql.Composed:
    """A query of a table's rows of today, as a freeze keeps them: submission_id, repeat_index, version, answers.

    columns: of those read, the ones still there.
    """
    present = [name for name in each.columns if columns is None or name in columns]
    own = {
        name: sql.Identifier("t", name) for name in OWN if each.form is not None and each.spec.column(name) is not None
    }
    absent = {"submission_id": sql.SQL("''"), "repeat_index": sql.SQL("0"), "version": sql.SQL("null::int")}
    shown = sql.SQL(", ").join(
        sql.SQL("{} as {}").format(own.get(name, absent[name]), sql.Identifier(name)) for name in OWN
    )
    return sql.SQL(
        "select {own}, jsonb_strip_nulls(to_jsonb(answered) - {names}) as answers from {table} as t"
        " cross join lateral (select {columns}) as answered"
    ).format(
        own=shown,
        names=sql.SQL("{}::text[]").format(sql.Literal(list(own))),
        table=sql.Identifier(each.spec.schema, each.spec.name),
        columns=identifiers(present, "t"),
    )


def keep_rows(cursor: Any, freeze_id: int, project: str, inputs: Collection[Input]) -> None:
    """Copy what has changed since the last freeze of the project, and note what no longer holds."""
    # The text of a moment depends on the session's time zone, and rows are compared as text.
    cursor.execute("set local timezone to 'UTC'")
    for each in inputs:
        cursor.execute("drop table if exists pg_temp.kept_now")
        cursor.execute(sql.SQL("create temporary table kept_now on commit drop as {}").format(rows_of(each)))
        cursor.execute("alter table pg_temp.kept_now add column is_corrected boolean not null default false")
        named = {"freeze": freeze_id, "project": project, "table": each.table, "form": each.form, "repeat": each.repeat}
        if each.form is not None and each.repeat == MAIN:
            cursor.execute(CORRECTED, named)
        cursor.execute("analyze pg_temp.kept_now")
        cursor.execute(REMOVE, named)
        cursor.execute(KEEP, named)
    cursor.execute("drop table if exists pg_temp.kept_now")
    cursor.execute("set local timezone to default")


def described(cursor: Any, inputs: Collection[Input]) -> dict[str, dict[str, Any]]:
    """Every input with the last load that its published table takes into account, and its rows."""
    found = {}
    for each in inputs:
        cursor.execute("select load_id, rows from quality.build where table_name = %s", (each.table,))
        load_id, rows = cursor.fetchone() or (None, 0)
        found[each.table] = each.described(load_id, rows or 0)
    return found


def reference_text(cursor: Any, inputs: Collection[Input]) -> str:
    """The content of the reference tables, for a hash."""
    parts = []
    for each in inputs:
        if each.form is None:
            cursor.execute(
                sql.SQL("select string_agg(answers::text, chr(10) order by answers::text) from ({}) as kept").format(
                    rows_of(each)
                )
            )
            parts.append(json.dumps([each.table, cursor.fetchone()[0]], ensure_ascii=False))
    return "\n".join(parts)


def _tables(project: LoadedProject) -> dict[str, tuple[TableSpec, str, str]]:
    """The tables of `pseudonymised` of a project: their description, form and repeat."""
    found = {}
    for form in project.forms.values():
        for table in form.questionnaire.tables.values():
            spec = pseudonymised_spec(project, form, table)
            found[spec.qualified] = (spec, form.name, table.name)
    return found


SAME = """
    k.submission_id = r.submission_id and k.repeat_index = r.repeat_index and k.answers = r.answers
    and k.version is not distinct from r.version and k.is_corrected = r.is_corrected
"""
HELD = """
    r.project = %(project)s and r.table_name = %(table)s
    and not exists (select from indicators.reported_removal as gone where gone.record_id = r.record_id)
"""
CORRECTED = """
    update pg_temp.kept_now as k set is_corrected = true
    from (
        select distinct submission_id from quality.correction
        where project = %(project)s and form = %(form)s and state = 'applied'
    ) as c
    where c.submission_id = k.submission_id
"""
REMOVE = f"""
    insert into indicators.reported_removal (freeze_id, project, record_id)
    select %(freeze)s, r.project, r.record_id from indicators.reported_record as r
    where {HELD} and not exists (select from pg_temp.kept_now as k where {SAME})
"""
KEEP = f"""
    insert into indicators.reported_record
        (freeze_id, project, table_name, submission_id, repeat_index, version, is_corrected, answers)
    select %(freeze)s, %(project)s, %(table)s, k.submission_id, k.repeat_index, k.version, k.is_corrected, k.answers
    from pg_temp.kept_now as k
    where not exists (select from indicators.reported_record as r where {HELD} and {SAME})
"""
