"""Columns of answers as XLSForm's expressions see them: text, numbers, days and truth, each when it is asked for."""

from __future__ import annotations

import datetime as dt
import re
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

EPOCH = dt.date(1970, 1, 1)
NUMBER = re.compile(r"\s*-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


class Values:
    """One value per row, as text and as numbers (a date counts in days since 1970, as in ODK)."""

    def __init__(self, kind: str, data: np.ndarray[Any, Any]) -> None:
        self.kind, self.data = kind, data

    @classmethod
    def of_texts(cls, texts: list[Any] | np.ndarray[Any, Any]) -> Values:
        """Answers as collected: text, None when unanswered."""
        return cls("text", np.array(["" if text is None else text for text in texts], dtype=object))

    @classmethod
    def of_dates(cls, days: np.ndarray[Any, Any]) -> Values:
        """Days since 1970-01-01; NaN when unanswered."""
        return cls("date", days.astype(float))

    @cached_property
    def number(self) -> np.ndarray[Any, Any]:
        if self.kind == "text":
            return np.array([_number(text) for text in self.data], dtype=float)
        return self.data.astype(float)

    @cached_property
    def text(self) -> np.ndarray[Any, Any]:
        if self.kind == "text":
            return self.data
        return np.array([_text(value, self.kind) for value in self.data], dtype=object)

    @cached_property
    def truth(self) -> np.ndarray[Any, Any]:
        if self.kind == "bool":
            return self.data
        if self.kind == "text":
            return np.asarray(self.data != "", dtype=bool)
        return np.asarray(~np.isnan(self.data) & (self.data != 0), dtype=bool)


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
