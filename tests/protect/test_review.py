"""What weak keys bring together is proposed and never joined alone; what a reviewer said holds until another word is said."""

from __future__ import annotations

import base64
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from psycopg2 import errors

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.protect.persons.decisions import Decided, Decision, Verdict, decide
from meal_pipelines.protect.persons.review import Proposals, proposals
from meal_pipelines.protect.persons.review_workbook import DECISION, read_workbook, write_workbook
from meal_pipelines.warehouse import Warehouse
from tests.protect.test_linking import HER, LINKED, Dated, night, shown
from tests.stage_cases import Bench, bench_of, visit

MOVED = HER | {"telephone": "0677000011", "nom": "Idrissi"}
"""The same name and year, another phone: perhaps the same woman, perhaps not."""
REVIEWED = LINKED.replace("    weak: [[nom, naissance]]\n", "    weak: [[nom, naissance]]\n    places: [sexe]\n")


@pytest.fixture
def bench(warehouse: Warehouse, tmp_path: Path) -> Iterator[Bench]:
    with bench_of(warehouse, tmp_path, REVIEWED) as made:
        made.source = Dated(sent={"a": "2026-05-10", "b": "2026-05-20"})
        night(made, a=visit(**HER), b=visit(**MOVED), z=visit(nom="Autre", telephone="0699999999"))
        yield made


def proposed(bench: Bench, *, decided: bool = False) -> Proposals:
    with bench.warehouse.connect() as connection, connection.cursor() as cursor:
        return proposals(cursor, bench.project, decided=decided)


def say(bench: Bench, one: str, other: str, verdict: Verdict, *, really: bool = True) -> Decided:
    return decide(bench.warehouse, bench.project, [Decision(one, other, verdict, 2)], "relectrice", really=really)


def test_a_weak_pair_is_proposed_and_not_joined(bench: Bench) -> None:
    people = shown(bench)
    [pair] = proposed(bench).pairs
    assert {pair.one, pair.other} == {people["a"], people["b"]} and people["a"] != people["b"]
    assert pair.agreeing == ("nom+naissance",)
    met = proposed(bench).met[people["a"]]
    assert (met.forms, met.months, met.ages, dict(met.places)) == (
        {"Visites": 1}, {"2026-05"}, {"35-59"}, {"sexe": {"F"}},
    )  # fmt: skip


def test_persons_met_in_places_that_never_agree_are_not_proposed(bench: Bench) -> None:
    night(bench, b=visit(**MOVED, sexe="H"))
    assert proposed(bench).pairs == []


def test_the_workbook_names_nobody_and_comes_back_with_its_decisions(bench: Bench, tmp_path: Path) -> None:
    """Its bytes are searched, in and out of the ZIP, for what the visits said."""
    path = tmp_path / "paires.xlsx"
    write_workbook(bench.project, proposed(bench), path)
    content = (
        b"".join(zipfile.ZipFile(path).read(name) for name in zipfile.ZipFile(path).namelist()) + path.read_bytes()
    )
    for text in ("Idrissi", "612345678", "77000011", "1990"):
        assert text.encode() not in content and base64.b64encode(text.encode()).rstrip(b"=") not in content, text
    book = openpyxl.load_workbook(path)
    sheet = book["Paires"]
    column = next(cell.column for cell in sheet[1] if cell.value == DECISION)
    assert sheet.max_row == 2 and sheet.cell(2, column).value in (None, "–") and sheet.protection.sheet
    assert not sheet.cell(2, column).protection.locked and sheet.cell(2, 1).protection.locked
    assert sheet.cell(2, 3).value == "Nom + Année de naissance" and sheet.cell(1, 8).value == "Sexe A"
    [rule] = sheet.data_validations.dataValidation
    assert rule.formula1 == '"même personne,différentes,à revoir"' and sheet.cell(2, column).coordinate in rule.sqref
    assert read_workbook(bench.project, path) == []
    sheet.cell(2, column).value = "même personne"
    book.save(path)
    [decision] = read_workbook(bench.project, path)
    assert decision.verdict == "same" and {decision.one, decision.other} == {shown(bench)[key] for key in "ab"}


