"""Reading a form of ODK Central whole: pages by stamp, passing faults, one session for all."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meal_pipelines.collect.odk_session import shared_session
from meal_pipelines.collect.source import Page, Source
from meal_pipelines.errors import TransientError
from tests.collect.odk_cases import (
    NAME,
    SECRET_ANSWER,
    add_form,
    everything_told,
    fill,
    ids,
    rows_asked,
    session,
    source,
    submissions,
)
from tests.odk_server import OdkServer
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


def test_an_odk_source_is_a_source(server: OdkServer) -> None:
    """The engine only knows the contract."""
    contract: Source = source(server)
    assert (contract.kind, contract.order) == ("odk", "submitted")


def test_a_form_without_submissions_is_one_empty_page_that_covers_everything(server: OdkServer) -> None:
    """Otherwise the deletion of a form's last row would never be seen."""
    assert list(source(server).sweep()) == [Page([], None, None, 0)]


def test_pages_follow_one_another_without_gap_and_end_open(server: OdkServer, form: Form) -> None:
    """The engine looks for deletions in each interval: a hole between two would hide one."""
    roots = fill(server, form, 50)
    pages = list(source(server, page_size=10).sweep())
    assert sorted(ids(pages)) == sorted(roots)
    assert len(pages) > 4
    for page, following in pairwise(pages):
        last = page.submissions[-1]
        assert following.after == page.through == f"{last.submitted_at}|{last.submission_id}"
        assert following.server_count == (page.server_count or 0) - len(page.submissions)
    assert (pages[0].after, pages[0].server_count, pages[-1].through) == (None, 50, None)


def test_keys_strictly_increase_whatever_the_stamps(server: OdkServer, form: Form) -> None:
    fill(server, form, 40)
    keys = [(s.submitted_at, s.submission_id) for s in submissions(source(server, page_size=6).sweep())]
    assert keys == sorted(set(keys))


def test_rows_of_one_millisecond_are_never_cut_apart(server: OdkServer, form: Form) -> None:
    """Stamps are shown to the millisecond: a page that ended inside one would lose the rest, or meet it twice."""
    at = server.now()
    roots = [server.submit(form, {"age": str(n)}, at=at + timedelta(microseconds=n % 7)) for n in range(30)]
    server.wait(seconds=1)
    roots += fill(server, form, 5)
    pages = list(source(server, page_size=4).sweep())
    assert sorted(ids(pages)) == sorted(roots)
    assert len(pages) > 1 and set(roots[:30]) <= set(ids(pages[:1]))


@settings(max_examples=40, deadline=None)
@given(
    gaps=st.lists(st.sampled_from([0, 1, 400, 1000, 90_000_000]), max_size=40),
    size=st.integers(1, 9),
    deleted=st.sets(st.integers(0, 39)),
)
def test_any_stamps_and_any_page_size_give_every_row_once(gaps: list[int], size: int, deleted: set[int]) -> None:
    with pytest.MonkeyPatch.context() as patch, OdkServer() as server:
        patch.setenv("NO_PROXY", "127.0.0.1")
        form = add_form(server)
        for number, gap in enumerate(gaps):
            server.wait(microseconds=gap)
            server.submit(form, {"age": str(number)}, at=server.now())
        for number in deleted & set(range(len(gaps))):
            server.delete(form, [*form.stored][number])
        pages = list(source(server, page_size=size).sweep())
        assert sorted(ids(pages)) == sorted(server.present(form))
        for page in pages:
            resumed = list(source(server, page_size=size).sweep(page.through)) if page.through else []
            assert ids(resumed) == ids(pages[pages.index(page) + 1 :])


def test_rows_inserted_and_deleted_during_a_sweep_make_no_other_row_disappear(server: OdkServer, form: Form) -> None:
    roots = fill(server, form, 60)
    server.faults.extend(["delete_between_pages", "purge_between_pages"])
    late = server.now() - timedelta(milliseconds=1)
    server.after_answer.append(lambda: server.submit(form, {}, at=late))
    server.after_answer.append(lambda: fill(server, form, 3))
    seen = ids(source(server, page_size=20).sweep())
    gone = set(roots) - server.present(form)
    assert len(gone) == 2 and len(seen) == len(set(seen))
    assert set(seen) >= set(roots) - gone


