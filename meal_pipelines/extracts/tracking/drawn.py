"""Sheets with sparklines, which openpyxl cannot write: the same look as `workbook.py`, through XlsxWriter.

A sheet is written cell by cell, texts as texts (`cells.py`); each look is made once per workbook. What a sheet says is its
caller's business.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from meal_pipelines.extracts.cells import content, is_dangerous, number_format
from meal_pipelines.extracts.table import Kind, Tone
from meal_pipelines.extracts.workbook import ACCENT, BAND, GREY, INK, LINE, LINE_PT, TONES, pages_high

Look = dict[str, Any]
TITLE: Look = {"font_size": 20, "bold": True, "font_color": f"#{ACCENT}"}
QUIET: Look = {"font_color": f"#{GREY}", "font_size": 10}
NOTE: Look = {"font_color": f"#{GREY}", "font_size": 9, "italic": True, "text_wrap": True, "valign": "top"}
HEADING: Look = {
    "bold": True, "font_color": "#FFFFFF", "bg_color": f"#{ACCENT}", "align": "center", "valign": "vcenter",
    "text_wrap": True, "border": 1, "border_color": "#FFFFFF",
}  # fmt: skip
SECTION: Look = {"bold": True, "font_size": 11, "font_color": f"#{ACCENT}", "bg_color": f"#{BAND}", "valign": "vcenter"}
BODY: Look = {"font_color": f"#{INK}", "valign": "vcenter", "bottom": 4, "bottom_color": f"#{LINE}"}
A3, A4 = 8, 9
BAR = "#9DB8D6"
CHARACTER_PT = 5.6
"""How wide a character of a column's width is, in points."""
PAGE_PT = {A3: (1133.0, 770.0), A4: (784.0, 523.0)}
"""What a landscape page has room for between its margins: width, height."""


class Book:
    """A workbook being written. put it all in, then leave the `with`: only then is there a file."""

    def __init__(self, path: Path, title: str) -> None:
        self._book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})
        self._book.set_properties({"title": str(content(title)), "author": "Plateforme SERA"})
        self._looks: dict[tuple[tuple[str, Any], ...], Any] = {}
        self._heights: dict[tuple[str, int], float] = {}

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *error: object) -> None:
        self._book.close()

    def sheet(self, name: str, *, zoom: int = 85, paper: int = A3) -> Worksheet:
        """Without grid lines, in landscape, with its name and the page below. Once it is written, `fit` it to its pages."""
        sheet = self._book.add_worksheet(name)
        sheet.hide_gridlines(2)
        sheet.set_zoom(zoom)
        sheet.set_landscape()
        sheet.set_paper(paper)
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.5)
        sheet.set_footer("&L&A&CUsage interne&R&P / &N")
        return sheet

    def high(self, sheet: Worksheet, line: int, height: float) -> None:
        """Make a line this high, in points."""
        sheet.set_row(line, height)
        self._heights[sheet.get_name(), line] = height

    def fit(self, sheet: Worksheet, last_line: int, width: float, *, paper: int = A3) -> None:
        """Print one page wide, on as many pages as it takes, but never on one more for a few lines. width: in characters."""
        room, high = PAGE_PT[paper]
        shrunk = min(1.0, room / (width * CHARACTER_PT))
        total = sum(self._heights.get((sheet.get_name(), line), LINE_PT) for line in range(last_line + 1))
        sheet.fit_to_pages(1, pages_high(total * shrunk, high))

    def look(self, **wanted: Any) -> Any:
        key = tuple(sorted(wanted.items()))
        if key not in self._looks:
            self._looks[key] = self._book.add_format({"font_name": "Calibri", "font_size": 10, **wanted})
        return self._looks[key]

    def put(self, sheet: Worksheet, line: int, column: int, value: Any, look: Look, kind: Kind = "text") -> None:
        """Write one cell; lines and columns from 0."""
        written = content(value)
        if (shown_as := number_format(written, kind)) is not None:
            look = {**look, "num_format": shown_as}
            if isinstance(written, dt.date):
                sheet.write_datetime(line, column, dt.datetime.combine(written, dt.time()), self.look(**look))
            else:
                sheet.write_number(line, column, float(written), self.look(**look))
            return
        if is_dangerous(written):
            look = {**look, "quote_prefix": True}
        sheet.write_string(line, column, str(written), self.look(**look))

    def bars(self, sheet: Worksheet, line: int, column: int, first: int, last: int, *, top: float) -> None:
        """A sparkline of the cells from `first` to `last` of the same line, from zero; what is not a number is a gap. top: the
        height of the cell.

        Bars, not a line: LibreOffice 7.4 prints lines as a point (2026-11-28), and a hidden quarter shows as a hole.
        """
        name = sheet.get_name().replace("'", "''")
        start, end = xl_rowcol_to_cell(line, first), xl_rowcol_to_cell(line, last)
        sheet.add_sparkline(
            line, column,
            {"range": f"'{name}'!{start}:{end}", "type": "column", "min": 0, "max": top, "series_color": BAR, "last_point": True,
             "last_color": f"#{ACCENT}"},
        )  # fmt: skip


def shaded(name: Tone) -> Look:
    """The fill and the ink of a tone."""
    fill, ink = TONES[name]
    return {"bg_color": f"#{fill}", "font_color": f"#{ink}", "bold": name in ("good", "bad", "warning")}
