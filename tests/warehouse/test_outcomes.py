"""Which forms stand still and since when, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from meal_pipelines.warehouse import Warehouse
from meal_pipelines.warehouse.outcomes import STAGES, forms_behind, note_outcome

VISITS, WORKSHOPS = ("alpha", "visites"), ("alpha", "ateliers")


@pytest.fixture
def cursor(warehouse: Warehouse) -> Iterator[Any]:
    """Each note in a transaction of its own, because its time is the transaction's; nothing stays."""
    with closing(warehouse.psycopg()) as connection:
        connection.autocommit = True
        with connection.cursor() as opened:
            yield opened
            opened.execute("delete from quality.stage_outcome where project = 'alpha'")


def night(cursor: Any, **stages: bool) -> None:
    for stage, succeeded in stages.items():
        note_outcome(cursor, VISITS, stage, succeeded=succeeded, run_id="run")


def moments(cursor: Any, column: str) -> dict[str, Any]:
    cursor.execute("select stage, succeeded_at, failing_since from quality.stage_outcome where project = 'alpha'")
    return {
        stage: succeeded if column == "succeeded_at" else failing for stage, succeeded, failing in cursor.fetchall()
    }


def test_a_form_is_of_the_night_in_which_all_went_well_and_fails_since_the_first_that_did_not(cursor: Any) -> None:
    night(cursor, raw=True, cleaned=True, pseudonymised=True)
    night(cursor, raw=True, cleaned=False)
    first = moments(cursor, "failing_since")["cleaned"]
    well = moments(cursor, "succeeded_at")["cleaned"]
    night(cursor, raw=True, cleaned=False)
    [behind] = forms_behind(cursor, [VISITS, WORKSHOPS])
    assert (behind.project, behind.form, behind.stage) == ("alpha", "visites", "cleaned")
    assert (behind.since, behind.as_of) == (first, well)


def test_a_form_that_goes_well_again_is_behind_no_longer_and_the_first_stage_that_fails_is_told(cursor: Any) -> None:
    night(cursor, **dict.fromkeys(STAGES, True))
    night(cursor, pseudonymised=False)
    night(cursor, raw=False)
    assert [behind.stage for behind in forms_behind(cursor, [VISITS])] == ["raw"]
    night(cursor, **dict.fromkeys(STAGES, True))
    assert forms_behind(cursor, [VISITS]) == []


def test_a_form_that_was_never_published_is_of_no_day(cursor: Any) -> None:
    night(cursor, raw=True, cleaned=False)
    assert [behind.as_of for behind in forms_behind(cursor, [VISITS])] == [None]
    assert forms_behind(cursor, [WORKSHOPS]) == forms_behind(cursor, []) == []
