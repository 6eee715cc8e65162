"""An attacker for tests: a linear programme over whoever may stand behind the published figures.

Knows nothing of the code under test: it is given figures, marks and what adds up, and asks scipy how far each can go.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array

Sum = Mapping[Hashable, float]
"""Unknown → coefficient."""


@dataclass
class Attack:
    """All that a reader knows. Unknowns are 0 or more."""

    unknowns: dict[Hashable, int] = field(default_factory=dict)
    equal: list[tuple[Sum, float]] = field(default_factory=list)
    at_most: list[tuple[Sum, float]] = field(default_factory=list)

    def know(self, what: Sum, shown: float | str) -> None:
        """A figure as it stands in a file: a number, « < 5 » (1 to 4) or « s » (at least 1)."""
        if not isinstance(shown, str):
            self.equal.append((what, float(shown)))
            return
        self.at_most.append(({name: -c for name, c in what.items()}, -1.0))
        if (bound := re.fullmatch(r"< (\d+)", shown)) is not None:
            self.at_most.append((what, float(bound[1]) - 1))
        else:
            assert shown == "s", "a hidden figure looks hidden"

    def intervals(self, wanted: Sequence[Sum]) -> list[tuple[float, float]]:
        """The least and the most that each can be."""
        for form in (*(form for form, _ in (*self.equal, *self.at_most)), *wanted):
            for name in form:
                self.unknowns.setdefault(name, len(self.unknowns))
        system = {**self._system("A_eq", "b_eq", self.equal), **self._system("A_ub", "b_ub", self.at_most)}
        return [(self._end(form, system, 1.0), self._end(form, system, -1.0)) for form in wanted]

    def _end(self, form: Sum, system: Mapping[str, Any], sign: float) -> float:
        found = linprog(sign * self._row(form), bounds=(0, 100_000), method="highs", **system)
        assert found.status == 0, f"what is published holds together: {found.message}"
        return float(sign * found.fun)

    def _row(self, form: Sum) -> np.ndarray:
        row = np.zeros(len(self.unknowns))
        for name, coefficient in form.items():
            row[self.unknowns[name]] += coefficient
        return row

    def _system(self, left: str, right: str, rows: list[tuple[Sum, float]]) -> dict[str, Any]:
        if not rows:
            return {}
        matrix = csr_array(np.array([self._row(form) for form, _ in rows]))
        return {left: matrix, right: np.array([bound for _, bound in rows])}


def too_narrow(interval: tuple[float, float], low: float, high: float, *, width: float) -> bool:
    """Neither does everything from low to high stay possible, nor a stretch as wide as asked."""
    is_whole = interval[0] <= low + 1e-4 and interval[1] >= high - 1e-4
    return not is_whole and interval[1] - interval[0] < width - 1e-4
