"""The truth beside the files: what each submission really says, what was planted in it, and what cleaning must count.

Written line by line while the files are written; what is kept in memory are counts, and one bit per person met.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import orjson

from meal_pipelines.sample.chance import Integers
from meal_pipelines.sample.filling import Filling
from meal_pipelines.sample.model import Persons
from meal_pipelines.sample.people import WRITINGS, People


class Identities:
    """Every name, phone, card and address that the files hold, one a line, as written there (and phones as +212…)."""

    def __init__(self, path: Path, people: People, persons: Persons) -> None:
        self.people, self.count = people, 0
        self._file = path.open("wb")
        self._roles = {name: role for role, name in persons.roles.items()}
        self._names: set[str] = set()
        self._phones = [np.zeros(people.count // 8 + 1, dtype=np.uint8) for _ in range(len(WRITINGS) + 2)]

    def note(self, filling: Filling) -> None:
        """What this block adds."""
        lines: list[str] = []
        for name, column in filling.columns.items():
            role = self._roles.get(name)
            if role in ("first_name", "last_name"):
                new = {text for text in column.tolist() if text is not None} - self._names
                self._names |= new
                lines += sorted(new)
            elif role == "phone" and name in filling.writings:
                lines += self._new_phones(filling.persons, filling.writings[name], column.tolist())
            elif role == "card":
                lines += self._new_cards(filling.persons, column.tolist())
        lines += [word for name, row, word in filling.slips if filling.columns[name][row] is not None]
        self.count += len(lines)
        self._file.write("".join(f"{line}\n" for line in lines).encode())

    def _new_phones(self, persons: Integers, writings: Integers, texts: list[str | None]) -> list[str]:
        if self.people.noise is not None:
            # Whose number it is no longer tells which number it is.
            new = {text for text in texts if text is not None} - self._names
            self._names |= new
            return sorted(new)
        found = []
        for person, writing, text in zip(persons.tolist(), writings.tolist(), texts, strict=True):
            if text is not None and self._is_new(writing, person):
                found.append(text)
                if self._is_new(len(WRITINGS), person) and not text.startswith("+212"):
                    found.append(f"+212{self.people.national_numbers(np.array([person]))[0]}")
        return found

    def _new_cards(self, persons: Integers, texts: list[str | None]) -> list[str]:
        known = [(person, text) for person, text in zip(persons.tolist(), texts, strict=True) if person >= 0 and text]
        return [text for person, text in known if self._is_new(len(WRITINGS) + 1, person)]

    def _is_new(self, which: int, person: int) -> bool:
        bits, place, bit = self._phones[which], person >> 3, 1 << (person & 7)
        if bits[place] & bit:
            return False
        bits[place] |= bit
        return True

    def close(self) -> None:
        self._file.close()


@dataclass
class FormCounts:
    """What one form's files hold. Rejections count the submissions present at the end, corrections applied."""

    received: int = 0
    present: int = 0
    deleted: int = 0
    edited: int = 0
    first_export: int = 0
    duplicates: int = 0
    repeat_rows: Counter[str] = field(default_factory=Counter)
    rejected_submissions: int = 0
    rejected_repeat_rows: Counter[str] = field(default_factory=Counter)
    blanked_answers: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)
    rule_violations: Counter[str] = field(default_factory=Counter)
    unusual_spellings: int = 0
    unclassified_answers: int = 0
    corrections: int = 0
    corrections_refused: int = 0
    unique_persons: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {
            key: dict(sorted(value.items())) if isinstance(value, Counter) else value
            for key, value in vars(self).items()
        }


@dataclass(frozen=True)
class SampleSummary:
    """What `generate` wrote. forms: rows received by form; counts: the content of `truth/summary.json`."""

    project: str
    rows: int
    seed: int
    to: Path
    forms: dict[str, int]
    counts: dict[str, Any]

    @property
    def received(self) -> int:
        """Submissions of all forms, those deleted since included."""
        return sum(self.forms.values())


class Met:
    """Which persons have been met: one byte each."""

    def __init__(self, people: People) -> None:
        self._met = np.zeros(people.count, dtype=bool)

    def add(self, persons: Integers) -> None:
        self._met[persons[persons >= 0]] = True

    def __len__(self) -> int:
        return int(self._met.sum())

    def __ior__(self, other: Met) -> Met:
        self._met |= other._met
        return self


class Lines:
    """A file of one JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("wb")

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, rows: Iterable[dict[str, Any]]) -> None:
        self._file.write(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows))
