"""Read what an officer may write in a measure: one PostgreSQL expression over the columns of one mart.

The expression becomes a tree of which every node is on a list of what is allowed; only that tree is turned into SQL
again, so nothing else of the text reaches the database.
"""

from __future__ import annotations

import sqlglot
from sqlglot import errors, exp

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.warehouse.tables import TableSpec

OPERATORS: tuple[type[exp.Expr], ...] = (
    exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Is, exp.In, exp.Between,
    exp.Like, exp.ILike, exp.RegexpLike, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod,
    exp.Neg, exp.DPipe, exp.Case, exp.If, exp.Cast, exp.Literal, exp.Boolean, exp.Null, exp.Column, exp.Identifier,
    exp.DataType, exp.DataTypeParam, exp.Interval, exp.Var,
)  # fmt: skip
FUNCTIONS: dict[type[exp.Expr], str] = {
    exp.Abs: "abs", exp.Ceil: "ceil", exp.Coalesce: "coalesce", exp.Extract: "extract", exp.Floor: "floor",
    exp.Greatest: "greatest", exp.Least: "least", exp.Left: "left", exp.Length: "length", exp.Lower: "lower",
    exp.Nullif: "nullif", exp.Right: "right", exp.Round: "round", exp.StartsWith: "starts_with",
    exp.Substring: "substring", exp.TimestampTrunc: "date_trunc", exp.Trim: "trim", exp.Upper: "upper",
}  # fmt: skip
ALLOWED = frozenset([*OPERATORS, *FUNCTIONS])
TYPES = exp.DataType.Type
CASTS = {
    TYPES.INT, TYPES.SMALLINT, TYPES.BIGINT, TYPES.DECIMAL, TYPES.DOUBLE, TYPES.TEXT, TYPES.VARCHAR, TYPES.DATE,
    TYPES.BOOLEAN, TYPES.INTERVAL,
}  # fmt: skip
LONGEST = 2_000
"""Characters of an expression: more is not read by people either, and a parser recurses."""


def parse_expression(text: str, mart: TableSpec, where: str) -> exp.Expr:
    """The tree of one expression, its columns quoted.

    Args: where, the file and line for messages.
    Raises: ConfigurationError, when the text is not one expression of the allowed kinds, or names a column that the
    mart does not have.
    """
    tree = _tree(text, where)
    for node in tree.walk():
        node.comments = None
        if isinstance(node, exp.DataType) and node.this not in CASTS:
            raise ConfigurationError(
                f"{where} : « {text} » convertit vers un type qui n'est pas permis ici. "
                "Employez numeric, int, text, date ou boolean."
            )
        if type(node) not in ALLOWED:
            raise ConfigurationError(
                f"{where} : « {text} » contient ce qui n'est pas permis dans une mesure ({_said(node)}). Écrivez une "
                f"expression sur les colonnes de {mart.qualified}, sans sous-requête ni agrégat ; "
                f"fonctions permises : {', '.join(sorted(FUNCTIONS.values()))}."
            )
    for column in tree.find_all(exp.Column):
        _judge_column(column, mart, where)
    return tree


def columns_of(tree: exp.Expr) -> set[str]:
    """The columns that a judged expression reads."""
    return {column.name for column in tree.find_all(exp.Column)}


def require_column(name: str, mart: TableSpec, where: str) -> None:
    """Raises: ConfigurationError, with the mart's columns, when it does not have this one."""
    if mart.column(name) is None:
        raise ConfigurationError(
            f"{where} : la colonne « {name} » n'existe pas dans {mart.qualified}. "
            f"Colonnes : {', '.join(mart.names())}. Corrigez le nom."
        )


def _tree(text: str, where: str) -> exp.Expr:
    refusal = ConfigurationError(
        f"{where} : « {text[:120]} » n'est pas une expression SQL. Écrivez une seule expression, comme "
        "« step = 'depart' and is_confirmed », sans point-virgule ni « select »."
    )
    if len(text) > LONGEST:
        raise refusal
    try:
        trees = sqlglot.parse(text, dialect="postgres")
    except (errors.SqlglotError, RecursionError):
        raise refusal from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Expr) or isinstance(trees[0], exp.Query):
        raise refusal
    return trees[0]


def _judge_column(column: exp.Column, mart: TableSpec, where: str) -> None:
    if column.table:
        raise ConfigurationError(
            f"{where} : écrivez « {column.name} » sans le nom de la table ; une mesure ne lit que {mart.qualified}."
        )
    # PostgreSQL folds a name that is not quoted to lower case.
    name = column.name if column.this.quoted else column.name.lower()
    require_column(name, mart, where)
    column.set("this", exp.to_identifier(name, quoted=True))


def _said(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return f"fonction {str(node.this).lower()}"
    if isinstance(node, exp.Func):
        return f"fonction {node.sql_name().lower()}"
    return "sous-requête" if isinstance(node, (exp.Query, exp.Subquery)) else node.key
