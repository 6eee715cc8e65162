"""What a workbook's file says of a sheet and Calamine does not: hidden lines, cells in error, the calendar of 1904.

Formats: Office Open XML (XLSX, XLSM), OpenDocument (ODS) and the binary XLS. Of any other, nothing is known.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from xml.parsers import expat

Range = tuple[tuple[int, int], tuple[int, int]]
"""(line, column) of the first and of the last cell, from 0."""


@dataclass(frozen=True)
class HiddenParts:
    """Of one sheet, lines from 0.

    hidden: lines that are not shown · errors: lines with a cell such as #N/A · uncomputed: lines with a formula that
    no spreadsheet has computed yet · merged: merged cells, None when Calamine knows them · truths: cells (line, column)
    that hold TRUE or FALSE, where Calamine gives 1 or 0 · since_1904: how days are counted.
    """

    hidden: frozenset[int] = frozenset()
    errors: frozenset[int] = frozenset()
    uncomputed: frozenset[int] = frozenset()
    merged: tuple[Range, ...] | None = None
    truths: frozenset[tuple[int, int]] = frozenset()
    since_1904: bool = False


def hidden_parts(content: bytes, sheet: str) -> HiddenParts:
    """Of the sheet with this name; what a damaged or unknown file does not say is taken for absent."""
    try:
        if content.startswith(b"\xd0\xcf\x11\xe0"):
            return _xls(content, sheet)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
            if "content.xml" in names:
                return _ods(archive.read("content.xml"), sheet)
            return _xlsx(archive, sheet) if "xl/workbook.xml" in names else HiddenParts()
    except (zipfile.BadZipFile, KeyError, expat.ExpatError):
        return HiddenParts()


# Office Open XML ----------------------------------------------------------------------------------------------

ROW = re.compile(rb"<(?:\w+:)?row\b([^>]*)>")
NUMBER = re.compile(rb'\br="(\d+)"')
IN_ERROR = re.compile(rb'<(?:\w+:)?c\b(?=[^>]*\bt="e")[^>]*\br="[A-Z]+(\d+)"')
UNCOMPUTED = re.compile(
    rb'<(?:\w+:)?c\b[^>]*\br="[A-Z]+(\d+)"[^>]*><(?:\w+:)?f\b[^<]*(?:/>|</(?:\w+:)?f>)(?:<(?:\w+:)?v ?/>|<v></v>)?</'
)


def _xlsx(archive: zipfile.ZipFile, sheet: str) -> HiddenParts:
    """Read with regular expressions: a sheet of 50,000 lines is 30 MB of XML, of which a few attributes matter."""
    relation, since_1904 = None, False
    for name, attributes in _elements(archive.read("xl/workbook.xml")):
        if name == "sheet" and attributes.get("name") == sheet:
            relation = attributes.get("r:id") or attributes.get("id")
        elif name == "workbookPr":
            since_1904 = attributes.get("date1904") in ("1", "true")
    targets = {a.get("Id"): a.get("Target", "") for _, a in _elements(archive.read("xl/_rels/workbook.xml.rels"))}
    target = targets.get(relation, "")
    xml = archive.read(target.lstrip("/") if target.startswith("/") else f"xl/{target}")
    hidden = set()
    for place, match in enumerate(ROW.finditer(xml)):
        if b'hidden="1"' in match[1] or b'hidden="true"' in match[1]:
            number = NUMBER.search(match[1])
            hidden.add(int(number[1]) - 1 if number else place)
    return HiddenParts(
        frozenset(hidden), _lines(IN_ERROR, xml), _lines(UNCOMPUTED, xml) if b"<f" in xml else frozenset(),
        since_1904=since_1904,
    )  # fmt: skip


def _lines(pattern: re.Pattern[bytes], xml: bytes) -> frozenset[int]:
    return frozenset(int(match[1]) - 1 for match in pattern.finditer(xml))


def _elements(xml: bytes) -> list[tuple[str, dict[str, str]]]:
    """Every element of a small document, by local name."""
    found: list[tuple[str, dict[str, str]]] = []
    _parse(xml, lambda name, attributes: found.append((name.rpartition(":")[2], attributes)))
    return found


def _parse(
    xml: bytes, start: Callable[[str, dict[str, str]], object], end: Callable[[str], object] | None = None
) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    if end is not None:
        parser.EndElementHandler = end
    parser.Parse(xml, True)


# OpenDocument -------------------------------------------------------------------------------------------------


class _OdsTable:
    """Walks the tables of an OpenDocument file, and notes what the wanted one says; lines may stand for several."""

    def __init__(self, sheet: str) -> None:
        self.sheet, self.inside = sheet, False
        self.line = self.column = 0
        self.repeated = 1
        self.hidden: set[int] = set()
        self.errors: set[int] = set()
        self.merged: list[Range] = []
        self.truths: set[tuple[int, int]] = set()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table:table":
            self.inside = attributes.get("table:name") == self.sheet
            self.line = 0
        elif self.inside and name == "table:table-row":
            self.column, self.repeated = 0, int(attributes.get("table:number-rows-repeated", 1))
            if attributes.get("table:visibility", "visible") != "visible":
                self.hidden.update(range(self.line, self.line + min(self.repeated, 100_000)))
        elif self.inside and name in ("table:table-cell", "table:covered-table-cell"):
            rows = int(attributes.get("table:number-rows-spanned", 1))
            columns = int(attributes.get("table:number-columns-spanned", 1))
            if rows * columns > 1:
                self.merged.append(((self.line, self.column), (self.line + rows - 1, self.column + columns - 1)))
            if attributes.get("calcext:value-type") == "error":
                self.errors.add(self.line)
            repeated = int(attributes.get("table:number-columns-repeated", 1))
            if attributes.get("office:value-type") == "boolean":
                self.truths |= {
                    (self.line + down, self.column + right)
                    for down in range(self.repeated)
                    for right in range(repeated)
                }
            self.column += repeated

    def end(self, name: str) -> None:
        if name == "table:table":
            self.inside = False
        elif self.inside and name == "table:table-row":
            self.line += self.repeated


def _ods(xml: bytes, sheet: str) -> HiddenParts:
    table = _OdsTable(sheet)
    _parse(xml, table.start, table.end)
    return HiddenParts(
        frozenset(table.hidden), frozenset(table.errors), merged=tuple(table.merged), truths=frozenset(table.truths)
    )


# Binary XLS ---------------------------------------------------------------------------------------------------


def _xls(content: bytes, sheet: str) -> HiddenParts:
    import xlrd

    try:
        with xlrd.open_workbook(
            file_contents=content, formatting_info=True, on_demand=True, logfile=io.StringIO()
        ) as book:
            page = book.sheet_by_name(sheet)
            hidden = frozenset(line for line, info in page.rowinfo_map.items() if info.hidden)
            errors = frozenset(line for line in range(page.nrows) if xlrd.XL_CELL_ERROR in page.row_types(line))
            return HiddenParts(hidden, errors, since_1904=book.datemode == 1)
    except (xlrd.XLRDError, AssertionError, IndexError, ValueError, OverflowError):
        # Calamine has read the sheet; xlrd is stricter about the rest of the file.
        return HiddenParts()
