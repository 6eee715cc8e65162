"""The keys by which a row's person may turn out to be another row's: keyed hashes of answers brought to one spelling.

One array of hashes per row, a place for each key of `persons.links`, so that the place tells which key it was. Whom they join is
in `components.py`; nothing here knows tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from meal_pipelines.clean.parse import integer as parse_integer
from meal_pipelines.project.links import NEAR, said, width
from meal_pipelines.project.model import Persons
from meal_pipelines.protect.persons.names import name_form
from meal_pipelines.protect.persons.normalise import NORMALISERS, code
from meal_pipelines.warehouse.copy import NULL

Answers = Mapping[str, Sequence[str | None]]
NOTHING = "NULL"
"""Inside an array; a column without an array has COPY's own word for nothing."""


class LinkKeys:
    """Hashes the strong and the weak keys of one project's people."""

    def __init__(self, persons: Persons, hasher: Callable[[bytes], bytes]) -> None:
        self.persons, self.hasher = persons, hasher
        self.digest = lru_cache(1 << 16)(self._digest)

    def of(self, answers: Answers, rows: int) -> tuple[list[str], list[str]]:
        """(strong keys, weak keys) of n rows, each as COPY writes an array of uuid; no array where no key is complete.

        answers: n texts per question. In an array the keys stand in the order of `Links.reasons`; NULL: it is not complete.
        """
        spelled = _Spelled(self, answers, rows)
        links = self.persons.links
        return spelled.arrays(links.strong), spelled.arrays(links.weak)

    def _digest(self, told: str) -> str:
        return self.hasher(told.encode())[:16].hex() if told else NOTHING


class _Spelled:
    """The answers of n rows in their one spelling; several keys ask for the same, worked out once."""

    def __init__(self, keys: LinkKeys, answers: Answers, rows: int) -> None:
        self.keys, self.answers, self.rows = keys, answers, rows
        self._known: dict[tuple[str, ...], list[str]] = {}

    def arrays(self, keys: Sequence[list[str]]) -> list[str]:
        columns = [column for key in keys for column in self._columns(key)]
        if not columns:
            return [NULL] * self.rows
        nothing = (NOTHING,) * len(columns)
        return [NULL if row == nothing else "{" + ",".join(row) + "}" for row in zip(*columns, strict=True)]

    def _columns(self, key: list[str]) -> list[list[str]]:
        """The hashes of n rows by one key; two columns where a year may be one off."""
        normalise = self.keys.persons.normalise
        names = tuple(name for name in key if normalise.get(name) == "name")
        parts = [self._names(names)] if names else []
        parts += [self._spelled(name) for name in key if name not in names and not name.endswith(NEAR)]
        start = f"{said(key)}|"
        told = [start + "|".join(row) if all(row) else "" for row in zip(*parts, strict=True)]
        if width(key) == 1:
            return [list(map(self.keys.digest, told))]
        near = next(name.removesuffix(NEAR) for name in key if name.endswith(NEAR))
        years = [_whole(text) for text in self._texts(near)]
        return [
            [
                self.keys.digest(f"{known}|{year - back}") if known and year is not None else NOTHING
                for known, year in zip(told, years, strict=True)
            ]
            for back in (1, 0)
        ]

    def _names(self, names: tuple[str, ...]) -> list[str]:
        """The parts of all names of a row together; nothing where one is not said."""
        if names not in self._known:
            forms = [_formed(self._texts(name), name_form) for name in names]
            pooled = lru_cache(self.rows)(lambda *row: " ".join(sorted(" ".join(row).split())) if all(row) else "")
            self._known[names] = [pooled(*row) for row in zip(*forms, strict=True)]
        return self._known[names]

    def _spelled(self, name: str) -> list[str]:
        if (name,) not in self._known:
            how = self.keys.persons.normalise.get(name)
            self._known[name,] = _formed(self._texts(name), NORMALISERS[how] if how else code)
        return self._known[name,]

    def _texts(self, name: str) -> Sequence[str | None]:
        return self.answers.get(name) or [None] * self.rows


def _formed(texts: Sequence[str | None], form: Callable[[str], str]) -> list[str]:
    known = {text: form(text) if text else "" for text in set(texts)}
    return [known[text] for text in texts]


@lru_cache(1 << 12)
def _whole(text: str | None) -> int | None:
    number = parse_integer(text) if text else None
    return None if number is None else int(number)
