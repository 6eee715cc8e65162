"""A partner's file with marks: a colour and a comment on each cell to correct, and a sheet that lists them all.

The file keeps its look when it is an XLSX; of any other format, its cells are copied into one. What is marked, and who
may have the copy, is decided in `collect/annotated.py`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

from meal_pipelines.collect.sheets.header import letter
from meal_pipelines.collect.sheets.reading import SheetRead
from meal_pipelines.extracts.table import Column, Table, Tone
from meal_pipelines.extracts.workbook import TONES, add_table, heading, put

LIST = "À corriger"
AUTHOR = "Plateforme SERA"
COLUMNS = (
    Column("sheet", "Feuille", 18), Column("line", "Ligne", 9, "center"), Column("column", "Colonne", 34, "wrap"),
    Column("severity", "Ce qui en est fait", 30, "wrap"), Column("message", "Ce qui ne va pas", 80, "wrap"),
)  # fmt: skip
DONE = {
    "critical": "La ligne n'est pas comptée tant qu'elle n'est pas corrigée.",
    "warning": "À vérifier ; la ligne est comptée, sans la réponse fautive.",
}


@dataclass(frozen=True, order=True)
class Mark:
    """Something to correct. line: from 1 · place: of the column, from 0; None: the line as a whole."""

    sheet: str
    line: int
    place: int | None
    severity: str
    message: str


def marked(content: bytes, sheets: Sequence[SheetRead], marks: Sequence[Mark], note: str) -> bytes:
    """The file as an XLSX with its marks. note: what stands under the title of the list."""
    book = _opened(content) or _copied(sheets)
    by_cell: dict[tuple[str, int, int], list[Mark]] = {}
    for mark in marks:
        by_cell.setdefault((mark.sheet, mark.line, mark.place or 0), []).append(mark)
    for (sheet, line, place), here in by_cell.items():
        _mark(book[sheet], line, place, here)
    _list(book, sheets, marks, note)
    made = io.BytesIO()
    book.save(made)
    book.close()
    return made.getvalue()


def _opened(content: bytes) -> Workbook | None:
    """The workbook itself; None when it is of another format, or has something that openpyxl does not know."""
    try:
        return load_workbook(io.BytesIO(content))
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError):
        return None


def _copied(sheets: Sequence[SheetRead]) -> Workbook:
    book = Workbook()
    book.remove(book.worksheets[0])
    for read in sheets:
        page: Worksheet = book.create_sheet(read.grid.sheet)
        for line, cells in enumerate(read.grid.lines, start=1):
            for place, cell in enumerate(cells, start=1):
                if cell != "":
                    put(page.cell(line, place), cell)
        for place in range(1, page.max_column + 1):
            heading(page.cell(read.header.lines[0] + 1, place))
            page.column_dimensions[letter(place - 1)].width = 22
        page.freeze_panes = f"A{read.header.end + 2}"
    return book


def _mark(page: Worksheet, line: int, place: int, marks: Sequence[Mark]) -> None:
    cell = _anchor(page, page.cell(line, place + 1))
    tone: Tone = "bad" if any(mark.severity == "critical" for mark in marks) else "warning"
    cell.fill = PatternFill("solid", fgColor=TONES[tone][0])
    said = [cell.comment.text] if cell.comment is not None else []
    comment = Comment("\n".join([*said, *dict.fromkeys(mark.message for mark in marks)]), AUTHOR)
    comment.width, comment.height = 320, 60 + 18 * len(marks)
    cell.comment = comment


def _anchor(page: Worksheet, cell: Cell | MergedCell) -> Cell:
    """The cell that holds what merged cells show."""
    if isinstance(cell, Cell):
        return cell
    [area] = [area for area in page.merged_cells.ranges if cell.coordinate in area]
    first = page.cell(area.min_row, area.min_col)
    assert isinstance(first, Cell)
    return first


def _list(book: Workbook, sheets: Sequence[SheetRead], marks: Sequence[Mark], note: str) -> None:
    if LIST in book.sheetnames:  # of a copy that came back
        del book[LIST]
    headers = {read.grid.sheet: read.header.texts for read in sheets}
    rows = [
        (mark.sheet, mark.line, "toute la ligne" if mark.place is None else _named(headers[mark.sheet], mark.place),
         DONE[mark.severity], mark.message)
        for mark in sorted(marks, key=lambda mark: (mark.sheet, mark.line, -1 if mark.place is None else mark.place))
    ]  # fmt: skip
    table = Table(LIST, LIST, note, COLUMNS, list(rows), empty="Rien à corriger.")
    add_table(book, table)
    book.move_sheet(LIST, offset=-book.sheetnames.index(LIST))
    book.active = 0


def _named(texts: dict[int, str], place: int) -> str:
    return f"{texts.get(place, '')} (colonne {letter(place)})".strip()
