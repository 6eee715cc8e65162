"""Strong keys find one person's records and join no two persons', on the generator's truth with its default noise.

The pairs are counted here by sets, not by the benchmark's own sums.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from benchmarks.linkage import Linked, people_of, score
from meal_pipelines.project.load import load_projects
from meal_pipelines.settings import Settings

ROWS = 1500


@pytest.mark.parametrize("project", ["prim2", "thamm_plus"])
def test_strong_keys_alone_reach_what_is_claimed(project: str, tmp_path: Path) -> None:
    """Precision of at least 0.99, recall of at least 0.95: the claim of the guide."""
    loaded = load_projects(Settings.load(environ={"MEAL_HOME": str(tmp_path)}), [project])[project]
    records = people_of(loaded, tmp_path / "sample", ROWS)
    linked = Linked(loaded, records)
    persons = linked.persons()
    true = pairs([record["_person"] for record in records])
    put = pairs(persons)
    assert len(true) > 1500
    precision, recall = len(true & put) / len(put), len(true & put) / len(true)
    assert precision >= 0.99 and recall >= 0.95, (precision, recall)
    found = score(records, persons)
    assert (found.precision, found.recall, found.pairs) == pytest.approx((precision, recall, len(true)))
    assert 0 < len(linked.proposed(persons)) < len(set(persons)) / 5, (
        "a reviewer has something to do, and not everything"
    )


def pairs(labels: list[str]) -> set[tuple[int, int]]:
    """Every pair of places that have the same label."""
    places: dict[str, list[int]] = {}
    for place, label in enumerate(labels):
        places.setdefault(label, []).append(place)
    return {pair for own in places.values() for pair in combinations(own, 2)}
