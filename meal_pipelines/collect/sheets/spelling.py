"""When two texts are the same to whoever typed them: without case, accents, vowel marks, punctuation or stars."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from meal_pipelines.protect.persons.normalise import ARABIC_DIGITS, ARABIC_LETTERS

LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "Œ": "oe", "Æ": "ae"})
INVISIBLE = re.compile("[\u200b\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]")
"""Marks of direction and joints that Arabic keyboards leave behind; they say nothing."""


@lru_cache(maxsize=1 << 14)
def bare(text: str) -> str:
    """Letters and digits in words, one space between them."""
    folded = text.casefold().translate(ARABIC_DIGITS).translate(LIGATURES)
    plain = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in plain.translate(ARABIC_LETTERS)).split())


def visible(text: str) -> str:
    """Without the marks nobody sees, nor the spaces around."""
    return text.strip() if text.isascii() else INVISIBLE.sub("", text).strip()
