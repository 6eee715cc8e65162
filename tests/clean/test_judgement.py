"""What becomes of each answer of a submission: typed, emptied with a reason, or set aside with its row."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from tests.stage_cases import GOOD, PROJECT, Bench, visit

SECRET = "Zaïnab-Introuvable"


def test_answers_are_stored_with_the_types_of_their_questions(bench: Bench) -> None:
    """PostgreSQL's own types: an analyst adds, compares and filters without a cast."""
    bench.run(
        a=visit(
            jour="04/05/2026", duree="٣٠", poids="61,50", heure="10:30:00.000+01:00", besoins="sante emploi sante",
            moment="2026-05-04T10:00:00.000+01:00", position="33.97 -6.85 0 0",
        )
    )  # fmt: skip
    [row] = bench.table("cleaned")
    assert (row["jour"], row["duree"], row["poids"]) == (dt.date(2026, 5, 4), 30, Decimal("61.50"))
    assert (row["heure"], row["besoins"]) == (dt.time(10, 30), ["sante", "emploi"])
    assert row["moment"] == dt.datetime(2026, 5, 4, 9, tzinfo=dt.UTC)
    assert row["personal"]["position"] == "33.97 -6.85 0 0"
    assert bench.faults() == set()


FAULTS: list[tuple[dict[str, Any], str, str, str]] = [
    ({"duree": "trente"}, "duree", "type", "warning"),
    ({"duree": "481"}, "duree", "constraint", "warning"),
    ({"besoins": "sante logement"}, "besoins", "choice", "warning"),
    ({"commune": "99"}, "commune", "choice", "warning"),
    ({"position": "91 0"}, "position", "type", "warning"),
    ({"jour": "hier"}, "jour", "type", "critical"),
    ({"jour": "2026-06-02"}, "jour", "constraint", "critical"),
    ({"jour": None}, "jour", "required", "critical"),
    ({"accord": "peut-être"}, "accord", "choice", "critical"),
    ({"sexe": "X"}, "sexe", "choice", "critical"),
    ({"naissance": "1890"}, "naissance", "constraint", "critical"),
    ({"nom": None}, "nom", "required", "critical"),
    ({"poids": None}, "poids", "required", "warning"),
    ({"poids": "lourd"}, "poids", "type", "warning"),
    ({"duree": "100"}, "", "duree_et_poids", "warning"),
]
"""What is changed in a good visit, and the one fault that follows: question, rule, severity."""


def test_a_fault_is_named_once_and_costs_the_row_only_when_it_cannot_do_without(bench: Bench) -> None:
    """Required answers hold the row (`poids` is required too, and tolerated by the project); others are emptied."""
    rows = {f"s{number:02}": visit(**changes) for number, (changes, *_) in enumerate(FAULTS)}
    build = bench.run(good=visit(), **rows)
    assert bench.faults() == {(key, "", 0, *fault) for key, (_, *fault) in zip(rows, FAULTS, strict=True)}
    kept = {row["submission_id"]: row for row in bench.table("cleaned")}
    critical = {key for key, (*_, severity) in zip(rows, FAULTS, strict=True) if severity == "critical"}
    assert set(kept) == {"good", *rows} - critical and build.quarantined == len(critical)
    for key, (_, question, _, severity) in zip(rows, FAULTS, strict=True):
        if severity == "warning" and question:
            assert kept[key].get(question) is None and question not in (kept[key]["personal"] or {})


def test_an_answer_that_need_not_be_given_is_emptied_and_its_row_stands(bench: Bench) -> None:
    """The name is required of who agrees: a leftover in the form of who refused is no reason to lose the visit.

    A personal answer of who refused is not even kept, and is not judged.
    """
    bench.run(a=visit(accord="non", naissance="1890", nom=None, sexe="X"))
    assert bench.faults() == {("a", "", 0, "sexe", "choice", "warning")}
    assert [row["submission_id"] for row in bench.table("cleaned")] == ["a"]


def test_messages_are_the_forms_own_and_hold_no_answer(bench: Bench) -> None:
    """They are read in Dagster, in logs and in workbooks."""
    bench.run(
        a=visit(duree="481", jour=SECRET, besoins=SECRET, naissance="٣", sexe=SECRET, telephone=SECRET, poids=SECRET)
    )
    messages = dict(bench.query("select question, message from quality.rejection where project = %s", bench.project.id))
    assert messages == {
        "duree": "La durée va de 5 à 480 minutes.",
        "jour": "La réponse n'est pas une date.",
        "besoins": "La réponse n'est pas dans la liste de choix « besoin ».",
        "naissance": "La réponse ne respecte pas la contrainte de la question.",
        "sexe": "La réponse n'est pas dans la liste de choix « sexe ».",
        "poids": "La réponse n'est pas un nombre.",
    }


def test_a_faulty_row_of_a_repeat_goes_alone_and_takes_what_is_inside_it(bench: Bench) -> None:
    """One wrong member of the household is no reason to lose the household, nor its other members."""
    members = [
        {"membres/lien": "enfant", "membres/age": "7", "membres/suites": [{"membres/suites/note": "12"}]},
        {"membres/lien": "voisin", "membres/suites": [{"membres/suites/note": "11"}, {"membres/suites/note": "10"}]},
        {"membres/lien": "conjoint", "membres/age": "44", "membres/suites": [{"membres/suites/note": "25"}, {"membres/suites/note": "9"}]},
    ]  # fmt: skip
    bench.run(a=visit(membres=members))
    assert bench.faults() == {
        ("a", "membres", 2, "lien", "choice", "critical"),
        ("a", "suites", 4, "note", "constraint", "critical"),
    }
    assert len(bench.table("cleaned")) == 1
    assert [row["repeat_index"] for row in bench.table("cleaned", "__membres")] == [1, 3]
    nested = [(row["repeat_index"], row["parent_index"], row["note"]) for row in bench.table("cleaned", "__suites")]
    assert nested == [(1, 1, 12), (5, 3, 9)]


