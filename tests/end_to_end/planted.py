"""Persons who exist nowhere, with strings that occur nowhere by chance; and the answers of a sample put in their name.

Where these answers go is in `leak_house.py`, how their strings are looked for in `leaks.py`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

LATIN = tuple(f"{c}{v}" for c in "bdfglmnr" for v in ("a", "é", "i", "o"))
ARABIC = tuple(f"{c}{v}" for c in "بدفكلمنر" for v in "اويه")
MARK_OF_NAME, MARK_OF_FIRST = ("Wexqu", "ظغوقس"), ("Jhykw", "ضخيمظ")
"""Beginnings that no language has, in Latin and in Arabic letters."""
NAMES = {"nom", "prenom", "telephone", "deviceid"}
TEXTS = {"observations", "remarques", "titre_projet"}


@dataclass(frozen=True)
class Person:
    """The person with this number; every odd one writes Arabic."""

    number: int

    @property
    def _alphabet(self) -> int:
        return self.number % 2

    def _code(self, mark: tuple[str, str], number: int) -> str:
        letters = (LATIN, ARABIC)[self._alphabet]
        return mark[self._alphabet] + "".join(letters[number >> shift & 31] for shift in (10, 5, 0))

    @property
    def name(self) -> str:
        return self._code(MARK_OF_NAME, self.number)

    @property
    def first(self) -> str:
        return self._code(MARK_OF_FIRST, self.number * 7919 % 32768)

    @property
    def digits(self) -> str:
        """Nine, as of a Moroccan mobile number."""
        return f"69{(self.number * 7919 + 1_234_567) % 10_000_000:07d}"

    @property
    def phones(self) -> tuple[str, str, str]:
        """Ways of writing one number."""
        n = self.digits
        return f"0{n}", f"+212{n}", f"0{n[0]} {n[1:3]} {n[3:5]} {n[5:7]} {n[7:]}"

    @property
    def email(self) -> str:
        return f"wexqu.{self.number:05d}@boite.example"

    @property
    def document(self) -> str:
        return f"WXQZ{self.number:07d}"

    @property
    def sentence(self) -> str:
        """What somebody writes in a free text without thinking of it."""
        return f"Appeler {self.first} {self.name} au {self.phones[2]} ou {self.email}, pièce {self.document}."

    @property
    def file(self) -> str:
        """A file's name, as partners give them."""
        return f"{self.first} {self.name} {self.document}"

    @property
    def spellings(self) -> set[str]:
        """Every string to be looked for: as planted, in capitals, in small letters, without accents."""
        found = {*self.phones, f"212{self.digits}", self.email, self.document, self.document.lower()}
        for text in (self.name, self.first):
            bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
            found |= {text, text.upper(), text.casefold(), bare, bare.upper(), bare.casefold()}
        return found


@dataclass
class Planting:
    """Puts persons in the place of those a sample speaks of: the same one wherever the sample says the same."""

    count: int
    used: dict[object, Person] = field(default_factory=dict)

    def person(self, key: object) -> Person:
        """Whoever stands for this key; a new person as long as there are any."""
        if key not in self.used:
            self.used[key] = Person(len(self.used) % self.count)
        return self.used[key]

    def planted(self) -> set[int]:
        return {person.number for person in self.used.values()}

    def answers(self, row: dict[str, Any], key: object) -> dict[str, Any]:
        """A row, its repeats too, in the name of planted persons. key: who is meant where the row names nobody."""
        named = {path.rpartition("/")[2]: value for path, value in row.items()}
        spoken = tuple(named.get(name) for name in ("nom", "prenom", "telephone"))
        person = self.person(spoken if any(spoken) else key)
        return dict(self._answered(row, person, key))

    def _answered(self, row: dict[str, Any], person: Person, key: object) -> Iterator[tuple[str, Any]]:
        for path, value in row.items():
            name = path.rpartition("/")[2]
            if isinstance(value, list) and value and isinstance(value[0], dict):
                yield path, [self.answers(item, (key, path, place)) for place, item in enumerate(value)]
            elif name in NAMES and value:
                yield path, answer(person, name)
            elif name in TEXTS or name.endswith("_autre"):
                yield path, f"{value or ''} {person.sentence}"
            else:
                yield path, value


def answer(person: Person, question: str) -> str:
    """What a person answers to a question that identifies them."""
    return {
        "nom": person.name,
        "prenom": person.first,
        "telephone": person.phones[person.number % 2],
        "deviceid": f"collect:{person.email}",
    }[question]