def test_what_was_deleted_is_not_shown_nor_counted(server: OdkServer, form: Form) -> None:
    roots = fill(server, form, 5)
    server.delete(form, roots[2])
    [page] = source(server).sweep()
    assert (page.server_count, set(ids([page]))) == (4, set(roots) - {roots[2]})


def test_a_closed_form_is_read_as_an_open_one(server: OdkServer, form: Form) -> None:
    form.state = "closed"
    fill(server, form, 3)
    assert len(ids(source(server).sweep())) == 3


FAULTS = [
    "reset",
    "reset_mid_body",
    "timeout",
    "truncated",
    "cut",
    "empty",
    "html",
    "429",
    "429-retry-after",
    "502",
    "504",
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_passing_fault_changes_nothing_of_what_is_read(server: OdkServer, form: Form, fault: str) -> None:
    """Truncated JSON and HTML pages come under status 200 too; a page may be empty although its count is not."""
    roots = fill(server, form, 30)
    server.faults.extend(["", fault, fault])
    assert sorted(ids(source(server, page_size=10).sweep())) == sorted(roots)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lasting_fault_ends_the_sweep_and_says_nothing_of_the_rows(server: OdkServer, form: Form, fault: str) -> None:
    fill(server, form, 30)
    server.faults.extend(["", *[fault] * 5])
    pages = source(server, page_size=10).sweep()
    assert next(pages).through is not None
    with pytest.raises(TransientError, match="Ce qui était déjà reçu est gardé") as failure:
        list(pages)
    assert SECRET_ANSWER not in everything_told(failure.value)


def test_a_page_is_asked_smaller_after_each_failure(server: OdkServer, form: Form) -> None:
    fill(server, form, 3)
    server.faults.extend(["502", "502"])
    list(source(server).sweep())
    assert [query["$top"] for query in rows_asked(server)] == ["1000", "500", "250"]


def test_forms_of_one_account_share_one_login(server: OdkServer, form: Form) -> None:
    """A login costs a slow hash on the server; its token serves for a day."""
    fill(server, form, 25)
    shared = session(server)
    with ThreadPoolExecutor(6) as pool:
        read = list(pool.map(lambda _: len(ids(source(server, session=shared, page_size=9).sweep())), range(6)))
    assert read == [25] * 6
    assert len(server.asked("/v1/sessions")) == 1


def test_a_session_belongs_to_an_account_of_a_server_and_is_kept(server: OdkServer) -> None:
    def opened(password: str = "un", email: str = "a@b.org") -> object:
        return shared_session(server.url, email, password, ("A", "B"))

    assert opened() is opened()
    assert opened(email="c@d.org") is not opened()
    before = opened()
    assert opened(password="deux") is not before, "a changed password is a new login"


def test_a_token_revoked_half_way_is_renewed_once(server: OdkServer, form: Form) -> None:
    """It lives for 24 hours whatever it is used for; a long sweep may outlive it."""
    roots = fill(server, form, 40)
    server.faults.extend(["", "revoke", "", "revoke"])
    assert sorted(ids(source(server, page_size=10).sweep())) == sorted(roots)
    assert len(server.asked("/v1/sessions")) == 3


def test_links_and_tokens_go_nowhere_but_to_the_server_we_know(server: OdkServer, form: Form) -> None:
    """Behind a proxy, the server's links begin with an address of its own; here they begin with one that does not exist."""
    fill(server, form, 30)
    there = source(server, page_size=10)
    mark = {"at": "2026-11-23T00:00:00.000Z", "born": there.mark()["born"], "version": "1"}  # type: ignore[index]
    assert len(ids(there.changes(mark))) == 30
    assert server.domain.startswith("https://odk.example")


def test_versions_are_given_oldest_first_and_known_ones_are_not_fetched(server: OdkServer, form: Form) -> None:
    server.publish(form, form.current.fields[1:], version="")
    server.publish(form, form.current.fields, version="3 / été")
    versions = list(source(server).form_versions())
    assert [version.form_version for version in versions] == ["1", "", "3 / été"]
    assert [len(version.content["fields"]) for version in versions] == [7, 6, 6]
    assert all("<?xml" in version.content["xform"] for version in versions)
    asked = len(server.requests)
    assert [v.form_version for v in source(server).form_versions({"1", ""})] == ["3 / été"]
    assert len(server.requests) == asked + 4, "a login, the list, one form and its fields"
