"""A cell as an answer: days, numbers, choices as partners and spreadsheets write them; the rest is left as it was typed."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from meal_pipelines.collect.sheets.answers import Answers
from meal_pipelines.collect.sheets.receipt import lines
from meal_pipelines.project.loaded import LoadedForm
from tests.collect.workbook_cases import a_form


@pytest.fixture(scope="module")
def form(tmp_path_factory: pytest.TempPathFactory) -> LoadedForm:
    return a_form(tmp_path_factory.mktemp("form"))


def answer(form: LoadedForm, name: str, cell: Any, **row: str) -> str:
    question = form.questionnaire.main.question(name)
    assert question is not None
    return Answers(form.questionnaire, key=("code",)).read(question, cell, row)


@pytest.mark.parametrize(
    "cell",
    [
        dt.date(2026, 3, 12),
        dt.datetime(2026, 3, 12),
        dt.datetime(2026, 3, 12, 14, 30),
        46093,
        46093.0,
        46093.6,
        "46093",
        "2026-03-12",
        "2026/3/12",
        "2026-03-12 00:00:00",
        "2026-03-12T09:15:00",
        "12/03/2026",
        "12-3-26",
        "12.03.2026",
        "12 / 03 / 2026",
        "12/03/2026 14:30",
        "12/03/2026 à 14h30",
        "١٢/٠٣/٢٠٢٦",
        "۱۲/۰۳/۲۰۲۶",
        "12 mars 2026",
        "12 MARS 2026",
        "jeudi 12 mars 2026",
        "Le 12 Mars 2026",
        "12-mars-26",
        "12 مارس 2026",
        "١٢ مارس ٢٠٢٦",
        "الخميس 12 مارس 2026",
        "12 March 2026",
    ],
)
def test_one_day_however_it_is_written(form: LoadedForm, cell: Any) -> None:
    assert answer(form, "signee_le", cell) == "2026-03-12"


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("03/04/2026", "2026-04-03"),
        ("1er avril 2026", "2026-04-01"),
        ("15 août 2026", "2026-08-15"),
        ("7 févr. 2027", "2027-02-07"),
        ("3 déc. 85", "1985-12-03"),
        ("5 غشت 2026", "2026-08-05"),
        ("5 شتنبر 2026", "2026-09-05"),
        ("9 يوليوز 2026", "2026-07-09"),
        ("2 أبريل 2026", "2026-04-02"),
        ("4 تشرين الثاني 2026", "2026-11-04"),
        ("4 كانون الأول 2026", "2026-12-04"),
        ("6 ماي 2026", "2026-05-06"),
        ("6 دجنبر 2026", "2026-12-06"),
    ],
)
def test_the_day_comes_first_and_months_have_the_names_used_here(form: LoadedForm, cell: str, day: str) -> None:
    assert answer(form, "signee_le", cell) == day


@pytest.mark.parametrize(
    "cell", ["12/31/2026", "31/02/2026", "bientôt", "mars 2026", "2026", 2026, 12, 0.5, "12 mars", "12 foo 2026"]
)
def test_what_is_no_day_is_left_for_cleaning_to_name(form: LoadedForm, cell: Any) -> None:
    assert answer(form, "signee_le", cell) == str(cell)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        (1250000, "1250000"),
        (1250000.0, "1250000"),
        (0.1 + 0.2, "0.3"),
        (1e-7, "1e-07"),
        ("1250000", "1250000"),
        ("1 250 000", "1250000"),
        ("1\u00a0250\u00a0000,75", "1250000.75"),
        ("1\u202f250\u202f000,75", "1250000.75"),
        ("1'250'000.75", "1250000.75"),
        ("1.250.000,75", "1250000.75"),
        ("1,250,000.75", "1250000.75"),
        ("1.250.000", "1250000"),
        ("12,5", "12.5"),
        ("12.50", "12.5"),
        ("٧٥٠٠٠", "75000"),
        ("۷۵۰۰۰", "75000"),
        ("١٢٣٤٫٥", "1234.5"),
        ("١٬٢٣٤٬٥٦٧", "1234567"),
        ("+5", "5"),
        ("-12,0", "-12"),
        ("−3", "-3"),
        ("0", "0"),
        ("007", "7"),
        (",5", "0.5"),
        ("1,234", "1.234"),
        ("1.234", "1.234"),
    ],
)
def test_one_number_however_it_is_written(form: LoadedForm, cell: Any, number: str) -> None:
    """A lone separator is the decimal one; where it could be the thousands', the receipt says so."""
    assert answer(form, "montant", cell) == number


@pytest.mark.parametrize(
    "cell", ["12 000 DH", "environ 5", "1 25 000", "5-10", "12,5,5", "1.25.000", "cinq", "1e3", "--5", "#N/A"]
)
def test_what_is_no_number_is_left_for_cleaning_to_name(form: LoadedForm, cell: str) -> None:
    assert answer(form, "montant", cell) == cell


