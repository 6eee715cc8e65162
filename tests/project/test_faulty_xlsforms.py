"""Questionnaires as people and older tools wrote them: each is read for what it means, or refused with the place to mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.xlsform import read_questionnaire
from tests.project.xlsforms import CHOICES, Lines, workbook

PUBLISHED = Path(__file__).parents[2].parent / "shared" / "surveydata" / "XLSForm+pyxform"

SEX: Lines = [["list name", "name", "label:Français"], ["sexe", "F", "Femme"], ["sexe", "H", "Homme"]]


@pytest.mark.parametrize(
    ("wording", "kind", "choices"),
    [
        ("select one from sexe", "select_one", ["F", "H"]),
        ("select all that apply from sexe", "select_multiple", ["F", "H"]),
        ("add select one prompt using sexe", "select_one", ["F", "H"]),
        ("select1 sexe", "select_one", ["F", "H"]),
        ("select one from sexe or specify other", "select_one", ["F", "H", "other"]),
        ("select_multiple sexe or_other", "select_multiple", ["F", "H", "other"]),
        ("rank sexe", "rank", ["F", "H"]),
        ("phone number", "text", []),
        ("add date time prompt", "dateTime", []),
        ("q picture", "image", []),
        ("uri:deviceid", "deviceid", []),
        ("get start time", "start", []),
        ("number of days in last month", "integer", []),
        ("osm batiment", "file", []),
    ],
)
def test_older_wordings_of_types_mean_what_they_meant(
    wording: str, kind: str, choices: list[str], tmp_path: Path
) -> None:
    """Published forms are copied for years; pyxform still converts these."""
    lines: Lines = [["type", "name", "label:Français"], [wording, "q", "Question"]]
    read = read_questionnaire(workbook(tmp_path / "f.xlsx", survey=lines, choices=SEX))
    [question] = read.questions()
    assert (question.type, question.label) == (kind, "Question")
    found = [choice.name for choice in read.choices.get(question.list_name or "", ())]
    assert found == choices and read.warnings == ()


def test_older_headers_are_read_under_their_present_names(tmp_path: Path) -> None:
    """`bind: relevant` with its space is how ict_survey_fails was published."""
    header = ["type", "name", "caption", "bind:relevant", "bind: constraint", "bind::jr:constraintMsg", "bind:required"]
    line = ["text", "q", "Question", "${a} = 1", ". > 0", "Plus que zéro.", "yes"]
    [question] = read_questionnaire(workbook(tmp_path / "f.xlsx", survey=[header, line])).questions()
    assert (question.relevant, question.constraint, question.required) == (("${a} = 1",), ". > 0", "yes")
    assert question.messages == {"": "Plus que zéro."}


@pytest.mark.parametrize(
    ("header", "line", "said"),
    [
        (
            ["type", "name", "label", "label"],
            ["text", "q", "Un", "Deux"],
            "feuille « survey », ligne 1 : plusieurs colonnes s'appellent « label »",
        ),
        (["type", "name"], ["begin loop over sexe", "q"], "feuille « survey », ligne 2 : les boucles"),
        (
            ["type", "name"],
            ["party like it's 19999", "q"],
            "feuille « survey », ligne 2 : le type « party like it's 19999 » n'existe pas",
        ),
    ],
)
def test_what_cannot_be_read_for_certain_is_refused_with_its_place(
    header: list[str], line: list[str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        read_questionnaire(workbook(tmp_path / "f.xlsx", survey=[header, line], choices=CHOICES))
    assert str(refusal.value).startswith(f"f.xlsx, {said}") and str(refusal.value).count("\n") == 0


REFUSED = {
    "duplicate_columns.xlsx": "plusieurs colonnes s'appellent « label »",
    "extra_columns.xls": "ligne 19999",
    "loop.xlsx": "les boucles (« begin loop »)",
}


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published workbooks stand beside the checkout, not inside it")
def test_each_published_faulty_xlsform_is_read_or_refused_clearly() -> None:
    """pyxform's own workbooks of bugs: no list of choices is lost on the way, and what is refused says where."""
    files = sorted(PUBLISHED.glob("*.xls*"))
    assert len(files) == 18
    for file in files:
        if file.name in REFUSED:
            with pytest.raises(ConfigurationError) as refusal:
                read_questionnaire(file)
            assert file.name in str(refusal.value) and REFUSED[file.name] in str(refusal.value)
        else:
            read = read_questionnaire(file)
            assert list(read.questions()) and read.warnings == (), file.name
