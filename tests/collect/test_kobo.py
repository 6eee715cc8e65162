"""Reading a Kobo form whole: paging, passing faults, one page ahead."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meal_pipelines.collect.silent_servers import SilentServers, remembered
from meal_pipelines.collect.source import Page, Source
from meal_pipelines.collect.transport import Patience
from meal_pipelines.errors import MealError, TransientError
from tests.collect.kobo_cases import ASSET, SECRET_ANSWER, everything_told, fill, source, swept
from tests.kobo_server import KoboServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KoboServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with KoboServer() as kobo:
        kobo.add_asset(ASSET)
        yield kobo


def test_a_kobo_source_is_a_source(server: KoboServer) -> None:
    """The engine only knows the contract."""
    contract: Source = source(server)
    assert (contract.kind, contract.order) == ("kobo", "numeric")


def test_a_form_without_submissions_is_one_empty_page_that_covers_everything(server: KoboServer) -> None:
    """Otherwise the deletion of a form's last row would never be seen."""
    assert list(source(server).sweep()) == [Page([], None, None, 0)]


def test_a_limit_cut_by_the_server_loses_nothing(server: KoboServer) -> None:
    """Kobo answers 1,000 rows to a limit of 30,000 without a word; self-hosted servers cut elsewhere."""
    server.maximum = 7
    fill(server, 30)
    assert swept(source(server, page_size=1000).sweep()) == server.rows(ASSET)


def test_pages_follow_one_another_without_gap_and_end_open(server: KoboServer) -> None:
    """The engine looks for deletions in each interval: a hole between two would hide one."""
    keys = fill(server, 25)
    pages = list(source(server, page_size=10).sweep())
    assert [page.after for page in pages] == [None, str(keys[9]), str(keys[19])]
    assert [page.through for page in pages] == [str(keys[9]), str(keys[19]), None]
    assert [page.server_count for page in pages] == [25, 15, 5]


def test_keys_are_ordered_as_numbers(server: KoboServer) -> None:
    """As text, 1000 comes before 999."""
    server.next_id = 998
    fill(server, 5)
    pages = list(source(server, page_size=2).sweep())
    assert [s.submission_id for page in pages for s in page.submissions] == ["998", "999", "1000", "1001", "1002"]


def test_a_killed_sweep_resumes_after_the_last_page_kept(server: KoboServer) -> None:
    """A form of 200,000 rows must not start again from nothing."""
    keys = fill(server, 20)
    first = next(source(server, page_size=5).sweep())
    rest = swept(source(server, page_size=5).sweep(first.through))
    assert [row["_id"] for row in rest] == keys[5:]


def test_rows_deleted_between_two_pages_make_no_other_row_disappear(server: KoboServer) -> None:
    """Pages by position would shift by one and skip a row that still exists."""
    keys = fill(server, 30)
    server.faults.extend(["delete_between_pages"] * 2)
    seen = [row["_id"] for row in swept(source(server, page_size=10).sweep())]
    assert seen == keys
    assert len(server.rows(ASSET)) == 28


