"""What leaves PostgreSQL to be reduced: nothing is lost or changed on the way, and what does not fit stays there."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import extensions, sql

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.indicators import columnar, discard, prepare
from tests.indicators.conftest import Fill
from tests.indicators.logframes import MARTS, indicator, write_project

DAY = dt.date(2026, 4, 2)
ROW: dict[str, Any] = {
    "submission_id": "s", "repeat_index": 1, "person_id": "p", "sex": "F", "sector": None, "is_new": None, "score": None,
    "level": 1, "done_on": DAY,
}  # fmt: skip
PECULIAR = ["", " ", "\\N", '"', 'a"b', "a,b", "a\nb", "a\\b", "{a}", "NULL", "é", "'", "\t"]


@pytest.fixture
def both(connection: extensions.connection, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Rows of the total to date, and of every category, as PostgreSQL and then as DuckDB reduce them."""

    def computed(folder: Path, *entries: dict[str, Any]) -> tuple[list[Any], list[Any]]:
        project = write_project(folder / "essai", [*entries])
        found = []
        for large in (10**9, 0):
            monkeypatch.setattr(columnar, "LARGE", large)
            computation = prepare(connection, project, MARTS, run_id=None, rebuild=True)
            with connection.cursor() as cursor:
                cursor.execute(
                    sql.SQL(
                        "select indicator, disaggregation::text, value::text, units from {} where period_kind = 'to_date'"
                        " and period = '2026-04' order by 1, 2"
                    ).format(sql.Identifier("build", computation.table.staged))
                )
                found.append(cursor.fetchall())
            discard(connection, computation)
        return found[0], found[1]

    return computed


def _was_reduced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of the pieces that come back from DuckDB, as they do."""
    kinds: list[str] = []
    original = columnar.reduced

    def watched(cursor: Any, pieces: Any) -> Any:
        for piece, query in original(cursor, pieces):
            kinds.append(piece.kind)
            yield piece, query

    monkeypatch.setattr(columnar, "reduced", watched)
    return kinds


def test_categories_and_units_keep_their_every_character(tmp_path: Path, fill: Fill, both: Any):
    """Quotes, ends of line, what CSV writes for nothing: a category is a text like another."""
    fill([{**ROW, "sector": text, "person_id": text} for text in PECULIAR], DAY)
    measure = {"kind": "count_unique", "unit": "person_id"}
    here, there = both(tmp_path, indicator("U-1", measure, disaggregations=["sector"]))
    assert here == there
    assert len(here) == len(PECULIAR) + 1


def test_numbers_keep_their_every_digit(tmp_path: Path, fill: Fill, both: Any, monkeypatch: pytest.MonkeyPatch):
    """0.1 + 0.2 is 0.3, and a number of thirty digits is not a float."""
    kinds = _was_reduced(monkeypatch)
    scores = [Decimal("0.1"), Decimal("0.2"), Decimal("123456789012345678901234567890.125")]
    fill([{**ROW, "score": score, "person_id": str(score)} for score in scores], DAY)
    here, there = both(tmp_path, indicator("S-1", {"kind": "sum", "value": "score"}))
    assert here == there == [("S-1", "{}", "123456789012345678901234567890.425", 3)]
    assert kinds == ["sum"]


def test_a_number_too_long_stays_in_postgresql(tmp_path: Path, fill: Fill, both: Any, monkeypatch: pytest.MonkeyPatch):
    """And the other indicators of the mart do not."""
    kinds = _was_reduced(monkeypatch)
    long = Decimal("9" * 50)
    fill([{**ROW, "score": long}, {**ROW, "score": long}], DAY)
    here, there = both(
        tmp_path,
        indicator("S-1", {"kind": "sum", "value": "score"}),
        indicator("S-2", {"kind": "sum", "value": "level"}),
    )
    assert here == there == [("S-1", "{}", str(2 * int("9" * 50)), 2), ("S-2", "{}", "2", 2)]
    assert kinds == ["sum"], "S-2 alone"


def test_an_expression_is_evaluated_for_the_records_that_count_alone(tmp_path: Path, fill: Fill, both: Any):
    """One scan serves every indicator: a division by what « where » excludes must not fail it."""
    fill([{**ROW, "level": level} for level in (0, 2, 4)], DAY)
    here, there = both(tmp_path, indicator("S-1", {"kind": "sum", "value": "1.0 / level", "where": "level <> 0"}))
    assert here == there == [("S-1", "{}", "0.75", 2)]


def test_an_expression_that_fails_is_told_with_its_indicator(
    tmp_path: Path, fill: Fill, both: Any, connection: extensions.connection
):
    """The scan serves several: PostgreSQL says which one it is, without the value."""
    fill([{**ROW, "level": 0, "person_id": "secret-4711"}], DAY)
    with pytest.raises(ConfigurationError, match="S-2") as caught:
        both(
            tmp_path, indicator("S-1", {"kind": "sum", "value": "level"}),
            indicator("S-2", {"kind": "sum", "value": "cast(person_id as int)"}),
        )  # fmt: skip
    assert "4711" not in str(caught.value)
