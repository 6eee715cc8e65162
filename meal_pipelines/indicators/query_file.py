"""A measure written by hand, in a `.sql` file beside the logframe: one query, held to the contract of every measure.

It sees `periods` (period_kind, period, period_start, period_end) and the project's own rows of the marts it names, and
calls functions that only compute. It gives the columns of `CONTRACT`, one row per period and category.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import sqlglot
from sqlglot import errors, exp

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.indicators import opening
from meal_pipelines.indicators.expressions import CASTS, FUNCTIONS, LONGEST, TYPES
from meal_pipelines.indicators.periods import Calendar
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator
from meal_pipelines.project.measures import FromSql
from meal_pipelines.warehouse.tables import TableSpec

CONTRACT = ("period_kind", "period", "disaggregation", "numerator", "denominator", "value", "units")
INTERVAL = ("ci_low", "ci_high")
"""What a query may add: both, or neither."""

COMPUTING: tuple[type[exp.Expr], ...] = (
    *FUNCTIONS, exp.Cast, exp.Case, exp.If, exp.And, exp.Or, exp.Array, exp.Exists, exp.Any,
    exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Filter, exp.PercentileCont, exp.PercentileDisc, exp.Stddev,
    exp.StddevSamp, exp.Variance, exp.LogicalAnd, exp.LogicalOr, exp.ArrayAgg, exp.RowNumber, exp.Rank, exp.DenseRank,
    exp.Ntile, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.Sqrt, exp.Pow, exp.Exp, exp.Ln, exp.RegexpLike,
    exp.Unnest, exp.GroupingSets,
)  # fmt: skip
NAMED = {"jsonb_build_object", "jsonb_strip_nulls", "jsonb_object", "trim_scale", "grouping", "mod", "div"}
"""Functions that sqlglot has no class for."""
REFUSED: tuple[type[exp.Expr], ...] = (
    exp.DML, exp.DDL, exp.Command, exp.Into, exp.Lock, exp.Placeholder, exp.Parameter, exp.SessionParameter, exp.Operator,
)  # fmt: skip
CONVERTED = CASTS | {TYPES.FLOAT, TYPES.TIMESTAMP, TYPES.TIMESTAMPTZ, TYPES.JSON, TYPES.JSONB, TYPES.ARRAY}
"""Others read the catalogue (regclass), or are not PostgreSQL's own."""
LONGEST_FILE = 10 * LONGEST


def query_from_file(
    project: LoadedProject,
    indicator: Indicator,
    measure: FromSql,
    marts: Mapping[str, TableSpec],
    calendar: Calendar,
    where: Callable[..., str],
) -> str:
    """The whole query: the file's, between what it sees and what is done with it.

    Args: marts, those it names; where, file and line of a key of the measure.
    Raises: ConfigurationError, when the file is not there or is not one query of this kind.
    """
    place = f"{where('file')}, {indicator.code}"
    path = project.folder / measure.file
    if not path.is_file():
        raise ConfigurationError(f"{place} : le fichier « {measure.file} » n'existe pas à côté du cadre logique.")
    told = f"{place}, {measure.file}"
    query = _tree(path.read_text(encoding="utf-8"), told)
    _judge_nodes(query, told)
    _judge_columns(query, told)
    _judge_tables(query, marts, told)
    names = query.named_selects
    if sorted(names) not in (sorted(CONTRACT), sorted(CONTRACT + INTERVAL)):
        raise ConfigurationError(
            f"{told} : la requête donne les colonnes {', '.join(names)}. Il faut {', '.join(CONTRACT)} "
            f"(et, pour une enquête, {' et '.join(INTERVAL)})."
        )
    ctes = [
        opening.cte("periods", opening.periods(calendar), *opening.PERIOD_COLUMNS),
        *(_own_rows(name, spec, project.id) for name, spec in marts.items()),
    ]
    measured = f"measured as (\n{query.sql('postgres', pretty=True)}\n)"
    return "\n\n".join(["with", *map(opening.written, ctes), measured, _final(names)])


def _tree(text: str, told: str) -> exp.Query:
    refusal = ConfigurationError(f"{told} : ce n'est pas une seule requête « select » que PostgreSQL puisse lire.")
    if len(text) > LONGEST_FILE:
        raise refusal
    try:
        trees = [tree for tree in sqlglot.parse(text, dialect="postgres") if tree is not None]
    except (errors.SqlglotError, RecursionError):
        raise refusal from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise refusal
    return trees[0]


