"""Every kind of source put through the same contract, alone and into `raw`: a new one adds its trial to `TRIALS`."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from meal_pipelines.collect.export import ExportedPages, ExportedWorkbook
from meal_pipelines.collect.source import Page
from meal_pipelines.errors import TransientError
from meal_pipelines.settings import CHECKOUT
from tests.collect import kobo_cases, odk_cases
from tests.collect.json_files import JsonFiles
from tests.collect.source_contract import (
    SECRET,
    Interrupted,
    Trial,
    check_changes,
    check_pages,
    check_resuming,
    check_sameness,
    check_submissions,
    check_the_rest,
)
from tests.collect.workbook_cases import a_form, partner, xlsx
from tests.kobo_server import KoboServer
from tests.odk_server import OdkServer
from tests.project.xlsforms import workbook
from tests.stage_cases import Bench

COUNT, PAGE = 10, 3


@contextmanager
def kobo(_folder: Path, *, is_managed: bool = True) -> Iterator[Trial]:
    with KoboServer() as server:
        server.add_asset(kobo_cases.ASSET)
        server.manage(kobo_cases.ASSET, is_managed)
        yield Trial(
            lambda: kobo_cases.source(server, page_size=PAGE),
            lambda count: kobo_cases.fill(server, count),
            lambda key: server.edit(kobo_cases.ASSET, int(key), {"age": "99"}),
            lambda key: server.delete(kobo_cases.ASSET, int(key)),
        )


@contextmanager
def kobo_without_history(folder: Path) -> Iterator[Trial]:
    with kobo(folder, is_managed=False) as trial:
        yield trial


@contextmanager
def odk_form(_folder: Path) -> Iterator[Trial]:
    with OdkServer() as server:
        form = odk_cases.add_form(server)
        yield Trial(
            lambda: odk_cases.source(server, page_size=PAGE),
            lambda count: odk_cases.fill(server, form, count),
            lambda key: server.edit(form, key, {"age": "99"}),
            lambda key: server.delete(form, key),
            lambda: server.wait(hours=12),
        )


@contextmanager
def odk_entities(_folder: Path) -> Iterator[Trial]:
    with OdkServer() as server:
        people = server.add_list("personnes", ["nom", "ville"])
        yield Trial(
            lambda: odk_cases.entities(server, "personnes", page_size=PAGE),
            lambda count: [server.submit(people, {"label": f"P{n}", "nom": SECRET}) for n in range(count)],
            lambda key: server.edit(people, key, {"ville": "Oujda"}),
            lambda key: server.delete(people, key),
            lambda: server.wait(hours=12),
        )


class Rows:
    """What lies in a file or a folder: answers by id, written anew after each change."""

    def __init__(self, write: Callable[[dict[str, dict[str, Any]]], object]) -> None:
        self.held: dict[str, dict[str, Any]] = {}
        self.write = write

    def add(self, count: int) -> None:
        start = max((int(key) for key in self.held), default=100)
        self.held |= {str(key): {"nom": SECRET, "age": str(key)} for key in range(start + 1, start + 1 + count)}
        self.write(self.held)

    def edit(self, key: str) -> None:
        self.held[key]["age"] = "99"
        self.write(self.held)

    def delete(self, key: str) -> None:
        del self.held[key]
        self.write(self.held)

    def trial(self, source: Callable[[], Any]) -> Trial:
        return Trial(source, self.add, self.edit, self.delete)


@contextmanager
def partner_workbook(folder: Path) -> Iterator[Trial]:
    form = a_form(folder / "p")

    def write(rows: dict[str, dict[str, Any]]) -> None:
        lines = [[key, row["nom"], int(row["age"])] for key, row in rows.items()]
        xlsx(folder / "p" / "boite" / "subventions.xlsx", [["code", "osc", "montant"], *lines])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("meal_pipelines.collect.workbook.PAGE_SIZE", PAGE)
        yield Rows(write).trial(lambda: partner(form, folder / "p"))


@contextmanager
def exported_pages(folder: Path) -> Iterator[Trial]:
    def write(rows: dict[str, dict[str, Any]]) -> None:
        shown = [{"_id": int(key), "_uuid": f"u{key}", **row} for key, row in rows.items()]
        for number, start in enumerate(range(0, len(shown), PAGE)):
            page = {"count": len(shown), "results": shown[start : start + PAGE]}
            (folder / f"page-{number}.json").write_bytes(orjson.dumps(page))

    yield Rows(write).trial(lambda: ExportedPages(folder))


@contextmanager
def exported_workbook(folder: Path) -> Iterator[Trial]:
    def write(rows: dict[str, dict[str, Any]]) -> None:
        lines = [[key, row["nom"], row["age"]] for key, row in rows.items()]
        workbook(folder / "export.xlsx", main=[["uuid", "nom", "age"], *lines])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("meal_pipelines.collect.export.PAGE_SIZE", PAGE)
        yield Rows(write).trial(lambda: ExportedWorkbook(folder / "export.xlsx", "main", ("uuid",)))


@contextmanager
def json_files(folder: Path) -> Iterator[Trial]:
    def write(rows: dict[str, dict[str, Any]]) -> None:
        for file in folder.glob("*.json"):
            if file.stem not in rows:
                file.unlink()
        for key, row in rows.items():
            (folder / f"{key}.json").write_bytes(orjson.dumps(row))

    yield Rows(write).trial(lambda: JsonFiles(folder, page_size=PAGE))


TRIALS = {
    each.__name__: each
    for each in (
        kobo, kobo_without_history, odk_form, odk_entities, partner_workbook, exported_pages, exported_workbook, json_files,
    )
}  # fmt: skip


@pytest.fixture(params=TRIALS)
def trial(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trial]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "trial").mkdir()
    with TRIALS[request.param](tmp_path / "trial") as made:
        made.add(COUNT)
        yield made


def test_a_sweep_shows_everything_in_order_and_without_a_gap(trial: Trial) -> None:
    source = trial.source()
    found = check_pages(source)
    assert len(found) == COUNT
    check_submissions(source, found)


def test_a_sweep_is_resumed_from_any_page(trial: Trial) -> None:
    check_resuming(trial.source)


def test_a_submission_says_the_same_as_itself_until_it_is_edited(trial: Trial) -> None:
    check_sameness(trial)


def test_versions_files_and_remarks_are_what_they_should_be(trial: Trial) -> None:
    source = trial.source()
    check_the_rest(source, check_pages(source))


class Inclusive(JsonFiles):
    """Shows the last submission of a page again on the next."""

    def sweep(self, after: str | None = None) -> Iterator[Page]:
        for page in super().sweep(None if after is None else after[:-1]):
            yield replace(page, after=after if page.after is not None else None)


class Endless(JsonFiles):
    """Says on no page that it is the last."""

    def sweep(self, after: str | None = None) -> Iterator[Page]:
        yield from (page for page in super().sweep(after) if page.through is not None)


class Backwards(JsonFiles):
    """Shows each page from its end."""

    def sweep(self, after: str | None = None) -> Iterator[Page]:
        for page in super().sweep(after):
            yield replace(page, submissions=page.submissions[::-1])


class Miscounting(JsonFiles):
    """Says of every page how many there are in all."""

    def sweep(self, after: str | None = None) -> Iterator[Page]:
        yield from (replace(page, server_count=COUNT) for page in super().sweep(after))


@pytest.mark.parametrize("broken", [Inclusive, Endless, Backwards, Miscounting])
def test_a_source_that_breaks_the_contract_is_found_out(broken: type[JsonFiles], tmp_path: Path) -> None:
    """What loses rows, or gives them twice, does not pass."""
    for number in range(COUNT):
        (tmp_path / f"{number}.json").write_bytes(b"{}")
    with pytest.raises((AssertionError, ValueError)):
        check_pages(broken(tmp_path, page_size=PAGE))
        check_resuming(lambda: broken(tmp_path, page_size=PAGE))


def test_changes_and_sweeps_agree(trial: Trial) -> None:
    check_changes(trial)


def test_it_goes_into_raw_whole_wherever_it_breaks_and_is_followed_from_there(trial: Trial, bench: Bench) -> None:
    """Broken off after every page in turn; then an edit is a version, a deletion a deletion, and quiet is quiet."""
    with pytest.raises(TransientError):
        bench.sync(source=Interrupted(trial.source(), 0))
    breaks = 0
    while _breaks(bench, Interrupted(trial.source(), 1)):
        breaks += 1
    assert breaks >= 2
    trial.settle()
    bench.sync(source=trial.source())
    keys = sorted(submission.submission_id for submission in check_pages(trial.source()))
    assert bench.present() == set(keys) and len(keys) == COUNT
    trial.settle()
    assert bench.sync(source=trial.source()).written == 0
    trial.add(2)
    trial.edit(keys[0])
    trial.delete(keys[1])
    trial.settle()
    load = bench.sync(source=trial.source())
    assert (load.added, load.changed, load.removed, load.present) == (2, 1, 1, COUNT + 1)
    assert bench.present() == {submission.submission_id for submission in check_pages(trial.source())}
    assert bench.query(
        "select max(version), count(distinct submission_id) from raw.submission where project = %s", bench.project.id
    ) == [(2, COUNT + 2)]


def _breaks(bench: Bench, source: Interrupted) -> bool:
    """Whether one more page was all that came."""
    try:
        bench.sync(source=source)
    except TransientError:
        return True
    return False


def test_the_template_of_the_guide_is_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name it uses exists, and it can be opened; it changes with the contract or fails here."""
    guide = (CHECKOUT / "docs" / "new_source.md").read_text(encoding="utf-8")
    [template] = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    (tmp_path / "template_of_the_guide.py").write_text(template, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    made = importlib.import_module("template_of_the_guide").ExampleSource
    source = made("https://example.org", "jeton", "visites")
    assert source.mark() is None and "jeton" not in repr(source)
    assert source._submission({"id": 7, "received_at": "2026-11-27T10:00:00+00:00"}).submission_id == "7"
