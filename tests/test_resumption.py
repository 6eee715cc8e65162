"""What can still be computed when something failed: two projects whose marts are shared, on paper."""

from __future__ import annotations

import pytest

from meal_pipelines.resumption import still_computable

PARENTS = {
    "raw/north/visits": [],
    "cleaned/north/visits": ["raw/north/visits"],
    "raw/south/steps": [],
    "cleaned/south/steps": ["raw/south/steps"],
    "marts/region": [],
    "marts/person": ["cleaned/north/visits", "cleaned/south/steps", "marts/region"],
    "marts/step": ["cleaned/south/steps", "marts/person"],
    "marts/visit": ["cleaned/north/visits"],
    "indicators/north": ["marts/visit", "marts/person"],
    "indicators/south": ["marts/step"],
    "extracts/north/list": ["indicators/north"],
    "extracts/south/list": ["indicators/south"],
}
SHARED = {name for name in PARENTS if name.split("/")[0] in ("marts", "indicators", "extracts")}
OF_SOUTH = {"raw/south/steps", "cleaned/south/steps"}


@pytest.mark.parametrize("failed", sorted(OF_SOUTH))
def test_a_form_that_fails_keeps_nothing_shared_waiting(failed: str) -> None:
    done = (
        set(PARENTS) - OF_SOUTH - SHARED
        | {"marts/region", "marts/visit"}
        | (OF_SOUTH - {failed, "cleaned/south/steps"})
    )
    assert still_computable(PARENTS, done, {failed}, PARENTS) == SHARED - done


def test_a_mart_that_fails_keeps_what_reads_it_waiting_and_nothing_else() -> None:
    """It was condemned in the run in which a form failed too: figures on yesterday's mart would pass for today's."""
    done = {"raw/north/visits", "cleaned/north/visits", "marts/region"}
    failed = {"raw/south/steps", "marts/visit"}
    assert still_computable(PARENTS, done, failed, PARENTS) == {
        "marts/person", "marts/step", "indicators/south", "extracts/south/list",
    }  # fmt: skip


def test_where_no_form_failed_nothing_follows() -> None:
    """A run that was killed, or in which a mart alone was condemned, is finished by running again."""
    done = set(PARENTS) - SHARED | {"marts/region"}
    assert still_computable(PARENTS, done, set(), PARENTS) == set()
    assert still_computable(PARENTS, done, {"marts/person"}, PARENTS) == set()


def test_only_what_was_asked_for_follows() -> None:
    """`meal run --project north` computes no figure of the south."""
    asked = {name for name in PARENTS if "south" not in name}
    assert still_computable(asked, set(), {"raw/north/visits"}, PARENTS) == {
        "marts/person", "marts/step", "marts/visit", "indicators/north", "extracts/north/list",
    }  # fmt: skip
