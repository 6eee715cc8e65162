"""Every kind of expectation passes on good rows, fails on bad ones, and counts them right."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from expectations.model import Expectation
from meal_pipelines.warehouse.tables import Column
from tests.expectations.conftest import Bench

COLUMNS = (
    Column("id", "text", ""), Column("rang", "integer", ""), Column("sexe", "text", ""),
    Column("besoins", "text[]", ""), Column("jour", "date", ""), Column("montant", "numeric", ""),
    Column("accord", "boolean", ""), Column("Motif d'arrêt", "text", ""),
)  # fmt: skip
ROWS: list[tuple[Any, ...]] = [
    ("a", 1, "F", ["sante"], dt.date(2026, 3, 1), 10, True, "fin"),
    ("a", 2, "H", ["sante", "emploi"], dt.date(2026, 5, 1), 0, True, None),
    ("b", 1, None, None, None, None, False, "100 % : \\{x}"),
    ("b", 1, "X", ["sante", "autre"], dt.date(2031, 1, 1), -5, None, "fin"),
]


def expected(kind: Any, columns: tuple[str, ...], scope: Any = "rows", **parameters: Any) -> Expectation:
    return Expectation("essai", "Essai.", kind, columns, parameters, scope=scope)


CASES = [
    (expected("not_null", ("id",)), 0),
    (expected("not_null", ("sexe",)), 1),
    (expected("not_null", ("sexe", "accord")), 2),
    (expected("not_null", ("Motif d'arrêt",), when={"accord": True}), 1),
    (expected("not_null", ("sexe",), when={"id": "a", "rang": 2}), 0),
    (expected("in_list", ("sexe",), values=("F", "H", "X")), 0),
    (expected("in_list", ("sexe",), values=("F", "H")), 1),
    (expected("in_list", ("rang",), values=(1,)), 1),
    (expected("in_list", ("Motif d'arrêt",), values=("fin", "100 % : \\{x}")), 0),
    (expected("in_list", ("besoins",), values=("sante", "emploi"), several=True), 1),
    (expected("in_list", ("besoins",), values=("sante", "emploi", "autre"), several=True), 0),
    (expected("between", ("montant",), min=-5, max=10), 0),
    (expected("between", ("montant",), min=0), 1),
    (expected("between", ("montant",), min=0, strict_min=True), 2),
    (expected("between", ("montant",), max=10, strict_max=True), 1),
    (expected("between", ("jour",), min=dt.date(2026, 3, 1), max=dt.date(2029, 2, 28)), 1),
    (expected("between", ("jour",), max="today"), 2 if dt.date.today() < dt.date(2026, 5, 1) else 1),
    (expected("matches", ("id",), pattern=r"^[a-b]{1}$"), 0),
    (expected("matches", ("Motif d'arrêt",), pattern=r"^(?:fin|\d{3}x)$"), 1),
    (expected("no_row_where", (), condition="montant > 10 or sexe like '%%' and id = 'c'"), 0),
    (expected("no_row_where", (), condition="montant < 0 and jour > date '2030-01-01'"), 1),
    (expected("unique", ("jour",), scope="table"), 0),
    (expected("unique", ("id", "rang"), scope="table"), 2),
    (expected("unique", ("id",), scope="table"), 4),
]


@pytest.mark.parametrize(("expectation", "failing"), CASES)
def test_failing_rows_are_counted(bench: Bench, expectation: Expectation, failing: int) -> None:
    bench.make("essai_kinds", COLUMNS, ROWS)
    result = bench.judge([expectation], "essai_kinds")["essai"]
    assert result.could_run, result.reason
    assert (result.failing_rows, result.checked_rows) == (failing, len(ROWS))
    assert result.passed == (failing == 0)


@pytest.mark.parametrize("expectation", [case for case, _ in CASES])
def test_no_rows_break_no_rule(bench: Bench, expectation: Expectation) -> None:
    """A delta may be empty: every submission of a load may have been deleted."""
    bench.make("essai_kinds", COLUMNS, [])
    assert bench.judge([expectation], "essai_kinds")["essai"].passed


def test_an_empty_table_is_noticed(bench: Bench) -> None:
    bench.make("essai_kinds", COLUMNS, [])
    expectation = expected("not_empty", (), scope="table")
    assert not bench.judge([expectation], "essai_kinds")["essai"].passed
    bench.make("essai_kinds", COLUMNS, ROWS)
    assert bench.judge([expectation], "essai_kinds")["essai"].passed


def test_a_column_too_many_or_missing_is_named(bench: Bench) -> None:
    bench.make("essai_kinds", COLUMNS, ROWS)
    names = tuple(column.name for column in COLUMNS)
    assert bench.judge([expected("columns", names)], "essai_kinds")["essai"].passed
    result = bench.judge([expected("columns", (*names[1:], "age_band"))], "essai_kinds")["essai"]
    assert result.could_run and not result.passed
    assert result.reason == "colonnes en trop : id ; colonnes manquantes : age_band"


def test_mostly_lets_a_share_of_the_rows_fail(bench: Bench) -> None:
    bench.make("essai_kinds", COLUMNS, ROWS)
    known = Expectation("essai", "Essai.", "not_null", ("sexe",), mostly=0.75)
    result = bench.judge([known], "essai_kinds")["essai"]
    assert result.passed and result.failing_rows == 1
    too_few = Expectation("essai", "Essai.", "not_null", ("sexe",), mostly=0.8)
    assert not bench.judge([too_few], "essai_kinds")["essai"].passed


PARENT = (Column("submission_id", "text", ""), Column("repeat_index", "integer", ""))
CHILD = (*PARENT, Column("parent_index", "integer", ""))


def attached(columns: tuple[str, ...], parent_columns: tuple[str, ...]) -> Expectation:
    return expected(
        "has_parent", columns, "table",
        schema="cleaned", table="essai_parents", candidate="essai_parents__candidate", parent_columns=parent_columns,
    )  # fmt: skip


def test_a_row_of_a_repeat_without_its_form_is_found(bench: Bench) -> None:
    bench.make("essai_parents", PARENT, [("a", 1), ("b", 1)], schema="cleaned")
    bench.make("essai_enfants", CHILD, [("a", 1, 1), ("b", 1, 2), ("c", 1, None)])
    of_form = attached(("submission_id",), ("submission_id",))
    assert bench.judge([of_form], "essai_enfants")["essai"].failing_rows == 1
    nested = attached(("submission_id", "parent_index"), ("submission_id", "repeat_index"))
    assert bench.judge([nested], "essai_enfants")["essai"].failing_rows == 1


def test_the_parent_under_construction_comes_before_the_published_one(bench: Bench) -> None:
    """The tables of a form are judged before any of them is published."""
    bench.make("essai_parents", PARENT, [], schema="cleaned")
    bench.make("essai_parents__candidate", PARENT, [("a", 1)])
    bench.make("essai_enfants", CHILD, [("a", 1, 1)])
    of_form = attached(("submission_id",), ("submission_id",))
    assert bench.judge([of_form], "essai_enfants")["essai"].passed
