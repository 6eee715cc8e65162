"""The calendar of a project: which periods there are, what they are called and where they end."""

from __future__ import annotations

import datetime as dt

import pytest

from meal_pipelines.indicators.periods import Calendar, add_months, target_period

MARCH = dt.date(2026, 3, 1)
END = dt.date(2029, 2, 28)


def test_periods_are_those_that_have_begun_with_their_calendar_bounds():
    """A quarter that began before the project, or has not ended yet, is still that quarter."""
    calendar = Calendar.of(MARCH, END, dt.date(2026, 7, 5))
    found = {(period.kind, period.label): (period.start, period.end) for period in calendar.periods}
    assert found == {
        **{
            ("month", f"2026-0{n}"): (dt.date(2026, n, 1), add_months(dt.date(2026, n, 1), 1) - dt.timedelta(1))
            for n in range(3, 8)
        },
        **{
            ("to_date", f"2026-0{n}"): (MARCH, add_months(dt.date(2026, n, 1), 1) - dt.timedelta(1))
            for n in range(3, 8)
        },
        ("quarter", "2026-Q1"): (dt.date(2026, 1, 1), dt.date(2026, 3, 31)),
        ("quarter", "2026-Q2"): (dt.date(2026, 4, 1), dt.date(2026, 6, 30)),
        ("quarter", "2026-Q3"): (dt.date(2026, 7, 1), dt.date(2026, 9, 30)),
        ("semester", "2026-S1"): (dt.date(2026, 1, 1), dt.date(2026, 6, 30)),
        ("semester", "2026-S2"): (dt.date(2026, 7, 1), dt.date(2026, 12, 31)),
        ("year", "2026"): (dt.date(2026, 1, 1), dt.date(2026, 12, 31)),
        ("project_year", "A1"): (MARCH, dt.date(2027, 2, 28)),
    }


def test_project_years_begin_on_the_projects_own_day():
    """Year 2 of a project that starts on a 17th does not begin on a 1st."""
    calendar = Calendar.of(dt.date(2026, 3, 17), END, dt.date(2027, 3, 17))
    years = {period.label: (period.start, period.end) for period in calendar.periods if period.kind == "project_year"}
    assert years == {
        "A1": (dt.date(2026, 3, 17), dt.date(2027, 3, 16)),
        "A2": (dt.date(2027, 3, 17), dt.date(2028, 3, 16)),
    }


@pytest.mark.parametrize("cutoff", [None, dt.date(2026, 2, 28)])
def test_there_are_no_periods_before_anything_was_received(cutoff: dt.date | None):
    """A row of zeros would say that something was measured."""
    assert Calendar.of(MARCH, END, cutoff).periods == ()


def test_the_calendar_stops_with_the_project():
    """Submissions still arrive after the last day; they open no new period."""
    calendar = Calendar.of(MARCH, END, dt.date(2031, 1, 1))
    assert calendar.until == END
    assert [period.label for period in calendar.periods if period.kind == "year"] == ["2026", "2027", "2028", "2029"]


@pytest.mark.parametrize(
    ("starts_on", "month", "label"),
    [
        (MARCH, 12, "2027-02"),
        (MARCH, 36, "2029-02"),
        (dt.date(2026, 3, 17), 12, "2027-03"),
        (dt.date(2026, 12, 1), 1, "2026-12"),
        (dt.date(2028, 2, 29), 12, "2029-02"),
    ],
)
def test_a_target_falls_due_at_the_end_of_the_month_in_which_its_project_month_ends(
    starts_on: dt.date, month: int, label: str
):
    """M12 of a project that starts on 1 March is the end of February."""
    period = target_period(starts_on, month)
    assert (period.kind, period.label, period.start) == ("to_date", label, starts_on)
    assert f"{period.end:%Y-%m}" == label and (period.end + dt.timedelta(days=1)).day == 1
