"""Columns of answers as XLSForm's expressions see them: text, numbers, days and truth, each when it is asked for."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

EPOCH = dt.date(1970, 1, 1)
NUMBER = re.compile(r"\s*-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


class Values:
    """One value per row, as text and as numbers (a date counts in days since 1970, as in ODK).

    distinct: the values · codes: for each row, which of them it has; None when there is one per row already.
    """

    def __init__(self, kind: str, distinct: np.ndarray[Any, Any], codes: np.ndarray[Any, Any] | None = None) -> None:
        self.kind, self.distinct, self.codes = kind, distinct, codes

    @classmethod
    def of_texts(cls, texts: Iterable[Any], codes: np.ndarray[Any, Any] | None = None) -> Values:
        """Answers as collected: text, None when unanswered."""
        return cls("text", np.array(["" if text is None else text for text in texts], dtype=object), codes)

    @classmethod
    def of_dates(cls, days: np.ndarray[Any, Any]) -> Values:
        """Days since 1970-01-01; NaN when unanswered."""
        return cls("date", days.astype(float))

    def at(self, rows: np.ndarray[Any, Any]) -> Values:
        """The values of these rows, in this order."""
        return Values(self.kind, self.distinct, rows if self.codes is None else self.codes[rows])

    def each(self, function: Callable[[str], Any], kind: str) -> Values:
        """What a function makes of each text; of equal ones once."""
        dtype = {"bool": bool, "number": float}.get(kind, object)
        known = {text: function(text) for text in set(self._texts.tolist())}
        return Values(kind, np.array([known[text] for text in self._texts], dtype=dtype), self.codes)

    @cached_property
    def data(self) -> np.ndarray[Any, Any]:
        return self._spread(self.distinct)

    @cached_property
    def number(self) -> np.ndarray[Any, Any]:
        if self.kind == "text":
            return self._spread(np.array([_number(text) for text in self.distinct], dtype=float))
        return self.data.astype(float)

    @cached_property
    def text(self) -> np.ndarray[Any, Any]:
        return self._spread(self._texts)

    @cached_property
    def truth(self) -> np.ndarray[Any, Any]:
        if self.kind == "bool":
            return self.data
        if self.kind == "text":
            return self._spread(np.asarray(self.distinct != "", dtype=bool))
        return np.asarray(~np.isnan(self.data) & (self.data != 0), dtype=bool)

    @cached_property
    def _texts(self) -> np.ndarray[Any, Any]:
        """The text of each distinct value."""
        if self.kind == "text":
            return self.distinct
        return np.array([_text(value, self.kind) for value in self.distinct], dtype=object)

    def _spread(self, distinct: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return distinct if self.codes is None else distinct[self.codes]


@lru_cache(maxsize=65536)
def _number(text: str) -> float:
    """A number or a day as a number; NaN for any other text (Python's own `1_000` and `inf` are no numbers in XPath)."""
    if NUMBER.fullmatch(text):
        return float(text)
    try:
        return float((dt.date.fromisoformat(text[:10]) - EPOCH).days)
    except ValueError:
        return float("nan")


def _text(value: Any, kind: str) -> str:
    if kind == "bool":
        return "true" if value else "false"
    if not np.isfinite(value):
        return ""
    if kind == "date":
        try:
            return (EPOCH + dt.timedelta(days=int(value))).isoformat()
        except OverflowError:
            return ""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
