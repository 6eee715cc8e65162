"""Every value of every kind of measure, against a second computation in plain Python."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from psycopg2 import extensions, sql

from meal_pipelines.indicators import audit, columnar, discard, prepare
from meal_pipelines.project.loaded import LoadedProject
from tests.indicators.conftest import Fill
from tests.indicators.logframes import DIMENSIONS, EXPRESSIONS, INDICATORS, MARTS, write_project
from tests.recompute import Key, Row, recompute

DAY = dt.timedelta(days=1)
STARTS = [dt.date(2026, 3, 1), dt.date(2026, 3, 17), dt.date(2028, 2, 29), dt.date(2026, 12, 31)]
KINDS = {entry["code"]: entry["measure"]["kind"] for entry in INDICATORS}


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """A project of some months, a cut-off, and a few records: ties, gaps, empty dimensions, dates outside the project."""
    starts_on = draw(st.sampled_from(STARTS))
    ends_on = starts_on + draw(st.integers(20, 600)) * DAY
    cutoff = draw(st.dates(starts_on - 5 * DAY, ends_on + 40 * DAY))
    some = st.sampled_from
    people = draw(some([["p1"], ["p1", "p2", "p3", None]]))
    days = (
        st.none()
        | st.dates(starts_on - 40 * DAY, ends_on + 60 * DAY)
        | some([starts_on, starts_on + 30 * DAY, ends_on])
    )
    record = st.fixed_dictionaries(
        {
            "submission_id": some(["s1", "s2", "S3", "é4"]),
            "repeat_index": some([1, 2, 10]),
            "person_id": some(people),
            "sex": some(["F", "H", None]),
            "sector": some(["agri", "Agri", "l'hôtel", None]),
            "is_new": some([True, False, None]),
            "score": some([None, Decimal("-1.5"), Decimal(0), Decimal("5.01"), Decimal(6), Decimal("7.25")]),
            "level": some([None, 0, 1, 3, 4]),
            "done_on": days,
        }
    )
    records = draw(st.lists(record, min_size=draw(some([0, 1, 8, 24])), max_size=30))
    if draw(some([False, False, False, True])):
        records = [{**record, "sex": None, "sector": None, "is_new": None} for record in records]
    return {"starts_on": starts_on, "ends_on": ends_on, "cutoff": cutoff, "records": records}


EMPTY = {"starts_on": STARTS[0], "ends_on": dt.date(2027, 3, 1), "cutoff": dt.date(2026, 8, 3), "records": []}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> LoadedProject:
    return write_project(tmp_path_factory.mktemp("projects") / "essai", INDICATORS)


# Shrinking and explaining run the database thousands of times; the example that fails is small enough.
DRAWN = {
    "deadline": None,
    "phases": (Phase.explicit, Phase.reuse, Phase.generate),
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


@settings(max_examples=12, **DRAWN)
@given(case=cases())
@example(case=EMPTY)
@example(case={**EMPTY, "cutoff": None})
def test_every_value_is_what_a_second_computation_finds(
    case: dict[str, Any], connection: extensions.connection, fill: Fill, project: LoadedProject
) -> None:
    """Every kind, period and disaggregation; rows that should not be there are found as well as those that should."""
    _compare(case, connection, fill, project)


@pytest.mark.slow
@settings(max_examples=300, **DRAWN)
@given(case=cases())
def test_every_value_is_what_a_second_computation_finds_three_hundred_times(
    case: dict[str, Any], connection: extensions.connection, fill: Fill, project: LoadedProject
) -> None:
    """Empty, all missing, a single person, ties and unknown categories come up by themselves in so many."""
    _compare(case, connection, fill, project)


def _compare(case: dict[str, Any], connection: extensions.connection, fill: Fill, project: LoadedProject) -> None:
    """Both engines give identical rows, and they are those of plain Python."""
    fill(case["records"], case["cutoff"])
    found = _computed(connection, project, case)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columnar, "LARGE", 0)
        again = _computed(connection, project, case)
    assert again.keys() == found.keys()
    for code, rows in found.items():
        different = {key: (row, again[code].get(key)) for key, row in rows.items() if row != again[code].get(key)}
        assert not different and rows.keys() == again[code].keys(), f"{code}: DuckDB and PostgreSQL differ"
    expected: dict[str, dict[Key, Row]] = {}
    for entry in sorted(INDICATORS, key=lambda entry: (entry["measure"]["kind"] == "derived", entry["code"])):
        expected[entry["code"]] = recompute(
            entry,
            case["records"],
            *(case["starts_on"], case["ends_on"], case["cutoff"]),
            DIMENSIONS,
            expressions=EXPRESSIONS,
            computed=expected,
            kinds=KINDS,
        )
    for code, rows in expected.items():
        assert found.get(code, {}).keys() == rows.keys(), code
        for key, row in rows.items():
            assert _same(found[code][key], row), (code, key, found[code][key], row)


def test_disaggregations_of_a_sum_add_up_to_the_total(
    connection: extensions.connection, fill: Fill, project: LoadedProject
) -> None:
    """An empty dimension is « inconnu », not a record lost on the way."""
    day = dt.date(2026, 4, 2)
    record = {"submission_id": "s", "repeat_index": 1, "person_id": "p", "score": None, "level": None, "done_on": day}
    fill([{**record, "sex": sex, "sector": None, "is_new": None} for sex in ("F", None, None)], day)
    found = _computed(connection, project, EMPTY)["S-1"]
    month = {pairs: row[2] for (kind, _, pairs), row in found.items() if kind == "month" and len(pairs) <= 1}
    assert month[frozenset()] == 3
    assert month[frozenset({("sex", "inconnu")})] == 2
    assert month[frozenset({("sex", "H")})] == 0, "a declared category without records has its line"


def _computed(
    connection: extensions.connection, project: LoadedProject, case: dict[str, Any]
) -> dict[str, dict[Key, tuple[Any, ...]]]:
    """What `prepare` stages for a project of these dates; the audit must agree with it."""
    dated = project.project.model_copy(update={"starts_on": case["starts_on"], "ends_on": case["ends_on"]})
    dated_project = LoadedProject(
        Path("essai"), dated, project.logframe, project.forms, project.lines, project.logframe_lines
    )
    computation = prepare(connection, dated_project, MARTS, run_id="essai", rebuild=True)
    assert all(passed for passed, _ in audit(connection, computation).values())
    found: dict[str, dict[Key, tuple[Any, ...]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "select indicator, period_kind, period, disaggregation, numerator, denominator, value, units, ci_low, ci_high"
                " from {}"
            ).format(sql.Identifier("build", computation.table.staged))
        )
        for code, kind, period, disaggregation, *row in cursor.fetchall():
            key = (kind, period, frozenset(disaggregation.items()))
            assert key not in found.setdefault(code, {}), "one row per period and category"
            found[code][key] = tuple(row)
    discard(connection, computation)
    return found


def _same(row: tuple[Any, ...], expected: Row) -> bool:
    """Quotients are compared to 12 digits: PostgreSQL's numeric has no fractions; bounds, which it rounds, to 8."""
    for place, (here, there) in enumerate(zip_longest(row, expected)):
        if (here is None) != (there is None):
            return False
        digits = 12 if place < 4 else 8
        if here is not None and abs(Fraction(here) - Fraction(there)) > Fraction(1, 10**digits) * max(1, abs(there)):
            return False
    return True
