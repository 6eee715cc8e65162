"""What a table of the warehouse must satisfy, said without any tool: expectations, suites, results.

Suites are written for people and for Dagster, whatever judges them. Nothing here runs, reads a file or knows a table's
rows; a result holds counts and never a value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["critical", "warning"]
Scope = Literal["rows", "table"]
RowKind = Literal["not_null", "in_list", "between", "matches", "no_row_where"]
TableKind = Literal["unique", "has_parent", "columns", "not_empty"]

NAME = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True)
class Expectation:
    """One sentence about a table that is true or not.

    name: French without accents, stable, unique in its suite; the name of the Dagster check.
    scope: `rows` is judged on the staged rows, `table` on what the table would become.
    mostly: the share of the rows, from 0 to 1, that must satisfy it.
    parameters, by kind (a bound, a list or a condition; never anything read from the data):

    - `not_null`, `unique`, `not_empty`: none.
    - `in_list`: `values`; `several` when a cell holds several (an array). An empty cell is not judged.
    - `between`: `min`, `max` (one may be missing; `"today"` for a date) and `strict_min`, `strict_max`, true when the
      bound itself is out. An empty cell is not judged.
    - `matches`: `pattern`, a PostgreSQL regular expression. An empty cell is not judged.
    - `no_row_where`: `condition`, a PostgreSQL predicate over the table's columns that no row may satisfy.
    - `has_parent`: `schema`, `table`, `candidate` (its name in `build` while it is judged too) and `parent_columns`.
    - `columns`: none; the table has exactly `columns`.

    The first five are judged row by row, each of `columns` in turn, and take `when` (columns and the value that each
    must have) to say which rows are judged, and `unless_version` (versions of the form whose rows are not; in a repeat
    they are found through `version_in`, the form's own table in `build`).
    """

    name: str
    description: str
    kind: RowKind | TableKind
    columns: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    severity: Severity = "critical"
    scope: Scope = "rows"
    mostly: float = 1.0

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"le nom « {self.name} » : seulement des lettres sans accent, des chiffres et « _ »")
        if not 0 <= self.mostly <= 1:
            raise ValueError(f"« mostly » de « {self.name} » doit être entre 0 et 1")


@dataclass(frozen=True)
class Suite:
    """Everything one table must satisfy. table: its qualified name once published, such as `marts.person`."""

    table: str
    expectations: tuple[Expectation, ...]

    def __post_init__(self) -> None:
        twice = sorted(name for name, times in Counter(each.name for each in self.expectations).items() if times > 1)
        if twice:
            raise ValueError(f"la suite de {self.table} a plusieurs contrôles du même nom : {', '.join(twice)}")


@dataclass(frozen=True)
class Result:
    """How one expectation fared. Counts only, never a value.

    could_run: False when the control itself failed; that is no judgement of the data, and it does not pass either.
    failing_rows, checked_rows: None where rows are not what is counted, or when the control could not run.
    reason: why it could not run, or which columns differ; may be empty.
    """

    expectation: Expectation
    passed: bool
    could_run: bool
    failing_rows: int | None
    checked_rows: int | None
    reason: str = ""

    @property
    def blocks(self) -> bool:
        """Whether the table must not be published: a critical expectation that did not pass."""
        return not self.passed and self.expectation.severity == "critical"

    @property
    def message(self) -> str:
        """What happened, in one French sentence."""
        if not self.could_run:
            return f"Contrôle impossible : les données n'ont pas été jugées. {self.reason}".rstrip()
        if self.failing_rows is None:
            return "Respecté." if self.passed else f"Non respecté{f' ({self.reason})' if self.reason else ''}."
        if not self.failing_rows:
            return "Respecté par toutes les lignes."
        one = self.failing_rows == 1
        rows = "1 ligne ne le respecte pas" if one else f"{self.failing_rows} lignes ne le respectent pas"
        return f"{rows}, sur {self.checked_rows}{' (part admise)' if self.passed else ''}."


def blocking(results: Iterable[Result]) -> list[Result]:
    """The results that forbid the publication of the table."""
    return [result for result in results if result.blocks]
