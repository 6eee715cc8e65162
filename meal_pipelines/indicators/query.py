"""The query of one measure over one mart: an opening written from the entry, then the measure's own text.

The text's last CTE but those that lay values out is `reduced`: one row per period and category that has records. All
before it may run where the rows are (`columnar.py`); what comes after is PostgreSQL's, so that every figure is written,
divided and rounded in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import sqlglot
from sqlglot import exp

from meal_pipelines.indicators import opening
from meal_pipelines.indicators.periods import Calendar
from meal_pipelines.indicators.records import Records
from meal_pipelines.project.logframe import Dimension, Indicator
from meal_pipelines.project.measures import OverMart, SurveyRatio

TEXTS = {"median": ("quantile",), "latest": ("stays", "latest"), "score": ("stays", "score")}
"""The files of `measures/` that make a kind's text, when it is not the one of its name."""
REDUCED = "reduced"


@dataclass(frozen=True)
class Piece:
    """One measure over one mart, as a query."""

    kind: str
    records: Records
    given: tuple[exp.CTE, ...]
    members: exp.CTE

    def text(self) -> str:
        """The whole query: what `indicators.definition.formula_sql` shows, and the reference for any other engine."""
        head = [opening.cte("records", self.records.select())]
        body = "\n".join(
            [
                *(opening.text("categories"), opening.written(self.members) + "\n"),
                *(opening.text(name) for name in ("membership", "named", *self._files)),
            ]
        )
        return opening.assemble([*self.given, *head], body)

    def laid_out(self, brought: exp.Expr) -> str:
        """The query that lays values out from rows already reduced: grouping_id, codes, period_id and the sums."""
        final = [cte.copy() for cte in self._own[self._place(REDUCED) + 1 :]]
        text = "\n".join([opening.text("loaded"), opening.text("named")])
        written = [opening.written(cte) for cte in (*self.given, opening.cte("brought", brought))]
        tail = ",\n\n".join(cte.sql("postgres", pretty=True) for cte in final)
        return "\n\n".join(["with", *written, text + "\n" + tail, "select * from final"])

    def reduction(self, coded: list[exp.CTE]) -> list[exp.CTE]:
        """Every CTE up to `reduced`. coded: those that stand for `records`, `combos` and `coded` where they run."""
        given = [cte for cte in self.given if cte.alias != "populations"]
        return [*given, *coded, self.members, *_shared(), *self._own[: self._place(REDUCED) + 1]]

    @cached_property
    def _own(self) -> list[exp.CTE]:
        return _ctes("\n".join(["with\n", *map(opening.text, self._files)]))

    @property
    def _files(self) -> tuple[str, ...]:
        return TEXTS.get(self.kind, (self.kind,))

    def _place(self, name: str) -> int:
        return next(place for place, cte in enumerate(self._own) if cte.alias == name)


def piece(
    measure: OverMart,
    records: Records,
    indicator: Indicator,
    dimensions: Mapping[str, Dimension],
    calendar: Calendar,
) -> Piece:
    """The query of a measure whose records are judged."""
    given = [
        opening.cte("periods", opening.periods(calendar), *opening.PERIOD_COLUMNS),
        opening.cte("groupings", opening.places(indicator), *opening.GROUPING_COLUMNS),
        opening.cte("declared", opening.declared(indicator, dimensions), *opening.CATEGORY_COLUMNS),
        opening.cte("options", opening.options(measure)),
    ]
    if isinstance(measure, SurveyRatio):
        given.append(opening.cte("populations", opening.populations(measure), "stratum", "population"))
    return Piece(measure.kind, records, tuple(given), opening.members(indicator))


def joined(pieces: tuple[Piece, ...], options: exp.CTE | None, said: Callable[[Piece], str]) -> str:
    """The query of an indicator: that of its only piece, or one count over another."""
    if options is None:
        return said(pieces[0])
    names = ("numerators", "denominators")
    ctes = [f"{name} as (\n{said(each)}\n)," for name, each in zip(names, pieces, strict=True)]
    head, _, rest = opening.text("ratio_of").partition("\nwith\n")
    return "\n\n".join([f"{head}\nwith", *ctes, opening.written(options), rest.lstrip("\n")])


@cache
def _shared() -> list[exp.CTE]:
    """The CTEs of `membership.sql`."""
    return _ctes(f"with\n\n{opening.text('membership').rstrip().rstrip(',')}\n\nselect 1")


def _ctes(text: str) -> list[exp.CTE]:
    tree = sqlglot.parse_one(text, dialect="postgres")
    assert isinstance(tree, exp.Select), "a text of measures is one query"
    return list(tree.ctes)
