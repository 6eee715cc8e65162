"""Following a form of ODK Central: one feed of what moved since a mark, and the total that judges it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from meal_pipelines.collect.odk import OdkForm
from meal_pipelines.collect.odk_table import BIN
from meal_pipelines.collect.source import Delta, Mark, SweepNeeded
from meal_pipelines.errors import TransientError
from tests.collect.odk_cases import NAME, add_form, fill, ids, payload, rows_asked, source, submissions
from tests.odk_server import OdkServer, questions
from tests.odk_state import Form


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OdkServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with OdkServer() as central:
        add_form(central)
        yield central


@pytest.fixture
def form(server: OdkServer) -> Form:
    return server.forms[2, NAME]


def marked(server: OdkServer) -> Mark:
    """A mark far from what was before and from what comes after."""
    server.wait(hours=12)
    mark = source(server).mark()
    assert mark is not None
    server.wait(hours=12)
    server.requests.clear()
    return mark


def changes(server: OdkServer, mark: Mark, *awaiting: str, there: OdkForm | None = None) -> list[Delta]:
    return list((there or source(server)).changes(mark, awaiting))


def gone(deltas: list[Delta]) -> set[str]:
    return {submission_id for delta in deltas for submission_id in delta.gone}


def test_an_idle_night_costs_two_requests_and_a_login_for_the_account(server: OdkServer, form: Form) -> None:
    fill(server, form, 5)
    mark = marked(server)
    [last] = changes(server, mark)
    assert (last.submissions, last.gone, last.total, last.is_redeployed) == ([], (), 5, False)
    assert [method for method, _, _ in server.requests] == ["POST", "GET", "GET"]


def test_new_edited_reviewed_and_deleted_rows_are_told_and_no_other(server: OdkServer, form: Form) -> None:
    roots = fill(server, form, 10)
    mark = marked(server)
    server.edit(form, roots[0], {"age": "99"})
    server.review(form, roots[1], "approved")
    server.delete(form, roots[2])
    new = server.submit(form, {"age": "1"})
    deltas = changes(server, mark)
    assert set(ids(deltas)) == {roots[0], roots[1], new}
    assert gone(deltas) == {roots[2]}
    assert deltas[-1].total == 10
    shown = {s.submission_id: payload(s) for s in submissions(deltas)}
    assert (shown[roots[0]]["__system/edits"], shown[roots[0]]["__system/reviewState"]) == (1, "edited")
    assert shown[roots[1]]["__system/reviewState"] == "approved"


def test_a_mark_reaches_back_so_that_a_row_shown_late_is_not_lost(server: OdkServer, form: Form) -> None:
    """Its stamp is that of the insertion; its transaction may end minutes later, after ours."""
    mark = marked(server)
    late = server.submit(form, {}, at=server.now() - timedelta(hours=12, minutes=10))
    assert ids(changes(server, mark)) == [late]


def test_the_next_mark_is_the_servers_own_clock_whatever_ours_says(server: OdkServer, form: Form) -> None:
    """A machine whose date is wrong must neither lose rows nor read everything each night."""
    server.wait(days=4000)
    fill(server, form, 3)
    mark = marked(server)
    fill(server, form, 2)
    server.wait(hours=12)
    deltas = changes(server, mark)
    assert len(ids(deltas)) == 2
    assert mark["at"][:4] == "2037" and deltas[-1].mark is not None
    server.wait(hours=12)
    assert ids(changes(server, deltas[-1].mark)) == []


def test_a_restored_row_is_told_although_no_stamp_moves(server: OdkServer, form: Form) -> None:
    """It was among the deleted and is no more; what was purged is neither."""
    roots = fill(server, form, 6)
    for root in roots[:4]:
        server.delete(form, root)
    mark = marked(server)
    assert mark["bin"] == sorted(roots[:4])
    server.restore(form, roots[0])
    del form.stored[roots[1]]
    deltas = changes(server, mark)
    assert ids(deltas) == [roots[0]] and gone(deltas) == set(roots[2:4])
    assert deltas[-1].total == 3 and deltas[-1].mark is not None
    assert deltas[-1].mark["bin"] == sorted(roots[2:4])
    server.requests.clear()
    assert ids(changes(server, deltas[-1].mark)) == []
    assert len(server.requests) == 3, "a login and two requests, though two rows are still among the deleted"


def test_beyond_some_hundred_deleted_rows_only_the_total_tells_a_restoration(server: OdkServer, form: Form) -> None:
    """All of them would be shown again each night."""
    roots = fill(server, form, BIN + 2)
    for root in roots[:-1]:
        server.delete(form, root)
    mark = marked(server)
    assert mark["bin"] is None
    server.restore(form, roots[0])
    server.delete(form, roots[-1])
    deltas = changes(server, mark)
    assert (ids(deltas), gone(deltas), deltas[-1].total) == ([], {roots[-1]}, 1)
    assert deltas[-1].mark is not None and deltas[-1].mark["bin"] is None


def test_a_late_file_is_found_because_it_is_waited_for(server: OdkServer, form: Form) -> None:
    """No stamp moves either, and the total is the same."""
    complete, waiting = (server.submit(form, {"photo": "a.png"}, files=["a.png"]) for _ in range(2))
    mark = marked(server)
    server.attach(form, waiting, "a.png")
    assert ids(changes(server, mark)) == []
    server.requests.clear()
    deltas = changes(server, mark, complete, waiting)
    assert len(rows_asked(server)) == 1, "they are asked for in the same feed"
    found = {s.submission_id: (s.attachments, s.attachments_present) for s in submissions(deltas)}
    assert found == {complete: (1, 0), waiting: (1, 1)}


def test_many_rows_of_a_small_form_are_waited_for_in_one_request(server: OdkServer, form: Form) -> None:
    """Too many to be named: all are shown, in one page."""
    roots = [server.submit(form, {"photo": "a.png"}, files=["a.png"]) for _ in range(250)]
    mark = marked(server)
    server.attach(form, roots[0], "a.png")
    deltas = changes(server, mark, *roots)
    assert sorted(ids(deltas)) == sorted(roots) and len(rows_asked(server)) == 1
    assert {s.submission_id for s in submissions(deltas) if s.attachments_present} == {roots[0]}


def test_many_rows_are_waited_for_in_lines_that_a_proxy_lets_through(
    server: OdkServer, form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meal_pipelines.collect.odk_table.SMALL", 100)
    roots = [server.submit(form, {"photo": "a.png"}, files=["a.png"]) for _ in range(250)]
    mark = marked(server)
    odd = server.submit(form, {"photo": "a.png"}, instance="l'identifiant d'un autre", files=["a.png"])
    server.wait(hours=12)
    later = marked(server)
    deltas = changes(server, later, *roots, odd)
    assert sorted(ids(deltas)) == sorted(roots), "a filter cannot name the last one: it waits for a sweep"
    asked = rows_asked(server)
    assert len(asked) == 3 and max(len(urlencode(query)) for query in asked) < 7500
    assert odd in ids(changes(server, mark))


@pytest.mark.parametrize(
    "instance", ["visite/12", "l'identifiant d'un autre", "50 %", "a\nb", '"', "[1]", "é ش, (2) + 3"]
)
def test_a_late_file_is_found_whatever_its_submission_is_called(server: OdkServer, form: Form, instance: str) -> None:
    """A device may give any identifier, and Central's parser of filters refuses many characters: the whole request with them."""
    root = server.submit(form, {"photo": "a.png"}, instance=instance, files=["a.png"])
    fill(server, form, 3)
    mark = marked(server)
    server.wait(hours=12)
    server.attach(form, root, "a.png")
    deltas = changes(server, mark, root)
    assert {s.submission_id: s.attachments_present for s in submissions(deltas)}[root] == 1
    server.delete(form, root)
    mark = changes(server, mark, root)[-1].mark
    assert mark is not None and mark["bin"] == [root]
    server.restore(form, root)
    assert changes(server, mark)[-1].total == 4, "found by its name, or given away by the total"