def test_a_decision_shows_what_it_would_change_before_it_changes_anything(bench: Bench) -> None:
    before = shown(bench)
    done = say(bench, before["a"], before["b"], "same", really=False)
    assert (done.new["same"], done.linked.merged) == (1, 1) and shown(bench) == before and proposed(bench).pairs
    done = say(bench, before["b"], before["a"], "same")
    assert done.linked.merged == 1 and shown(bench) == before | {"b": before["a"]}
    assert say(bench, before["a"], before["b"], "same").is_empty
    query = "select kept, merged, because from vault.person_merge where project = %s"
    assert bench.query(query, bench.project.id) == [(before["a"], before["b"], "decision")]


def test_what_was_decided_is_not_proposed_again_and_may_be_taken_back(bench: Bench) -> None:
    before = shown(bench)
    for verdict, people in (("same", {**before, "b": before["a"]}), ("different", before)):
        say(bench, before["a"], before["b"], verdict)  # type: ignore[arg-type]
        assert shown(bench) == people and proposed(bench).pairs == []
        assert [pair.verdict for pair in proposed(bench, decided=True).pairs] == [verdict]
    say(bench, before["a"], before["b"], "later")
    assert len(proposed(bench).pairs) == 1 and proposed(bench, decided=True).pairs == []
    said = bench.query("select verdict from vault.person_decision where project = %s order by 1", bench.project.id)
    assert [verdict for (verdict,) in said] == ["different", "later", "same"], "every word is kept"


def test_two_persons_stay_two_whatever_strong_key_they_come_to_share(bench: Bench) -> None:
    """Nor by way of a third record that shares one with each; and whoever says otherwise is told what stands against it."""
    before = shown(bench)
    say(bench, before["a"], before["b"], "different")
    night(bench, c=visit(**HER | {"naissance": "1991"}), d=visit(**MOVED | {"naissance": "1991"}))
    now = shown(bench)
    assert now["c"] == now["a"] == before["a"] and now["d"] == now["b"] == before["b"]
    done = say(bench, *sorted((before["a"], now["z"])), "same")  # type: ignore[misc]
    assert done.linked.merged == 1
    blocked = say(bench, now["z"], before["b"], "same")
    assert blocked.blocked == [2] and shown(bench)["b"] == before["b"]


def test_a_decision_on_nobody_or_two_decisions_on_one_pair_are_refused(bench: Bench) -> None:
    a, b = shown(bench)["a"], shown(bench)["b"]
    with pytest.raises(ConfigurationError, match="Ligne 2 : un pseudonyme n'est plus connu"):
        say(bench, a, "0" * 32, "same")
    with pytest.raises(ConfigurationError, match="Lignes 2 et 3 : la même paire y est décidée de deux façons"):
        decide(bench.warehouse, bench.project, [Decision(a, b, "same", 2), Decision(b, a, "different", 3)], "r")
    with pytest.raises(ConfigurationError, match="--by"):
        decide(bench.warehouse, bench.project, [Decision(a, b, "same", 2)], " ")
    assert bench.query("select * from vault.person_decision where project = %s", bench.project.id) == []


def test_a_decision_is_never_changed(bench: Bench) -> None:
    say(bench, shown(bench)["a"], shown(bench)["b"], "different")
    with bench.warehouse.connect() as connection, connection.cursor() as cursor:
        with pytest.raises(errors.RestrictViolation):
            cursor.execute("update vault.person_decision set verdict = 'same' where project = %s", (bench.project.id,))
        connection.rollback()


def test_another_projects_workbook_and_a_word_of_ones_own_are_refused(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "paires.xlsx"
    write_workbook(bench.project, proposed(bench), path)
    with pytest.raises(ConfigurationError, match="existe déjà"):
        write_workbook(bench.project, proposed(bench), path)
    book = openpyxl.load_workbook(path)
    book["Paires"].cell(2, book["Paires"].max_column).value = "peut-être"
    book.save(path)
    with pytest.raises(ConfigurationError, match="Ligne 2 : la décision n'est pas dans la liste"):
        read_workbook(bench.project, path)
    book["À lire"]["B1"].value = "autre"
    book.save(path)
    with pytest.raises(ConfigurationError, match=re.escape(f"n'est pas du projet « {bench.project.id} »")):
        read_workbook(bench.project, path)
    (tmp_path / "texte.xlsx").write_text("x", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="n'est pas un classeur Excel lisible"):
        read_workbook(bench.project, tmp_path / "texte.xlsx")
