"""What `meal forms lint` says of a questionnaire: each defect once, with its sheet and line, and nothing of a good one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from meal_pipelines.forms.lint import examine
from tests.forms.house import CHOICES, HEADER, KOBO, SURVEY, House
from tests.project.xlsforms import Lines, workbook

FULL = [*HEADER, "choice_filter", "constraint_message::Français (fr)", "constraint_message::العربية (ar)"]


def line(kind: str, name: str, **cells: str) -> list[str]:
    """A line of the survey sheet, worded in both languages."""
    given = {"type": kind, "name": name, HEADER[2]: "Question", HEADER[3]: "سؤال"}
    given |= (
        {"constraint_message::Français (fr)": "Non.", "constraint_message::العربية (ar)": "لا"}
        if "constraint" in cells
        else {}
    )
    return [{**given, **cells}.get(column, "") for column in FULL]


def found(tmp_path: Path, *lines: list[str], choices: Lines = CHOICES) -> list[str]:
    """What is said, as « sheet:row level text », of a form with these questions after `sexe` (line 2)."""
    survey = [FULL, line("select_one sexe", "sexe"), *lines]
    linted = examine("visites", workbook(tmp_path / "visites.xlsx", survey=survey, choices=choices))
    return [f"{each.sheet}:{each.row} {each.level} {each.text}" for each in linted.remarks]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([line("text", "q", **{HEADER[3]: ""})], "survey:3 warning « q » n'a pas de libellé en arabe."),
        ([line("text", "q", **{HEADER[2]: ""})], "survey:3 warning « q » n'a pas de libellé en français."),
        (
            [line("integer", "q", constraint=". > 0", **{"constraint_message::العربية (ar)": ""})],
            "survey:3 warning « q » a une contrainte et pas de message en arabe pour la dire.",
        ),
        (
            [line("calculate", "q", required="yes")],
            "survey:3 warning « q » (calculate) est obligatoire, et personne n'y répond",
        ),
        (
            [line("text", "q", relevant="${p} = '1'")],
            "survey:3 error « q », colonne « relevant » : la question « p » n'existe pas",
        ),
        (
            [line("text", "q", relevant="${p} = '1'"), line("text", "p")],
            "survey:3 warning « q » dépend de « p », posée plus loin (ligne 4)",
        ),
        ([line("text", "q", relevant="${q} = '1'")], "survey:3 error « q » dépend de sa propre réponse"),
        (
            [line("integer", "q", constraint="1 > 0")],
            "survey:3 warning « q » : la contrainte ne regarde pas la réponse",
        ),
        ([line("text", "version")], "survey:3 warning « version » est un nom de l'entrepôt"),
        ([line("text", "Sexe")], "survey:3 warning « Sexe » est déjà le nom d'une question (ligne 2)"),
    ],
)
def test_a_defect_of_a_question_is_said_with_its_line(lines: Lines, said: str, tmp_path: Path) -> None:
    remarks = found(tmp_path, *lines)
    assert any(remark.startswith(said) for remark in remarks), remarks


def test_lists_that_serve_nothing_and_choices_that_stand_twice_are_said(tmp_path: Path) -> None:
    choices = [*CHOICES, ["sexe", "F", "Fille", "بنت"], ["vieux", "a", "A", "ا"]]
    remarks = found(tmp_path, choices=choices)
    assert any(
        remark.startswith("choices:4 error le choix « F » est déjà dans « sexe » (ligne 2)") for remark in remarks
    )
    assert any(
        remark == "choices:5 warning la liste « vieux » n'est utilisée par aucune question." for remark in remarks
    )


def test_a_cascade_that_leaves_nothing_to_choose_is_said(tmp_path: Path) -> None:
    """Nobody who chose « H » could answer, and « c » is never offered."""
    header = [*CHOICES[0], "parent"]
    choices = [header, *([*each, ""] for each in CHOICES[1:]), ["bas", "a", "A", "ا", "F"], ["bas", "c", "C", "ج", "Z"]]
    remarks = found(tmp_path, line("select_one bas", "suite", choice_filter="parent = ${sexe}"), choices=choices)
    assert "survey:3 warning « suite » n'offre aucun choix quand « sexe » vaut « H »." in remarks
    assert "survey:3 warning « suite » : rien ne mène à « c » (colonne « parent » de la liste « bas »)." in remarks


def test_what_pyxform_refuses_is_said_with_its_line(tmp_path: Path) -> None:
    remarks = found(tmp_path, line("text", "un nom"))
    assert any(remark.startswith("survey:3 error pyxform :") for remark in remarks), remarks


def test_odk_validate_is_asked_where_java_is_and_its_absence_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two questions that wait for each other: only the engine of the phones sees it. Without Java the rest is still said."""
    lines = [line("text", "a", relevant="${b} = '1'"), line("text", "b", relevant="${a} = '1'")]
    if shutil.which("java") is not None:
        assert any("error ODK Validate :" in remark for remark in found(tmp_path, *lines))
    monkeypatch.setenv("PATH", str(tmp_path))
    linted = examine("visites", workbook(tmp_path / "v.xlsx", survey=[FULL, *lines]))
    assert linted.skipped.startswith("ODK Validate n'a pas été demandé : il faut Java")
    assert not any("ODK Validate" in remark.text for remark in linted.remarks)


def test_a_file_that_our_reader_refuses_is_said_and_the_others_are_examined(tmp_path: Path) -> None:
    house = House(tmp_path, {"KOBO_URL": "http://127.0.0.1:9", "KOBO_TOKEN": "abc"}, KOBO)
    house.ask([*SURVEY, ["chiffre", "q", "Q", "س", "", "", ""]])
    result = house.run("lint")
    assert result.exit_code == 1
    assert "visites.xlsx, feuille « survey », ligne 5 : le type « chiffre » n'existe pas" in result.output


def test_a_good_questionnaire_gives_no_remark(tmp_path: Path) -> None:
    """An officer who is told ten things that do not matter reads none of them."""
    messages = {"constraint_message::Français (fr)": "Zéro ou plus.", "constraint_message::العربية (ar)": "صفر أو أكثر"}
    assert found(tmp_path, line("integer", "age", constraint=". >= 0", required="yes", **messages)) == []


@pytest.mark.parametrize(
    "file", sorted((Path(__file__).parents[2] / "projects").glob("*/forms/*.xlsx")), ids=lambda f: f.stem
)
def test_the_projects_own_questionnaires_have_no_error(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are what is deployed. ODK Validate is left out here: it takes a second for each."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert [str(remark) for remark in examine(file.stem, file).remarks if remark.level == "error"] == []
