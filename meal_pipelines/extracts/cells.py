"""What may stand in a cell of any workbook we write: text is never a formula, a missing value never a zero.

The only place that decides it, whichever library writes the file. How cells look is `workbook.py`'s and `drawn.py`'s business.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

from meal_pipelines.extracts.table import Kind

# [$-40C] groups thousands by a space and writes a decimal comma wherever the workbook is opened.
FORMATS = {"number": "[$-40C]#,##0", "decimal": "[$-40C]#,##0.0", "date": "dd/mm/yyyy"}
MISSING = "–"
LONGEST = 32_767
"""Signs in a cell; Excel calls a file with more of them damaged."""
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""First characters by which a spreadsheet may take a text for a formula."""
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def content(value: Any) -> Decimal | int | float | dt.date | str:
    """A value as a cell holds it: numbers and dates as such, None as a dash, everything else as text."""
    if isinstance(value, bool):
        return "Oui" if value else "Non"
    if value is None:
        return MISSING
    if isinstance(value, Decimal) and not value.is_finite():
        return MISSING
    if isinstance(value, Decimal | int | float | dt.date):
        return value
    text = writable(str(value))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def writable(text: str) -> str:
    """The text without what XML cannot hold, which a cell pasted into YAML may bring along."""
    return _UNWRITABLE.sub("", text)


def number_format(value: Any, kind: Kind) -> str | None:
    """How a number or a date is shown; None for a text."""
    if isinstance(value, dt.date):
        return FORMATS["date"]
    if isinstance(value, Decimal | int | float):
        return FORMATS["decimal" if kind == "decimal" and value != int(value) else "number"]
    return None


def is_dangerous(value: Any) -> bool:
    """Whether a text must be marked as text, so that it stays one when somebody edits its cell."""
    return isinstance(value, str) and value.startswith(DANGEROUS)
