"""A source that says what changed: believed while its total agrees with ours, read whole in every other case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from meal_pipelines.collect.source import Delta, FormVersion, Mark, Page, Submission, SweepNeeded, canonical
from meal_pipelines.errors import MealError, TransientError
from tests.stage_cases import Bench, Memory


@dataclass
class Telling(Memory):
    """Keeps a log of what happened to its rows, and tells the part after a mark.

    total: replaces the number of rows it says it holds · refuses: why it will not tell · breaks_at: the delta before
    which the network fails · awaited: what it was asked to look at again.
    """

    log: list[tuple[str, bool]] = field(default_factory=list)
    total: int | None = None
    refuses: str = ""
    breaks_at: int | None = None
    is_redeployed: bool = False
    awaited: list[str] = field(default_factory=list)
    sweeps: int = 0

    def put(self, key: str, **answers: Any) -> None:
        self.rows[key] = answers
        self.log.append((key, True))

    def drop(self, key: str) -> None:
        del self.rows[key]
        self.log.append((key, False))

    def sweep(self, after: str | None = None) -> Iterator[Page]:
        self.sweeps += 1
        yield from super().sweep(after)

    def mark(self) -> Mark | None:
        return {"at": len(self.log)}

    def changes(self, since: Mark, awaiting: Sequence[str] = ()) -> Iterator[Delta]:
        self.awaited = list(awaiting)
        if self.refuses:
            raise SweepNeeded(self.refuses)
        for number, (key, is_there) in enumerate(self.log[since["at"] :]):
            if number == self.breaks_at:
                raise TransientError("La connexion est perdue.")
            if is_there and key in self.rows:
                yield Delta([self._submission(key)])
            elif key not in self.rows:
                yield Delta([], [key])
        total = len(self.rows) if self.total is None else self.total
        yield Delta([], (), {"at": len(self.log)}, total, self.is_redeployed)

    def _submission(self, key: str) -> Submission:
        content = canonical(self.rows[key])
        named, present = self.rows[key].get("photos", (0, 0))
        return Submission(key, content, "uuid:x", "v1", "2026-11-20T10:00:00+00:00", None, named, present)


@pytest.fixture
def source(bench: Bench) -> Telling:
    """Five submissions, swept once."""
    source = Telling()
    for key in "abcde":
        source.put(key, duree="1")
    assert bench.sync(source=source).mode == "sweep"
    return source


def messages(bench: Bench) -> list[tuple[Any, ...]]:
    """(mode, state, present, message) of each load."""
    return bench.query(
        "select mode, state, present, message from raw.load where project = %s order by load_id", bench.project.id
    )


def test_the_second_night_asks_only_what_changed(bench: Bench, source: Telling) -> None:
    source.put("b", duree="2")
    source.put("f", duree="1")
    source.drop("c")
    load = bench.sync(source=source)
    assert (load.mode, load.added, load.changed, load.removed, load.present) == ("changes", 1, 1, 1, 5)
    assert bench.present() == {"a", "b", "d", "e", "f"}
    assert source.sweeps == 1
    assert bench.sync(source=source).written == 0
    assert messages(bench)[-1] == ("changes", "done", 5, None)


def test_a_total_that_differs_is_settled_by_reading_everything(bench: Bench, source: Telling) -> None:
    """A restoration that no log tells: only the number gives it away."""
    del source.rows["d"]
    load = bench.sync(source=source)
    assert (load.mode, load.removed, source.sweeps) == ("sweep", 1, 2)
    assert load.message == "Lecture complète : le serveur compte 4 soumissions, l'entrepôt 5."
    assert bench.present() == {"a", "b", "c", "e"}
    assert bench.sync(source=source).mode == "changes"


def test_a_source_that_can_no_longer_tell_is_read_whole(bench: Bench, source: Telling) -> None:
    source.refuses = "le journal n'est plus lisible par ce compte"
    source.put("a", duree="9")
    load = bench.sync(source=source)
    assert (load.mode, load.changed) == ("sweep", 1)
    assert load.message == "Lecture complète : le journal n'est plus lisible par ce compte."


def test_everything_is_read_again_after_a_while_whatever_the_source_says(bench: Bench, source: Telling) -> None:
    source.rows["a"] = {"duree": "silently"}
    assert bench.sync(source=source).written == 0, "no log tells it and the total is the same"
    load = bench.sync(source=source, sweep_every=timedelta(0))
    assert (load.mode, load.changed) == ("sweep", 1)
    assert "périodique" in str(load.message)


@pytest.mark.parametrize("breaks_at", [0, 1, 2, 3])
def test_changes_that_break_off_are_told_again_and_counted_once(breaks_at: int, bench: Bench, source: Telling) -> None:
    source.put("f", duree="1")
    source.put("a", duree="5")
    source.drop("e")
    source.put("g", duree="1")
    source.breaks_at = breaks_at
    with pytest.raises(TransientError):
        bench.sync(source=source)
    source.breaks_at = None
    load = bench.sync(source=source)
    assert (load.mode, load.present) == ("changes", 6)
    assert bench.present() == set("abcdfg")
    versions = bench.query("select count(*) from raw.submission where project = %s", bench.project.id)
    assert versions == [(5 + 4,)], "each change is one version, whenever it was told"


def test_many_deletions_that_the_source_itself_tells_are_believed(bench: Bench) -> None:
    """A permission that was lost deletes nothing in a log."""
    source = Telling()
    for number in range(60):
        source.put(f"s{number:02}", duree="1")
    bench.sync(source=source)
    for number in range(40):
        source.drop(f"s{number:02}")
    load = bench.sync(source=source)
    assert (load.mode, load.removed, load.refused) == ("changes", 40, None)


def test_rows_that_vanish_without_a_word_still_meet_the_guard(bench: Bench) -> None:
    source = Telling()
    for number in range(60):
        source.put(f"s{number:02}", duree="1")
    bench.sync(source=source)
    source.rows = {"s00": source.rows["s00"]}
    load = bench.sync(source=source)
    assert load.refused is not None and load.removed == 0
    assert messages(bench)[-1][:3] == ("sweep", "refused", 60)
    assert len(bench.present()) == 60


def test_submissions_whose_files_are_not_all_there_are_looked_at_again(bench: Bench, source: Telling) -> None:
    source.put("h", photos=(2, 1))
    source.put("i", photos=(1, 1))
    bench.sync(source=source)
    bench.sync(source=source)
    assert source.awaited == ["h"]
    source.put("h", photos=(2, 2))
    bench.sync(source=source)
    bench.sync(source=source)
    assert source.awaited == []


def test_a_new_version_of_the_form_is_kept_the_night_it_is_told(bench: Bench, source: Telling) -> None:
    source.is_redeployed = True
    source.form_versions = lambda known=(): iter([FormVersion("v2", {"survey": []})])  # type: ignore[method-assign]
    bench.sync(source=source)
    kept = bench.query("select form_version from raw.form_version where project = %s", bench.project.id)
    assert kept == [("v2",)]


def test_a_load_of_changes_that_fails_says_so(bench: Bench, source: Telling) -> None:
    source.put("f", duree="1")
    source.breaks_at = 0
    with pytest.raises(MealError):
        bench.sync(source=source)
    assert messages(bench)[-1][1:] == ("failed", None, "La connexion est perdue.")
