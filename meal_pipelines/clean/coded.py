"""The answers to one question in a chunk: each distinct text once, and for each row which of them it has.

A form has few distinct answers and many rows: what is asked of an answer (its type, its choice, how it is written) is
asked of the distinct ones, and spread over the rows by number. What makes an answer right is in `judge.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from meal_pipelines.project.values import Values

Rows = np.ndarray[Any, Any]
"""Positions of rows in a table of the chunk."""


class CodedAnswers:
    """One column of a table: n rows.

    texts: the distinct answers, after None · codes: for each row, the position of its answer in `texts`; 0: no answer.
    """

    def __init__(self, texts: list[str | None], codes: np.ndarray[Any, Any]) -> None:
        assert texts[0] is None
        self.texts, self.codes = texts, codes

    @classmethod
    def of_rows(cls, texts: Sequence[str | None]) -> CodedAnswers:
        """The same of n texts, one per row."""
        known: dict[str | None, int] = {None: 0}
        codes = [known.setdefault(text, len(known)) for text in texts]
        return cls(list(known), np.array(codes, dtype=np.int32))

    def rows(self) -> list[str | None]:
        """The text of each row."""
        return self.spread(self.texts)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> str | None:
        return self.texts[int(self.codes[row])]

    def __setitem__(self, row: int, text: str | None) -> None:
        code = 0
        if text is not None:
            code = len(self.texts)
            self.texts.append(text)
        self._put(np.array([row]), code)

    def __eq__(self, other: object) -> bool:
        """Whether the rows say the same, in the same order."""
        return isinstance(other, CodedAnswers) and self.rows() == other.rows()

    def empty(self, rows: Sequence[int]) -> None:
        """Take the answers of these rows away; whoever already holds `codes` keeps them as they were."""
        self._put(np.array(rows, dtype=int), 0)

    def _put(self, rows: Rows, code: int) -> None:
        self.codes = self.codes.copy()
        self.codes[rows] = code

    @property
    def answered(self) -> np.ndarray[Any, Any]:
        """For each row, whether there is an answer."""
        given: np.ndarray[Any, Any] = self.codes != 0
        return given

    @property
    def values(self) -> Values:
        """The column as expressions see it."""
        return Values.of_texts(self.texts, self.codes)

    def parsed(self, parse_one: Callable[[str], str | None]) -> tuple[CodedAnswers, list[int]]:
        """Each distinct answer in its canonical text; and the rows whose answer is not of the type, emptied."""
        parsed = [None, *(parse_one(str(text)) for text in self.texts[1:])]
        if None not in parsed[1:]:
            return CodedAnswers(parsed, self.codes), []
        is_lost = np.array([text is None for text in parsed], dtype=bool)[self.codes]
        rows: list[int] = np.flatnonzero(is_lost & self.answered).tolist()
        return CodedAnswers(parsed, np.where(is_lost, 0, self.codes)), rows

    def test(self, holds: Callable[[str | None], bool]) -> np.ndarray[Any, Any]:
        """For each row, what a test says of its answer (None: of no answer)."""
        told: np.ndarray[Any, Any] = np.array([holds(text) for text in self.texts], dtype=bool)[self.codes]
        return told

    def spread(self, distinct: Sequence[Any], rows: Rows | None = None) -> list[Any]:
        """For each row (or each of `rows`), what stands in `distinct` at the place of its answer."""
        return spread(distinct, self.codes if rows is None else self.codes[rows])


def spread(distinct: Sequence[Any], codes: np.ndarray[Any, Any]) -> list[Any]:
    """`[distinct[code] for code in codes]`, several times as fast."""
    found = np.empty(len(distinct), dtype=object)
    found[:] = distinct
    taken: list[Any] = found[codes].tolist()
    return taken
