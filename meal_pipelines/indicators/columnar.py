"""Reduce the records of large marts in this process: columns copied out in one scan, the measures' own SQL in DuckDB.

PostgreSQL evaluates every expression that an officer wrote, and lays out what comes back: DuckDB only counts, adds, ranks
and picks, so that both engines give the same rows (compared in tests). Nothing is written to disk. What does not fit in
memory, or in the 38 digits of a DuckDB decimal, is left to PostgreSQL.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql
from sqlglot import exp

from meal_pipelines.errors import MealError
from meal_pipelines.indicators import opening
from meal_pipelines.indicators.query import REDUCED, Piece
from meal_pipelines.indicators.records import Records
from meal_pipelines.indicators.scan import Columns
from meal_pipelines.warehouse.copy import NULL, copy_packed, escape_column, pack
from meal_pipelines.warehouse.tables import TableSpec

if TYPE_CHECKING:
    import duckdb

LARGE = 50_000
"""Records of a project in one mart, from which copying its columns out is quicker than scanning it once per indicator."""

MEMORY = "1GB"
"""What DuckDB may hold; a million records with the columns of twenty indicators take half of it."""

CHUNK = 32 * 2**20
"""Bytes of CSV that are read at a time."""

SCAN = "scan"
DIGITS = 36
"""The longest number that is reduced here, its sign and point included."""


class Unfit(Exception):
    """These records are left to PostgreSQL."""


def is_large(cursor: Any, project: str, mart: TableSpec) -> bool:
    """Whether the project has so many rows in the mart; looks at no more than that."""
    cursor.execute(
        sql.SQL("select count(*) >= %(large)s from (select 1 from {} where project = %(project)s limit %(large)s) as first")
        .format(sql.Identifier(mart.schema, mart.name)),
        {"project": project, "large": LARGE},
    )  # fmt: skip
    return bool(cursor.fetchone()[0])


def reduced(cursor: Any, pieces: Sequence[Piece]) -> Iterator[tuple[Piece, exp.Expr]]:
    """Reduce pieces over one mart; each comes with the query of its reduced rows, in a temporary table of PostgreSQL.

    A piece that does not come is PostgreSQL's own, as all are when their expressions cannot be evaluated on every record:
    its query then says which one it is.
    """
    columns = Columns()
    asked = [(piece, columns.of(piece.records)) for piece in pieces]
    with _engine() as engine:
        try:
            _copy_out(cursor, engine, pieces[0].records, columns)
        except Unfit:
            return
        for number, (piece, names) in enumerate(asked):
            try:
                found, rows = _reduce(engine, piece, names, columns)
            except Unfit:
                continue
            yield piece, _bring(cursor, f"brought_{piece.records.mart.name[:40]}_{number}", found, rows)


@contextmanager
def _engine() -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    # No place to spill to: what people's pseudonyms stand in is written nowhere.
    settings: dict[str, Any] = {"memory_limit": MEMORY, "temp_directory": "", "autoinstall_known_extensions": False}
    engine = duckdb.connect(config=settings)
    try:
        yield engine
    finally:
        engine.close()


def _copy_out(cursor: Any, engine: duckdb.DuckDBPyConnection, records: Records, columns: Columns) -> None:
    """One scan of the project's rows of the mart.

    Raises: Unfit, when PostgreSQL cannot evaluate an expression, or the rows do not fit in memory.
    """
    listed = [exp.alias_(expression.copy(), name) for name, expression in columns.expressions.items()]
    query = exp.select(*listed).from_(exp.table_(records.mart.name, db=records.mart.schema, quoted=True))
    text = query.where(records.kept[0].copy()).sql("postgres", comments=False)
    reader = _Reader(engine, columns.types)
    cursor.execute("savepoint scan")
    try:
        cursor.copy_expert(f"copy ({text}) to stdout (format csv, null '\\N')", reader)
        reader.flush()
        columns_of = _decimals(engine, columns)
    except psycopg2.DataError:
        cursor.execute("rollback to savepoint scan")
        raise Unfit from None
    columns.types.update(columns_of)
    cursor.execute("release savepoint scan")


class _Reader(io.RawIOBase):
    """Takes what COPY sends, and has DuckDB read it chunk by chunk."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, types: dict[str, str]) -> None:
        self._engine, self._types = engine, types
        self._buffer, self._is_first = io.BytesIO(), True

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._buffer.write(data)
        if self._buffer.tell() >= CHUNK:
            self.flush()
        return len(data)

    def flush(self) -> None:
        if not self._buffer.tell() and not self._is_first:
            return
        self._buffer.seek(0)
        with _fit():
            rows = self._engine.read_csv(
                self._buffer, header=False, columns=self._types, auto_detect=False, delimiter=",", quotechar='"',
                escapechar='"', na_values=["\\N"], allow_quoted_nulls=False,
            )  # fmt: skip
            if self._is_first:
                rows.create(SCAN)
            else:
                rows.insert_into(SCAN)
        self._buffer, self._is_first = io.BytesIO(), False


