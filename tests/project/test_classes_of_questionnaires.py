"""The class that a questionnaire itself gives its questions, beside what `project.yaml` says."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyxform.xls2xform import convert

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.load import load_project
from meal_pipelines.project.loaded import LoadedForm
from tests.project.xlsforms import workbook
from tests.stage_cases import PROJECT, written

LINES = [
    ["type", "name", "label::Français (fr)", "meal_class"],
    ["text", "theme", "Thème", "open"],
    ["text", "lieu", "Lieu", "Free_Text"],
    ["integer", "age", "Âge", "quasi_identifier"],
    ["text", "autre", "Autre", ""],
]


def load(folder: Path, *, classes: str = "open: [theme]", lines: list[list[str]] | None = None) -> LoadedForm:
    """The form `ateliers`, from an XLSForm with a column of classes."""
    text = PROJECT[: PROJECT.index("  ateliers:")] + (
        "  ateliers:\n    label: Ateliers\n    code: F-ATE\n    unit: atelier\n    questionnaire: ateliers.xlsx\n"
        f"    source: {{use: dossier}}\n    frequency: monthly\n    privacy:\n      {classes}\n"
    )
    written(folder / "essai", "essai", text)
    workbook(folder / "essai" / "ateliers.xlsx", survey=lines or LINES)
    return load_project(folder / "essai", {}).forms["ateliers"]


def test_a_question_may_be_classified_in_its_questionnaire_alone(tmp_path: Path) -> None:
    """What neither place classifies stays sealed; a quasi-identifier that nobody says how to coarsen is not shown."""
    form = load(tmp_path)
    classes = {question.name: form.class_of(question) for question in form.questionnaire.questions()}
    assert classes == {"theme": "open", "lieu": "free_text", "age": "quasi_identifier", "autre": None}
    assert [question.name for question in form.shown(form.questionnaire.main)] == ["theme"]
    age = form.questionnaire.main.question("age")
    assert age is not None and form.generalisation(age) is None


def test_how_the_questionnaire_s_own_quasi_identifier_becomes_coarser_is_said_in_the_project(tmp_path: Path) -> None:
    form = load(tmp_path, classes="quasi_identifier: {age: {to: band, bounds: [18]}}")
    age = form.questionnaire.main.question("age")
    assert age is not None
    rule = form.generalisation(age)
    assert rule is not None and rule.bands == ("< 18", "18 et plus")


@pytest.mark.parametrize(
    "classes", ["identifier: [autre, theme]", 'free_text: ["th*"]', "quasi_identifier: {theme: drop}"]
)
def test_two_classes_for_one_question_are_refused_with_both_places(classes: str, tmp_path: Path) -> None:
    """Taking either in silence might show what somebody meant to hide."""
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, classes=classes)
    text = (tmp_path / "essai" / "project.yaml").read_text(encoding="utf-8").splitlines()
    line = next(number for number, words in enumerate(text, start=1) if words.strip() == classes)
    given = classes.partition(":")[0]
    assert str(caught.value) == (
        f"essai/project.yaml, ligne {line} : « theme » est {given} ; ateliers.xlsx, feuille « survey », ligne 2, dit open. "
        "Écrivez la même classe aux deux endroits, ou à un seul."
    )


def test_a_class_that_does_not_exist_is_refused_with_its_line(tmp_path: Path) -> None:
    lines = [*LINES, ["text", "note", "Note", "prive"]]
    with pytest.raises(
        ConfigurationError, match=r"ateliers\.xlsx, feuille « survey », ligne 6 : « note » a pour classe"
    ):
        load(tmp_path, lines=lines)


def test_a_position_alone_is_rounded(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"« age » n'est pas une position \(geopoint\)"):
        load(tmp_path, classes="quasi_identifier: {age: {to: rounded, step: 0.1}}")


def test_the_servers_own_converter_leaves_the_column_alone(tmp_path: Path) -> None:
    """A form with the column is deployed as the same form without it."""
    (tmp_path / "without").mkdir()
    with_column = workbook(tmp_path / "f.xlsx", survey=LINES)
    without = workbook(tmp_path / "without" / "f.xlsx", survey=[line[:3] for line in LINES])
    assert convert(with_column).xform == convert(without).xform
