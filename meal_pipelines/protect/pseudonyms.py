"""From identifying answers to what may be shown: pseudonyms and generalisations, value by value.

A pseudonym is a keyed hash of the first of the project's keys whose questions are all answered: the same person has the
same pseudonym in every form, and nobody without the key can compute or reverse it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import lru_cache

from meal_pipelines.clean.parse import date as parse_date
from meal_pipelines.clean.parse import integer as parse_integer
from meal_pipelines.project.model import Generalisation, Persons
from meal_pipelines.protect.normalise import NORMALISERS, code

Answers = Mapping[str, str]

date, integer = lru_cache(1 << 16)(parse_date), lru_cache(1 << 12)(parse_integer)
"""A form has a thousand days and a hundred birth years, each many times."""


class Pseudonymiser:
    """Gives each person of one project a pseudonym of 32 hexadecimal digits."""

    def __init__(self, persons: Persons, hasher: Callable[[bytes], bytes]) -> None:
        self._keys = persons.keys
        self._normalise = {name: NORMALISERS[how] for name, how in persons.normalise.items()}
        self._hash = hasher

    def person_id(self, answers: Answers) -> str | None:
        """The pseudonym of whoever gave these answers (by question name); None when no key is complete."""
        for names in self._keys:
            parts = []
            for name in names:
                text = answers.get(name)
                part = self._normalise.get(name, code)(text) if text else ""
                if not part:
                    break
                parts.append(part)
            else:
                message = "|".join(["+".join(names), *parts])
                return self._hash(message.encode())[:16].hex()
        return None


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
    age = _age(rule, answer, on)
    return None if age is None else age_band(bands, age)


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