@pytest.mark.parametrize(
    ("name", "cell", "code"),
    [
        ("region", "02", "02"),
        ("region", 2, "02"),
        ("region", 2.0, "02"),
        ("region", "2", "02"),
        ("region", "Oriental", "02"),
        ("region", " ORIENTAL ".strip(), "02"),
        ("region", "الشرق", "02"),
        ("region", "اَلشَّرق", "02"),
        ("region", "souss massa", "09"),
        ("region", "Souss–Massa", "09"),
        ("region", "Oriental / الشرق", "02"),
        ("region", "Oriental [02]", "02"),
        ("province", 2.411, "02.411"),
        ("province", 2.9, "02.900"),
        ("province", "oujda angad", "02.411"),
        ("femme", True, "oui"),
        ("femme", False, "non"),
        ("femme", "NON", "non"),
        ("femme", "نعم", "oui"),
        ("besoins", "sante papiers", "sante papiers"),
        ("besoins", "Santé ; Papiers", "sante papiers"),
        ("besoins", "papiers\nSanté", "papiers sante"),
        ("besoins", "Emploi, formation, Santé", "emploi sante"),
        ("besoins", "Santé, emploi, formation", "sante emploi"),
        ("besoins", "الصحة، الوثائق", "sante papiers"),
        ("besoins", "Santé; Santé;", "sante"),
        ("besoins", "Emploi, formation", "emploi"),
    ],
)
def test_a_label_becomes_its_code_when_one_choice_fits(form: LoadedForm, name: str, cell: Any, code: str) -> None:
    assert answer(form, name, cell) == code


@pytest.mark.parametrize(
    ("name", "cell", "left"),
    [
        ("region", "Orient", "Orient"),
        ("region", "Oriental et Souss-Massa", "Oriental et Souss-Massa"),
        ("region", "20", "20"),
        ("femme", 1, "1"),
        ("femme", "vrai", "vrai"),
        ("femme", "x", "x"),
        ("besoins", "Santé; Logement", "Santé; Logement"),
        ("besoins", "Formation, Santé", "Formation, Santé"),
        ("province", "Centre", "Centre"),
    ],
)
def test_a_label_that_fits_none_or_several_is_left_as_it_was_typed(
    form: LoadedForm, name: str, cell: Any, left: str
) -> None:
    """« Centre » is a province in two regions: nothing is chosen for the partner."""
    assert answer(form, name, cell) == left


def test_a_cascade_tells_two_choices_of_one_name_apart(form: LoadedForm) -> None:
    assert answer(form, "province", "Centre", region="02") == "02.900"
    assert answer(form, "province", "المركز", region="09") == "09.900"
    assert answer(form, "province", "Centre", region="77") == "Centre"
    # Whether a choice is possible in its cascade is judged later: what is written plainly is read plainly.
    assert answer(form, "province", "Berkane", region="09") == "02.113"


@pytest.mark.parametrize(
    "cell",
    [
        dt.time(14, 30),
        dt.timedelta(hours=14, minutes=30),
        14.5 / 24,
        "14:30",
        "14h30",
        "14 h 30",
        "١٤:٣٠",
        "14:30:00",
        "PT14H30M00S",
        dt.datetime(2026, 1, 1, 14, 30),
    ],
)
def test_one_hour_however_it_is_written(form: LoadedForm, cell: Any) -> None:
    assert answer(form, "heure", cell) == "14:30:00"


@pytest.mark.parametrize("cell", ["25:00", "midi", 14.5, dt.timedelta(hours=30)])
def test_what_is_no_hour_is_left(form: LoadedForm, cell: Any) -> None:
    assert answer(form, "heure", cell) == str(cell)


def test_texts_are_not_touched_and_numbers_in_them_lose_nothing(form: LoadedForm) -> None:
    """A phone number that the spreadsheet took for a number, a file number with dots, a name with a figure."""
    for cell, text in (
        (612345678.0, "612345678"),
        (212612345678, "212612345678"),
        ("12/03/2026", "12/03/2026"),
        ("1 250", "1 250"),
        (True, "true"),
        ("٣ مكرر", "٣ مكرر"),
    ):
        assert answer(form, "osc", cell) == text


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([3], "ligne 3"),
        ([3, 4], "lignes 3 et 4"),
        ([3, 4, 5, 9], "lignes 3 à 5 et 9"),
        ([9, 3, 3, 7], "lignes 3, 7 et 9"),
        ([3, 4, 5], "lignes 3 à 5"),
        (range(1, 60, 2), "lignes 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, …"),
    ],
)
def test_line_numbers_are_said_as_people_say_them(numbers: Any, said: str) -> None:
    assert lines(numbers) == said