def test_the_rows_of_a_submission_that_is_set_aside_are_set_aside_with_it(bench: Bench) -> None:
    bench.run(a=visit(jour=None, membres=[{"membres/lien": "enfant"}]), b=visit(membres=[{"membres/lien": "enfant"}]))
    assert [row["submission_id"] for row in bench.table("cleaned", "__membres")] == ["b"]


def test_a_rule_of_the_project_judges_the_rows_of_its_repeat(bench: Bench) -> None:
    """A critical rule sets the row aside; where a question it names is unanswered it says nothing."""
    members = [
        {"membres/lien": "conjoint", "membres/age": "12"},
        {"membres/lien": "enfant", "membres/age": "12"},
        {"membres/lien": "conjoint"},
    ]
    bench.run(a=visit(membres=members))
    assert bench.faults() == {("a", "membres", 1, "", "femme_adulte", "critical")}
    assert [row["repeat_index"] for row in bench.table("cleaned", "__membres")] == [2, 3]


def test_answers_come_under_full_paths_or_bare_names_even_in_one_chunk(bench: Bench) -> None:
    """A server sends `identite/nom`, an export `nom`; the day both are in one form none may be lost."""
    bare = {path.rpartition("/")[2]: answer for path, answer in GOOD.items()}
    build = bench.run(a=visit(), b=bare)
    first, second = bench.table("cleaned")
    assert first["personal"] == second["personal"] and first["sexe"] == second["sexe"] == "F"
    assert build.unknown == set() and bench.faults() == set()


def test_a_question_that_nobody_declared_is_kept_sealed_and_named(bench: Bench) -> None:
    """A new version of the form: what it asks is unknown here, and may be anything."""
    build = bench.run(a=visit(nouvelle=SECRET), b=visit())
    assert build.unknown == {"nouvelle"}
    first, second = bench.table("cleaned")
    assert first["personal"]["?"] == {"nouvelle": SECRET} and "?" not in second["personal"]
    assert "nouvelle" not in first and "nouvelle" not in bench.table("pseudonymised")[0]


def test_a_question_without_a_class_is_sealed(bench: Bench) -> None:
    """Private until classified."""
    bench.run(a=visit(inconnue=SECRET))
    [row] = bench.table("cleaned")
    assert "inconnue" not in row and row["personal"]["inconnue"] == SECRET
    assert "inconnue" not in bench.table("pseudonymised")[0]


def test_what_a_server_adds_of_its_own_is_no_unknown_question(bench: Bench) -> None:
    """Nor are the columns that an export spreads a multiple choice over."""
    extra = {
        "_id": 12,
        "_attachments": [],
        "meta/instanceID": "uuid:1",
        "formhub/uuid": "x",
        "besoins": "sante",
        "besoins/sante": "1",
    }
    assert bench.run(a=visit() | extra).unknown == set()


@pytest.mark.parametrize("accord", ["non", None])
def test_of_a_person_who_does_not_consent_nothing_personal_is_kept(accord: str | None, bench: Bench) -> None:
    """The visit counts, and names nobody: not in the form, not in its repeats, not in the vault."""
    text = PROJECT.replace("tolerated: [poids]", "tolerated: [poids, accord]")
    bench.redeclare(text)
    member = {"membres/prenom": SECRET, "membres/lien": "enfant", "membres/inconnue": SECRET}
    bench.run(a=visit(accord=accord, remarques=SECRET, nouvelle=SECRET, membres=[member]))
    [row], [person] = bench.table("cleaned"), bench.table("cleaned", "__membres")
    assert row["personal"] is None and person["personal"] is None and person["lien"] == "enfant"
    assert bench.query("select * from vault.identity where project = %s", bench.project.id) == []
    [shown] = bench.table("pseudonymised")
    assert (shown["person_id"], shown["age_band"], shown["province_code"], shown["duree"]) == (None, None, None, 30)


def test_a_submission_sent_twice_is_recognised_and_stays(bench: Bench) -> None:
    """Whoever counts decides; the key says which are the same, without saying what they say."""
    bench.run(a=visit(), b=visit(nom="Autre"), c=visit(jour="2026-05-05"), d=visit(commune=None))
    keys = [row["duplicate_key"] for row in bench.table("cleaned")]
    assert keys[0] == keys[1] and keys[0] != keys[2] and keys[3] is None
    assert keys[0] is not None and len(keys[0]) == 32
    assert [row["duplicate_key"] for row in bench.table("pseudonymised")] == keys


def test_texts_that_mean_something_to_copy_or_to_arrays_arrive_unchanged(bench: Bench) -> None:
    """Tabs, backslashes, quotes and line breaks in a remark; NUL, which PostgreSQL cannot hold, is left out."""
    odd = 'a\tb\\N\n"c" {d,e} \\x00 ÿ'
    bench.run(a=visit(remarques=odd + "\x00"), b=visit(remarques="\\N"))
    assert [row["personal"]["remarques"] for row in bench.table("cleaned")] == [odd, "\\N"]
