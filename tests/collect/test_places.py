"""A partner writes a place as people call it, or by its code of 2014: found when it is certain, left to be corrected otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from meal_pipelines.collect.sheets.answers import Answers
from meal_pipelines.collect.sheets.choices import Codes
from meal_pipelines.project.places import are_places
from meal_pipelines.project.questionnaire import Choice
from meal_pipelines.project.xlsform import read_questionnaire
from meal_pipelines.settings import CHECKOUT

INSTITUTIONS = CHECKOUT / "projects" / "prim2" / "forms" / "institutions.xlsx"
CANDIDATES = CHECKOUT / "projects" / "thamm_plus" / "forms" / "candidats.xlsx"


def codes(form: Path, name: str) -> Codes:
    return Codes(read_questionnaire(form).choices[name])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("02.411.01.23", "02.411.01.23"), ("Oujda", "02.411.01.23"), ("وجدة", "02.411.01.23"),
        ("Taroudannt", "09.541.01.13"), ("Taroudant", "09.541.01.13"), ("TAROUDANT", "09.541.01.13"),
        ("02.167.09.17", "02.167.13.17"), ("اتصافت", "02.167.13.29"), ("إتصافت", "02.167.13.29"),
        ("Pas une commune", None), ("02.411.99.99", None), ("01.051.05.01", None),
    ],
)  # fmt: skip
def test_a_commune_is_known_by_its_names_and_its_code_of_2014(text: str, code: str | None) -> None:
    """The last one is a commune of another region than the form's."""
    assert codes(INSTITUTIONS, "commune").one(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Oujda", "02.411"),
        ("Tanger", "01.511"),
        ("MA-CHT", "09.163"),
        ("Taroudant", "09.541"),
        ("أكادير", "09.001"),
        ("Fahs", None),
    ],
)
def test_a_province_is_known_by_what_people_call_it(text: str, code: str | None) -> None:
    assert codes(CANDIDATES, "province").one(text) == code


def test_a_code_of_2014_that_was_only_deduced_is_not_taken() -> None:
    """The commune that was left over on both sides may be another."""
    list_2024 = Codes(
        [Choice("06.385.01.05", {"fr": "Ouled Salah"}, {}), Choice("06.385.01.07", {"fr": "Bouskoura"}, {})]
    )
    assert list_2024.one("06.385.03.05") is None and list_2024.one("Ouled Salah") == "06.385.01.05"


def test_a_name_that_two_places_bear_is_left_as_it_was_typed_unless_the_province_tells() -> None:
    """Cleaning then says that it is not in the list, and how to write it."""
    questionnaire = read_questionnaire(INSTITUTIONS)
    [commune] = [question for question in questionnaire.questions() if question.name == "commune"]
    twins = {"fr": "Sidi Boubker"}
    two = [Choice("02.113.99.01", twins, {"province": "02.113"}), Choice("02.275.99.01", twins, {"province": "02.275"})]
    questionnaire.choices["commune"] = (*questionnaire.choices["commune"], *two)
    answers = Answers(questionnaire)
    known = {choice.name for choice in questionnaire.choices["commune"]}
    typed = "Sidi Boubker"
    same = [choice.name for choice in questionnaire.choices["commune"] if choice.labels.get("fr") == typed]
    assert len(same) >= 2
    assert answers.read(commune, typed, {}) == typed not in known
    assert answers.read(commune, typed, {"province": "02.113"}) == "02.113.99.01"


def test_other_lists_have_no_places_in_them() -> None:
    """A list of figures is not one of regions, and an alias is no answer to it."""
    assert not are_places({"01", "02", "09"}) and not are_places({"oui", "non"})
    assert Codes([Choice("01", {"fr": "Un"}, {}), Choice("02", {"fr": "Deux"}, {})]).one("Tanger") is None
