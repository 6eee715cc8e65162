"""The sheets of an XLSForm as lines of named cells, whatever file they stand in; and back into a workbook.

What the cells mean is in `xlsform.py`.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from meal_pipelines.errors import ConfigurationError

Row = tuple[int, dict[str, str]]
"""(line, cells by header); lines count from 1 as a spreadsheet shows them."""

Sheets = dict[str, list[Row]]
NAMES = ("survey", "choices", "settings")

HEADERS = {
    "relevance": "relevant",
    "list name": "list_name",
    "value": "name",
    "caption": "label",
    "constraint message": "constraint_message",
    "constraintmsg": "constraint_message",
    "jr:constraintmsg": "constraint_message",
    "requiredmsg": "required_message",
    "jr:count": "repeat_count",
    "count": "repeat_count",
    "calculate": "calculation",
    "title": "form_title",
    "id_string": "form_id",
}
"""Older headers, without `bind:` or `body:`, by what they are called now."""

TRANSLATED = ("label", "hint", "constraint_message", "required_message", "guidance_hint")


def read_sheets(survey: Path, choices: Path | None = None) -> Sheets:
    """The sheets of a workbook (.xlsx, .xls), or of the CSV files of its `survey` and `choices` sheets.

    Raises: ConfigurationError with the file, sheet and column of what cannot be read.
    """
    found = _of_csv(survey, choices) if choices is not None else _of_workbook(survey)
    return {name: _rows(survey.name, name, cells) for name, cells in found.items()}


def write_workbook(path: Path, sheets: Sheets) -> None:
    """Write sheets as an XLSX, each with the columns that any of its lines uses, in the order they are met.

    What a server's form says stays text: a label that begins with = is no formula.
    """
    from openpyxl import Workbook

    from meal_pipelines.extracts.workbook import put

    book = Workbook()
    book.remove(book.worksheets[0])
    for name in NAMES:
        lines = [cells for _, cells in sheets.get(name, [])]
        if not lines and name == "settings":
            continue
        sheet = book.create_sheet(name)
        columns = list(dict.fromkeys(column for cells in lines for column in cells))
        for place, column in enumerate(columns, 1):
            put(sheet.cell(1, place), column)
            for line, cells in enumerate(lines, 2):
                if cells.get(column) is not None:
                    put(sheet.cell(line, place), cells[column])
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)


def _of_workbook(path: Path) -> dict[str, Sequence[Sequence[object]]]:
    from python_calamine import CalamineError, CalamineWorkbook

    if not path.is_file():
        raise ConfigurationError(f"Questionnaire introuvable : {path}. Corrigez « questionnaire ».")
    try:
        workbook = CalamineWorkbook.from_path(path)
    except (CalamineError, OSError, ValueError):
        raise ConfigurationError(
            f"{path.name} n'est pas un classeur lisible (XLSX ou XLS). Enregistrez-le à nouveau depuis Excel."
        ) from None
    with workbook:
        return {
            name.strip().lower(): workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
            for name in workbook.sheet_names
            if name.strip().lower() in NAMES
        }


def _of_csv(survey: Path, choices: Path) -> dict[str, Sequence[Sequence[object]]]:
    sheets: dict[str, Sequence[Sequence[object]]] = {}
    for name, path in (("survey", survey), ("choices", choices)):
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                sheets[name] = [list(row) for row in csv.reader(file)]
        except (FileNotFoundError, UnicodeDecodeError):
            raise ConfigurationError(f"Questionnaire illisible : {path}. Il faut un CSV en UTF-8.") from None
    return sheets


def _rows(file: str, sheet: str, cells: Sequence[Sequence[object]]) -> list[Row]:
    """The lines that say something."""
    if not cells:
        return []
    header = [column(_text(cell)) for cell in cells[0]]
    twice = [name for name, times in Counter(name for name in header if name).items() if times > 1]
    if twice:
        raise ConfigurationError(
            f"{file}, feuille « {sheet} », ligne 1 : plusieurs colonnes s'appellent « {twice[0]} », et une seule serait "
            f"lue. Gardez-en une, ou nommez leur langue (« {twice[0]}::Français (fr) »)."
        )
    rows = []
    for line, row in enumerate(cells[1:], start=2):
        named = {name: _text(cell) for name, cell in zip(header, row, strict=False) if name and _text(cell)}
        if named:
            rows.append((line, named))
    return rows


def column(header: str) -> str:
    """A header in XLSForm's present words: `label:English` → `label::English`, `bind: relevant` → `relevant`."""
    plain = re.sub(r"^(?:bind|body|control)\s*::?\s*", "", header)
    word, separator, language = plain.partition("::")
    if not separator and plain.partition(":")[0] in TRANSLATED:
        word, separator, language = plain.partition(":")
    word = word.strip()
    known = HEADERS.get(word.lower(), word)
    return f"{known}::{language.strip()}" if separator and known in TRANSLATED else known if not separator else plain


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    return str(cell).strip()
