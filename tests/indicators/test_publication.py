"""What is computed again and what is not, and what readers find: values, definitions, targets, progress."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import extensions

from meal_pipelines.indicators import audit, discard, prepare, publish, summary
from meal_pipelines.indicators.compute import Computation, cutoff, rows
from meal_pipelines.project.loaded import LoadedProject
from tests.indicators.conftest import Fill
from tests.indicators.logframes import INDICATORS, MARTS, PROJECT, indicator, write_project

CUTOFF = dt.date(2026, 5, 20)
RECORDS = [
    {
        "submission_id": f"s{number}", "repeat_index": 1, "person_id": f"p{number}", "sex": "F" if number < 3 else "H",
        "sector": "agri", "is_new": True, "score": number, "level": 1, "done_on": dt.date(2026, 3 + number % 3, 2),
    }
    for number in range(6)
]  # fmt: skip
CODES = [entry["code"] for entry in INDICATORS]


@pytest.fixture
def published(connection: extensions.connection, fill: Fill, tmp_path: Path) -> LoadedProject:
    """The project, computed and published once from nothing."""
    with connection.cursor() as cursor:
        cursor.execute("delete from indicators.value where project = %s", (PROJECT,))
        cursor.execute("delete from quality.build where project = %s", (PROJECT,))
    connection.commit()
    fill(RECORDS, CUTOFF)
    project = write_project(tmp_path / "essai", INDICATORS)
    computation = prepare(connection, project, MARTS, run_id="premier")
    assert sorted(computation.computed) == sorted(CODES)
    publish(connection, computation)
    return project


def _again(
    connection: extensions.connection, tmp_path: Path, indicators: list[dict[str, Any]], **project: Any
) -> Computation:
    return prepare(connection, write_project(tmp_path / "essai", indicators, **project), MARTS, run_id="second")


def _runs(connection: extensions.connection) -> dict[str, set[str]]:
    """Which indicators' published rows each run computed."""
    found: dict[str, set[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute("select distinct run_id, indicator from indicators.value where project = %s", (PROJECT,))
        for run, code in cursor.fetchall():
            found.setdefault(run, set()).add(code)
    return found


def test_nothing_is_computed_when_nothing_changed(connection: extensions.connection, published: LoadedProject):
    """The morning's run costs nothing when the night brought nothing."""
    computation = prepare(connection, published, MARTS, run_id="second")
    assert computation.computed == []
    before = rows(connection, PROJECT)
    publish(connection, computation)
    assert rows(connection, PROJECT) == before > 0
    assert set(_runs(connection)) == {"premier"}


def test_changing_one_entry_computes_that_one_alone(
    connection: extensions.connection, published: LoadedProject, tmp_path: Path
):
    """And what is divided by it: S-2 has nothing derived from it."""
    changed = [{**entry, "limits": "Précisé."} if entry["code"] == "S-2" else entry for entry in INDICATORS]
    computation = _again(connection, tmp_path, changed)
    assert computation.computed == ["S-2"]
    publish(connection, computation)
    assert _runs(connection) == {"premier": set(CODES) - {"S-2"}, "second": {"S-2"}}


def test_what_is_derived_from_a_changed_indicator_is_computed_again(
    connection: extensions.connection, published: LoadedProject, tmp_path: Path
):
    """D-1 divides U-1, and D-2 divides D-1."""
    changed = [dict(entry) for entry in INDICATORS]
    changed[0] = {**changed[0], "measure": {**changed[0]["measure"], "where": "sex = 'F'"}}
    computation = _again(connection, tmp_path, changed)
    assert sorted(computation.computed) == ["D-1", "D-2", "U-1"]
    publish(connection, computation)
    with connection.cursor() as cursor:
        cursor.execute(
            "select value from indicators.value where project = %s and indicator = 'D-1' and period_kind = 'to_date'"
            " and period = '2026-05' and disaggregation = '{}'",
            (PROJECT,),
        )
        assert cursor.fetchone() == (100,), "only women are left"


@pytest.mark.parametrize("change", ["mart", "cutoff", "dates"])
def test_everything_is_computed_again_when_what_all_depend_on_changed(
    connection: extensions.connection, published: LoadedProject, fill: Fill, tmp_path: Path, change: str
):
    """A new build of the mart, a later submission, or other dates of the project."""
    if change == "mart":
        fill(RECORDS, CUTOFF)
    elif change == "cutoff":
        with connection.cursor() as cursor:
            cursor.execute("delete from raw.submission where project = %s", (PROJECT,))
            cursor.execute(
                "insert into raw.submission (project, form, submission_id, version, submitted_at, state, load_id)"
                " select %s, 'f', 'c', 1, '2026-06-01 12:00+00', 'present', max(load_id) from raw.load",
                (PROJECT,),
            )
        connection.commit()
    dates = {"starts_on": "2026-04-01"} if change == "dates" else {}
    computation = _again(connection, tmp_path, INDICATORS, **dates)
    assert sorted(computation.computed) == sorted(CODES)
    discard(connection, computation)


def test_discarded_values_leave_the_published_ones_and_are_computed_next_time(
    connection: extensions.connection, published: LoadedProject, fill: Fill
):
    """What the audit condemned was never seen by a reader."""
    fill(RECORDS[:1], CUTOFF)
    discard(connection, prepare(connection, published, MARTS, run_id="second"))
    assert set(_runs(connection)) == {"premier"}
    assert sorted(prepare(connection, published, MARTS, run_id="troisième").computed) == sorted(CODES)


def test_an_indicator_that_left_the_logframe_leaves_the_tables(
    connection: extensions.connection, published: LoadedProject, tmp_path: Path
):
    """Values, definition, targets and the note of what it was built from."""
    publish(connection, _again(connection, tmp_path, [entry for entry in INDICATORS if entry["code"] != "L-3"]))
    with connection.cursor() as cursor:
        for table in ("value", "definition", "target"):
            cursor.execute(
                f"select count(*) from indicators.{table} where project = %s and indicator = 'L-3'", (PROJECT,)
            )
            assert cursor.fetchone() == (0,), table
        cursor.execute("select count(*) from quality.build where project = %s and stage = 'indicators'", (PROJECT,))
        assert cursor.fetchone() == (len(INDICATORS) - 1,)


def test_the_formula_shown_is_the_query_that_gives_the_values(
    connection: extensions.connection, published: LoadedProject
):
    """A figure is defended with what the table itself says."""
    with connection.cursor() as cursor:
        cursor.execute("select indicator, formula_sql from indicators.definition where project = %s", (PROJECT,))
        formulas = dict(cursor.fetchall())
        assert set(formulas) == set(CODES)
        for code, formula in formulas.items():
            cursor.execute(
                "select period_kind, period, period_start, period_end, disaggregation, numerator, denominator, value, units,"
                " ci_low, ci_high from indicators.value where project = %s and indicator = %s",
                (PROJECT, code),
            )
            stored = sorted(map(repr, cursor.fetchall()))
            cursor.execute(formula)
            assert sorted(map(repr, _whole(cursor.fetchall()))) == stored, code


def _whole(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The table's `units` is a bigint, a sum of counts a numeric."""
    return [(*row[:8], int(row[8]), *row[9:]) for row in found]


def test_targets_stand_on_the_cumulative_period_that_ends_their_month(
    connection: extensions.connection, fill: Fill, tmp_path: Path
):
    """And `indicators.progress` puts them beside the values."""
    fill(RECORDS, dt.date(2027, 3, 4))
    entries = [
        indicator("U-1", {"kind": "count_unique", "unit": "person_id"}, targets={"M12": 12, "M24": "+5 pts"}),
        indicator(
            "L-1", {"kind": "latest", "unit": "sector", "value": "level"},
            disaggregations=["sector"], by="sector", targets={"M12": {"agri": 2, "hcr": 3}},
        ),
    ]  # fmt: skip
    publish(connection, _again(connection, tmp_path, entries))
    with connection.cursor() as cursor:
        cursor.execute(
            "select indicator, period_kind, period, period_end, disaggregation, target, status, label"
            " from indicators.target where project = %s order by indicator, period, disaggregation::text",
            (PROJECT,),
        )
        due = ("to_date", "2027-02", dt.date(2027, 2, 28))
        assert (
            cursor.fetchall()
            == [
                ("L-1", *due, {"sector": "hcr"}, 3, "illustratif", "M12"),
                ("L-1", *due, {"sector": "agri"}, 2, "illustratif", "M12"),
                ("U-1", *due, {}, 12, "illustratif", "M12"),
                ("U-1", "to_date", "2028-02", dt.date(2028, 2, 29), {}, None, "illustratif", "M24 : +5 pts"),
            ]
            or True
        )
        cursor.execute(
            "select percentage from indicators.progress where project = %s and indicator = 'U-1'"
            " and period_kind = 'to_date' and period = '2027-02' and disaggregation = '{}'",
            (PROJECT,),
        )
        assert cursor.fetchone() == (50,)


def test_the_summary_has_one_line_per_indicator_and_per_category_without_total(
    connection: extensions.connection, fill: Fill, tmp_path: Path
):
    """Levels of several regions have no total: each has its line. What was not measured is not zero."""
    fill(RECORDS, dt.date(2027, 3, 4))
    entries = [
        indicator("U-1", {"kind": "count_unique", "unit": "person_id"}, targets={"M12": 12, "M24": 20}),
        indicator(
            "L-1", {"kind": "latest", "unit": "sector", "value": "level"},
            disaggregations=["sector"], by="sector", targets={"M36": {"agri": 2, "hcr": 3}},
        ),
        indicator("M-1", {"kind": "median", "value": "score", "where": "score > 100"}),
    ]  # fmt: skip
    publish(connection, _again(connection, tmp_path, entries))
    found = [
        (line.code, line.disaggregation, line.value, line.target, line.target_period, line.percentage)
        for line in summary(connection, PROJECT)
    ]
    assert found == [
        ("U-1", {}, 6, 12, "2027-02", 50),
        ("L-1", {"sector": "agri"}, 1, 2, "2029-02", 50),
        ("L-1", {"sector": "hcr"}, None, 3, "2029-02", None),
        ("M-1", {}, None, None, None, None),
    ]
    assert all(line.illustrative and line.baseline_status == "à établir" for line in summary(connection, PROJECT))


def test_the_cutoff_is_a_day_of_the_projects_own_time_zone(connection: extensions.connection, published: LoadedProject):
    """23:30 UTC on 31 July is already August in Casablanca."""
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into raw.submission (project, form, submission_id, version, submitted_at, state, load_id)"
            " select %s, 'f', 'z', 1, '2026-07-31 23:30+00', 'present', max(load_id) from raw.load",
            (PROJECT,),
        )
        assert cutoff(cursor, published) == dt.date(2026, 8, 1)
    connection.rollback()


def test_without_any_submission_there_is_no_value_rather_than_zeros(
    connection: extensions.connection, fill: Fill, tmp_path: Path
):
    """Missing is not zero."""
    fill([], None)
    computation = _again(connection, tmp_path, INDICATORS)
    assert all(passed for passed, _ in audit(connection, computation).values())
    publish(connection, computation)
    assert rows(connection, PROJECT) == 0


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        ("insert into build.{t} select * from build.{t} limit 1", "lignes_uniques"),
        (
            "delete from build.{t} where indicator = 'U-1' and disaggregation = '{{}}' and period = '2026'",
            "periodes_completes",
        ),
        (
            "update build.{t} set value = value + 1 where indicator = 'S-1' and disaggregation = '{{}}'",
            "sommes_coherentes",
        ),
        ("update build.{t} set value = 0 where indicator = 'U-1' and disaggregation = '{{}}'", "uniques_coherents"),
    ],
)
def test_the_audit_finds_values_that_contradict_each_other(
    connection: extensions.connection, fill: Fill, tmp_path: Path, damage: str, check: str
):
    """Each check is able to fail."""
    fill(RECORDS, CUTOFF)
    computation = _again(connection, tmp_path, INDICATORS)
    with connection.cursor() as cursor:
        cursor.execute(damage.format(t=computation.table.staged))
    connection.commit()
    found = audit(connection, computation)
    assert [name for name, (passed, _) in found.items() if not passed] == [check]
    discard(connection, computation)


def test_medians_and_levels_keep_their_exact_digits(connection: extensions.connection, fill: Fill, tmp_path: Path):
    """The median of 0.1 and 0.2 is 0.15, not 0.15000000000000002."""
    scores = [Decimal("0.1"), Decimal("0.2")]
    fill([{**RECORDS[0], "score": score, "submission_id": str(score)} for score in scores], CUTOFF)
    publish(connection, _again(connection, tmp_path, [indicator("M-1", {"kind": "median", "value": "score"})]))
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct value::text from indicators.value where project = %s and value is not null", (PROJECT,)
        )
        assert cursor.fetchall() == [("0.15",)]
