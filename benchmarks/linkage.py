"""(i) Who is whom: our keyed hashes and a reviewer, beside Splink on the clear text, on people whom the generator knows.

Pairs of records of one project are counted: precision is the share of the pairs put together that are one person's, recall the
share of one person's pairs that were put together. The noise is the generator's default, fixed before anything was measured.
Splink's side is in `linkage_splink.py`; whoever shows a card alone is resolved alike for both.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks.case import Case, Figures, stopwatch
from benchmarks.linkage_splink import clustered
from benchmarks.place import Place

if TYPE_CHECKING:
    from meal_pipelines.project.loaded import LoadedProject

MOST = 20_000
"""Submissions: Splink compares the clear text of three times as many records."""


@dataclass(frozen=True)
class Score:
    precision: float
    recall: float
    pairs: int
    people: int

    def told(self) -> str:
        return (
            f"précision {self.precision:.4f}, rappel {self.recall:.4f} ; {self.pairs} paires, {self.people} personnes"
        ).replace(".", ",")


def people_of(project: LoadedProject, folder: Path, rows: int) -> list[dict[str, str]]:
    """Everyone met, one record each: answers by question, `_person` as the truth calls them."""
    from meal_pipelines.sample import generate
    from meal_pipelines.sample.noise import Noise

    if not folder.exists():
        generate(project, rows, 1, folder, noise=Noise())
    found = []
    for form in project.forms.values():
        if project.person_tables(form):
            for line in (folder / "truth" / f"{form.name}.jsonl").read_bytes().splitlines():
                told = orjson.loads(line)
                if told["state"] == "present":
                    found += list(_records(told["answers"], {"_form": form.name}))
    return found


def _records(answers: dict[str, Any], around: dict[str, str]) -> Iterator[dict[str, str]]:
    own = around | {name: str(value) for name, value in answers.items() if not isinstance(value, list | dict)}
    if "_person" in answers:
        yield own
    outer = {name: text for name, text in own.items() if name != "_person"}
    for value in answers.values():
        for item in value if isinstance(value, list) else ():
            if isinstance(item, dict):
                yield from _records(item, outer)


def score(records: list[dict[str, str]], groups: Iterable[Any]) -> Score:
    """How the groups (one per record) compare with the truth, pair by pair."""
    inside: dict[Any, Counter[str]] = defaultdict(Counter)
    for record, group in zip(records, groups, strict=True):
        inside[group][record["_person"]] += 1
    right = sum(map(_pairs, (count for persons in inside.values() for count in persons.values())))
    put = sum(_pairs(persons.total()) for persons in inside.values())
    true = sum(map(_pairs, Counter(record["_person"] for record in records).values()))
    return Score(right / put, right / true, true, len(inside))


def by_card(records: list[dict[str, str]], card: str, groups: list[Any]) -> list[Any]:
    """Whoever showed a card alone is the person to whom it was given last, as `marts.person_card` has it; for every side."""
    owners = {
        record[card]: group for record, group in zip(records, groups, strict=True) if card in record and "nom" in record
    }
    return [
        group if "nom" in record else owners.get(record.get(card, ""), group)
        for record, group in zip(records, groups, strict=True)
    ]


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


class Linked:
    """Our side: each record's pseudonym and keys, then persons, the cards shown resolved as the mart does."""

    def __init__(self, project: LoadedProject, records: list[dict[str, str]]) -> None:
        from meal_pipelines.protect.keys.keyring import Keyring
        from meal_pipelines.protect.persons.link_keys import LinkKeys
        from meal_pipelines.protect.persons.pseudonyms import Pseudonymiser

        persons = project.project.persons
        assert persons is not None
        self.project, self.records, self.card = project, records, persons.known_by or ""
        ring = Keyring(1, {1: bytes(32)}, bytes(32))
        known, keys = (
            Pseudonymiser(persons, ring.hasher(project.id, "person")),
            LinkKeys(persons, ring.hasher(project.id, "link")),
        )
        answers = {name: [record.get(name) for record in records] for name in known.asked | persons.links.questions}
        spelled = known.spelled(answers, len(records))
        self.own = [person or "" for person in known.person_ids(spelled)]
        strong, self.weak = keys.of(spelled)
        self.sharing = _sharing(self.own, strong)

    def persons(self, decided: Iterable[tuple[str, str]] = ()) -> list[str]:
        """For each record, whose it is; decided: pairs that a reviewer found to be one person."""
        from meal_pipelines.protect.persons.components import DECISION, Tie, joined

        ties = [Tie(0, key, tuple(sorted(who)), "") for key, who in self.sharing.items() if len(who) > 1]
        ties += [Tie(-1, f"{one} {other}", (one, other), DECISION) for one, other in decided]
        links = joined(dict.fromkeys(self.own), ties, [])
        return by_card(self.records, self.card, [links[own].kept if own in links else own for own in self.own])

    def proposed(self, persons: list[str]) -> set[tuple[str, str]]:
        """The pairs that a reviewer is shown."""
        from meal_pipelines.protect.persons.review import CROWD

        assert self.project.project.persons is not None
        [place, *_] = self.project.project.persons.links.places
        places: dict[str, set[str]] = defaultdict(set)
        for record, person in zip(self.records, persons, strict=True):
            places[person] |= {record[place]} if record.get(place) else set()
        sharing = _sharing(persons, self.weak)
        pairs = {pair for who in sharing.values() if len(who) <= CROWD for pair in combinations(sorted(who), 2)}
        return {
            (one, other)
            for one, other in pairs
            if not (places[one] and places[other]) or not places[one].isdisjoint(places[other])
        }


