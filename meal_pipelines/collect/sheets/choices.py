"""From what a person reads in a list to the code that stands for it; only when exactly one choice fits.

A text that fits none, or several, is left as it was typed: cleaning says that it is not in the list.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from meal_pipelines.collect.sheets.header import TWO_LANGUAGES
from meal_pipelines.collect.sheets.places import other_writings
from meal_pipelines.collect.sheets.spelling import bare
from meal_pipelines.project.questionnaire import Choice

BETWEEN = re.compile(r"[;\n\r؛]+")
COMMAS = re.compile(r"[,،]")
CODE_IN_BRACKETS = re.compile(r".*\[([^\[\]]+)\]")
"""How our templates tell two choices with one label apart."""
WORDS = {True: ("oui", "yes", "true", "vrai", "1", "نعم"), False: ("non", "no", "false", "faux", "0", "لا")}


class Codes:
    """One list of choices, looked up by code, label or number; places also by an older code or another name."""

    def __init__(self, choices: Iterable[Choice]) -> None:
        self.by_code = {choice.name: choice for choice in choices}
        self._label: dict[str, set[str]] = defaultdict(set)
        self._alike: dict[str, set[str]] = defaultdict(set)
        self._number: dict[Decimal, set[str]] = defaultdict(set)
        for code, choice in self.by_code.items():
            for text in choice.labels.values():
                self._label[text.strip()].add(code)
            for text in (code, *choice.labels.values()):
                self._alike[bare(text)].add(code)
            if (number := _number(code)) is not None:
                self._number[number].add(code)
        self._alike.pop("", None)
        self._places = other_writings(self.by_code)

    def of(self, text: str) -> frozenset[str]:
        """The codes that a text may stand for: its own spelling first, then what is like it, then its number, then a place's
        other writings."""
        if text in self.by_code:
            return frozenset([text])
        bracketed = CODE_IN_BRACKETS.fullmatch(text)
        if bracketed and bracketed[1] in self.by_code:
            return frozenset([bracketed[1]])
        found = self._label.get(text) or self._alike.get(bare(text))
        if not found and (number := _number(text)) is not None:
            # A spreadsheet takes the code 02 for the number 2.
            found = self._number.get(number)
        if not found:
            found = set(self._places.get(bare(text), ()))
        if not found:
            parts = [self._alike.get(bare(part), set()) for part in TWO_LANGUAGES.split(text) if bare(part)]
            found = set.intersection(*parts) if len(parts) > 1 else None
        return frozenset(found or ())

    def of_truth(self, value: bool) -> frozenset[str]:
        """The code for a cell that holds TRUE or FALSE."""
        return frozenset(code for word in WORDS[value] for code in self._alike.get(bare(word), ()))

    def one(self, text: str) -> str | None:
        found = self.of(text)
        return next(iter(found)) if len(found) == 1 else None

    def several(self, text: str) -> str | None:
        """Codes between spaces, from labels between semicolons, lines or commas; None when one of them fits no choice."""
        codes = text.split()
        if codes and all(code in self.by_code for code in codes):
            return " ".join(codes)
        found: list[str] = []
        for part in BETWEEN.split(text):
            if part.strip():
                here = self._between_commas(part.strip())
                if here is None:
                    return None
                found += here
        return " ".join(dict.fromkeys(found)) or None

    def _between_commas(self, text: str) -> list[str] | None:
        """A label may hold commas itself: the longest one from the left is taken."""
        if (code := self.one(text)) is not None:
            return [code]
        commas = [match.start() for match in COMMAS.finditer(text)]
        for comma in reversed(commas):
            code, rest = self.one(text[:comma].strip()), text[comma + 1 :].strip()
            if code is not None:
                following = self._between_commas(rest) if rest else []
                if following is not None:
                    return [code, *following]
        return None


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None
    except InvalidOperation:
        return None
