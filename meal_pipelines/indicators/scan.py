"""Which columns one scan of a mart gives for all the measures over it, and of what type each is outside PostgreSQL."""

from __future__ import annotations

from sqlglot import exp

from meal_pipelines.indicators.records import Records
from meal_pipelines.warehouse.tables import TableSpec

INTEGERS = ("smallint", "int", "integer", "bigint")
TYPES = {"slice": "SMALLINT", "dated_on": "DATE", "repeat_index": "BIGINT"}
NUMBER = "NUMBER"
"""Marks a column of exact numbers: text, until all of them are known."""


class Columns:
    """The distinct expressions that the pieces of one mart need, by the name of their column in the scan."""

    def __init__(self) -> None:
        self.types: dict[str, str] = {}
        self.numbers: set[str] = set()
        self.expressions: dict[str, exp.Expr] = {}
        self._known: dict[tuple[str, str], str] = {}

    def of(self, records: Records) -> dict[str, exp.Expr]:
        """What to read of the scan for `keep`, `slice`, each dimension, what is told apart and what is summed."""
        keep = exp.and_(*(condition.copy() for condition in records.kept[1:]))
        found: dict[str, exp.Expr] = {"keep": self._add(keep, "BOOLEAN"), "slice": self._add(records.slice, "SMALLINT")}
        for place, dimension in enumerate(records.dims, start=1):
            found[f"d{place}"] = self._add(dimension, "VARCHAR")
        for name, value in records.apart.items():
            kind = NUMBER if name == "value" else TYPES.get(name, "VARCHAR")
            found[name] = self._add(_guarded(value, keep), self._kind(value, records.mart) if kind == NUMBER else kind)
        for name, aggregate in (records.aggregates or {}).items():
            inner = aggregate.this
            if isinstance(inner, exp.Star):
                found[name] = aggregate
            elif inner.find(exp.Column) is None:
                found[name] = type(aggregate)(this=inner.copy())
            else:
                column = self._add(_guarded(inner, keep), self._kind(inner, records.mart))
                found[name] = type(aggregate)(this=column)
        return found

    def _add(self, expression: exp.Expr, kind: str) -> exp.Column:
        key = (expression.sql("postgres"), kind)
        if key not in self._known:
            name = f"c{len(self._known)}"
            self._known[key] = name
            self.types[name] = "VARCHAR" if kind == NUMBER else kind
            self.expressions[name] = expression
            if kind == NUMBER:
                self.numbers.add(name)
        return exp.column(self._known[key])

    @staticmethod
    def _kind(value: exp.Expr, mart: TableSpec) -> str:
        inner = value.this if isinstance(value, exp.Cast) else value
        column = mart.column(inner.name) if isinstance(inner, exp.Column) else None
        if column is not None and column.type in INTEGERS:
            return "BIGINT"
        return "BIGINT" if _counts(inner) else NUMBER


def _counts(value: exp.Expr) -> bool:
    """Whether it is a case between whole numbers written in the logframe."""
    if not isinstance(value, exp.Case):
        return False
    branches = [*(branch.args["true"] for branch in value.args["ifs"]), value.args.get("default")]
    return all(branch is None or (isinstance(branch, exp.Literal) and branch.is_int) for branch in branches)


def _guarded(value: exp.Expr, keep: exp.Expr) -> exp.Expr:
    """An expression is only fit for the records that count: 1 / x where x <> 0."""
    if isinstance(value, exp.Column):
        return value
    return exp.Case().when(keep.copy(), value.copy())
