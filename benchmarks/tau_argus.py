"""τ-Argus itself, given a table, the cells that are too small, what must stay possible for each, and what each cell costs.

Its own files go in and out of a folder; nothing is decided here. Methods: `OPT`, the best pattern, and `MOD`, the modular
one (HiTaS), which protects part after part.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from benchmarks.tables import TOTAL, Codes, Needs, Table, Tree

SUPPRESS = {"OPT": "OPT(1,10)", "MOD": "MOD(1,10,0,0,0)"}
"""Ten minutes at most. No singleton options: here a cell's protection is the interval asked for, and no more."""
HIDDEN = ("U", "M")
Names = list[dict[str, str]]
"""Of each dimension, how a code is called in the files: its modular method ends the process on a code with a dot."""


def protected(
    table: Table, needs: Needs, cost: Callable[[Table, Codes], float], method: str, folder: Path
) -> frozenset[Codes]:
    """The cells that it hides."""
    from pytauargus.engine import Engine

    folder.mkdir(parents=True, exist_ok=True)
    names = _names(table)
    _write(folder / "table.tab", _cells(table, needs, cost, names))
    _write(folder / "table.rda", _described(table, names, folder))
    _write(folder / "table.arb", _batch(table, method, folder))
    (folder / "protected.tab").unlink(missing_ok=True)
    engine = Engine()
    # Any value may be from 0 to half as much again as the greatest, as in τ-Argus 4.2. pytauargus 0.6.0 (2026-10-20) lets an
    # attacker know the least and the greatest value of the table.
    engine._table_cell_bounds = lambda tab: (0.0, 1.5 * max(table.values.values()))
    with contextlib.chdir(
        folder
    ):  # the modular method leaves files where it runs, and two runs would read each other's
        engine.run_batch(str(folder / "table.arb"))
    codes = [{name: code for code, name in each.items()} for each in names]
    found = set()
    for line in (folder / "protected.tab").read_text(encoding="utf-8").splitlines():
        *fields, status, _, _ = (field.strip().strip('"').strip() for field in line.split(";"))
        if status in HIDDEN:
            found.add(tuple(each[field] for each, field in zip(codes, fields, strict=False)))
    return frozenset(found)


def _write(path: Path, lines: Iterator[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _names(table: Table) -> Names:
    found = []
    for tree in table.dimensions.values():
        codes = dict.fromkeys(chain.from_iterable(tree.values()))
        found.append({TOTAL: TOTAL, **{code: f"c{number}" for number, code in enumerate(codes)}})
    return found


def _cells(table: Table, needs: Needs, cost: Callable[[Table, Codes], float], names: Names) -> Iterator[str]:
    for codes, value in table.values.items():
        low, high = needs.get(codes, (value, value))
        where = (f'"{each[code]}"' for each, code in zip(names, codes, strict=True))
        levels = f"{cost(table, codes):.4f};{value - low:.4f};{high - value:.4f}"
        status = "U" if codes in needs else "S" if value else "P"  # zeros are shown, as ours are
        yield ";".join((*where, f"{value:.0f}", levels, status))


def _described(table: Table, names: Names, folder: Path) -> Iterator[str]:
    """The metadata, and a file for each dimension with groups."""
    yield from ('<SEPARATOR> ";"', "<SAFE> S", "<UNSAFE> U", "<PROTECT> P")
    for (dimension, tree), each in zip(table.dimensions.items(), names, strict=True):
        yield from (dimension, "<RECODABLE>", f'<TOTCODE> "{TOTAL}"')
        if len(tree) > 1:
            groups = folder / f"{dimension}.hrc"
            _write(groups, _nested(tree, each, TOTAL))
            yield from ("<HIERARCHICAL>", f'<HIERCODELIST> "{groups}"', '<HIERLEADSTRING> "@"')
    yield from ("VALUE", "<NUMERIC>", "<DECIMALS> 0", "COST", "<NUMERIC> <COSTVAR>", "<DECIMALS> 4")
    yield from ("LOWER", "<NUMERIC> <LOWERPL>", "<DECIMALS> 4", "UPPER", "<NUMERIC> <UPPERPL>", "<DECIMALS> 4")
    yield from ("STATUS", "<STATUS>")


def _nested(tree: Tree, names: dict[str, str], whole: str, depth: int = 0) -> Iterator[str]:
    for part in tree.get(whole, ()):
        yield "@" * depth + names[part]
        yield from _nested(tree, names, part, depth + 1)


def _batch(table: Table, method: str, folder: Path) -> Iterator[str]:
    dimensions = "".join(f'"{name}"' for name in table.dimensions)
    yield f'<OPENTABLEDATA> "{folder / "table.tab"}"'
    yield f'<OPENMETADATA> "{folder / "table.rda"}"'
    yield f'<SPECIFYTABLE> {dimensions}|"VALUE"||"COST"'
    yield from ("<SAFETYRULE> MAN(20)", "<READTABLE> 1", f"<SUPPRESS> {SUPPRESS[method]}")
    yield f'<WRITETABLE> (1,5,SO+,"{folder / "protected.tab"}")'
