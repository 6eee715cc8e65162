"""The part of OData's `$filter` that ODK Central knows: comparisons of a few system fields, and, or, not, parentheses."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.odk_state import Form, Problem, Stored

Column = Callable[[Stored], Any]

REFUSED_IN_TEXTS = frozenset(map(chr, [*range(9), *range(10, 32), 127])) | set("\"#%'/<>?[\\]^`{|}")
"""Each was sent to a real one, which could not parse it (400.18), on 2026-11-27; a tab, a space and « é » it could."""


def column(form: Form, path: str) -> Column:
    created = "createdAt" if form.is_entities else "submissionDate"
    columns: dict[str, Column] = {
        "__id": lambda stored: stored.root,
        f"__system/{created}": lambda stored: stored.created,
        "__system/updatedAt": lambda stored: stored.updated,
        "__system/deletedAt": lambda stored: stored.deleted,
        "__system/reviewState": lambda stored: stored.review,
    }
    if path not in columns:
        text = "The given OData filter expression references fields not supported by this server: "
        raise Problem(501.5, f"{text}{path} at 0", {"at": 0, "text": path})
    return columns[path]


def select(form: Form, condition: str | None) -> list[Stored]:
    """The rows a `$filter` keeps; deleted ones only when it names deletedAt."""
    everything = list(form.stored.values())
    if condition is None:
        return [stored for stored in everything if stored.deleted is None]
    holds = _Filter(form, condition).parsed()
    shows_deleted = "__system/deletedAt" in condition
    return [stored for stored in everything if (shows_deleted or stored.deleted is None) and holds(stored)]


class _Filter:
    """`or` and `and` of comparisons, parentheses, `not`; everything else is bad syntax (400.18)."""

    WORD = re.compile(r"\s*(\(|\)|'[^']*'|[^\s()]+)")

    def __init__(self, form: Form, text: str) -> None:
        self.form = form
        self.words = self.WORD.findall(text)
        self.at = 0

    def parsed(self) -> Column:
        holds = self._any()
        if self.at != len(self.words):
            raise Problem(400.18)
        return holds

    def _next(self) -> str:
        if self.at >= len(self.words):
            raise Problem(400.18)
        self.at += 1
        return str(self.words[self.at - 1])

    def _is(self, word: str) -> bool:
        if self.at < len(self.words) and self.words[self.at] == word:
            self.at += 1
            return True
        return False

    def _any(self) -> Column:
        sides = [self._all()]
        while self._is("or"):
            sides.append(self._all())
        return lambda stored: any(side(stored) for side in sides)

    def _all(self) -> Column:
        sides = [self._one()]
        while self._is("and"):
            sides.append(self._one())
        return lambda stored: all(side(stored) for side in sides)

    def _one(self) -> Column:
        if self._is("not"):
            inner = self._one()
            return lambda stored: not inner(stored)
        if self._is("("):
            inner = self._any()
            if not self._is(")"):
                raise Problem(400.18)
            return inner
        read, operator, value = column(self.form, self._next()), self._next(), self._literal(self._next())
        return self._comparison(read, operator, value)

    def _literal(self, word: str) -> Any:
        if word == "null":
            return None
        if word.startswith("'"):
            if REFUSED_IN_TEXTS & set(word[1:-1]):
                reason = f"Unexpected character at {len(self.words[self.at - 3])}"
                text = "The OData filter expression you provided could not be parsed: "
                raise Problem(400.18, text + reason, {"reason": reason})
            return word[1:-1]
        try:
            moment = datetime.fromisoformat(word)
        except ValueError:
            raise Problem(400.18) from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def _comparison(self, read: Column, operator: str, value: Any) -> Column:
        match operator:
            case "eq":
                return lambda stored: read(stored) == value
            case "ne":
                return lambda stored: read(stored) != value
            case "ge":
                return lambda stored: read(stored) is not None and read(stored) >= value
            case "gt":
                return lambda stored: read(stored) is not None and read(stored) > value
            case "lt":
                return lambda stored: read(stored) is not None and read(stored) < value
            case "le":
                return lambda stored: read(stored) is not None and read(stored) <= value
        raise Problem(400.18)
