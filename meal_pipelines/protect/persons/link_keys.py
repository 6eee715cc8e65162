"""The keys by which a row's person may turn out to be another row's: keyed hashes of answers brought to one spelling.

One array of hashes per row, a place for each key of `persons.links`, so that the place tells which key it was. Whom they join is
in `components.py`; nothing here knows tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from meal_pipelines.clean.parse import integer as parse_integer
from meal_pipelines.project.links import NEAR, said, width
from meal_pipelines.project.model import Persons
from meal_pipelines.protect.persons.names import name_form
from meal_pipelines.protect.persons.normalise import Spelled
from meal_pipelines.warehouse.copy import ABSENT, pack_bytes, pack_uuids


class LinkKeys:
    """Hashes the strong and the weak keys of one project's people."""

    def __init__(self, persons: Persons, hasher: Callable[[bytes], bytes]) -> None:
        self.persons, self.hasher = persons, hasher
        self.digest = lru_cache(1 << 16)(self._digest)

    def of(self, spelled: Spelled) -> tuple[list[bytes], list[bytes]]:
        """(strong keys, weak keys) of n rows, each as binary COPY writes an array of uuid; no array where no key is complete.

        In an array the keys stand in the order of `Links.reasons`; `ABSENT`: it is not complete.
        """
        said = _Said(self, spelled)
        links = self.persons.links
        return said.arrays(links.strong), said.arrays(links.weak)

    def _digest(self, told: str) -> bytes:
        return pack_bytes(self.hasher(told.encode())[:16]) if told else ABSENT


class _Said:
    """What the keys say of n rows; several keys ask for the same names, pooled once."""

    def __init__(self, keys: LinkKeys, spelled: Spelled) -> None:
        self.keys, self.spelled = keys, spelled
        self._pooled: dict[tuple[str, ...], list[str]] = {}

    def arrays(self, keys: Sequence[list[str]]) -> list[bytes]:
        columns = [column for key in keys for column in self._columns(key)]
        if not columns:
            return [ABSENT] * self.spelled.rows
        nothing = (ABSENT,) * len(columns)
        return [ABSENT if row == nothing else pack_uuids(row) for row in zip(*columns, strict=True)]

    def _columns(self, key: list[str]) -> list[list[bytes]]:
        """The hashes of n rows by one key; two columns where a year may be one off."""
        names = tuple(name for name in key if self.spelled.how.get(name) == "name")
        parts = [self._names(names)] if names else []
        parts += [self.spelled.of(name) for name in key if name not in names and not name.endswith(NEAR)]
        start = f"{said(key)}|"
        told = [start + "|".join(row) if all(row) else "" for row in zip(*parts, strict=True)]
        if width(key) == 1:
            return [list(map(self.keys.digest, told))]
        near = next(name.removesuffix(NEAR) for name in key if name.endswith(NEAR))
        years = [_whole(text) for text in self.spelled.texts(near)]
        return [
            [
                self.keys.digest(f"{known}|{year - back}") if known and year is not None else ABSENT
                for known, year in zip(told, years, strict=True)
            ]
            for back in (1, 0)
        ]

    def _names(self, names: tuple[str, ...]) -> list[str]:
        """The parts of all names of a row together; nothing where one is not said."""
        if names not in self._pooled:
            forms = [self.spelled.of(name, name_form) for name in names]
            pooled = lru_cache(self.spelled.rows)(
                lambda *row: " ".join(sorted(" ".join(row).split())) if all(row) else ""
            )
            self._pooled[names] = [pooled(*row) for row in zip(*forms, strict=True)]
        return self._pooled[names]


@lru_cache(1 << 12)
def _whole(text: str | None) -> int | None:
    number = parse_integer(text) if text else None
    return None if number is None else int(number)
