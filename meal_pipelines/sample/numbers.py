"""Numbers as people answer them: within the bounds of a constraint, rather near a usual value, written as text.

Which question gets which is `draw.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from meal_pipelines.sample.chance import Floats
from meal_pipelines.sample.filling import Column, Filling

CLAUSE = re.compile(r"^\.\s*(<=|>=|<|>)\s*(\S.*)$")


def clauses(constraint: str) -> list[tuple[str, str]]:
    """The bounds that a constraint states: (sign, expression), from `. >= 1 and . <= ${other}`."""
    matches = (CLAUSE.match(part.strip()) for part in constraint.split(" and "))
    return [(match[1], match[2]) for match in matches if match]


def limits(filling: Filling, bounds: list[tuple[str, str]], gap: float) -> tuple[Floats, Floats]:
    low, high = np.full(filling.size, -np.inf), np.full(filling.size, np.inf)
    for sign, source in bounds:
        bound = filling.numbers_of(source)
        bound = np.where(np.isnan(bound), -np.inf if sign[0] == ">" else np.inf, bound)
        if sign[0] == ">":
            low = np.maximum(low, bound if sign == ">=" else bound + gap)
        else:
            high = np.minimum(high, bound if sign == "<=" else bound - gap)
    return low, high


def shape(given: Sequence[float]) -> tuple[float, float, float]:
    return (given[0], (given[0] + given[-1]) / 2, given[-1]) if len(given) == 2 else (given[0], given[1], given[2])


def triangular(shares: Floats, shapes: Floats) -> Floats:
    low, usual, high = shapes.T
    width = np.where(high > low, high - low, 1.0)
    turn = (usual - low) / width
    rising = low + np.sqrt(shares * width * np.maximum(usual - low, 0))
    falling = high - np.sqrt((1 - shares) * width * np.maximum(high - usual, 0))
    return np.asarray(np.where(shares < turn, rising, falling))


def number_texts(values: Floats, decimals: int) -> Column:
    if decimals == 0:
        return np.array([None if np.isnan(value) else str(round(value)) for value in values.tolist()], dtype=object)
    return np.array([None if np.isnan(value) else f"{value:.{decimals}f}" for value in values.tolist()], dtype=object)
