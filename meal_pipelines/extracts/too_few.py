"""Shares, means and medians of fewer records than the logframe publishes (`publish_from`): they are in no extract.

No person is protected here, and nothing is: a share of few answers would be read as more than it says. Who may be found
behind a figure is `protect/disclosure/`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from meal_pipelines.extracts.values import Cell, Value
from meal_pipelines.project.logframe import Indicator, Logframe

SIGN = "n < "


def publication_rules(logframe: Logframe) -> dict[str, int]:
    """By indicator, the number of records from which it is published; only those that have such a rule."""
    return {at.code: at.publish_from for at in logframe.indicators if at.publish_from is not None}


def rule_told(indicator: Indicator) -> str:
    """What a file says of the rule, in French; empty without one."""
    least = indicator.publish_from
    return (
        f"Publié à partir de {least} réponses ; en dessous, « {SIGN}{least} » tient lieu de chiffre." if least else ""
    )


def is_enough(units: int | None, least: int | None) -> bool:
    """Whether a figure of so many records may leave; always, where the logframe has no rule."""
    return least is None or (units is not None and units >= least)


def is_too_few(mark: str | None) -> bool:
    """Whether what stands in the place of a figure says that too few records are behind it."""
    return mark is not None and mark.startswith(SIGN)


def published(shown: Value, measured: Value, rules: Mapping[str, int]) -> Value:
    """A value with its mark where too few records are behind it; a category is judged by its own.

    shown: what is left of `measured` once persons are protected; its marks stay. How many records there are is not told
    either: it may be a small number of persons.
    """
    least = rules.get(shown.indicator)
    if least is None:
        return shown
    cells = {
        dimension: {name: _cell(at, measured.cells[dimension][name], least) for name, at in given.items()}
        for dimension, given in shown.cells.items()
    }
    if shown.value is None or is_enough(measured.units, least):
        return replace(shown, cells=cells)
    return replace(
        shown, value=None, mark=f"{SIGN}{least}", units=None, is_size_hidden=True, numerator=None, denominator=None, trend=None,
        cells=cells,
    )  # fmt: skip


def _cell(shown: Cell, measured: Cell, least: int) -> Cell:
    if shown.value is None or is_enough(measured.units, least):
        return shown
    return Cell(None, None, f"{SIGN}{least}")
