"""A form of ODK Central that nobody collects is named before its deletions are purged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from meal_pipelines.collect.silences import silent_before, silent_since
from tests.stage_cases import Bench


def loaded(bench: Bench, form: str, days_ago: float, *, source: str = "odk", state: str = "done") -> None:
    finished = datetime.now(UTC) - timedelta(days=days_ago)
    with bench.warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "insert into raw.load (project, form, source, state, finished_at) values (%s, %s, %s, %s, %s)",
            (bench.project.id, form, source, state, finished),
        )


def silent(bench: Bench) -> dict[str, int]:
    with bench.warehouse.connect() as connection, connection.cursor() as cursor:
        return {form: days for (project, form), days in silent_since(cursor).items() if project == bench.project.id}


def before(bench: Bench, form: str) -> int | None:
    with bench.warehouse.connect() as connection, connection.cursor() as cursor:
        return silent_before(cursor, bench.project.id, form)


def test_a_form_is_silent_when_its_last_whole_load_is_older_than_twenty_days(bench: Bench) -> None:
    loaded(bench, "ancien", 40)
    loaded(bench, "ancien", 25.5)
    loaded(bench, "ancien", 1, state="failed")
    loaded(bench, "recent", 40)
    loaded(bench, "recent", 19)
    loaded(bench, "kobo", 90, source="kobo")
    assert silent(bench) == {"ancien": 25}


@pytest.mark.parametrize(("days", "told"), [([50, 2], 48), ([50, 40, 21], None), ([25], None), ([], None)])
def test_a_load_that_comes_too_long_after_the_one_before_says_so(
    bench: Bench, days: list[float], told: int | None
) -> None:
    for ago in days:
        loaded(bench, "form", ago)
    assert before(bench, "form") == told
