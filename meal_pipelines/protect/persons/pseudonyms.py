"""From identifying answers to what may be shown: pseudonyms and generalisations, value by value.

A pseudonym is a keyed hash of the first of the project's keys whose questions are all answered: the same person has the
same pseudonym in every form, and nobody without the key can compute or reverse it.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache

from meal_pipelines.clean.parse import date as parse_date
from meal_pipelines.clean.parse import decimal as parse_decimal
from meal_pipelines.clean.parse import geopoint as parse_geopoint
from meal_pipelines.clean.parse import integer as parse_integer
from meal_pipelines.project.model import Persons
from meal_pipelines.project.privacy import Generalisation
from meal_pipelines.protect.persons.normalise import Spelled

Answers = Mapping[str, str]

date, integer = lru_cache(1 << 16)(parse_date), lru_cache(1 << 12)(parse_integer)
"""A form has a thousand days and a hundred birth years, each many times."""


class Pseudonymiser:
    """Gives each person of one project a pseudonym of 32 hexadecimal digits."""

    def __init__(self, persons: Persons, hasher: Callable[[bytes], bytes]) -> None:
        self._keys, self._card = persons.every_key, persons.known_by
        self.asked = {name for names in self._keys for name in names}
        """The questions by whose answers somebody is recognised."""
        self._how = persons.normalise
        self._hash = hasher
        self._pseudonym = lru_cache(1 << 16)(self._hashed)

    def person_id(self, answers: Answers) -> str | None:
        """The pseudonym of whoever gave these answers (by question name); None when no key is complete."""
        return self.person_ids(self._one(answers))[0]

    def person_ids(self, spelled: Spelled) -> list[str | None]:
        """The pseudonyms of n people."""
        return self._ids(self._keys, spelled)

    def card_id(self, answers: Answers) -> str | None:
        """The pseudonym of the card shown: that of whoever shows the card and says nothing else; None without a card."""
        return self.card_ids(self._one(answers))[0]

    def card_ids(self, spelled: Spelled) -> list[str | None]:
        """The pseudonyms of the cards that n people show, from the same answers."""
        return self._ids([[self._card]] if self._card else [], spelled)

    def spelled(self, answers: Mapping[str, Sequence[str | None]], rows: int) -> Spelled:
        """The answers of n people as these questions are normalised; n texts per question, none for one that was not asked."""
        return Spelled(answers, rows, self._how)

    def _one(self, answers: Answers) -> Spelled:
        return self.spelled({name: [text] for name, text in answers.items()}, 1)

    def _ids(self, keys: Sequence[Sequence[str]], spelled: Spelled) -> list[str | None]:
        """For each row, the hash of the first of these keys whose questions are all answered."""
        told = [""] * spelled.rows
        missing: Sequence[int] = range(spelled.rows)
        for names in keys:
            if not missing:
                break
            start, columns = "+".join(names) + "|", [spelled.of(name) for name in names]
            for place, parts in zip(missing, _at(missing, columns), strict=True):
                if all(parts):
                    told[place] = start + "|".join(parts)
            missing = [place for place in missing if not told[place]]
        return list(map(self._pseudonym, told))

    def ids_by_key(self, spelled: Spelled) -> list[list[str | None]]:
        """For each key, the surest first, what it would make the pseudonyms of n people; None where it is not complete."""
        return [self._ids([names], spelled) for names in self._keys]

    def every_id(self, answers: Answers) -> list[str]:
        """What the pseudonym would be by each key that is complete, the surest first; the first is the pseudonym."""
        return [person for [person] in self.ids_by_key(self._one(answers)) if person is not None]

    def _hashed(self, told: str) -> str | None:
        return self._hash(told.encode())[:16].hex() if told else None


def _at(places: Sequence[int], columns: Sequence[Sequence[str]]) -> Iterable[tuple[str, ...]]:
    """The rows in these places."""
    if len(places) == len(columns[0]):
        return zip(*columns, strict=True)
    return (tuple(column[place] for column in columns) for place in places)


@lru_cache(1 << 12)
def age_band(bands: tuple[str, ...], age: int) -> str | None:
    """The band an age falls in; None outside all of them."""
    for band in bands:
        low, _, high = band.removesuffix("+").partition("-")
        if age >= int(low) and (not high or age <= int(high)):
            return band
    return None


def generalise(rule: Generalisation, bands: tuple[str, ...], answer: str | None, on: str | None) -> str | None:
    """The coarser value to show. `on`: the day (ISO) the rule refers to.

    Returns: None when the answer or the day is missing, or is not what the rule makes coarser.
    """
    if not answer:
        return None
    if rule.to == "province":
        # HCP codes nest: 02.411.01.23 is a commune of the province 02.411.
        return answer[:6] if len(answer) >= 6 and answer[2] == "." else None
    if rule.to in ("month", "year"):
        day = date(answer)
        if day is None:
            return None
        return f"{day[:7]}-01" if rule.to == "month" else day[:4]
    if rule.to == "rounded":
        return _rounded(rule, answer)
    if rule.to == "band":
        return _band(rule, answer)
    age = _age(rule, answer, on)
    return None if age is None else age_band(bands, age)


def _rounded(rule: Generalisation, answer: str) -> str | None:
    """`latitude longitude`, each to the nearest step; altitude and accuracy are left out."""
    place = parse_geopoint(answer)
    if place is None or rule.step is None:
        return None
    steps = [(Decimal(part) / rule.step).to_integral_value() for part in place.split()[:2]]
    # Zero has one spelling: a sign would say on which side of the line the point was.
    return " ".join(f"{(step * rule.step).quantize(rule.step) + 0:f}" for step in steps)


def _band(rule: Generalisation, answer: str) -> str | None:
    """The band a number falls in; a bound belongs to the band that it begins."""
    number = parse_decimal(answer)
    return None if number is None else rule.bands[bisect_right(rule.bounds, Decimal(number))]


def _age(rule: Generalisation, answer: str, on: str | None) -> int | None:
    """Whole years; None when a text is not the number or the day it should be (a calculation answers with any text)."""
    if rule.of in ("age", "birth_year"):
        number = integer(answer)
        if number is None or rule.of == "age":
            return None if number is None else int(number)
        told = date((on or "")[:10])
        return None if told is None else int(told[:4]) - int(number)
    birth, told = date(answer), date((on or "")[:10])
    if birth is None or told is None:
        return None
    day, born = dt.date.fromisoformat(told), dt.date.fromisoformat(birth)
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
