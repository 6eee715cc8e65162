"""Tables of counts and amounts with their totals, and examples that other tools' authors published with their results.

Only numbers and who printed them; how a table is protected and attacked is in `suppression.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product

TOTAL = "Total"
Codes = tuple[str, ...]
"""Where a cell stands: one code of each dimension, `TOTAL` for all of it."""
Tree = Mapping[str, Collection[str]]
"""Each code that has parts, and its parts; `TOTAL` is the whole of the dimension."""
Needs = Mapping[Codes, tuple[float, float]]
"""The cells that are too small, and the values that must stay possible for each."""


@dataclass(frozen=True)
class Table:
    """What is counted. dimensions: by name · inner: values where no code has parts; 0 where nothing is said."""

    dimensions: Mapping[str, Tree]
    inner: Mapping[Codes, float]

    @cached_property
    def values(self) -> dict[Codes, float]:
        """Every cell, totals included."""
        under = [_ends(tree) for tree in self.dimensions.values()]
        return {
            codes: sum(self.inner.get(end, 0.0) for end in product(*(e[c] for e, c in zip(under, codes, strict=True))))
            for codes in product(*under)
        }

    def sums(self) -> Iterator[tuple[Codes, list[Codes]]]:
        """Each cell that is the sum of others, along each dimension in which it is."""
        trees = list(self.dimensions.values())
        for place, tree in enumerate(trees):
            others = [list(_ends(other)) if at != place else [""] for at, other in enumerate(trees)]
            for codes in product(*others):
                for whole, parts in tree.items():
                    yield _with(codes, place, whole), [_with(codes, place, part) for part in parts]


def _with(codes: Codes, place: int, code: str) -> Codes:
    return (*codes[:place], code, *codes[place + 1 :])


def _ends(tree: Tree) -> dict[str, list[str]]:
    """Every code, and the codes without parts that it is made of."""

    def below(code: str) -> list[str]:
        return [end for part in tree[code] for end in below(part)] if code in tree else [code]

    return {code: below(code) for code in (*tree, *(p for parts in tree.values() for p in parts if p not in tree))}


@dataclass(frozen=True)
class Published:
    """One example. needs: what its authors promise · theirs: by method, every cell that they hide · source: where table and
    result are printed · threshold: where ours says of the same cells that they are too small, and promises more."""

    table: Table
    needs: Needs
    theirs: Mapping[str, frozenset[Codes]]
    source: str
    threshold: int | None = None


def uncertain(table: Table, cells: Collection[Codes]) -> dict[Codes, tuple[float, float]]:
    """No more than that nobody works out the exact value: one less and one more stay possible."""
    return {codes: (table.values[codes] - 1, table.values[codes] + 1) for codes in cells}


def small(table: Table, threshold: int) -> dict[Codes, tuple[float, float]]:
    """The counts under a threshold, except zeros: each may be anything from 1 to the threshold less one."""
    return {codes: (1.0, threshold - 1.0) for codes, value in table.values.items() if 1 <= value < threshold}


def _grid(rows: str, columns: str, *lines: tuple[float, ...]) -> dict[Codes, float]:
    return {
        (row, column): value
        for row, line in zip(rows.split(), lines, strict=True)
        for column, value in zip(columns.split(), line, strict=True)
    }


def _turnover() -> Published:
    """Turnover by activity and size: one cell of two firms, one of which the largest firm has 95 %."""
    table = Table(
        {"activity": {TOTAL: ("01", "02", "06")}, "size": {TOTAL: ("tr1", "tr2")}},
        _grid("01 02 06", "tr1 tr2", (100, 50), (30, 20), (60, 40)),
    )
    largest, dominance = 38.0, 0.85
    beyond = largest / dominance - 40
    needs: Needs = {("02", "tr1"): (27.0, 33.0), ("06", "tr2"): (40 - beyond, 40 + beyond)}
    hidden = frozenset({("02", "tr1"), ("02", "tr2"), ("06", "tr1"), ("06", "tr2")})
    source = "rtauargus 1.3.5, vignette « rtauargus », premier exemple (τ-Argus 4.2.3, FREQ(3,10) et NK(1,85))"
    return Published(table, needs, {"τ-Argus, modulaire": hidden}, source)


def _ages() -> Published:
    """Persons by age and country, countries in two groups; under 5, zeros shown; linear algebra promises no interval."""
    table = Table(
        {
            "age": {TOTAL: ("young", "old")},
            "geo": {TOTAL: ("EU", "nonEU"), "EU": ("Spain", "Portugal"), "nonEU": ("Iceland",)},
        },
        _grid("young old", "Spain Iceland Portugal", (5, 2, 0), (6, 3, 4)),
    )
    hidden = {
        (TOTAL, "Portugal"), (TOTAL, "Spain"), ("old", "EU"), ("old", "nonEU"), ("old", "Iceland"),
        ("old", "Portugal"), ("young", "EU"), ("young", "nonEU"), ("young", "Iceland"), ("young", "Spain"),
    }  # fmt: skip
    source = "GaussSuppression 1.2.3, vignette « Small count frequency table suppression », tableau 4"
    needs = uncertain(table, small(table, 5))
    return Published(table, needs, {"élimination de Gauss": frozenset(hidden)}, source, threshold=5)


def _widths() -> Published:
    """Persons by age and country; under 4, and an interval 5 wide for each."""
    table = Table(
        {"age": {TOTAL: ("young", "old")}, "geo": {TOTAL: ("Spain", "Iceland", "Portugal")}},
        _grid("young old", "Spain Iceland Portugal", (17, 3, 1), (17, 10, 11)),
    )
    needs: Needs = {("young", "Iceland"): (0.0, 5.0), ("young", "Portugal"): (0.0, 5.0)}
    source = "GaussSuppression 1.2.3, même vignette, tableau 9 (maxN = 3, rangeMin = 5)"
    return Published(table, needs, {"élimination de Gauss": frozenset(table.inner)}, source)


def _regions() -> Published:
    """A hundred persons by region and sex, of whom two women of region A."""
    table = Table(
        {"region": {TOTAL: ("A", "B", "C", "D")}, "gender": {TOTAL: ("male", "female")}},
        _grid("A B C D", "male female", (18, 2), (14, 19), (12, 10), (11, 14)),
    )
    cell = ("A", "female")
    with_d = frozenset({cell, ("A", "male"), ("D", "male"), ("D", "female")})
    with_c = frozenset({cell, ("A", "male"), ("C", "male"), ("C", "female")})
    theirs = {"OPT, HITAS, HYPERCUBE": with_c, "GAUSS": with_d}
    return Published(table, uncertain(table, [cell]), theirs, "sdcTable 0.34.0, essais de protectTable (microdata1)")


def _known_cell() -> Published:
    """Every row and column hides two cells, and one can be worked out all the same. The one cell more that is printed
    with its effect (w, b from 0 to 78) is x, d: no other has it."""
    table = Table(
        {"v1": {TOTAL: ("w", "x", "y", "z")}, "v2": {TOTAL: ("a", "b", "c", "d")}},
        _grid("w x y z", "a b c d", (30, 47, 64, 89), (90, 124, 5, 31), (92, 100, 59, 85), (800, 991, 651, 685)),
    )
    named = frozenset({*product("w", "abc"), *product("x", "ac"), *product("yz", "bd")})
    theirs = {"SIMPLEHEURISTIC_OLD": named, "SIMPLEHEURISTIC": named | {("x", "d")}}
    return Published(table, uncertain(table, named), theirs, "sdcTable 0.34.0, essais de SIMPLEHEURISTIC (problemdata)")


EXAMPLES: Mapping[str, Callable[[], Published]] = {
    "turnover": _turnover,
    "ages": _ages,
    "widths": _widths,
    "regions": _regions,
    "known": _known_cell,
}