def _sharing(persons: list[str], keys: list[bytes]) -> dict[str, set[str]]:
    """By key, the persons who have it."""
    found: dict[str, set[str]] = defaultdict(set)
    for person, array in zip(persons, keys, strict=True):
        for key in _elements(array):
            found[key.hex()].add(person)
    return found


def _elements(array: bytes) -> Iterator[bytes]:
    """The uuid of an array in COPY's binary form, after its length and its five numbers; one that is absent is short."""
    position = 4 + 5 * 4
    while position < len(array):
        length = int.from_bytes(array[position : position + 4], "big", signed=True)
        position += 4
        if length > 0:
            yield array[position : position + length]
            position += length


def ours(place: Place, project: str, *, reviewed: bool) -> Figures:
    """Strong keys alone; or with a reviewer who always answers rightly."""
    loaded, records = _prepared(place, project)
    with stopwatch() as watch:
        linked = Linked(loaded, records)
        persons = linked.persons()
    found = score(records, persons)
    note = found.told()
    if reviewed:
        shown = linked.proposed(persons)
        truth: dict[str, Counter[str]] = defaultdict(Counter)
        for record, person in zip(records, persons, strict=True):
            truth[person][record["_person"]] += 1
        who = {person: names.most_common(1)[0][0] for person, names in truth.items()}
        right = [(one, other) for one, other in shown if who[one] == who[other]]
        found = score(records, linked.persons(right))
        note = f"{found.told()} ; {len(shown)} paires relues, {len(right)} réunies"
    shares = {"précision": found.precision, "rappel": found.recall}
    return Figures(watch.seconds, len(records), note=note, shares=shares)


def splink(place: Place, project: str) -> Figures:
    """Splink's probabilities on names, phone, year, card and sex; the threshold that suits the truth best is looked for."""
    loaded, records = _prepared(place, project)
    persons = loaded.project.persons
    assert persons is not None
    with stopwatch() as watch:
        found = clustered(records, persons.known_by or "")
    scores = {
        threshold: score(records, by_card(records, persons.known_by or "", groups))
        for threshold, groups in found.items()
    }
    threshold, best = max(scores.items(), key=lambda each: 2 / (1 / each[1].precision + 1 / each[1].recall))
    others = " ; ".join(
        f"{each:.2f} : {one.precision:.4f} / {one.recall:.4f}" for each, one in scores.items() if each != threshold
    )
    return Figures(
        watch.seconds,
        len(records),
        note=f"seuil {threshold:.2f} : {best.told()} (autres seuils : {others})".replace(".", ","),
    )


def _prepared(place: Place, project: str) -> tuple[LoadedProject, list[dict[str, str]]]:
    from meal_pipelines.project.load import load_projects

    rows = min(place.rows, MOST)
    loaded = load_projects(place.settings, [project])[project]
    return loaded, people_of(loaded, place.folder / "linkage" / f"{project}_{rows}", rows)


CASES = tuple(
    case
    for project in ("prim2", "thamm_plus")
    for case in (
        Case(
            f"linkage.{project}.strong", f"linkage.{project}", f"meal : clés fortes, {project}",
            partial(ours, project=project, reviewed=False), is_reference=True, repeats=1,
        ),
        Case(
            f"linkage.{project}.reviewed", f"linkage.{project}", f"meal : avec relecture juste, {project}",
            partial(ours, project=project, reviewed=True), repeats=1,
        ),
        Case(f"linkage.{project}.splink", f"linkage.{project}", f"Splink, {project}", partial(splink, project=project), repeats=1),
    )
)  # fmt: skip