def test_a_server_that_ignores_the_order_is_not_believed(server: KoboServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that gives the first page for ever would be read for ever."""
    fill(server, 10)
    monkeypatch.setattr("tests.kobo_answers.select", lambda form, wanted: form.ids)
    with pytest.raises(MealError, match="dans l'ordre demandé"):
        list(source(server, page_size=4).sweep())


FAULTS = ["reset", "timeout", "truncated", "cut", "html", "429", "429-retry-after", "502"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_passing_fault_changes_nothing_of_what_is_read(server: KoboServer, fault: str) -> None:
    """Truncated JSON and HTML pages come under status 200 too."""
    fill(server, 30)
    server.faults.extend([fault, fault])
    assert swept(source(server, page_size=10).sweep()) == server.rows(ASSET)


def test_a_page_is_asked_smaller_after_each_failure(server: KoboServer) -> None:
    """A page of large rows that takes more than 120 s on the server never comes at its full size."""
    fill(server, 3)
    server.faults.extend(["502", "502"])
    list(source(server, page_size=1000).sweep())
    assert [query["limit"] for query in server.data_requests()] == ["1000", "500", "250"]


def test_a_pause_asked_by_the_server_is_kept(server: KoboServer) -> None:
    """Retry-After is the only hint of when the front will let us in again."""
    fill(server, 1)
    server.retry_after = "3"
    server.faults.append("429-retry-after")
    pauses: list[float] = []
    list(source(server, sleep=pauses.append).sweep())
    assert pauses == [3.0]


def test_a_pause_longer_than_our_patience_is_said_and_not_slept(server: KoboServer) -> None:
    """A run that sleeps for an hour holds the next one back."""
    fill(server, 1)
    server.retry_after = "3600"
    server.faults.append("429-retry-after")
    with pytest.raises(TransientError, match="3600 s"):
        list(source(server, sleep=lambda _: pytest.fail("slept")).sweep())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lasting_fault_is_given_up_as_transient_without_a_row_or_a_token(server: KoboServer, fault: str) -> None:
    """The message goes to Dagster's event log, where neither may ever be."""
    fill(server, 3)
    server.faults.extend([fault] * 10)
    with pytest.raises(TransientError) as failure:
        list(source(server, patience=Patience(3, 5.0, 0.1, 0.0)).sweep())
    told = everything_told(failure.value)
    assert "beneficiaires" in told and "127.0.0.1" in told and "relancez plus tard" in told
    assert server.token not in told and SECRET_ANSWER not in told
    assert len(server.data_requests()) == 3


def test_an_empty_page_that_announces_rows_is_not_the_end(server: KoboServer) -> None:
    """Taken for the last page, it would delete every row beyond it."""
    fill(server, 20)
    server.faults.extend(["", "empty"])
    pages = source(server, page_size=10).sweep()
    next(pages)
    with pytest.raises(TransientError, match="annonce 10 soumissions"):
        next(pages)


def test_a_server_out_of_reach_is_transient() -> None:
    """Nobody listens on the port: the same run may succeed in an hour."""
    with KoboServer() as gone:
        there = source(gone)
    with pytest.raises(TransientError, match="connexion"):
        list(there.sweep())


def test_of_a_server_that_is_down_only_the_first_form_of_a_run_waits(server: KoboServer) -> None:
    """Twenty-five forms of a dead server took twenty-five times the wait to say the same thing."""
    fill(server, 3)
    slept: list[float] = []
    servers = SilentServers()
    server.other_faults.extend(["503"] * 5)
    for form, waits in (("beneficiaires", True), ("prestations", False)):
        with remembered(servers), pytest.raises(TransientError, match=rf"{form}.*il répond 503.*relancez plus tard"):
            list(source(server, form=form, sleep=slept.append).sweep())
        assert bool(slept) == waits
        slept.clear()
    assert len(swept(source(server).sweep())) == 3, "whoever is not of that run asks"
    servers.held_s = 0.0
    with remembered(servers):
        assert len(swept(source(server).sweep())) == 3, "later, the same run asks again"


def test_one_form_that_is_too_large_for_a_server_does_not_stop_the_others(server: KoboServer) -> None:
    """504: Kobo's own limit of 120 s, met by one form."""
    fill(server, 3)
    with remembered(SilentServers()):
        server.other_faults.extend(["504"] * 5)
        with pytest.raises(TransientError, match="504"):
            list(source(server).sweep())
        assert len(swept(source(server, form="prestations").sweep())) == 3


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("kobo-sweep")]


def test_one_page_is_fetched_ahead_and_not_two(server: KoboServer) -> None:
    """The caller stores one page while the next travels; more would grow with the form."""
    fill(server, 100)
    pages = source(server, page_size=10).sweep()
    next(pages)
    time.sleep(0.2)
    assert len(server.data_requests()) == 2
    next(pages)
    time.sleep(0.2)
    assert len(server.data_requests()) == 3
    pages.close()  # type: ignore[attr-defined]


def test_a_caller_that_stops_early_leaves_no_thread(server: KoboServer) -> None:
    """A page that cannot be stored ends the sweep; its prefetch must end too, even while it waits to try again."""
    fill(server, 100)
    server.faults.extend(["", *["502"] * 5])
    pages = source(server, page_size=10, patience=Patience(pause=60.0), sleep=None).sweep()
    next(pages)
    started = time.monotonic()
    pages.close()  # type: ignore[attr-defined]
    assert time.monotonic() - started < 5
    assert _threads() == []


def test_a_finished_sweep_leaves_no_thread(server: KoboServer) -> None:
    """The daemon sweeps every hour for months."""
    fill(server, 5)
    list(source(server, page_size=2).sweep())
    assert _threads() == []


@settings(max_examples=40, deadline=None)
@given(
    gaps=st.lists(st.integers(1, 2_000), max_size=60),
    page_size=st.integers(1, 40),
    maximum=st.integers(1, 40),
    faults=st.lists(st.sampled_from(["", "", "reset", "truncated", "cut", "html", "429", "502"]), max_size=12),
)
def test_a_sweep_equals_what_the_server_holds(gaps: list[int], page_size: int, maximum: int, faults: list[str]) -> None:
    """Whatever the sizes, the holes between keys and up to four faults in a row."""
    runs = "".join("x" if fault else " " for fault in faults).split()
    if any(len(run) > 4 for run in runs):
        faults = faults[:4]
    with KoboServer(maximum=maximum) as server:
        server.add_asset(ASSET)
        for gap in gaps:
            server.next_id += gap
            server.submit(ASSET, {"age": str(gap)})
        server.faults.extend(faults)
        pages = list(source(server, page_size=page_size).sweep())
        assert swept(iter(pages)) == server.rows(ASSET)
        assert [page.after for page in pages[1:]] == [page.through for page in pages[:-1]]
        assert pages[-1].through is None
