"""Run the queries of indicators into the table that is judged before it is published.

Large marts are reduced first, all the indicators of one in one scan (`columnar.py`). What is computed again, and what is
done with it, is `compute.py`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import psycopg2
from psycopg2 import errorcodes, extensions, extras, sql
from sqlglot import exp

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.indicators import columnar
from meal_pipelines.indicators.compile import Compiled, entry_of, located
from meal_pipelines.indicators.opening import groupings
from meal_pipelines.indicators.query import Piece, joined
from meal_pipelines.indicators.time_limit import within
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.measures import FromSql
from meal_pipelines.warehouse.refusals import value_free
from meal_pipelines.warehouse.tables import TableSpec, identifiers

EXPRESSION_FAULTS = ("22", "42")
"""Classes of SQLSTATE: what the data are not fit for (a division by zero), what the types are not fit for."""


def reduced_elsewhere(
    cursor: extensions.cursor, project: str, queries: Mapping[str, Compiled], codes: Sequence[str]
) -> dict[int, exp.Expr]:
    """What was reduced outside PostgreSQL, by the identity of the piece: all the pieces over one large mart in one scan."""
    over: dict[str, list[Piece]] = {}
    for code in codes:
        for piece in queries[code].pieces:
            over.setdefault(piece.records.mart.qualified, []).append(piece)
    found: dict[int, exp.Expr] = {}
    for pieces in over.values():
        if columnar.is_large(cursor, project, pieces[0].records.mart):
            found |= {id(piece): query for piece, query in columnar.reduced(cursor, pieces)}
    return found


def over_reduced(query: Compiled, brought: Mapping[int, exp.Expr]) -> Compiled:
    """The query over what was reduced elsewhere, where something was."""
    if not any(id(piece) in brought for piece in query.pieces):
        return query
    return replace(query, sql=joined(query.pieces, query.options, partial(_said, brought)))


def _said(brought: Mapping[int, exp.Expr], piece: Piece) -> str:
    return piece.laid_out(brought[id(piece)]) if id(piece) in brought else piece.text()


def run(
    cursor: extensions.cursor, project: LoadedProject, table: TableSpec, query: Compiled, run_id: str | None
) -> None:
    """Run one indicator's query into the staged table.

    Raises: ConfigurationError, when PostgreSQL refuses the expression or what it meets (types, a division by zero).
    """
    measured = [name for name in table.names() if name not in ("project", "indicator", "computed_at", "run_id")]
    statement = sql.SQL(
        "insert into {staged} (project, indicator, {names}, computed_at, run_id)"
        " select {project}, {code}, {names}, now(), {run_id} from (\n{query}\n) as measured"
    ).format(
        staged=sql.Identifier("build", table.staged),
        names=identifiers(measured),
        project=sql.Literal(project.id),
        code=sql.Literal(query.indicator),
        run_id=sql.Literal(run_id),
        query=sql.SQL(query.sql),
    )
    entry = entry_of(project, query.indicator)
    where = f"{located(project, entry, 'measure')}, {query.indicator}"
    own = entry.measure if isinstance(entry.measure, FromSql) else None
    try:
        with within(cursor, own.max_seconds, f"{where}, {own.file}") if own else nullcontext():
            cursor.execute(statement)
    except psycopg2.Error as error:
        reason = value_free(error)
        if (error.pgcode or "")[:2] not in EXPRESSION_FAULTS or error.pgcode == errorcodes.INSUFFICIENT_PRIVILEGE:
            raise reason from None
        raise ConfigurationError(
            f"{where} : {reason} "
            "Vérifiez les types dans « measure » (un nombre pour « value », une condition pour « where »)."
        ) from None
    if own:
        _judge_contract(cursor, project, table, query)


def _judge_contract(cursor: extensions.cursor, project: LoadedProject, table: TableSpec, query: Compiled) -> None:
    """Raises: ConfigurationError, when a query of the project's own gave other periods or categories than declared."""
    entry = entry_of(project, query.indicator)
    known = [sorted(grouping) for grouping in groupings(entry)]
    cursor.execute(
        sql.SQL(
            "select count(*) filter (where period_end is null), count(*) filter (where not exists ("
            "  select 1 from jsonb_array_elements(%(known)s) as known (grouping)"
            "  where known.grouping = (select coalesce(jsonb_agg(key order by key), '[]') from jsonb_object_keys("
            "    measured.disaggregation) as key)"
            ")) from {} as measured where indicator = %(code)s"
        ).format(sql.Identifier("build", table.staged)),
        {"known": extras.Json(known), "code": query.indicator},
    )
    periods, categories = cursor.fetchone() or (0, 0)
    where = f"{located(project, entry, 'measure')}, {query.indicator}"
    if periods:
        raise ConfigurationError(
            f"{where} : la requête donne {periods} ligne(s) d'une période que le projet n'a pas. "
            "Prenez les périodes dans la table « periods »."
        )
    if categories:
        raise ConfigurationError(
            f"{where} : la requête donne {categories} ligne(s) d'une ventilation que l'indicateur ne déclare pas. "
            "Ajoutez-la à « disaggregations » ou à « crossings », ou retirez-la de la requête."
        )
