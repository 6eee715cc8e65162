"""The marts: read from `dbt_like_sql/`, composed into one query each, built, judged elsewhere, published.

A staging model is no table: its SELECT becomes part of each mart that reads it, and an empty one when its project is
not there. Dependencies and lineage come from the SQL (`model_sql.py`, `lineage.py`), names and descriptions from the
schema.yml (`model_files.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import errorcodes, extensions, sql

from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.invocation import typed
from meal_pipelines.warehouse.model_files import ModelFile, read_files
from meal_pipelines.warehouse.outcomes import Form
from meal_pipelines.warehouse.publish import (
    discard,
    ensure_live,
    finish_staging,
    last_build,
    publish,
    record_build,
    show_candidate,
    stage,
)
from meal_pipelines.warehouse.refusals import value_free
from meal_pipelines.warehouse.seeds import Seed, seed
from meal_pipelines.warehouse.tables import TableSpec, identifiers, missing_columns

if TYPE_CHECKING:
    from meal_pipelines.warehouse.lineage import Origin
    from meal_pipelines.warehouse.model_sql import Query


@dataclass(frozen=True)
class Mart:
    """One table of `marts` and the query that makes it.

    spec: its columns, each with its lineage: the (table, column) pairs of `pseudonymised`, or of a seed, that its
    values are made of · sql: the whole query, staging models included · inputs: the tables it reads · owner: the team
    that answers for it · file: « marts/person.sql ».
    """

    spec: TableSpec
    sql: str
    inputs: tuple[TableSpec, ...]
    owner: str
    file: str

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def reads(self) -> frozenset[str]:
        """The tables it reads, by qualified name: `pseudonymised.…`, and `marts.…` for other marts and seeds."""
        return frozenset(table.qualified for table in self.inputs)


@dataclass(frozen=True)
class Models:
    """Everything `dbt_like_sql/` declares. marts: in an order in which they can be built."""

    marts: dict[str, Mart]
    seeds: dict[str, Seed] = field(default_factory=dict)

    def forms_of(self, tables: Mapping[str, Form]) -> dict[str, frozenset[Form]]:
        """The forms that each mart is made from, other marts between them or not. tables: whose each table is.

        Of another mart it takes the rows of its own projects: a person of one project never meets those of another.
        """
        found: dict[str, frozenset[Form]] = {}
        for name, mart in self.marts.items():
            near = {tables[table] for table in mart.reads if table in tables}
            far = {form for table in mart.reads for form in found.get(table.removeprefix("marts."), ())}
            projects = {project for project, _ in near} or {project for project, _ in far}
            found[name] = frozenset(near | {form for form in far if form[0] in projects})
        return found


@dataclass(frozen=True)
class MartBuild:
    """A mart that stands in `build`, to be judged. rows: how many it has."""

    mart: Mart
    fingerprint: str
    rows: int
    run_id: str | None


def load_models(folder: Path, sources: Mapping[str, TableSpec], projects: Collection[str]) -> Models:
    """Read and judge every model, and compose the query of every mart.

    sources: the tables of `pseudonymised`, by qualified name. projects: every project there is, whatever this run is
    about: the marts of a project that is not named lose its rows.
    Raises: ConfigurationError, in French with file and line, for whatever keeps a model from being built.
    """
    from meal_pipelines.warehouse.model_sql import read_query

    files = read_files(folder)
    columns = {file.qualified: [column.name for column in file.entry.columns] for file in files}
    columns |= {name: spec.names() for name, spec in sources.items()}
    queries: dict[str, Query] = {}
    problems = []
    for file in files:
        if file.layer == "seeds":
            continue
        try:
            queries[file.qualified] = read_query(
                file, columns, tables_known=file.project is None or file.project in projects
            )
        except ConfigurationError as error:
            problems.append(str(error))
    if problems:
        raise ConfigurationError("\n".join(problems))
    seeds = {file.name: seed(file) for file in files if file.layer == "seeds"}
    tables = {**sources, **{one.spec.qualified: one.spec for one in seeds.values()}}
    staging = {file.qualified: file for file in files if file.layer == "staging"}
    marts: dict[str, Mart] = {}
    for file in _in_order([file for file in files if file.layer == "marts"], queries):
        mart = _compose(file, queries, staging, tables, projects)
        marts[file.name] = mart
        tables[file.qualified] = mart.spec
    return Models(marts, seeds)


def prepare_mart(connection: extensions.connection, mart: Mart, *, run_id: str | None = None) -> MartBuild | None:
    """Build a mart beside the live one, in one transaction, for its suite to judge.

    Returns: None when neither its query nor anything it reads has changed since it was last published.
    Raises: MealError, when it reads a mart or a seed that was never built, or when PostgreSQL refuses the query.
    """
    spec = mart.spec
    try:
        with connection, connection.cursor() as cursor:
            # Taken before the rows: what is published meanwhile makes the next run build again.
            fingerprint = _fingerprint(cursor, mart)
            before = last_build(cursor, spec.qualified)
            if before is not None and before.fingerprint == fingerprint:
                return None
            stage(cursor, spec, whole=True)
            cursor.execute(
                sql.SQL("insert into {} ({}) {}").format(
                    sql.Identifier("build", spec.staged), identifiers(spec.names()), sql.SQL(mart.sql)
                )
            )
            rows = cursor.rowcount
            finish_staging(cursor, spec)
            show_candidate(cursor, spec, whole=True, changed=None)
            return MartBuild(mart, fingerprint, rows, run_id)
    except psycopg2.Error as error:
        plain = value_free(error)
        told = _behind(connection, mart) if error.pgcode == errorcodes.UNDEFINED_COLUMN else ""
        raise type(plain)(f"{spec.qualified} ({mart.file}) n'a pas pu être construite. {told or plain}") from None


def publish_mart(connection: extensions.connection, build: MartBuild) -> int:
    """Put a judged mart in place, in one transaction. Returns its rows."""
    with connection, connection.cursor() as cursor:
        rows = publish(cursor, build.mart.spec, whole=True, changed=None)
        record_build(
            cursor, build.mart.spec, stage="marts", project=None, form=None, fingerprint=build.fingerprint,
            load_id=None, run_id=build.run_id,
        )  # fmt: skip
    return rows


def discard_mart(connection: extensions.connection, build: MartBuild) -> None:
    """Drop a condemned mart: yesterday's stays."""
    with connection, connection.cursor() as cursor:
        discard(cursor, build.mart.spec)


