"""What makes a row fail, as SQL: conditions and queries made with SQLAlchemy, which quotes every name and value.

Knows PostgreSQL and our kinds of expectation; runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from expectations.model import Expectation

JUDGED = "with judged as (select * from {batch}) "
"""How a query reaches the judged rows: Great Expectations puts them in place of `{batch}`."""

DIALECT: sa.Dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
"""Whose text is run as it is: with psycopg2's own parameters every `%` would be doubled here, and again by GX."""


def failing(expectation: Expectation) -> str:
    """The predicate that holds for the rows that fail a row-wise expectation."""
    build = ROW_KINDS[expectation.kind]
    parts = [build(column, expectation.parameters) for column in expectation.columns or ("",)]
    condition = sa.or_(*parts)
    for name, value in expectation.parameters.get("when", {}).items():
        condition = sa.and_(sa.column(name) == value, condition)
    unless = expectation.parameters.get("unless_version")
    if unless:
        condition = sa.and_(sa.not_(_of_versions(unless, expectation.parameters.get("version_in"))), condition)
    return _text(condition)


def _of_versions(versions: Sequence[str], through: str | None) -> sa.ColumnElement[bool]:
    """Whether a row was filled with one of these versions; a row of a repeat through the form's own table in `build`."""
    version: sa.ColumnElement[str] = sa.column("form_version", sa.Text)
    is_one_of = sa.func.coalesce(version, "").in_(list(versions))
    if through is None:
        return is_one_of
    form = sa.table(through, sa.column("submission_id"), sa.column("form_version"), schema="build")
    filled = sa.select(form.c.submission_id).where(sa.func.coalesce(form.c.form_version, "").in_(list(versions)))
    return sa.column("submission_id").in_(filled)


def _is_null(name: str, parameters: Mapping[str, Any]) -> sa.ColumnElement[bool]:
    return sa.column(name).is_(None)


def _not_in_list(name: str, parameters: Mapping[str, Any]) -> sa.ColumnElement[bool]:
    values = list(parameters["values"])
    if parameters.get("several"):
        several: sa.ColumnElement[bool] = sa.column(name, postgresql.ARRAY(sa.Text)).contained_by(values)
        return ~several
    return sa.column(name).not_in(values)


def _not_between(name: str, parameters: Mapping[str, Any]) -> sa.ColumnElement[bool]:
    column: sa.ColumnElement[Any] = sa.column(name)
    parts = []
    if "min" in parameters:
        low = _bound(parameters["min"])
        parts.append(column <= low if parameters.get("strict_min") else column < low)
    if "max" in parameters:
        high = _bound(parameters["max"])
        parts.append(column >= high if parameters.get("strict_max") else column > high)
    return sa.or_(sa.false(), *parts)


def _bound(value: Any) -> sa.ColumnElement[Any]:
    return sa.func.current_date() if value == "today" else sa.literal(value)


def _not_matching(name: str, parameters: Mapping[str, Any]) -> sa.ColumnElement[bool]:
    return sa.not_(sa.column(name).regexp_match(parameters["pattern"]))


def _where(name: str, parameters: Mapping[str, Any]) -> sa.ColumnElement[bool]:
    return sa.literal_column(f"({parameters['condition']})", sa.Boolean)


ROW_KINDS = {
    "not_null": _is_null,
    "in_list": _not_in_list,
    "between": _not_between,
    "matches": _not_matching,
    "no_row_where": _where,
}


def repeated(columns: tuple[str, ...]) -> str:
    """The query of the rows whose key another row has too; as in SQL, a row with an empty key column has no key."""
    judged = sa.table("judged", *(sa.column(name) for name in columns))
    # A set-returning function in the select list: as many lines as the group has rows.
    each = sa.func.generate_series(1, sa.func.count()).label("found")
    return JUDGED + _text(
        sa.select(each)
        .select_from(judged)
        .where(*(key.is_not(None) for key in judged.c))
        .group_by(*judged.c)
        .having(sa.func.count() > 1)
    )


def orphans(expectation: Expectation, schema: str, table: str) -> str:
    """The query of the rows that have no parent in `schema.table`; a row that names none is not judged."""
    names = expectation.parameters["parent_columns"]
    parent = sa.table(table, *(sa.column(name) for name in names), schema=schema).alias("parent")
    rows = sa.table("judged", *(sa.column(name) for name in expectation.columns))
    found = sa.exists().where(*(up == down for up, down in zip(parent.c, rows.c, strict=True))).correlate(rows)
    one: sa.ColumnElement[int] = sa.literal_column("1")
    query = sa.select(one.label("found")).select_from(rows)
    return JUDGED + _text(query.where(*(column.is_not(None) for column in rows.c), ~found))


def _text(clause: sa.ClauseElement) -> str:
    return str(clause.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))
