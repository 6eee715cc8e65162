"""When a form that was woken is due, and when files that were put down are: bursts once, nothing lost, nothing twice."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from meal_pipelines.collect.wakings import LONGEST_S, QUIET_S, Calls, Deposits

FORM = "prim2/beneficiaires"


def files(*names: str) -> frozenset[str]:
    return frozenset(names)


def test_a_burst_of_calls_is_one_collection_once_it_is_quiet() -> None:
    calls = Calls()
    assert calls.due({FORM: 1000.0}, 1005.0) == []
    assert calls.due({FORM: 1020.0}, 1035.0) == []
    assert calls.due({FORM: 1020.0}, 1020.0 + QUIET_S) == [FORM]
    assert calls.due({FORM: 1020.0}, 5000.0) == []
    assert calls.due({FORM: 6000.0}, 6000.0 + QUIET_S) == [FORM]


def test_who_never_stops_calling_is_not_waited_for() -> None:
    calls = Calls()
    found = [now for now in range(1000, 2000, 10) if calls.due({FORM: float(now)}, float(now))]
    assert found[0] - 1000 <= LONGEST_S
    assert all(later - sooner <= LONGEST_S + 10 for sooner, later in pairwise(found))


@given(st.lists(st.floats(min_value=1.0, max_value=2000.0, allow_nan=False), min_size=1, max_size=30))
def test_every_call_is_followed_by_a_collection_that_begins_after_it(moments: list[float]) -> None:
    """Whatever the rhythm, looked at every ten seconds through the text that Dagster keeps; without calls, no collection."""
    calls, begun = Calls(), []
    for now in range(0, 2600, 10):
        heard = [at for at in moments if at <= now]
        calls = Calls.read(calls.text())
        if heard and calls.due({FORM: max(heard)}, float(now)):
            begun.append(float(now))
    for at in moments:
        assert any(at <= start <= at + LONGEST_S + QUIET_S + 10 for start in begun), at
    assert len(begun) <= len(set(moments))


def test_a_file_is_due_once_it_has_stopped_changing() -> None:
    deposits = Deposits()
    assert not deposits.is_due(FORM, files("a:10"))
    assert not deposits.is_due(FORM, files("a:20"))
    assert deposits.is_due(FORM, files("a:20"))
    assert not deposits.is_due(FORM, files("a:20"))


def test_a_file_taken_away_calls_for_nothing_and_one_put_back_does() -> None:
    deposits = Deposits()
    for _ in range(2):
        deposits.is_due(FORM, files("a", "b"))
    assert [deposits.is_due(FORM, files("a")) for _ in range(3)] == [False] * 3
    assert [deposits.is_due(FORM, files("a", "b")) for _ in range(3)] == [False, True, False]


def test_forms_wait_apart_and_what_is_remembered_survives_its_text() -> None:
    deposits = Deposits()
    deposits.is_due("un", files("a"))
    deposits = Deposits.read(deposits.text())
    assert not deposits.is_due("deux", files("a"))
    assert deposits.is_due("un", files("a")) and deposits.count == 1
    assert Deposits.read(deposits.text()) == deposits
    assert Deposits.read(None) == Deposits() and Calls.read("") == Calls()