def _behind(connection: extensions.connection, mart: Mart) -> str:
    """What to run when tables that the mart reads were published before they gained a column; empty when none was."""
    told = []
    with connection, connection.cursor() as cursor:
        for table in mart.inputs:
            missing = ", ".join(missing_columns(cursor, table))
            if not missing:
                continue
            cursor.execute("select project, form from quality.build where table_name = %s", (table.qualified,))
            project, form = cursor.fetchone() or (None, None)
            if form is None:
                told.append(f"{table.qualified} est plus ancienne que sa déclaration : il lui manque « {missing} ».")
                told.append(f"Lancez {typed('run -s marts')}.")
                continue
            told.append(
                f"La table publiée du formulaire « {form} » ({project}) est plus ancienne que son questionnaire : il lui "
                f"manque « {missing} ». Lancez {typed(f'run -p {project} -s cleaned -s pseudonymised -s marts')} ; si le "
                "formulaire échoue, son message dit ce qui l'arrête."
            )
    return " ".join(told)


def _in_order(files: Sequence[ModelFile], queries: Mapping[str, Query]) -> list[ModelFile]:
    """Marts such that each comes after those it reads. Raises: ConfigurationError, naming the marts of a cycle."""
    marts = {file.qualified: file for file in files}
    graph = {name: sorted(queries[name].reads & set(marts)) for name in sorted(marts)}
    try:
        return [marts[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        around = list(reversed(error.args[1]))
        first = marts[around[0]]
        line = next(reference.line for reference in queries[around[0]].references if reference.table == around[1])
        raise ConfigurationError(
            f"{first.at(line)} : les tables se lisent en rond ({' → '.join(around)}). Retirez l'une de ces lectures."
        ) from None


def _compose(
    file: ModelFile,
    queries: Mapping[str, Query],
    staging: Mapping[str, ModelFile],
    tables: Mapping[str, TableSpec],
    projects: Collection[str],
) -> Mart:
    """A mart with its staging models put in, and its lineage followed to the tables the pipeline filled."""
    from meal_pipelines.warehouse.model_sql import empty_select, inline

    query = queries[file.qualified]
    ctes, reads = {}, set()
    for name in sorted(query.reads):
        if name not in staging:
            reads.add(name)
        elif staging[name].project in projects:
            ctes[name] = queries[name].text
            reads |= queries[name].reads
        else:
            ctes[name] = empty_select(staging[name])
    spec = file.spec()
    columns = tuple(
        replace(
            column,
            sources=_lineage(query.origins[column.name], queries, staging, tables, projects),
            copies=_lineage(query.copies[column.name], queries, staging, tables, projects, copied=True),
        )
        for column in spec.columns
    )
    return Mart(
        replace(spec, columns=columns),
        inline(query, ctes, spec.names()),
        tuple(tables[name] for name in sorted(reads)),
        file.entry.meta.owner,
        file.file,
    )


def _lineage(
    origins: Collection[Origin],
    queries: Mapping[str, Query],
    staging: Mapping[str, ModelFile],
    tables: Mapping[str, TableSpec],
    projects: Collection[str],
    *,
    copied: bool = False,
) -> tuple[Origin, ...]:
    """Follow columns of staging models and of marts to where their values were collected; a seed's column is an end."""
    found: set[Origin] = set()
    for table, name in origins:
        if table in staging:
            if staging[table].project in projects:
                found |= (queries[table].copies if copied else queries[table].origins)[name]
            continue
        column = tables[table].column(name) if table in queries else None
        found |= set(column.copies if copied else column.sources) if column is not None else {(table, name)}
    return tuple(sorted(found))


def _fingerprint(cursor: extensions.cursor, mart: Mart) -> str:
    """What the mart would be made from: its query, its columns, and the last build of everything it reads.

    A form's table that was never built is made, empty: its project may have no submission yet.
    """
    columns = [(column.name, column.type, column.description, column.privacy) for column in mart.spec.columns]
    parts = [mart.sql, repr((columns, mart.spec.key, mart.spec.description))]
    for table in mart.inputs:
        built = last_build(cursor, table.qualified)
        if built is None and table.schema == "marts":
            raise MealError(
                f"{mart.spec.qualified} lit {table.qualified}, qui n'a jamais été construite. "
                "Relancez toute l'étape « marts »."
            )
        if built is None:
            ensure_live(cursor, table)
        parts.append(f"{table.qualified} {built.build_no if built else 0}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
