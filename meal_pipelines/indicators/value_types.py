"""Judge the types of an expression before anything runs: a number is not compared with a text, a text is not summed.

sqlglot works the types out from what the mart declares. Where it cannot (jsonb, arrays, null), nothing is said: a wrong
refusal would stop an officer who is right, and PostgreSQL has the last word anyway.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Literal

from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.warehouse.tables import TableSpec

Family = Literal["number", "text", "boolean", "date", "moment", "interval"]
SAID: dict[Family, str] = {
    "number": "un nombre", "text": "un texte", "boolean": "une condition (vrai ou faux)", "date": "une date",
    "moment": "un moment (date et heure)", "interval": "une durée",
}  # fmt: skip
BOOLEANS = {"t", "true", "y", "yes", "on", "1", "f", "false", "n", "no", "off", "0"}
COMPARED = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)
COMPUTED = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)
OF_TEXT = (exp.Like, exp.ILike, exp.RegexpLike, exp.StartsWith, exp.Lower, exp.Upper, exp.Left, exp.Right, exp.Length,
           exp.Substring, exp.Trim)  # fmt: skip
OF_NUMBER = (exp.Abs, exp.Ceil, exp.Floor, exp.Round, exp.Neg)
ALIKE = (exp.Coalesce, exp.Greatest, exp.Least, exp.Nullif)


def judge_types(tree: exp.Expr, mart: TableSpec, where: str, wanted: Family | None) -> Family | None:
    """What an expression gives; None when it cannot be told.

    Args: tree, an expression whose columns are the mart's; where, the file and line for messages; wanted, what the
    measure needs here, None when anything will do.
    Raises: ConfigurationError, when two parts do not go together, or the whole is not what is wanted.
    """
    typed = _annotated(tree, mart)
    for node in typed.walk():
        if wrong := _mismatch(node):
            raise ConfigurationError(f"{where} : « {node.sql('postgres')} » {wrong}.")
    found = family(typed)
    if wanted is not None and not _fits(typed, wanted):
        assert found is not None, "what cannot be told fits everywhere"
        raise ConfigurationError(
            f"{where} : « {typed.sql('postgres')} » donne {SAID[found]} ; il faut ici {SAID[wanted]}."
        )
    return found


def family(node: exp.Expr) -> Family | None:
    """The family of an annotated expression's type."""
    node = node.unnest()
    if isinstance(node, exp.Sub) and family(node.this) == family(node.expression) == "date":
        return "number"  # days; sqlglot says a date
    kind = node.type
    if not isinstance(kind, exp.DataType) or kind.args.get("nested"):
        return None
    if kind.this in exp.DataType.NUMERIC_TYPES:
        return "number"
    if kind.this in exp.DataType.TEXT_TYPES:
        return "text"
    if kind.this == exp.DataType.Type.BOOLEAN:
        return "boolean"
    if kind.this == exp.DataType.Type.DATE:
        return "date"
    if kind.this == exp.DataType.Type.INTERVAL:
        return "interval"
    return "moment" if kind.this in exp.DataType.TEMPORAL_TYPES else None


def _annotated(tree: exp.Expr, mart: TableSpec) -> exp.Expr:
    table = exp.to_identifier("mart")
    copied = tree.copy()
    for column in copied.find_all(exp.Column):
        column.set("table", table.copy())
    query = exp.select(exp.alias_(copied, "judged")).from_(exp.table_("mart"))
    schema: dict[str, object] = {"mart": {column.name: column.type for column in mart.columns}}
    typed: exp.Expr = annotate_types(query, schema=schema, dialect="postgres").selects[0].this
    for column in typed.find_all(exp.Column):  # messages show what the officer wrote
        column.set("table", None)
        column.set("this", exp.to_identifier(column.name))
    return typed


