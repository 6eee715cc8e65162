"""Of a person who answers « non » nothing personal is kept, not even sealed; what she may not decide for others stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from meal_pipelines.warehouse import Warehouse
from tests.stage_cases import ATELIERS, PROJECT, Bench, Memory, bench_of, visit

SECRET = "Zineb Ouazzani-Planted"
REFUSING = PROJECT.replace(
    "questionnaire: {survey: ateliers.csv, choices: choices.csv}",
    "questionnaire: {survey: ateliers.csv, choices: choices.csv}\n    refusal: accord = non",
).replace("open: [theme]", "open: [theme, accord]")


def payloads(bench: Bench, form: str = "visites") -> list[dict[str, Any] | None]:
    """Every version of every submission, opened; None for one that says nothing any more."""
    rows = bench.query(
        "select submission_id, version, payload from raw.submission where project = %s and form = %s order by 1, 2",
        bench.project.id, form,
    )  # fmt: skip
    return [
        None if blob is None else bench.unsealed(blob, f"raw|{bench.project.id}|{form}|{submission_id}|{version}")
        for submission_id, version, blob in rows
    ]


def test_an_identity_typed_in_spite_of_a_refusal_is_not_collected(bench: Bench) -> None:
    """The form ends there; a tablet that was not cleared, or a hasty officer, sends it all the same."""
    member = {"membres/prenom": SECRET, "membres/lien": "enfant"}
    odd = {"nouvelle": SECRET, "_submitted_by": SECRET, "meta/instanceName": SECRET, "_id": 7}
    bench.run(a=visit(accord="non", nom=SECRET, remarques=SECRET, membres=[member]) | odd, b=visit(nom="Autre"))
    refused, agreed = payloads(bench)
    assert refused is not None and SECRET not in orjson.dumps(refused).decode()
    assert (refused["accord"], refused["duree"], refused["_id"]) == ("non", "30", 7)
    assert refused["membres"][0]["membres/lien"] == "enfant"
    assert agreed is not None and agreed["identite/nom"] == "Autre"
    assert bench.faults() == set()
    assert [row["duree"] for row in bench.table("pseudonymised")] == [30, 30]


@pytest.mark.parametrize("accord", [None, "", "peut-être", "1"])
def test_what_is_no_refusal_is_collected_whole(accord: str | None, bench: Bench) -> None:
    """An answer of an older version may be an agreement in other words, and what is taken out never comes back."""
    bench.run(a=visit(accord=accord, nom=SECRET))
    [kept] = payloads(bench)
    assert kept is not None and kept["identite/nom"] == SECRET


def test_a_refusal_that_is_shown_again_is_no_edit_and_an_edit_of_it_is_one(bench: Bench) -> None:
    """Nothing of the difference may come from what was not kept."""
    bench.run(a=visit(accord="non", nom=SECRET))
    assert bench.sync().written == 0
    bench.source.rows["a"] = visit(accord="non", nom=SECRET, duree="45")
    assert bench.sync().changed == 1
    assert len(payloads(bench)) == 2 and SECRET not in str(payloads(bench))


def test_a_refusal_that_comes_later_takes_back_what_was_said_before(bench: Bench) -> None:
    bench.run(a=visit(nom=SECRET), b=visit(nom="Autre"))
    bench.run(a=visit(nom=SECRET, accord="non"), b=visit(nom="Autre"))
    before, after, other = payloads(bench)
    assert before is None and after is not None and SECRET not in str(after) and "Autre" in str(other)
    assert SECRET not in str(bench.table("cleaned"))
    assert [row[0] for row in bench.query(HELD, bench.project.id)] == ["b"]
    bench.run(a=visit(nom="Une Autre"), b=visit(nom="Autre"))
    assert payloads(bench)[2] is not None and "Une Autre" in str(payloads(bench)[2])


HELD = "select submission_id from vault.identity where project = %s"


@pytest.fixture
def workshops(warehouse: Warehouse, tmp_path: Path) -> Iterator[Bench]:
    """Each participant is asked by herself."""
    with bench_of(warehouse, tmp_path, REFUSING, ateliers=ATELIERS.replace(PERSON, f"{PERSON}\n{ASKED}")) as bench:
        yield bench


PERSON = "text,nom,Nom,"
ASKED = "select_one oui_non,accord,La personne accepte-t-elle ?,"


def test_one_of_several_persons_refuses_for_herself(workshops: Bench) -> None:
    people = [("oui", "Autre Personne"), ("non", SECRET), ("", "Sur carte")]
    rows = [
        {"participants/accord": accord, "participants/nom": nom, "participants/naissance": "1990"}
        for accord, nom in people
    ]
    source = Memory()
    source.rows = {"x": {"theme": "droits", "participants": rows}}
    workshops.sync("ateliers", source)
    [kept] = payloads(workshops, "ateliers")
    assert kept is not None and SECRET not in str(kept) and "Autre Personne" in str(kept) and "Sur carte" in str(kept)
    workshops.clean("ateliers")
    workshops.protect("ateliers")
    people_known = [row["person_id"] for row in workshops.table("pseudonymised", "__participants", "ateliers")]
    assert people_known[1] is None and None not in (people_known[0], people_known[2])
    assert "⌫" not in str(workshops.query("select sealed from vault.identity where project = %s", workshops.project.id))
