"""What Excel offers in a cell of the workbook, and refuses: closed lists and words of help. Which cell gets which is `export.py`'s."""

from __future__ import annotations

from collections.abc import Sequence

from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet


def offer(sheet: Worksheet, where: str, choices: Sequence[str]) -> None:
    """A closed list in the cells of a range."""
    text = ",".join(choices)
    if len(text) > 250 or any("," in choice or '"' in choice for choice in choices):
        return  # longer than Excel takes in a cell's own list; the import refuses what is not in it all the same
    rule = DataValidation(type="list", formula1=f'"{text}"', allow_blank=True, showErrorMessage=True)
    rule.errorTitle, rule.error = "Choix impossible", "Prenez une valeur de la liste."
    rule.add(where)
    sheet.add_data_validation(rule)


def offer_rows(sheet: Worksheet, where: str, other: str, first: int, count: int) -> None:
    """What stands in column A of another sheet, from row `first` on, as a closed list."""
    source = f"'{other}'!$A${first}:$A${first + max(1, count) - 1}"
    rule = DataValidation(type="list", formula1=source, allow_blank=True, showErrorMessage=True)
    rule.errorTitle, rule.error = "Code inconnu", "Prenez un code de la feuille Indicateurs."
    rule.add(where)
    sheet.add_data_validation(rule)


def prompt(sheet: Worksheet, where: str, title: str, text: str) -> None:
    """A word on what is expected, shown when a cell is chosen."""
    rule = DataValidation(allow_blank=True, showInputMessage=True)
    rule.promptTitle, rule.prompt = title[:32], text
    rule.add(where)
    sheet.add_data_validation(rule)
