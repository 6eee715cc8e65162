"""Bring an identifier to one spelling before it is hashed: phones, names, codes.

Two spellings of one thing must meet here; two different things must not; what is written where nothing is known (a phone of one
digit, « inconnu ») is nothing, or all who gave it would be one person. Works on distinct values, cached: in a large
form most work would be repeated otherwise.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

ARABIC_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
ARABIC_LETTERS = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ة": "ه", "ؤ": "و", "ئ": "ي", "ـ": ""}
)
# Prefixes of Morocco, France and their writing without a country: 06… and 07… are mobile numbers in both countries, so
# a number without a country is Moroccan, as the forms' hint says.
MOBILE = re.compile(r"^(?:\+|00)?(?P<country>212|33)?0?(?P<number>[5-9]\d{8})$")


@lru_cache(maxsize=1 << 17)
def phone(text: str) -> str:
    """E.164 where the number is Moroccan or French, or is written with its country; else the digits as they are."""
    digits = re.sub(r"[^\d+]", "", text.translate(ARABIC_DIGITS))
    if len(set(digits[-8:].lstrip("+"))) <= 1:  # 0000000000, 0600000000: no operator gives such a number to a person
        return ""
    match = MOBILE.match(digits)
    if match:
        return f"+{match['country'] or '212'}{match['number']}"
    if digits.startswith(("+", "00")):
        return _international("+" + digits.lstrip("+0"))
    return digits


def _international(number: str) -> str:
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=1 << 17)
def name(text: str) -> str:
    """Letters only, no case, accents, hyphens or Arabic vowel marks; parts in alphabetical order; nothing for no name."""
    spelled = _letters(text)
    return "" if spelled in NO_NAME or len(set(spelled) - {" "}) == 1 else spelled


def _letters(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(ARABIC_LETTERS))
    letters = "".join(c if c.isalpha() else " " for c in decomposed if not unicodedata.combining(c))
    return " ".join(sorted(letters.split()))


@lru_cache(maxsize=1 << 17)
def code(text: str) -> str:
    """Upper-case letters and digits only; nothing for zeros alone or a word that says there is none."""
    spelled = "".join(c for c in text.translate(ARABIC_DIGITS).upper() if c.isalnum())
    return "" if spelled in NO_CODE or not spelled.strip("0") else spelled


NOTHING_KNOWN = (
    "inconnu", "inconnue", "anonyme", "néant", "aucun", "aucune", "refus", "nsp", "non renseigné", "ne sait pas", "sans nom",
    "pas de nom", "sans", "unknown", "مجهول", "مجهولة", "غير معروف", "غير معروفة", "بدون اسم", "لا يوجد",
)  # fmt: skip
"""What is written where an answer is asked for and nobody knows one."""
NO_NAME = frozenset(map(_letters, NOTHING_KNOWN))
NO_CODE = frozenset(
    "".join(c for c in text.upper() if c.isalnum())
    for text in (*NOTHING_KNOWN, "neant", "non renseigne", "na", "n/a", "sans carte", "pas de carte", "x", "xx", "xxx")
)


NORMALISERS: dict[str, Callable[[str], str]] = {"phone": phone, "name": name, "code": code}


class Spelled:
    """The answers of n rows, by question, in their one spelling: worked out once, whoever asks.

    answers: n texts per question, none for a question that was not asked · how: the normaliser of a question (else `code`).
    """

    def __init__(self, answers: Mapping[str, Sequence[str | None]], rows: int, how: Mapping[str, str]) -> None:
        self.rows, self.how = rows, how
        self._answers = answers
        self._known: dict[tuple[str, Callable[[str], str]], list[str]] = {}

    def texts(self, question: str) -> Sequence[str | None]:
        """As they were answered."""
        return self._answers.get(question) or [None] * self.rows

    def of(self, question: str, normaliser: Callable[[str], str] | None = None) -> list[str]:
        """n texts in one spelling, that of the question if no other is asked for; nothing for none."""
        normaliser = normaliser or NORMALISERS[self.how.get(question, "code")]
        if (question, normaliser) not in self._known:
            texts = self.texts(question)
            spelling = {text: normaliser(text) if text else "" for text in set(texts)}
            self._known[question, normaliser] = [spelling[text] for text in texts]
        return self._known[question, normaliser]