def _mismatch(node: exp.Expr) -> str | None:
    """What is wrong with one node, as the end of a French sentence."""
    if isinstance(node, COMPARED):
        return _unlike([node.this, node.expression], "compare")
    if isinstance(node, exp.In):
        return _unlike([node.this, *node.expressions], "compare")
    if isinstance(node, exp.Between):
        return _unlike([node.this, node.args["low"], node.args["high"]], "compare")
    if isinstance(node, ALIKE):
        return _unlike([node.this, *_others(node)], "mêle")
    if isinstance(node, exp.Case):
        branches = [branch.args["true"] for branch in node.args["ifs"]]
        return _unlike([*branches, *([node.args["default"]] if node.args.get("default") else [])], "mêle")
    if isinstance(node, COMPUTED):
        return _uncomputable(node)
    if isinstance(node, (exp.And, exp.Or)):
        return _needs([node.this, node.expression], "boolean", "relie par « and » ou « or »")
    if isinstance(node, exp.Not):
        return _needs([node.this], "boolean", "nie")
    if isinstance(node, exp.If) and isinstance(node.parent, exp.Case) and node.parent.this is None:
        return _needs([node.this], "boolean", "prend pour condition")
    if isinstance(node, OF_TEXT):
        return _needs([node.this], "text", "traite comme un texte")
    return _needs([node.this], "number", "calcule avec") if isinstance(node, OF_NUMBER) else None


def _others(node: exp.Expr) -> list[exp.Expr]:
    second = node.args.get("expression")
    return [second] if isinstance(second, exp.Expr) else list(node.expressions)


def _unlike(parts: Sequence[exp.Expr], verb: str) -> str | None:
    known = [(part, found) for part in parts if not _is_quoted(part) and (found := family(part)) is not None]
    if known:
        first = known[0]
        for part, found in known[1:]:
            if found != first[1] and {found, first[1]} != {"date", "moment"}:
                return f"{verb} {SAID[first[1]]} ({first[0].sql('postgres')}) et {SAID[found]} ({part.sql('postgres')})"
        for part in parts:
            if _is_quoted(part) and not _reads(part.unnest().name, first[1]):
                return f"{verb} {SAID[first[1]]} ({first[0].sql('postgres')}) et un texte ({part.sql('postgres')})"
    return None


def _uncomputable(node: exp.Expr) -> str | None:
    left, right = family(node.this), family(node.expression)
    if None in (left, right):
        return None
    if left == right == "number" or (left == right == "date" and isinstance(node, exp.Sub)):
        return None
    pair = {left, right}
    if isinstance(node, (exp.Add, exp.Sub)) and pair & {"date", "moment"} and pair & {"number", "interval"}:
        return None
    if pair <= {"interval", "number"} or (pair <= {"date", "moment"} and isinstance(node, exp.Sub)):
        return None
    wrong = node.this if left in ("text", "boolean") else node.expression
    return f"calcule avec {SAID[family(wrong) or 'text']} ({wrong.sql('postgres')})"


def _needs(parts: Sequence[exp.Expr], wanted: Family, verb: str) -> str | None:
    for part in parts:
        found = family(part)
        if found is not None and not _fits(part, wanted):
            return f"{verb} {SAID[found]} ({part.sql('postgres')})"
    return None


def _fits(part: exp.Expr, wanted: Family) -> bool:
    found = family(part)
    return found in (None, wanted) or (_is_quoted(part) and _reads(part.unnest().name, wanted))


def _is_quoted(part: exp.Expr) -> bool:
    """A text in quotes is of whatever type stands beside it, as PostgreSQL has it."""
    return isinstance(part.unnest(), exp.Literal) and bool(part.unnest().args["is_string"])


def _reads(text: str, wanted: Family) -> bool:
    """Whether PostgreSQL would read a quoted text as that type."""
    readers: dict[Family, Callable[[str], object]] = {
        "number": Decimal, "date": dt.date.fromisoformat, "moment": dt.datetime.fromisoformat,
    }  # fmt: skip
    if wanted == "boolean":
        return text.strip().lower() in BOOLEANS
    if wanted not in readers:
        return True
    try:
        readers[wanted](text.strip())
    except (ValueError, InvalidOperation):
        return False
    return True
