"""What a cell of a template accepts, from its question's type and constraint; cleaning judges the rest.

Only bounds are carried over (`. >= 5 and . <= date('2026-03-01')`): what a spreadsheet can say, and say simply.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Literal

from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from meal_pipelines.collect.template.columns import Column

EPOCH = dt.date(1899, 12, 30)
BOUND = re.compile(r"\.\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?|date\('(\d{4}-\d{2}-\d{2})'\)|today\(\))")
TITLE, MESSAGE, PROMPT = 32, 224, 254
"""What Excel shows of the title, of an error and of a prompt, in characters."""
Kind = Literal["whole", "decimal", "date", "time"]
KINDS: dict[str, Kind] = {
    "integer": "whole", "decimal": "decimal", "range": "decimal", "date": "date", "today": "date", "time": "time",
}  # fmt: skip
WIDEST: dict[Kind, tuple[str, str]] = {
    "whole": ("-999999999999", "999999999999"),
    "decimal": ("-1E+15", "1E+15"),
    "date": ("1", "73050"),
    "time": ("0", "0.99999"),
}
"""Any number, any day from 1900 to 2099, any hour."""


@dataclass(frozen=True)
class Bounds:
    """What an answer lies between, as formulas of a spreadsheet; None: no bound on that side."""

    low: str | None = None
    low_is_open: bool = False
    high: str | None = None
    high_is_open: bool = False


def bounds(constraint: str) -> Bounds:
    """The bounds that a constraint asks for, whatever else it asks; none when it says « or »."""
    found: dict[str, str | bool] = {}
    if re.search(r"\bor\b|\bnot\s*\(", constraint):
        return Bounds()
    for part in re.split(r"\band\b", constraint):
        match = BOUND.fullmatch(part.strip())
        if match is None:
            continue
        value = match[2] if match[3] is None else str((dt.date.fromisoformat(match[3]) - EPOCH).days)
        side = "low" if match[1][0] == ">" else "high"
        found |= {side: "TODAY()" if value == "today()" else value, f"{side}_is_open": len(match[1]) == 1}
    return Bounds(**found)  # type: ignore[arg-type]


def validation(
    column: Column, row: int, last: int, *, title: str, prompt: str, message: str, offered: str | None
) -> DataValidation | None:
    """What the cells of a column accept, from line `row` to `last`, and what is shown there.

    offered: the formula of the list to choose from · prompt, message: what is said before and after. None: nothing to say.
    """
    question, cell = column.question, f"{get_column_letter(column.place)}{row}"
    kind = KINDS.get(question.type)
    rule: DataValidation
    if offered is not None and question.type == "select_one":
        rule = DataValidation(type="list", formula1=offered, allow_blank=True)
    elif kind is not None:
        rule = _between(kind, bounds(question.constraint), cell)
    elif column.is_alone_in_key:
        letters = get_column_letter(column.place)
        rule = DataValidation(type="custom", formula1=f"COUNTIF(${letters}${row}:${letters}${last},{cell})=1")
    elif prompt:
        rule = DataValidation(type=None)
    else:
        return None
    rule.add(f"{cell}:{get_column_letter(column.place)}{last}")
    rule.showInputMessage, rule.promptTitle, rule.prompt = (
        bool(prompt),
        shortened(title, TITLE),
        shortened(prompt, PROMPT),
    )
    rule.showErrorMessage, rule.errorTitle, rule.error = True, shortened(title, TITLE), shortened(message, MESSAGE)
    rule.errorStyle = "stop"
    return rule


def _between(kind: Kind, wanted: Bounds, cell: str) -> DataValidation:
    lowest, highest = WIDEST[kind]
    low, high = wanted.low or lowest, wanted.high or highest
    if kind == "decimal" and (wanted.low_is_open or wanted.high_is_open):
        over, under = ">" if wanted.low_is_open else ">=", "<" if wanted.high_is_open else "<="
        formula = f"AND(ISNUMBER({cell}),{cell}{over}{low},{cell}{under}{high})"
        return DataValidation(type="custom", formula1=formula, allow_blank=True)
    low, high = f"{low}+1" if wanted.low_is_open else low, f"{high}-1" if wanted.high_is_open else high
    return DataValidation(type=kind, operator="between", formula1=low, formula2=high, allow_blank=True)


def shortened(text: str, length: int) -> str:
    """The text, or its first words and « … »."""
    return text if len(text) <= length else text[: length - 1].rsplit(" ", 1)[0] + "…"
