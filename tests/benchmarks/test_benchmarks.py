"""The benchmark program, with very few rows: what it measures is not judged here, only that it measures everything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from benchmarks.case import Case
from benchmarks.cases import PARTS
from meal_pipelines.settings import CHECKOUT

EVERY: list[Case] = [case for _, cases in PARTS.values() for case in cases]


@pytest.mark.slow
def test_every_case_is_measured_and_shown_and_nothing_stays_behind(tmp_path: Path) -> None:
    """A case that breaks unseen would leave its line out of the comparison that people quote."""
    pytest.importorskip("dlt", reason="the peers come with « uv sync --group bench »")
    figures, sizes = tmp_path / "figures.json", ["--rows", "60", "--participations", "2000", "--repeats", "1"]
    # Not in tmp_path: the socket of PostgreSQL must have a short path.
    with tempfile.TemporaryDirectory() as temporary:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks", *sizes, "--json", str(figures)],
            cwd=CHECKOUT, env={**os.environ, "TMPDIR": temporary}, capture_output=True, text=True,
        )  # fmt: skip
        left = [path.name for path in Path(temporary).glob("meal-benchmarks-*")]
    assert done.returncode == 0, done.stderr
    missing = [case.label for case in EVERY if case.label not in done.stdout]
    assert not missing, "a case is not in the table"
    measured = json.loads(figures.read_text(encoding="utf-8"))["cases"]
    assert {name for name, found in measured.items() if found["seconds"] > 0} == {case.name for case in EVERY}
    assert not left, "the temporary warehouse is still there"


def test_each_comparison_has_one_case_of_ours_to_compare_with() -> None:
    """The ratio of a peer is taken to the reference of its group: two of them, or none, would be a ratio to nothing."""
    references: dict[str, int] = {}
    for case in EVERY:
        references[case.group] = references.get(case.group, 0) + case.is_reference
    compared = {case.group for case in EVERY if sum(other.group == case.group for other in EVERY) > 1}
    assert {group: references[group] for group in compared} == dict.fromkeys(compared, 1)
