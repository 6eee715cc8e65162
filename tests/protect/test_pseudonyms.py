"""Pseudonyms and generalisations, value by value."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meal_pipelines.project.model import Persons
from meal_pipelines.project.privacy import Generalisation
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.persons.pseudonyms import Pseudonymiser, age_band, generalise

KEYS = Keyring(1, {1: b"s" * 32}, b"p" * 32)
PERSONS = Persons(
    keys=[["telephone", "naissance"], ["nom", "prenom", "naissance"]],
    normalise={"telephone": "phone", "nom": "name", "prenom": "name"},
)
BANDS = ("0-17", "18-34", "35-59", "60+")
PERSON = {"telephone": "0612345678", "naissance": "1990", "nom": "El Idrissi", "prenom": "Aïcha"}


def pseudonym(project: str = "prim2", keys: Keyring = KEYS, **changes: str | None) -> str | None:
    answers = {name: text for name, text in {**PERSON, **changes}.items() if text is not None}
    return Pseudonymiser(PERSONS, keys.hasher(project, "person")).person_id(answers)


def test_the_same_person_has_one_pseudonym_whatever_the_spelling() -> None:
    """The name need not even be right where the phone and the year are."""
    assert pseudonym() == pseudonym(telephone="+212 6 12 34 56 78", nom="IDRISSI EL", prenom=None)
    assert pseudonym(telephone=None) == pseudonym(telephone=" - ", nom="el-idrissi", prenom="AICHA")


def test_other_people_projects_and_keys_have_other_pseudonyms() -> None:
    """Nobody may follow a person from one project into another, nor repeat the hash without the key."""
    others = [
        pseudonym(telephone="0612345679"), pseudonym(naissance="1991"), pseudonym("thamm_plus"), pseudonym(telephone=None),
        pseudonym(keys=Keyring(1, {1: b"s" * 32}, b"q" * 32)),
    ]  # fmt: skip
    assert len({pseudonym(), *others}) == len(others) + 1


def test_a_pseudonym_tells_nothing_and_fits_its_column() -> None:
    found = pseudonym()
    assert found is not None and len(found) == 32 and set(found) <= set("0123456789abcdef")
    assert PERSON["telephone"][1:] not in found


def test_who_gave_too_little_is_nobody() -> None:
    """A year of birth alone would make one person of thousands."""
    assert pseudonym(telephone=None, nom=None) is None
    assert pseudonym(naissance=None) is None
    assert pseudonym(telephone="", prenom="--") is None


def test_whoever_shows_a_card_is_known_by_it_only_where_nothing_else_is_said() -> None:
    """The registration says phone and card: it keeps the pseudonym of the phone, and tells whose card it is."""
    persons = PERSONS.model_copy(update={"known_by": "carte"})
    known = Pseudonymiser(persons, KEYS.hasher("prim2", "person"))
    registered, shown = {**PERSON, "carte": "1234567889"}, {"carte": " 12345678-89 "}
    assert known.person_id(registered) == pseudonym()
    assert known.card_id(registered) == known.card_id(shown) == known.person_id(shown)
    assert known.person_id(shown) not in (None, pseudonym())
    assert known.card_id(PERSON) is None and known.person_id({"carte": "--"}) is None
    assert Pseudonymiser(PERSONS, KEYS.hasher("prim2", "person")).card_id(registered) is None


def rule(to: str, of: str | None = None, on: str | None = None, **more: object) -> Generalisation:
    return Generalisation.model_validate({"to": to, "of": of, "on": on, **more})


ROUNDED, BAND = rule("rounded", step=0.1), rule("band", bounds=[0, 1000, 5000])


@pytest.mark.parametrize(
    ("given_rule", "answer", "on", "expected"),
    [
        (rule("province"), "02.411.01.23", None, "02.411"),
        (rule("province"), "02.411", None, "02.411"),
        (rule("province"), "Oujda", None, None),
        (rule("province"), "0241101", None, None),
        (rule("month"), "1990-12-31", None, "1990-12-01"),
        (rule("year"), "1990-12-31", None, "1990"),
        (rule("year"), "décembre", None, None),
        (rule("age_band", "age"), "17", None, "0-17"),
        (rule("age_band", "age"), "18", None, "18-34"),
        (rule("age_band", "age"), "97", None, "60+"),
        (rule("age_band", "age"), "-1", None, None),
        (rule("age_band", "age"), "35.0", None, "35-59"),
        (rule("age_band", "age"), "trente", None, None),
        (rule("age_band", "birth_year", "jour"), "1990", "2026-05-04", "35-59"),
        (rule("age_band", "birth_year", "jour"), "1990", None, None),
        (rule("age_band", "birth_year", "jour"), "1990", "hier", None),
        (rule("age_band", "birth_date", "jour"), "2008-05-05", "2026-05-04", "0-17"),
        (rule("age_band", "birth_date", "jour"), "2008-05-04", "2026-05-04", "18-34"),
        (rule("age_band", "birth_date", "jour"), "mai", "2026-05-04", None),
        (rule("age_band", "age"), None, None, None),
        (ROUNDED, "34.6814 -1.9086 540 4.2", None, "34.7 -1.9"),
        (ROUNDED, "-0.01 0.04", None, "0.0 0.0"),
        (ROUNDED, "1e1 2", None, "10.0 2.0"),
        (rule("rounded", step=0.25), "34.6814 -1.9086", None, "34.75 -2.00"),
        (ROUNDED, "Oujda", None, None),
        (ROUNDED, "34.68", None, None),
        (BAND, "-0.5", None, "< 0"),
        (BAND, "0", None, "0 à < 1000"),
        (BAND, "999.99", None, "0 à < 1000"),
        (BAND, "1000", None, "1000 à < 5000"),
        (BAND, "5000", None, "5000 et plus"),
        (BAND, "beaucoup", None, None),
    ],
)
def test_what_is_shown_of_a_quasi_identifier(
    given_rule: Generalisation, answer: str | None, on: str | None, expected: str | None
) -> None:
    """The day before a birthday is still the younger band; what is not understood is not shown."""
    assert generalise(given_rule, BANDS, answer, on) == expected


@given(st.integers(0, 130))
def test_every_age_has_one_band(age: int) -> None:
    assert age_band(BANDS, age) in BANDS


@given(st.lists(st.integers(0, 130), min_size=2))
def test_bands_follow_ages(ages: list[int]) -> None:
    places = [BANDS.index(str(age_band(BANDS, age))) for age in sorted(ages)]
    assert all(first <= second for first, second in pairwise(places))
