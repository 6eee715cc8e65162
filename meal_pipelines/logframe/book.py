"""An edited workbook, opened: whether it is one of ours, what it was exported with, what a cell of it holds.

What its cells change is `read.py`'s business.
"""

from __future__ import annotations

from pathlib import Path as File
from typing import Any

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.invocation import typed
from meal_pipelines.logframe.export import ORIGIN
from meal_pipelines.project.logframe import Logframe


def opened(file: File) -> Any:
    """The workbook as openpyxl has it. Raises: ConfigurationError, when there is none or it cannot be read."""
    from zipfile import BadZipFile

    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    if not file.is_file():
        raise ConfigurationError(
            f"Le classeur n'existe pas : {file}. Exportez-le d'abord ({typed('logframe export')})."
        )
    try:
        return load_workbook(file)
    except (
        InvalidFileException,
        BadZipFile,
        SyntaxError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        EOFError,
    ):
        # A part of the archive that is cut off or missing: openpyxl says it in as many ways as it has readers (XML: SyntaxError).
        raise ConfigurationError(f"{file.name} n'est pas un classeur XLSX lisible. Enregistrez-le en .xlsx.") from None


def origin_of(book: Any, logframe: Logframe) -> dict[str, Any]:
    """What each field was when the workbook was exported, by its name. Raises: ConfigurationError, for another's workbook."""
    if ORIGIN not in book.sheetnames:
        raise ConfigurationError(
            f"Ce classeur n'a pas été fait par {typed('logframe export')}. Exportez, puis modifiez."
        )
    sheet = book[ORIGIN]
    if sheet["A1"].value != logframe.project:
        raise ConfigurationError(
            f"Ce classeur est celui du projet « {sheet['A1'].value} », et non de « {logframe.project} ». Rien n'a été écrit."
        )
    return {row[0].value: cell_value(row[1]) for row in sheet.iter_rows(min_row=2, max_col=2) if row[0].value}


def cell_value(cell: Any) -> Any:
    """What a cell says: a day as a date, lines of a text separated by `\\n` alone."""
    import datetime as dt

    value = cell.value
    if isinstance(value, dt.datetime):
        return value.date()
    return value.replace("\r\n", "\n") if isinstance(value, str) else value