def _judge_nodes(query: exp.Query, told: str) -> None:
    for node in query.walk():
        node.comments = None
        is_function = isinstance(node, exp.Func) and not isinstance(node, COMPUTING)
        if isinstance(node, exp.Anonymous):
            is_function = str(node.this).lower() not in NAMED
        if is_function or isinstance(node, REFUSED):
            name = str(node.this) if isinstance(node, exp.Anonymous) else node.key
            raise ConfigurationError(
                f"{told} : « {name.lower()} » n'est pas permis dans une requête d'indicateur : elle lit des tables et "
                "calcule, sans rien écrire, verrouiller ni appeler d'autre."
            )
        if isinstance(node, exp.DataType) and node.this not in CONVERTED:
            raise ConfigurationError(
                f"{told} : la requête convertit vers un type qui n'est pas permis ici. "
                "Employez numeric, int, text, date, timestamptz, boolean ou jsonb."
            )


def _judge_columns(query: exp.Query, told: str) -> None:
    """`x.f` calls the function f where x has no column f and is no row: a value in parentheses, or what `unnest` gives."""
    values = {"unnest": {"unnest"}}
    for alias in query.find_all(exp.TableAlias):
        source = alias.parent
        lateral = source.this if isinstance(source, exp.Lateral) else source
        if not isinstance(lateral, (exp.Table, exp.Subquery, exp.CTE, exp.Values)):
            columns = {_folded(column) for column in alias.columns} or {_folded(alias.this)}
            offset = source.args.get("offset") if source is not None else None
            values.setdefault(_folded(alias.this), set()).update(
                columns, {_folded(offset)} if isinstance(offset, exp.Identifier) else ()
            )
    for node in query.find_all(exp.Dot, exp.Column):
        is_called = isinstance(node, exp.Dot) or bool(node.args.get("db"))
        if isinstance(node, exp.Column) and node.table and isinstance(node.this, exp.Identifier):
            known = values.get(_folded(node.args["table"]))
            is_called = is_called or (known is not None and _folded(node.this) not in known)
        if is_called:
            name = node.expression.name if isinstance(node, exp.Dot) else node.sql("postgres")
            raise ConfigurationError(
                f"{told} : « {name} » n'est pas permis dans une requête d'indicateur. Écrivez une colonne sous la forme "
                "« table.colonne »."
            )


def _judge_tables(query: exp.Query, marts: Mapping[str, TableSpec], told: str) -> None:
    """Every table is a mart that is named, `periods`, or a CTE in sight; a mart becomes the project's rows of it.

    Where no CTE of a name is in sight, PostgreSQL looks for a table of its own: the statistics of every table, say.
    """
    for table in query.find_all(exp.Table):
        plain = isinstance(table.this, exp.Identifier) and not table.catalog
        name = _folded(table.this) if plain else ""
        is_mart = plain and name in marts and table.db in ("", "marts")
        if not is_mart and (not plain or table.db or name not in {"periods", *_in_sight(table)}):
            raise ConfigurationError(
                f"{told} : « {table.sql('postgres')} » n'est pas une table que cette requête peut lire. Tables : "
                f"periods, {', '.join(sorted(marts))} ; ajoutez une table à « marts » pour la lire."
            )
        if is_mart:
            table.set("db", None)


def _in_sight(table: exp.Table) -> Iterator[str]:
    """The CTEs that a table may name: those of a query around it; inside one of them, those before it."""
    inner: exp.Expr = table
    while (around := inner.parent) is not None:
        if isinstance(around, exp.With):
            for cte in around.expressions:
                if cte is inner and not around.recursive:
                    break
                yield _folded(cte.args["alias"].this)
                if cte is inner:
                    break
        elif (given := around.args.get("with_")) is not None and given is not inner:
            yield from (_folded(cte.args["alias"].this) for cte in given.expressions)
        inner = around


def _folded(name: exp.Expr) -> str:
    """A name as PostgreSQL compares it: in lower case, unless it is quoted."""
    return name.name if name.args.get("quoted") else name.name.lower()


def _own_rows(name: str, spec: TableSpec, project: str) -> exp.CTE:
    rows = exp.select("*").from_(exp.table_(spec.name, db=spec.schema, quoted=True))
    return opening.cte(name, rows.where(exp.column("project", quoted=True).eq(exp.Literal.string(project))))


def _final(names: list[str]) -> str:
    """The columns of every measure; a period that the project does not have keeps no bounds, and is refused."""
    shown: list[exp.Expr] = [exp.column(name, table="measured") for name in ("period_kind", "period")]
    shown += [exp.column(name, table="periods") for name in ("period_start", "period_end")]
    shown.append(opening.cast(exp.column("disaggregation", table="measured"), "jsonb").as_("disaggregation"))
    for name in (*CONTRACT[3:6], CONTRACT[6], *INTERVAL):
        kind = "bigint" if name == "units" else "numeric"
        value = exp.column(name, table="measured") if name in names else exp.null()
        shown.append(opening.cast(value, kind).as_(name))
    query = exp.select(*shown).from_("measured").join("periods", using=["period_kind", "period"], join_type="left")
    return query.sql("postgres", pretty=True)
