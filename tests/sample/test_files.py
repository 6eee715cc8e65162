"""The files a sample writes: the servers' own shape, two moments that agree, the same bytes for the same seed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from meal_pipelines.sample import generate
from tests.sample.conftest import NAMES, ROWS, Generated, project


def digest(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_writes_the_same_bytes(name: str, tmp_path: Path) -> None:
    """A figure found on a sample must be found again by whoever generates it; workbooks carry no date of their own."""
    for folder, seed in (("first", 3), ("again", 3), ("other", 4)):
        generate(project(name), 300, seed, tmp_path / folder)
    assert digest(tmp_path / "first") == digest(tmp_path / "again")
    assert digest(tmp_path / "first") != digest(tmp_path / "other")


def test_all_rows_asked_for_are_written_and_counted(sample: Generated) -> None:
    assert sum(sample.summary.forms.values()) == ROWS
    for form, counts in sample.summary.counts["forms"].items():
        truth = list(sample.truth(form))
        received = sample.received(form)
        present = {line["submission_id"] for line in truth if line["state"] == "present"}
        assert len(truth) == counts["received"] == sample.summary.forms[form]
        assert set(received) == present
        assert len(received) == counts["present"]
        assert sum(line["edited"] for line in truth) == counts["edited"]
        for repeat, expected in counts["repeat_rows"].items():
            path = sample.project.forms[form].questionnaire.tables[repeat].path
            assert sum(len(row.get(path, [])) for row in received.values()) == expected


def test_the_rejections_announced_are_those_of_the_truth(sample: Generated) -> None:
    """Whoever compares a warehouse with `summary.json` compares it with the submissions themselves."""
    for form, counts in sample.summary.counts["forms"].items():
        defects = [d for line in sample.truth(form) if line["state"] == "present" for d in line["defects"]]
        rejected = [defect for defect in defects if defect["expected"] == "rejected"]
        assert sum(defect["repeat"] == "" for defect in rejected) == counts["rejected_submissions"]
        assert sum(defect["repeat"] != "" for defect in rejected) == sum(counts["rejected_repeat_rows"].values())
        assert sum(defect["expected"] == "blanked" for defect in defects) == counts["blanked_answers"]
        assert sum(defect["corrected"] for defect in defects) == counts["corrections"]


def test_pages_are_those_of_a_server(sample: Generated) -> None:
    for form in sample.servers:
        for export in ("1-premier-export", "2-dernier-export"):
            pages = sample.pages(form, export)
            rows = [row for page in pages for row in page["results"]]
            assert all(page["count"] == len(rows) for page in pages)
            assert all(len(page["results"]) == 1000 for page in pages[:-1])
            assert [page["next"] is None for page in pages] == [False] * (len(pages) - 1) + [True]
            identifiers = [row["_id"] for row in rows]
            assert identifiers == sorted(set(identifiers))


def test_the_second_export_shows_edits_and_deletions_and_nothing_else(sample: Generated) -> None:
    """An edit keeps `_id` and `_submission_time` and gives a new `_uuid`; an untouched row must not look edited."""
    for form in sample.servers:
        first = {row["_id"]: row for row in sample.rows(form, "1-premier-export")}
        last = {row["_id"]: row for row in sample.rows(form)}
        truth = {int(line["submission_id"]): line for line in sample.truth(form)}
        assert {i for i in first if i not in last} == {i for i, line in truth.items() if line["state"] == "deleted"}
        assert max(first) < min(i for i in last if i not in first)
        for identifier, before in first.items():
            after = last.get(identifier)
            if after is None:
                continue
            if not truth[identifier]["edited"]:
                assert after == before
                continue
            assert after["_uuid"] != before["_uuid"]
            assert after["meta/deprecatedID"] == before["meta/instanceID"]
            assert after["meta/rootUuid"] == before["meta/rootUuid"]
            assert after["_submission_time"] == before["_submission_time"]


def test_submissions_arrive_after_their_event_and_in_order(sample: Generated) -> None:
    for form in sample.servers:
        rows = sample.rows(form)
        days = [row["_submission_time"][:10] for row in rows]
        assert sorted(days)[len(days) // 2] == days[len(days) // 2]
        assert all(row["today"] <= row["_submission_time"][:10] for row in rows)
        assert all(row["start"] < row["end"] for row in rows)
        assert len({row["__version__"] for row in rows}) == 2


MEASURE = """
import resource, sys
from pathlib import Path
from tests.sample.conftest import project
from meal_pipelines.sample import generate
generate(project(sys.argv[1]), int(sys.argv[2]), 5, Path(sys.argv[3]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not measure a process's peak this way")
@pytest.mark.parametrize("name", NAMES)
def test_twenty_times_the_rows_need_no_more_memory(name: str, tmp_path: Path) -> None:
    """A million submissions are generated on the laptop that generates a thousand."""
    peaks = []
    for rows in (2_000, 40_000):
        command = [sys.executable, "-c", MEASURE, name, str(rows), str(tmp_path / str(rows))]
        peaks.append(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    unit = 1 if sys.platform == "darwin" else 1024
    assert (peaks[1] - peaks[0]) * unit < 40 * 1024 * 1024
