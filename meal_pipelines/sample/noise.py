"""The noise of the field in what identifies people: one person, written in many ways; the truth knows who is who.

What is written wrongly or otherwise, and how often, is here; who the people are is in `people.py`. Without noise a person has
one name, one phone and one year of birth everywhere, and only capitals, accents, spaces and prefixes differ.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from meal_pipelines.project.strict import Strict
from meal_pipelines.sample.chance import Chance, Integers, Keys
from meal_pipelines.sample.filling import Column
from meal_pipelines.sample.writings import other_writings

LETTERS = "abcdefghijklmnopqrstuvwxyz"
NEAR = {"a": "qz", "e": "rz", "i": "uo", "o": "ip", "u": "yi", "n": "b", "m": "l", "s": "dz", "r": "et", "d": "sf"}
"""Letters beside one another on a French keyboard."""


class Noise(Strict):
    """Shares of what is written otherwise; the defaults are ILLUSTRATIVE, fixed before anything was measured with them.

    Of each name of each meeting: transliterated, misspelt (one letter). Of each meeting: both names in Arabic letters, names in
    each other's place, the person's second phone, a year of birth one year off. shared_phone: of persons, those who give the
    phone of a relative.
    """

    transliterated: float = Field(default=0.08, ge=0, le=1)
    misspelt: float = Field(default=0.02, ge=0, le=1)
    arabic: float = Field(default=0.03, ge=0, le=1)
    swapped: float = Field(default=0.01, ge=0, le=1)
    second_phone: float = Field(default=0.04, ge=0, le=1)
    shared_phone: float = Field(default=0.03, ge=0, le=1)
    birth_year: float = Field(default=0.03, ge=0, le=1)


class Noisy:
    """Writes what people say of themselves as one form's table would hold it. label: the form and the table."""

    def __init__(self, chance: Chance, noise: Noise, label: str) -> None:
        self.chance, self.noise, self.label = chance, noise, label

    def _drawn(self, what: str, keys: Keys, share: float) -> list[int]:
        return np.flatnonzero(self.chance.uniform(f"{self.label}/{what}", keys) < share).tolist()

    def names(self, keys: Keys, registered: Column, written: Column, *, first: bool) -> Column:
        """Names as this meeting writes them. registered: each as `names.py` has it; written: as it would stand without noise."""
        role, column, others = "first" if first else "family", written.copy(), other_writings()
        for row in self._drawn(f"{role}/latin", keys, self.noise.transliterated):
            found = others.get(registered[row])
            if found is not None and found.latin:
                column[row] = found.latin[self._below(f"{role}/which", keys, row, len(found.latin))]
        for row in self._drawn(f"{role}/typo", keys, self.noise.misspelt):
            column[row] = self._misspelt(column[row], role, keys, row)
        for row in self._drawn("arabic", keys, self.noise.arabic):
            found = others.get(registered[row])
            if found is not None and found.arabic is not None:
                column[row] = found.arabic
        return column

    def swapped(self, keys: Keys) -> list[int]:
        """The rows in which the first name stands where the family name should, and the reverse."""
        return self._drawn("swapped", keys, self.noise.swapped)

    def phones(self, keys: Keys, persons: Integers, pools: int, beyond: int) -> Integers:
        """Whose number each row gives, as an ordinal: a relative's, or one `beyond` all persons: the person's second one."""
        shared = self.chance.uniform("person/shared", persons.astype(np.uint64)) < self.noise.shared_phone
        relative = ((persons // pools) ^ 1) * pools + persons % pools
        second = self.chance.uniform(f"{self.label}/phone", keys) < self.noise.second_phone
        given: Integers = np.where(second, persons + beyond, np.where(shared, relative, persons))
        return given

    def birth_years(self, keys: Keys, years: Column) -> Column:
        column = years.copy()
        for row in self._drawn("year", keys, self.noise.birth_year):
            if column[row] is not None:
                column[row] = str(int(column[row]) + (1 if self._below("sign", keys, row, 2) else -1))
        return column

    def _misspelt(self, text: str, role: str, keys: Keys, row: int) -> str:
        """One letter left out, doubled, changed for a neighbour, or in the place of the next; never the first."""
        if len(text) < 4:
            return text
        place = 1 + self._below(f"{role}/place", keys, row, len(text) - 2)
        letter = text[place]
        how = self._below(f"{role}/how", keys, row, 4)
        if how == 0:
            return text[:place] + text[place + 1 :]
        if how == 1:
            return text[:place] + letter + text[place:]
        if how == 2:
            near = NEAR.get(letter.lower(), LETTERS)
            return text[:place] + near[self._below(f"{role}/near", keys, row, len(near))] + text[place + 1 :]
        return text[:place] + text[place + 1] + letter + text[place + 2 :]

    def _below(self, what: str, keys: Keys, row: int, limit: int) -> int:
        return int(self.chance.below(f"{self.label}/{what}", keys[row : row + 1], limit)[0])
