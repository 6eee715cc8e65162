"""Submissions as a partner's workbook: a header of question names, real dates and numbers, at most 50,000 rows a file.

The same rows give the same bytes: the dates that Excel files carry inside (properties, archive entries) are fixed.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape

from meal_pipelines.project.questionnaire import Question
from meal_pipelines.sample.calendar import day_number

LIMIT = 50_000
MOMENT = (2026, 1, 1, 0, 0, 0)
STAMP = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(<)")
SHEET = "xl/worksheets/sheet1.xml"
HEAD = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
)
TAIL = b"</sheetData></worksheet>"
EXCEL_EPOCH = 25_569
"""Day 0 of this package (1970-01-01) as Excel counts days."""


class Workbooks:
    """`<form>-001.xlsx`, `<form>-002.xlsx` … of one form.

    openpyxl makes the package and its styles; the rows are written here, since it writes 3,000 a second.
    """

    def __init__(self, folder: Path, form: str, sheet: str, questions: Iterable[Question]) -> None:
        self.folder, self.form, self.questions = folder, form, list(questions)
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.glob(f"{form}-[0-9][0-9][0-9].xlsx"):  # of an earlier, longer sample
            file.unlink()
        self._parts, date_style = _package(sheet)
        self._cells = [_cell(_letters(place), q.type, date_style) for place, q in enumerate(self.questions)]
        self._files = self._rows = 0
        self._archive: zipfile.ZipFile | None = None
        self._sheet: IO[bytes] | None = None

    def add(self, rows: Iterable[Sequence[str | None]]) -> None:
        """Answers in the order of the questions, as text."""
        for row in rows:
            sheet = self._sheet or self._open()
            self._rows += 1
            sheet.write(
                self._xml([make(self._rows + 1, text) for make, text in zip(self._cells, row, strict=True) if text])
            )
            if self._rows == LIMIT:
                self._save()

    def close(self) -> None:
        if self._sheet is None and not self._files:
            self._open()
        if self._sheet is not None:
            self._save()

    def _xml(self, cells: list[str]) -> bytes:
        return f'<row r="{self._rows + 1}">{"".join(cells)}</row>'.encode()

    def _open(self) -> IO[bytes]:
        self._files += 1
        self._rows = 0
        path = self.folder / f"{self.form}-{self._files:03d}.xlsx"
        self._archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=4)
        for name, content in self._parts:
            self._archive.writestr(_entry(name), content)
        self._sheet = self._archive.open(_entry(SHEET), "w")
        self._sheet.write(HEAD)
        names = [_text(_letters(place), 1, question.name) for place, question in enumerate(self.questions)]
        self._sheet.write(self._xml(names))
        return self._sheet

    def _save(self) -> None:
        if self._sheet is not None and self._archive is not None:
            self._sheet.write(TAIL)
            self._sheet.close()
            self._archive.close()
        self._sheet = self._archive = None


def _package(sheet: str) -> tuple[list[tuple[str, bytes]], int]:
    """(the parts of an empty workbook but its sheet, the style of a date)."""
    from openpyxl import Workbook

    book = Workbook()
    page = book.worksheets[0]
    page.title = sheet
    cell = page.cell(1, 1, dt.date(2026, 1, 1))
    cell.number_format = "yyyy-mm-dd"
    made = io.BytesIO()
    book.save(made)
    with zipfile.ZipFile(made) as archive:
        parts = [(name, archive.read(name)) for name in archive.namelist() if name != SHEET]
    return [(name, STAMP.sub(rb"\g<1>2026-01-01T00:00:00Z\g<2>", content)) for name, content in parts], cell.style_id


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, MOMENT)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _letters(place: int) -> str:
    first, last = divmod(place, 26)
    return (chr(64 + first) if first else "") + chr(65 + last)


def _text(column: str, row: int, text: str) -> str:
    return f'<c r="{column}{row}" t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def _cell(column: str, kind: str, date_style: int) -> Callable[[int, str], str]:
    """How an answer becomes a cell; what is not of its type stays text, as a partner would have typed it."""

    def number(row: int, text: str) -> str:
        is_plain = text.isascii() and text.replace(".", "", 1).isdigit()
        return f'<c r="{column}{row}"><v>{text}</v></c>' if is_plain else _text(column, row, text)

    def date(row: int, text: str) -> str:
        try:
            day = day_number(dt.date.fromisoformat(text)) + EXCEL_EPOCH
        except ValueError:
            return _text(column, row, text)
        return f'<c r="{column}{row}" s="{date_style}"><v>{day}</v></c>'

    if kind in ("integer", "decimal"):
        return number
    return date if kind == "date" else lambda row, text: _text(column, row, text)
