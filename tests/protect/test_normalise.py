"""Two spellings of one identifier meet; two identifiers stay apart."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meal_pipelines.protect.persons.names import name_form
from meal_pipelines.protect.persons.normalise import code, name, phone


@pytest.mark.parametrize(
    ("spellings", "expected"),
    [
        (("0612345678", "06 12 34 56 78", "06-12-34-56-78", "+212 6 12 34 56 78", "00212612345678", "212612345678",
          "+212 (0)6 12 34 56 78", "٠٦١٢٣٤٥٦٧٨", "۰۶۱۲۳۴۵۶۷۸", "612345678"), "+212612345678"),
        (("+33 6 12 34 56 78", "0033612345678", "+33 (0)6.12.34.56.78"), "+33612345678"),
        (("0522 12 34 56", "+212522123456"), "+212522123456"),
        (("+34 612 34 56 78", "0034612345678"), "+34612345678"),
    ],
)  # fmt: skip
def test_one_phone_has_one_spelling(spellings: tuple[str, ...], expected: str) -> None:
    """A number without a country is Moroccan, as the forms' hint says."""
    assert {phone(text) for text in spellings} == {expected}


MOBILES = st.integers(600_000_000, 799_999_999).filter(lambda number: len(set(str(number)[1:])) > 1)


@given(MOBILES, MOBILES)
def test_two_phones_never_meet(first: int, second: int) -> None:
    assert (phone(f"0{first}") == phone(f"+212{second}")) == (first == second)


@pytest.mark.parametrize(
    ("spellings", "expected"),
    [
        (("El-Idrissi", "EL IDRISSI", "el  idrissi", "Idrissi El", "El-Idrïssi"), "el idrissi"),
        (("Aïcha", "AICHA", "aïcha ", "Ai\u0308cha"), "aicha"),
        (("أحمد", "احمد", "أَحْمَد"), "احمد"),
        (("فاطمة", "فاطمه"), "فاطمه"),
    ],
)
def test_one_name_has_one_spelling(spellings: tuple[str, ...], expected: str) -> None:
    """Case, accents, hyphens, order of the parts, Arabic vowel marks and letter forms."""
    assert {name(text) for text in spellings} == {expected}


def test_a_code_keeps_its_letters_and_digits_only() -> None:
    assert {code(text) for text in ("ab 12-34", "AB1234", "ab/١٢٣٤")} == {"AB1234"}


@pytest.mark.parametrize("normalise", [phone, name, code])
def test_what_says_nothing_identifies_nobody(normalise: object) -> None:
    assert callable(normalise) and normalise(" - ") == ""


@pytest.mark.parametrize(
    ("normalise", "texts"),
    [
        (phone, ("0000000000", "0600000000", "+212 6 66 66 66 66", "00", "+", "0", "٠٠٠٠٠٠٠٠٠٠", "+0000000000")),
        (name, ("Inconnu", "INCONNUE", "x", "XXX", "non renseigné", "Non renseigne", "néant", "مجهول", "غير معروف", "Sans nom")),
        (code, ("0", "0000", "N/A", "na", "Inconnu", "-", "néant", "XXX", "sans carte")),
        (name_form, ("Inconnu", "xx", "غير معروف")),
    ],
)  # fmt: skip
def test_what_is_written_where_nothing_is_known_identifies_nobody(
    normalise: Callable[[str], str], texts: tuple[str, ...]
) -> None:
    """The form asks for a phone and the enumerator has none: everybody of one year would be one person."""
    assert {normalise(text) for text in texts} == {""}


def test_a_rare_answer_is_still_an_answer() -> None:
    assert phone("0600000001") == "+212600000001" and name("Na") == "na" and code("1") == "1" and code("X1") == "X1"