def test_pages_are_followed_by_the_servers_links(server: OdkServer, form: Form) -> None:
    mark = marked(server)
    roots = fill(server, form, 23)
    deltas = changes(server, mark, there=source(server, page_size=5))
    assert [len(delta.submissions) for delta in deltas] == [5, 5, 5, 5, 3, 0]
    assert ids(deltas) == roots[::-1]
    assert ["$skiptoken" in query for query in rows_asked(server)] == [False, True, True, True, True]


def test_a_link_whose_row_was_purged_does_not_cut_the_feed_short(server: OdkServer, form: Form) -> None:
    """Central answers 200, no row and no link: only its count tells."""
    mark = marked(server)
    roots = fill(server, form, 20)
    server.faults.append("purge_between_pages")
    deltas = changes(server, mark, there=source(server, page_size=5))
    assert set(ids(deltas)) == set(roots), "the row purged had been shown"
    assert deltas[-1].total == 19


def test_a_row_deleted_at_the_edge_of_a_page_is_told_so(server: OdkServer, form: Form) -> None:
    mark = marked(server)
    fill(server, form, 20)
    server.faults.extend(["delete_between_pages", "", "delete_between_pages"])
    deltas = changes(server, mark, there=source(server, page_size=5))
    assert len(set(ids(deltas))) == 20
    again = changes(server, mark)
    assert set(ids(again)) == server.present(form) and len(gone(again)) == 2


def test_a_count_that_never_agrees_with_the_rows_is_not_believed(server: OdkServer, form: Form) -> None:
    mark = marked(server)
    fill(server, form, 3)
    server.faults.extend(["empty"] * 20)
    with pytest.raises(TransientError, match="des lignes qu'il ne rend pas"):
        changes(server, mark)


def test_a_new_version_is_told_and_moves_nothing_else(server: OdkServer, form: Form) -> None:
    fill(server, form, 3)
    mark = marked(server)
    server.publish(form, form.current.fields, version="2")
    [last] = changes(server, mark)
    assert last.is_redeployed and last.mark is not None
    [after] = changes(server, last.mark)
    assert not after.is_redeployed


def test_a_mark_older_than_twenty_days_is_not_relied_on(server: OdkServer, form: Form) -> None:
    """What was deleted is purged after thirty, without a trace."""
    mark = marked(server)
    server.wait(days=19)
    changes(server, mark)
    server.wait(days=2)
    with pytest.raises(SweepNeeded, match="plus de 20 jours"):
        changes(server, mark)


def test_a_clock_set_back_or_a_form_made_anew_calls_for_a_sweep(server: OdkServer, form: Form) -> None:
    mark = marked(server)
    server.wait(days=-3)
    with pytest.raises(SweepNeeded, match="horloge"):
        changes(server, mark)
    server.wait(days=3)
    server.add_form(NAME, questions("/autre:string"))
    with pytest.raises(SweepNeeded, match="recréé"):
        changes(server, mark)
