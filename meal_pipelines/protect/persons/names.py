"""One form for the many writings of a name: Latin or Arabic letters, case, accents, transliteration, order of its parts.

The form is what both alphabets write of a name: its consonants, and by what kind of vowel it begins. Short vowels are not
written in Arabic, and long ones are written in as many ways in Latin letters. It is only ever hashed: nobody reads it.

Meets: Mohammed, Mohamed, محمد · El Idrissi, Elidrissi, Idrissi, الإدريسي · Ben Ali, Benali, بنعلي · Abderrahim, Abdel Rahim,
عبد الرحيم · Nour-Eddine, Noureddine · Traoré, TRAORE · the parts in another order.
Meets though it is two names: names of the same consonants (Karim and Karima, Hamid and Hamed): the form is no key alone.
Does not meet: a consonant left out or changed, a name of which a part is not said, a nickname, another usual spelling of West
Africa (Diallo, Jallow).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from meal_pipelines.protect.persons.normalise import name

ARABIC = str.maketrans(
    {
        **dict.fromkeys("اءىع", "a"), "ي": "y", "ی": "y", "ه": "h", "ة": "", "و": "w", "ـ": "", "ب": "b", "پ": "b",
        "ت": "t", "ث": "t", "ط": "t", "ج": "j", "چ": "j", "ح": "h", "خ": "k", "د": "d", "ذ": "d", "ض": "d", "ظ": "d", "ر": "r",
        "ز": "z", "س": "s", "ص": "s", "ش": "C", "غ": "G", "گ": "k", "ڭ": "k", "ف": "f", "ڤ": "f", "ق": "k", "ك": "k", "ک": "k",
        "ل": "l", "م": "m", "ن": "n",
    }
)  # fmt: skip
LATIN = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        ("kh", "k"), ("gh", "G"), ("tch|tsh|sch|ch|sh", "C"), ("dj", "j"), ("th", "t"), ("dh", "d"), ("ph", "f"),
        ("c(?=[eiy])", "s"), ("qu(?=[ei])|gu(?=[ei])", "k"), ("g(?=[eiy])", "j"), ("[cqg]", "k"), ("x", "ks"), ("p", "b"),
        ("v", "f"), ("^ou?(?=[aeiy])", "w"), ("^i(?=[aeou])", "y"), ("^[aeiou]+", "a"), (r"([^aeiou])\1+", r"\1"),
    )
)  # fmt: skip
"""Groups of Latin letters, in order, and the letter both alphabets share."""

SUN = "tdrzsnC"
APART = frozenset(
    ("el", "al", "l", "es", "er", "ez", "en", "et", "ed", "as", "ar", "az", "an", "ad", "at", "ech", "ach", "esh", "ash", "ul", "ال")
)  # fmt: skip
"""Articles written apart, before or after the name."""
OF = frozenset(
    (
        "ben", "bin", "ibn", "bel", "bent", "bint", "bou", "abou", "abu", "oum", "ait", "abd", "abdel", "abdul", "abdal",
        "بن", "ابن", "بنت", "بو", "ابو", "ءبو", "عبد", "ام", "ءم", "ءيت", "ايت",
    )
)  # fmt: skip
"""Parts that make one word with the next: Ben Ali, Benali."""
FAITH = frozenset(("eddine", "eddin", "dine", "din", "addine", "addin", "uddin", "oddine", "الدين"))
"""The part that makes one word with the one before: Nour-Eddine, Noureddine."""
SERVANT = re.compile(rf"^abd(?:[aeu]?l(?!aye)(?=[a-z]{{3}})|[aeu]?(?=([{SUN}])\1))")
JOINED = re.compile(rf"^(?:[ea]l(?=[a-zGC]{{5}})|e(?=([{SUN}])\1[a-z]{{3}})|l(?=[^aeiouyl][a-zGC]{{4}}))")
"""An article written with the name: Elamrani, Ezzahra, Lhoussine."""


@lru_cache(maxsize=1 << 17)
def name_form(text: str) -> str:
    """The form of a name, or of several names together: its parts in alphabetical order; empty when it says nothing."""
    if not name(text):
        return ""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text.casefold()).translate(KEPT))
    letters = "".join(c for c in folded if not unicodedata.combining(c))
    words = re.sub(r"[\W\d_]", " ", re.sub(r"(?<=\bl)['’`ʼ]", " ", letters).translate(ELIDED)).split()
    forms = (_arabic(word) if word[0] > "\u0600" else _latin(word) for word in _joined(words))
    return " ".join(sorted(filter(None, forms)))


KEPT = str.maketrans("أإآٱؤئç", "ءءءاءءs")
"""Before Unicode takes the marks off: it would make a bare alef, which begins an article, and a hard c."""
ELIDED = str.maketrans("", "", "'’`ʼ")


def _joined(words: list[str]) -> list[str]:
    """The words that name something, each with the parts that belong to it; no article unless there is nothing else."""
    kept: list[str] = []
    before = ""
    for place, word in enumerate(words):
        if word in OF and place + 1 < len(words):
            before += word
        elif word in APART and len(words) > 1:
            continue
        elif word in FAITH and kept and not before:
            kept[-1] += word.removeprefix("ال")
        else:
            kept.append(before + word)
            before = ""
    return [*kept, before] if before else kept


def _arabic(word: str) -> str:
    for start, article in (("عبد", "عبدال"), ("بن", "بنال"), ("", "ال")):
        if word.startswith(article) and len(word) >= len(article) + 2:
            word = start + word[len(article) :]
            break
    heard = word.removesuffix("ة") if word.endswith("ة") else word.rstrip("هح")
    return _consonants(heard.translate(ARABIC))


def _latin(word: str) -> str:
    for pattern, sound in LATIN[:3]:
        word = pattern.sub(sound, word)
    word = SERVANT.sub("abd", word)
    if len(word) >= 6:
        word = JOINED.sub("", word)
    for pattern, sound in LATIN[3:]:
        word = pattern.sub(sound, word)
    return _consonants(word.rstrip("h"))


def _consonants(word: str) -> str:
    """What begins the word, then its consonants."""
    return word[:1] + re.sub("[aeiouyw]", "", word[1:])