def _decimals(engine: duckdb.DuckDBPyConnection, columns: Columns) -> dict[str, str]:
    """The exact type of each column of numbers, wide enough for all of them; empty for one that has none that fits."""
    found = {}
    for name in columns.numbers:
        longest, scale = engine.execute(
            "select coalesce(max(length(v)), 1), coalesce(max(if(contains(v, '.'), length(v) - instr(v, '.'), 0)), 0)"
            f" from (select {name} as v from {SCAN})"
        ).fetchone() or (1, 0)
        found[name] = f"DECIMAL(38, {scale})" if longest <= DIGITS else ""
    return found


@contextmanager
def _fit() -> Iterator[None]:
    """Raises: Unfit, for what DuckDB has no room for; MealError without its words, which quote values, for all else."""
    import duckdb

    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.ConversionException, duckdb.OutOfRangeException):
        raise Unfit from None
    except duckdb.Error as error:
        kind = type(error).__name__
        raise MealError(
            f"Le calcul des indicateurs en mémoire a échoué ({kind}) : c'est un défaut du programme."
        ) from None


def _reduce(
    engine: duckdb.DuckDBPyConnection, piece: Piece, names: dict[str, exp.Expr], columns: Columns
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The reduced rows of a piece, and its categories that have none: its columns, then its rows."""
    ctes = piece.reduction(_coded(piece.records, names, columns))
    found = [name for name in ctes[-1].this.named_selects if name != "category"]
    query = exp.select("categories.grouping_id", "categories.codes", *(f"{REDUCED}.{name}" for name in found))
    # A category that was seen has its line, even where a later word of each of its units is in another.
    query = query.from_("categories").join(REDUCED, using=["category"], join_type="left")
    query.set("with_", exp.With(expressions=[_plain(cte) for cte in ctes]))
    with _fit():
        rows: list[tuple[Any, ...]] = engine.execute(query.sql("duckdb")).fetchall()
    return ["grouping_id", "codes", *found], rows


def _plain(cte: exp.CTE) -> exp.CTE:
    """Without collations: DuckDB orders texts by their bytes, as « C » does."""
    copied = cte.copy()
    for node in list(copied.find_all(exp.Collate)):
        node.replace(node.this)
    return copied


def _coded(records: Records, names: dict[str, exp.Expr], columns: Columns) -> list[exp.CTE]:
    """`grouped`, `combos` and `coded` over the scan: what PostgreSQL makes of its own records."""
    dims = [f"d{place}" for place in range(1, len(records.dims) + 1)] or ["d0"]
    shown = {"slice": names["slice"], **{name: names.get(name, exp.Literal.string("")) for name in dims}}
    shown |= {name: _exact(names[name], columns) for name in records.apart}
    sums = {name: _exact(names[name], columns) for name in records.aggregates or {}}
    grouped = exp.select(*(exp.alias_(value.copy(), name) for name, value in (shown | sums).items())).from_(SCAN)
    grouped = grouped.where(names["keep"].copy())
    if records.aggregates is not None:
        grouped = grouped.group_by(*(exp.Literal.number(place) for place in range(1, len(shown) + 1)))
    order = exp.Order(expressions=[exp.Ordered(this=exp.column(name)) for name in dims])
    held = exp.array(*(dims if records.dims else []), dialect="duckdb")
    combos = exp.select(
        *dims,
        exp.alias_(opening.cast(held, "text[]"), "dims"),
        exp.alias_(opening.cast(exp.Window(this=exp.RowNumber(), order=order), "int"), "combo"),
    ).from_(exp.select(*dims).distinct().from_("grouped").subquery("seen"))
    coded = (
        exp.select("combos.combo", "grouped.*")
        .from_("grouped")
        .join("combos", using=[exp.to_identifier(name) for name in dims])
    )
    return [opening.cte("grouped", grouped), opening.cte("combos", combos), opening.cte("coded", coded)]


def _exact(value: exp.Expr, columns: Columns) -> exp.Expr:
    """The expression with its columns of numbers in their exact type. Raises: Unfit, when there is none."""

    def typed(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Column) or node.name not in columns.numbers:
            return node
        if not columns.types[node.name]:
            raise Unfit
        return exp.cast(node, columns.types[node.name], dialect="duckdb")

    return value.copy().transform(typed)


def _bring(cursor: Any, table: str, names: list[str], rows: list[tuple[Any, ...]]) -> exp.Expr:
    """Put reduced rows into a temporary table. Returns: the query that reads it."""
    kinds = {"grouping_id": "int", "codes": "text[]", "period_id": "int", "stratum": "text"}
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kinds.get(name, "numeric"))) for name in names
    )
    cursor.execute(sql.SQL("create temporary table {} ({}) on commit drop").format(sql.Identifier(table), columns))
    data = [
        escape_column([_array(value) for value in values]) if name == "codes"
        else escape_column(list(values)) if name == "stratum"
        else [NULL if value is None else str(value) for value in values]
        for name, values in zip(names, zip(*rows, strict=True), strict=True)
    ] if rows else []  # fmt: skip
    if data:
        copy_packed(cursor, pack("pg_temp", table, names, data))
    cursor.execute(sql.SQL("analyze {}").format(sql.Identifier(table)))
    return exp.select(*names).from_(exp.table_(table, db="pg_temp", quoted=True))


def _array(codes: Sequence[str]) -> str:
    """A text array as PostgreSQL writes it."""
    return "{" + ",".join('"' + code.replace("\\", "\\\\").replace('"', '\\"') + '"' for code in codes) + "}"
