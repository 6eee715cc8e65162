"""One answer corrected at a person's request, corrected again, and given back; and the register of requests."""

from __future__ import annotations

import stat
from datetime import date, timedelta

import pytest

from meal_pipelines.clean.corrections import read_log
from meal_pipelines.clean.stage import prepare, publish
from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.protect.rights.access import Actor
from meal_pipelines.protect.rights.rectification import Place, rectify, undo
from meal_pipelines.protect.rights.requests import close_request, open_request, requests
from meal_pipelines.warehouse import Warehouse
from tests.stage_cases import Bench, visit

ACTOR = Actor("officer", "dpo", "demande n° 4")


def corrected(bench: Bench, place: Place, new: str | None) -> None:
    rectify(
        bench.warehouse,
        bench.keyring,
        bench.project,
        bench.form,
        place,
        new,
        bench.folder / "log" / "visites.csv",
        ACTOR,
    )


def names(bench: Bench) -> list[str]:
    log = read_log(bench.folder / "log" / "visites.csv")
    build = prepare(bench.warehouse, bench.keyring, bench.project, bench.form, log)
    assert build is not None
    publish(bench.warehouse, build, log)
    return [row["personal"]["nom"] for row in bench.table("cleaned")]


def test_an_answer_is_corrected_twice_and_each_correction_can_be_undone(bench: Bench) -> None:
    bench.run(a=visit(nom="Zineb"), b=visit(nom="Autre"))
    place = ("a", "", 0, "nom")
    corrected(bench, place, "Zaynab")
    assert names(bench) == ["Zaynab", "Autre"]
    corrected(bench, place, "Zeineb")
    assert names(bench) == ["Zeineb", "Autre"]
    log = bench.folder / "log" / "visites.csv"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    undo(bench.warehouse, bench.project, bench.form, place, log, ACTOR)
    assert names(bench) == ["Zaynab", "Autre"]
    undo(bench.warehouse, bench.project, bench.form, place, log, ACTOR)
    assert names(bench) == ["Zineb", "Autre"]
    with pytest.raises(MealError, match="rien à annuler"):
        undo(bench.warehouse, bench.project, bench.form, place, log, ACTOR)
    recorded = bench.query("select distinct what, submission_id from audit.access where project = %s", bench.project.id)
    assert recorded == [("rectify", "a")]


def test_a_row_of_a_repeat_is_corrected_in_its_place(bench: Bench) -> None:
    members = [{"membres/prenom": name, "membres/lien": "enfant"} for name in ("Ali", "Sara")]
    bench.run(a=visit(membres=members))
    corrected(bench, ("a", "membres", 2, "prenom"), "Sarah")
    names(bench)
    assert [row["personal"]["prenom"] for row in bench.table("cleaned", "__membres")] == ["Ali", "Sarah"]


@pytest.mark.parametrize(
    ("place", "new", "error", "told"),
    [
        (("a", "", 0, "nome"), "x", ConfigurationError, "n'a pas cette question"),
        (("z", "", 0, "nom"), "x", MealError, "n'est pas dans l'entrepôt"),
        (("a", "membres", 3, "prenom"), "x", MealError, "n'existe pas dans la soumission"),
        (("a", "", 0, "nom"), "Zineb", MealError, "déjà celle-là"),
    ],
)
def test_what_cannot_be_corrected_is_said_without_the_answer(
    bench: Bench, place: Place, new: str, error: type[MealError], told: str
) -> None:
    bench.run(a=visit(nom="Zineb"))
    with pytest.raises(error, match=told) as failure:
        corrected(bench, place, new)
    assert "Zineb" not in str(failure.value) and not (bench.folder / "log").exists()


def test_a_request_is_due_in_a_month_and_is_closed_once(warehouse: Warehouse) -> None:
    received = date.today() - timedelta(days=40)
    late, fresh = open_request(warehouse, "p", "erase", received), open_request(warehouse, "p", "export", date.today())
    assert late.is_late and not fresh.is_late and 28 <= (late.due_on - received).days <= 31
    mine = [each.request_id for each in requests(warehouse, only_open=True)]
    assert mine.index(late.request_id) < mine.index(fresh.request_id)
    close_request(warehouse, late.request_id, is_refused=True)
    close_request(warehouse, fresh.request_id, is_refused=False)
    with pytest.raises(MealError, match="Aucune demande ouverte"):
        close_request(warehouse, late.request_id, is_refused=False)
    states = {each.request_id: each.state for each in requests(warehouse, only_open=False)}
    assert (states[late.request_id], states[fresh.request_id]) == ("refused", "done")
    with pytest.raises(MealError, match="futur"):
        open_request(warehouse, "p", "erase", date.today() + timedelta(days=1))
