"""XLSForms written for one test: workbooks of a few lines, or pairs of CSV files."""

from __future__ import annotations

from pathlib import Path

Lines = list[list[str]]

SURVEY: Lines = [["type", "name", "label::Français (fr)", "label::العربية (ar)"]]
CHOICES: Lines = [["list_name", "name", "label::Français (fr)"], ["sexe", "F", "Femme"], ["sexe", "H", "Homme"]]


def workbook(path: Path, **sheets: Lines) -> Path:
    """An XLSX with these sheets."""
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.worksheets[0])
    for name, lines in sheets.items():
        sheet = book.create_sheet(name)
        for line in lines:
            sheet.append(line)
    book.save(path)
    return path


def form(path: Path, *questions: list[str], choices: Lines | None = None) -> Path:
    """A form with these lines in its `survey` sheet."""
    return workbook(path, survey=[*SURVEY, *questions], choices=CHOICES if choices is None else choices)
