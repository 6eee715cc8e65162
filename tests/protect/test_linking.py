"""Two pseudonyms of one person become one, in every form, by deltas as by a rebuild; and part again when nothing joins them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from meal_pipelines.collect.source import Submission, canonical
from meal_pipelines.project.links import CROWD
from meal_pipelines.protect.persons.crowds import crowded_keys
from meal_pipelines.protect.rights.access import Actor
from meal_pipelines.protect.rights.erasure import erase_person
from meal_pipelines.protect.rights.finding import ids_of, places_of
from meal_pipelines.protect.rights.restriction import restrict
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse
from tests.stage_cases import PROJECT, Bench, Memory, bench_of, visit

LINKS = """  normalise: {telephone: phone, nom: name}
  links:
    strong: [[telephone, nom, "naissance~"]]
    weak: [[nom, naissance]]
"""
LINKED = PROJECT.replace("  normalise: {telephone: phone, nom: name}\n", LINKS)
HER = {"nom": "El Idrissi", "telephone": "0612345678", "naissance": "1990"}
OFF = {"nom": "Elidrissi", "telephone": "+212 6 12 34 56 78", "naissance": "1991"}
"""The same woman: the article written with the name, the year one off."""
ACTOR = Actor("officer", "dpo", "demande n° 3")


@dataclass
class Dated(Memory):
    """A source whose submissions were sent on days of their own. sent: by submission; the first of June otherwise."""

    sent: dict[str, str] = field(default_factory=dict)

    def _submission(self, key: str) -> Submission:
        day = self.sent.get(key, "2026-06-01")
        return Submission(key, canonical(self.rows[key]), form_version="v1", submitted_at=f"{day}T10:00:00+00:00")


@pytest.fixture
def linked(warehouse: Warehouse, tmp_path: Path) -> Iterator[Bench]:
    with bench_of(warehouse, tmp_path, LINKED) as made:
        made.source = Dated()
        yield made


def night(bench: Bench, **rows: dict[str, Any]) -> Any:
    """These submissions are added or changed; the build of the night."""
    bench.source.rows |= rows
    bench.sync()
    bench.clean()
    return bench.protect()


def workshop(bench: Bench, *people: dict[str, str]) -> None:
    rows = [{f"participants/{name}": text for name, text in person.items()} for person in people]
    bench.sync("ateliers", Memory({"w": {"theme": "CV", "participants": rows}}))
    bench.clean("ateliers")
    bench.protect("ateliers")


def shown(bench: Bench) -> dict[str, str]:
    return {row["submission_id"]: row["person_id"] for row in bench.table("pseudonymised")}


def merges(bench: Bench) -> list[tuple[Any, ...]]:
    return bench.query(
        "select merged, kept, because, undone_on is null from vault.person_merge where project = %s order by merge_id",
        bench.project.id,
    )


def test_a_later_record_joins_two_pseudonyms_and_what_was_published_stays(linked: Bench) -> None:
    """The year is one off: the declared key makes another pseudonym, phone and name say that it is the same woman."""
    linked.source.sent = {"a": "2026-05-10"}
    night(linked, a=visit(**HER))
    published = shown(linked)["a"]
    build = night(linked, b=visit(**OFF))
    assert not build.whole and shown(linked) == {"a": published, "b": published}
    other = ids_of(linked.project, linked.keyring, OFF)[0]
    assert other != published and merges(linked) == [(other, published, "telephone+nom+naissance", True)]


def test_the_pseudonym_of_the_first_sending_is_kept_whichever_arrives_first(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """A phone that was out of reach for a month sends its old records last."""
    found = []
    for number, order in enumerate((("a", "b"), ("b", "a"))):
        with bench_of(warehouse, tmp_path / str(number), LINKED) as bench:
            bench.source = Dated(sent={"a": "2026-05-10", "b": "2026-06-10"})
            for key in order:
                night(bench, **{key: visit(**(HER if key == "a" else OFF))})
            first = ids_of(bench.project, bench.keyring, HER)[0]
            assert shown(bench) == {"a": first, "b": first}
            found.append([row[3] for row in merges(bench)])
    assert found == [[True], [True]]


def test_another_forms_rows_follow_and_its_marts_are_built_again(linked: Bench) -> None:
    workshop(linked, OFF, {"nom": "Autre", "telephone": "0699999999", "naissance": "1990"})
    table = f"pseudonymised.{linked.project.id}_ateliers__participants"
    build_no = "select build_no from quality.build where table_name = %s"
    before = linked.query(build_no, table)
    linked.source.sent = {"a": "2026-05-10"}
    night(linked, a=visit(**HER))
    people = [row["person_id"] for row in linked.table("pseudonymised", "__participants", "ateliers")]
    assert people[0] == shown(linked)["a"] != people[1] and linked.query(build_no, table) > before
    before = linked.query(build_no, table)
    night(linked, c=visit(nom="Sans Lien", telephone="0655555555"))
    assert linked.query(build_no, table) == before, "what joins nobody touches no other form"


def test_two_persons_of_one_phone_stay_two(linked: Bench) -> None:
    """A shared phone with other names, or a father and a son of one name: the declared keys decide."""
    father, son = HER | {"naissance": "1960"}, HER | {"naissance": "1990"}
    night(linked, a=visit(**father), b=visit(**son), c=visit(**HER | {"nom": "Fatima Tazi", "naissance": "1985"}))
    assert len(set(shown(linked).values())) == 3 and merges(linked) == []


def test_a_key_that_a_crowd_shares_joins_nobody(warehouse: Warehouse, tmp_path: Path) -> None:
    """A name that an enumerator wrote for everybody. Whoever was joined before the crowd was there parts again."""
    with bench_of(warehouse, tmp_path, LINKED.replace('[telephone, nom, "naissance~"]', "[nom, naissance]")) as bench:
        bench.source = Dated()

        def people(first: int, last: int) -> dict[str, Any]:
            same = {"nom": "Chef Village", "naissance": "1970"}
            return {f"p{number}": visit(**same, telephone=f"06123456{number:02}") for number in range(first, last)}

        night(bench, **people(0, CROWD))
        assert len(set(shown(bench).values())) == 1
        with bench.warehouse.connect() as connection, connection.cursor() as cursor:
            assert crowded_keys(cursor, bench.project.id) == 0
        night(bench, **people(CROWD, CROWD + 1))
        assert len(set(shown(bench).values())) == CROWD + 1
        with bench.warehouse.connect() as connection, connection.cursor() as cursor:
            assert crowded_keys(cursor, bench.project.id) == 1, "the doctor tells the officer of it"


def test_pseudonyms_part_again_when_nothing_joins_them_any_more(linked: Bench) -> None:
    night(linked, a=visit(**HER), b=visit(**OFF))
    assert len(set(shown(linked).values())) == 1
    night(linked, b=visit(**OFF | {"telephone": "0677777777"}))
    assert len(set(shown(linked).values())) == 2 and [row[3] for row in merges(linked)] == [False]
    night(linked, b=visit(**OFF))
    assert len(set(shown(linked).values())) == 1 and [row[3] for row in merges(linked)] == [False, True]


POOL = [
    {"nom": name, "telephone": f"061234567{phone}", "naissance": str(1990 + year)}
    for name in ("El Idrissi", "Idrissi", "Tazi") for phone in (1, 2) for year in (0, 1, 2, 5)
]  # fmt: skip


@pytest.mark.parametrize(
    "seed", [1, 2, pytest.param(3, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow)]
)
def test_deltas_in_any_order_a_rebuild_and_plain_python_find_the_same_persons(
    seed: int, warehouse: Warehouse, tmp_path: Path
) -> None:
    """Twelve visits arrive a few at a time, some are edited, one goes; then everything is forgotten and built again."""
    chance, results = random.Random(seed), []
    final = {f"v{number}": chance.choice(POOL) for number in range(12)}
    sent = {key: f"2026-06-{1 + chance.randrange(28):02d}" for key in final}
    for order in range(2):
        with bench_of(warehouse, tmp_path / str(order), LINKED) as bench:
            bench.source = Dated(sent=sent)
            keys = chance.sample(sorted(final), len(final))
            for start in range(0, 12, 4):
                early = {key: visit(**(chance.choice(POOL))) for key in keys[start : start + 4]}
                night(bench, **early, extra=visit(**chance.choice(POOL)))
                night(bench, **{key: visit(**final[key]) for key in early})
            del bench.source.rows["extra"]
            night(bench)
            deltas = shown(bench)
            with bench.warehouse.connect() as connection, connection.cursor() as cursor:
                for table in ("person_key", "person_link"):
                    cursor.execute(f"delete from vault.{table} where project = %s", (bench.project.id,))
                cursor.execute(
                    "update quality.build set fingerprint = 'x' where table_name = %s",
                    (f"pseudonymised.{bench.form.table}",),
                )
            assert bench.protect().whole and shown(bench) == deltas
            own = {key: ids_of(bench.project, bench.keyring, answers)[0] for key, answers in final.items()}
            assert deltas == expected(final, sent, own)
            results.append({frozenset(k for k in deltas if deltas[k] == person) for person in deltas.values()})
    assert results[0] == results[1] and len(results[0]) < 12


def expected(people: dict[str, Any], sent: dict[str, str], own: dict[str, str]) -> dict[str, str]:
    """By the declared keys, in plain Python: the same phone and the same year, or phone, name and a year at most one off."""
    groups = [{key} for key in people]
    for one, other in combinations(people, 2):
        a, b = people[one], people[other]
        years = abs(int(a["naissance"]) - int(b["naissance"]))
        names = {text["nom"].removeprefix("El ") for text in (a, b)}
        if a["telephone"] == b["telephone"] and (years == 0 or (years == 1 and len(names) == 1)):
            joined = [group for group in groups if one in group or other in group]
            groups = [group for group in groups if group not in joined] + [set().union(*joined)]
    first = {own[key]: min(sent[other] for other in people if own[other] == own[key]) for key in people}
    kept = [(group, min({own[key] for key in group}, key=lambda person: (first[person], person))) for group in groups]
    return {key: person for group, person in kept for key in group}


def test_whoever_turns_out_to_be_a_person_at_rest_rests_too(linked: Bench) -> None:
    night(linked, a=visit(**HER), z=visit(nom="Autre", telephone="0699999999"))
    person = ids_of(linked.project, linked.keyring, HER)[0]
    restrict(linked.warehouse, linked.project.id, {person}, ACTOR)
    linked.protect()
    night(linked, b=visit(**OFF, membres=[{"membres/lien": "enfant"}]))
    assert set(shown(linked)) == {"z"} and linked.table("pseudonymised", "__membres") == []
    workshop(linked, OFF, {"nom": "Autre", "telephone": "0699999999", "naissance": "1990"})
    assert [row["repeat_index"] for row in linked.table("pseudonymised", "__participants", "ateliers")] == [2]
    hers = {place.person_id for place in places_of(linked.warehouse, linked.keyring, linked.project, {person})}
    assert len(hers) == 2
    restrict(linked.warehouse, linked.project.id, hers, ACTOR, lift=True)
    linked.protect()
    assert set(shown(linked)) == {"a", "b", "z"} and shown(linked)["a"] == shown(linked)["b"]


def test_a_person_is_found_and_erased_under_all_her_pseudonyms(linked: Bench, settings: Settings) -> None:
    """Whichever of them is given; and no key, link, merge or decision of hers is left."""
    night(linked, a=visit(**HER), b=visit(**OFF), z=visit(nom="Autre", telephone="0698765432"))
    for given in (HER, OFF):
        person = ids_of(linked.project, linked.keyring, given)[0]
        places = places_of(linked.warehouse, linked.keyring, linked.project, {person})
        assert {place.submission_id for place in places} == {"a", "b"}
    erase_person(settings, linked.warehouse, linked.keyring, linked.project, [person], ACTOR, really=True)
    assert set(shown(linked)) == {"z"}
    for table, left in (("person_key", 2), ("person_link", 0), ("person_merge", 0), ("person_decision", 0)):
        assert linked.query(f"select count(*) from vault.{table} where project = %s", linked.project.id) == [(left,)], (
            table
        )
    night(linked)
    assert set(shown(linked)) == {"z"}


def test_the_same_keys_are_no_ones_in_another_project(linked: Bench, warehouse: Warehouse, tmp_path: Path) -> None:
    with bench_of(warehouse, tmp_path / "other", LINKED, keyring=linked.keyring) as other:
        other.source = Dated()
        for bench in (linked, other):
            night(bench, a=visit(**HER))
        keys = [
            {row[0] for row in bench.query("select key from vault.person_key where project = %s", bench.project.id)}
            for bench in (linked, other)
        ]
        assert all(keys) and keys[0].isdisjoint(keys[1])
