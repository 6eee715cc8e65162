"""The shared look of the workbooks. What a cell may hold is decided in `cells.py`.

Imported only where a file is written: openpyxl takes its time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from textwrap import wrap
from typing import Any

from openpyxl import Workbook
from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from meal_pipelines.extracts.cells import FORMATS, content, is_dangerous, number_format
from meal_pipelines.extracts.table import Column, Kind, Table, Tone

A4, A3 = "9", "8"
WIDEST_ON_A4 = 205
SQUEEZED = 0.4
"""The part of a page that is rather squeezed into the pages before than printed alone."""
LINE_PT, README_PAGE_PT = 15.0, 523.0
"""How high a line is that nobody made higher, and what a page of the first sheet has room for, in points."""
SIGNS_PER_WIDTH = 1.18
"""Of a text in Calibri 10, in a column of width 1; measured at 1.28 on printed comments (LibreOffice 7.4, 2026-11-28)."""
INK, ACCENT, BAND, LINE, GREY, OFF = "1F2A44", "1F4E79", "DCE6F1", "C9D3E0", "6B7280", "F3F4F6"
TONES: dict[Tone, tuple[str, str]] = {
    "good": ("E2F0D9", "2F6B1E"),
    "warning": ("FFF2CC", "7F6000"),
    "bad": ("F8D7DA", "8B1E2B"),
    "muted": (OFF, GREY),
    "strong": ("EAF2FB", INK),
    "caution": ("FFF2CC", "7F6000"),
}


def put(cell: Cell | MergedCell, value: Any, kind: Kind = "text") -> None:
    """Write a value as what it is: numbers and dates as such, None as a dash, every text as text."""
    assert isinstance(cell, Cell)
    written = content(value)
    cell.value = written
    shown_as = number_format(written, kind)
    if shown_as is not None:
        cell.number_format = shown_as
        return
    cell.data_type = "s"  # openpyxl takes a text that begins with = for a formula
    if is_dangerous(written):
        # Keeps it text when somebody edits the cell, as a leading apostrophe does.
        cell.quotePrefix = True


def new_workbook(title: str) -> Workbook:
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    workbook.properties.title = title
    workbook.properties.creator = "Plateforme SERA"
    return workbook


def add_table(workbook: Workbook, table: Table) -> Worksheet:
    """One sheet: title, note, header (frozen, filtered), rows. Columns of a group are for the screen, and not printed."""
    sheet = _sheet(workbook, table.sheet, table.title, table.note)
    grouped = any(column.group for column in table.columns)
    header = 5 if grouped else 4
    if grouped:
        _groups(sheet, table.columns)
    for number, column in enumerate(table.columns, 1):
        head = sheet.cell(header, number)
        put(head, column.header)
        heading(head)
        sheet.column_dimensions[get_column_letter(number)].width = column.width
    headings = [(column.header, column.width) for column in table.columns]
    sheet.row_dimensions[header].height = _height(headings, bold=True)
    for index, row in enumerate(table.rows):
        _row(sheet, header + 1 + index, table, index, row)
    if not table.rows:
        put(sheet.cell(header + 1, 1), table.empty)
        sheet.cell(header + 1, 1).font = Font(name="Calibri", size=10, italic=True, color=GREY)
    last = get_column_letter(len(table.columns))
    main = sum(column.width for column in table.columns if not column.group)
    sheet.auto_filter.ref = f"A{header}:{last}{header + max(1, len(table.rows))}"
    sheet.freeze_panes = sheet.cell(header + 1, table.frozen + 1).coordinate
    print_setup(sheet, f"1:{header}", paper=A3 if main > WIDEST_ON_A4 else A4, portrait=table.portrait)
    if grouped:
        printed = sum(not column.group for column in table.columns)
        sheet.print_area = f"A1:{get_column_letter(printed)}{header + max(1, len(table.rows))}"
    return sheet


def add_readme(workbook: Workbook, title: str, subtitle: str, sections: Mapping[str, Sequence[str]]) -> Worksheet:
    """The first sheet: what the workbook is and how far to trust it; a section whose name ends in « ! » stands out."""
    sheet = _sheet(workbook, "Lisez-moi", title, subtitle)
    sheet.column_dimensions["A"].width = 26
    sheet.column_dimensions["B"].width = 104
    line = 4
    for name, paragraphs in sections.items():
        loud = name.endswith("!")
        for position, paragraph in enumerate(paragraphs):
            label, text = sheet.cell(line, 1), sheet.cell(line, 2)
            put(label, name.rstrip(" !") if position == 0 else "")
            put(text, paragraph)
            label.font = Font(name="Calibri", size=11, bold=True, color=TONES["caution"][1] if loud else ACCENT)
            text.font = Font(name="Calibri", size=11, bold=loud, color=INK)
            for at in (label, text):
                at.alignment = Alignment(vertical="top", wrap_text=True)
                if position == 0:
                    at.border = Border(top=Side("thin", color=LINE))
                if loud:
                    at.fill = PatternFill("solid", fgColor=TONES["caution"][0])
            sheet.row_dimensions[line].height = 15.5 * _lines(paragraph, 106 if loud else 114) + 5
            line += 1
    print_setup(sheet, None)
    height = sum(sheet.row_dimensions[at].height or LINE_PT for at in range(1, line))
    sheet.page_setup.fitToHeight = pages_high(height, README_PAGE_PT)
    return sheet


def add_lines(
    sheet: Worksheet, header: Sequence[str], rows: Iterable[Sequence[Any]], widths: Sequence[float] = ()
) -> None:
    """A bold header and the rows below it, from the first line on. widths: of the columns; each line is then as tall as its text."""
    for line, row in enumerate([header, *rows], start=1):
        for column, value in enumerate(row, start=1):
            cell = sheet.cell(line, column)
            put(cell, value)
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            if line == 1:
                cell.font = Font(bold=True)
        if widths:
            sheet.row_dimensions[line].height = _height(list(zip(row, widths, strict=True)), bold=line == 1)
    for column, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = width


def heading(cell: Cell | MergedCell) -> None:
    cell.font = Font(name="Calibri", size=10, bold=True, color="FFFFFF")
    cell.fill = PatternFill("solid", fgColor=ACCENT)
    cell.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
    cell.border = Border(left=Side("thin", color="FFFFFF"), right=Side("thin", color="FFFFFF"))


def tone(cell: Cell | MergedCell, name: Tone) -> None:
    fill, ink = TONES[name]
    cell.fill = PatternFill("solid", fgColor=fill)
    cell.font = Font(name="Calibri", size=10, color=ink, bold=name in ("good", "bad", "warning"))


def print_setup(sheet: Worksheet, titles: str | None, *, paper: str = A4, portrait: bool = False) -> None:
    """One page wide, in landscape where it is not said otherwise, header repeated, page number."""
    sheet.page_setup.orientation = "portrait" if portrait else "landscape"
    sheet.page_setup.paperSize = paper
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_margins.left = sheet.page_margins.right = 0.4
    sheet.page_margins.top = sheet.page_margins.bottom = 0.5
    footer = sheet.oddFooter
    assert footer is not None
    footer.left.text, footer.center.text, footer.right.text = "&A", "Usage interne", "&P / &N"
    if titles:
        sheet.print_title_rows = titles


def pages_high(points: float, room: float) -> int:
    """On how many pages of this room lines of this height are printed: as many as it takes, but never one more for a few of them."""
    return max(1, math.ceil(points / room - SQUEEZED))


def save(workbook: Workbook, path: Path) -> None:
    workbook.save(path)
    workbook.close()


def _sheet(workbook: Workbook, name: str, title: str, note: str) -> Worksheet:
    sheet: Worksheet = workbook.create_sheet(name)
    sheet.sheet_view.showGridLines = False
    put(sheet["A1"], title)
    sheet["A1"].font = Font(name="Calibri", size=16, bold=True, color=ACCENT)
    put(sheet["A2"], note)
    sheet["A2"].font = Font(name="Calibri", size=10, italic=True, color=GREY)
    sheet.row_dimensions[1].height = 26
    return sheet


def _groups(sheet: Worksheet, columns: Sequence[Column]) -> None:
    """The headings that neighbouring columns share, on the line above the header."""
    start = 0
    while start < len(columns):
        end = start
        while end + 1 < len(columns) and columns[end + 1].group == columns[start].group:
            end += 1
        if columns[start].group:
            cell = sheet.cell(4, start + 1)
            put(cell, columns[start].group)
            for number in range(start + 1, end + 2):
                at = sheet.cell(4, number)
                at.fill = PatternFill("solid", fgColor=BAND)
                at.font = Font(name="Calibri", size=10, bold=True, color=ACCENT)
                if number == start + 1:
                    at.border = Border(left=Side("medium", color=ACCENT))
        start = end + 1


def _height(texts: Sequence[tuple[Any, float]], *, bold: bool = False) -> float:
    """Of a line of wrapped texts in cells of these widths: not every reader of the file finds it by itself."""
    per_width = 0.92 if bold else SIGNS_PER_WIDTH
    lines = max(
        (_lines(text, max(4, int((width - 1.5) * per_width))) for text, width in texts if isinstance(text, str)),
        default=1,
    )
    return min(400.0, 13.2 * max(1, lines) + 5)


def _lines(text: str, room: int) -> int:
    """How many lines of this many signs a text takes, broken between words."""
    return sum(max(1, len(wrap(part, room))) if len(part) > room else 1 for part in text.split("\n"))


def _row(sheet: Worksheet, line: int, table: Table, index: int, row: Sequence[Any]) -> None:
    sheet.row_dimensions[line].height = _height(
        [(value, column.width) for column, value in zip(table.columns, row, strict=True)]
    )
    for position, (column, value) in enumerate(zip(table.columns, row, strict=True)):
        cell = sheet.cell(line, position + 1)
        off = value is None and column.group != ""
        put(cell, "" if off else value, column.kind)
        cell.font = Font(name="Calibri", size=10, color=GREY if value is None else INK)
        right = isinstance(value, Decimal | int | float) and column.kind in FORMATS
        centered = column.kind in ("center", "date") or (column.kind in FORMATS and not right)
        cell.alignment = Alignment(
            horizontal="right" if right else "center" if centered else "left",
            vertical="top", wrap_text=column.kind in ("wrap", "text"), indent=0 if centered else 1,
        )  # fmt: skip
        cell.border = Border(
            bottom=Side("hair", color=LINE), top=Side("thin", color=ACCENT) if index in table.breaks else None
        )
        if (shade := table.cell_tones.get((index, position)) or table.row_tones.get(index)) is not None:
            tone(cell, shade)
