"""A person whose data rest is in nothing that is computed, is still held, and comes back whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from meal_pipelines.protect.rights.access import Actor
from meal_pipelines.protect.rights.finding import ids_of
from meal_pipelines.protect.rights.restriction import restrict
from tests.stage_cases import Bench, Memory, visit

HER = {"nom": "Zineb Ouazzani-Planted", "telephone": "0699887766", "naissance": "1984"}
ACTOR = Actor("officer", "dpo", "demande n° 2")


@pytest.fixture
def filled(bench: Bench) -> Iterator[Bench]:
    member = {"membres/lien": "enfant", "membres/suites": [{"membres/suites/note": "5"}]}
    bench.run(a=visit(**HER, membres=[member]), b=visit(nom="Autre", membres=[member]))
    people = [
        {"participants/nom": "Autre", "participants/naissance": "1990"},
        {f"participants/{k}": v for k, v in HER.items()},
    ]
    source = Memory()
    source.rows = {"x": {"theme": "droits", "participants": people}}
    bench.sync("ateliers", source)
    bench.clean("ateliers")
    bench.protect("ateliers")
    yield bench


def shown(bench: Bench) -> list[Any]:
    return [
        [row["submission_id"] for row in bench.table("pseudonymised", suffix)]
        for suffix in ("", "__membres", "__suites")
    ] + [[row["repeat_index"] for row in bench.table("pseudonymised", "__participants", "ateliers")]]


def test_whose_data_rest_is_left_out_with_all_that_is_inside_and_comes_back(filled: Bench) -> None:
    before = shown(filled)
    assert before == [["a", "b"], ["a", "b"], ["a", "b"], [1, 2]]
    person = ids_of(filled.project, filled.keyring, HER)[0]
    assert restrict(filled.warehouse, filled.project.id, {person}, ACTOR) == 1
    assert restrict(filled.warehouse, filled.project.id, {person}, ACTOR) == 0
    filled.protect()
    filled.protect("ateliers")
    assert shown(filled) == [["b"], ["b"], ["b"], [1]]
    held = filled.query(
        "select count(*) from vault.identity where project = %s and person_id = %s", filled.project.id, person
    )
    assert held == [(2,)] and len(filled.table("cleaned")) == 2
    assert filled.protect() is None
    restrict(filled.warehouse, filled.project.id, {person}, ACTOR, lift=True)
    filled.protect()
    filled.protect("ateliers")
    assert shown(filled) == before


def test_what_arrives_meanwhile_rests_too(filled: Bench) -> None:
    person = ids_of(filled.project, filled.keyring, HER)[0]
    restrict(filled.warehouse, filled.project.id, {person}, ACTOR)
    filled.source.rows["c"] = visit(**HER)
    filled.source.rows["d"] = visit(nom="Une Autre")
    filled.sync()
    filled.clean()
    build = filled.protect()
    assert build is not None and shown(filled)[0] == ["b", "d"]
    filled.source.rows["e"] = visit(**HER, jour="2026-05-21")
    filled.sync()
    filled.clean()
    build = filled.protect()
    assert build is not None and not build.whole and shown(filled)[0] == ["b", "d"]
