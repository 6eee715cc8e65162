"""Ten thousand planted persons, every stage, every command and more than twelve failures: nobody is legible anywhere.

The same search finds every canary of `test_leak_canaries.py`. The demonstration is searched in `test_leaks.py`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from meal_pipelines.warehouse import Warehouse
from tests.end_to_end.command import Finished
from tests.end_to_end.interface import up
from tests.end_to_end.leak_house import LeakHouse, a_leak_house
from tests.end_to_end.leak_places import Titles, everywhere, look, seen_in_the_interface
from tests.end_to_end.leaks import Search, told
from tests.end_to_end.planted import Person
from tests.end_to_end.provoked import failures

pytestmark = pytest.mark.slow

PERSONS, ROWS = 10_000, 5000
COMMANDS = (
    ["doctor"], ["loads"], ["loads", "candidats"], ["forms", "received"], ["forms", "files", "visites", "-p", "carnet"],
    ["forms", "check-store", "-p", "carnet"], ["forms", "lint", "-p", "prim2"], ["forms", "diff", "visites", "-p", "carnet"],
    ["forms", "template", "candidats", "-p", "thamm_plus"], ["privacy", "audit"], ["privacy", "register"],
    ["privacy", "documents"], ["privacy", "retention"], ["keys", "status"], ["keys", "rotate", "--yes"], ["keys", "init"], ["url"],
)  # fmt: skip


@dataclass(eq=False)
class Lived:
    """A house after everything that happens in it. failed: by name, how each provoked failure ended and what should be said of it."""

    house: LeakHouse
    titles: set[str]
    last: Finished
    failed: dict[str, tuple[Finished | None, str]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def lived() -> Iterator[Lived]:
    titles = Titles()
    titles.start()
    with a_leak_house(PERSONS, ROWS) as house, Warehouse.open(house.house.settings(demo=False)):
        failed: dict[str, tuple[Finished | None, str]] = {}
        house.run("run")
        for name, provoke, said in failures():
            failed[name] = provoke(house, house.planting.person(("failure", name))), said
        last = house.run("run")
        _ask_everything(house)
        titles.ended.set()
        yield Lived(house, titles.seen, last, failed)


def _ask_everything(house: LeakHouse) -> None:
    for command in COMMANDS:
        house.run(*command)
    book = house.book("thamm_plus")
    house.run("forms", "annotate", "candidats", str(book), "-p", "thamm_plus")
    with up(house.house) as interface:
        seen = seen_in_the_interface(interface)
    house.outputs["the interface over HTTP"] = Finished(0, seen.decode("utf-8", "replace"), "", 0, 0)
    house.keep_output("meal up", house.house.folder / "up.txt")


def test_ten_thousand_persons_are_planted_in_both_alphabets(lived: Lived) -> None:
    planted = lived.house.planting.planted()
    assert len(planted) == PERSONS
    assert {number % 2 for number in planted} == {0, 1}


def test_every_failure_happened_and_the_last_run_is_well(lived: Lived) -> None:
    """A failure that does not fail provokes nothing."""
    otherwise = {
        name: finished.said[-1000:]
        for name, (finished, said) in lived.failed.items()
        if finished is not None and not (finished.code in (1, 2) and said in finished.err)
    }
    assert not otherwise, otherwise
    assert len(lived.failed) >= 12
    assert lived.last.code == 0, lived.last.said


def test_nobody_is_legible_anywhere(lived: Lived) -> None:
    """Dump, data files, journals, Dagster's storage, workbooks, temporary files, output, process titles, the interface."""
    started = time.monotonic()
    planted = lived.house.planting.planted()
    search = Search((text for number in planted for text in Person(number).spellings), loose_numbers=False)
    found = look(search, everywhere(lived.house, lived.titles))
    print(
        f"\n{len(planted)} persons, {len(search)} patterns; {found.pieces.total()} pieces of {found.bytes.total():,} bytes "
        f"in {time.monotonic() - started:.0f} s: {dict(found.bytes)}"
    )
    assert found.bytes.keys() == {"pg_dump", "MEAL_HOME", "MEAL_OUT", "TMPDIR", "output", "process titles"}
    assert not found.hits, told(found.hits)
