"""The look of the Word documents: A4 pages, headings, lists, tables of two or more columns, what a person must still write, Arabic.

Knows python-docx and nothing of projects. Imported only where a document is written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docx import Document
from docx.document import Document as Word
from docx.enum.section import WD_SECTION
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.table import _Cell
from docx.text.paragraph import Paragraph
from docx.text.run import Run

LATIN_FONT, ARABIC_FONT = "Calibri", "Arial"
INK, ACCENT, GREY, CAUTION = (
    RGBColor(0x1F, 0x2A, 0x44),
    RGBColor(0x1F, 0x4E, 0x79),
    RGBColor(0x6B, 0x72, 0x80),
    RGBColor(0x7F, 0x60, 0),
)
BAND, PALE, CAUTION_FILL, LINE = "DCE6F1", "F3F6FA", "FFF2CC", "C9D3E0"
MARKED = re.compile(r"(à confirmer|à compléter[^.;]*|في انتظار التأكيد)", re.IGNORECASE)
"""What a person must still decide: shown on a coloured ground wherever it stands."""
LATIN = re.compile(r"([A-Za-zÀ-ÿ][A-Za-zÀ-ÿ0-9.+/@:'’\- ]*[A-Za-zÀ-ÿ0-9+]|[A-Za-zÀ-ÿ])")


class Page:
    """A document under construction. arabic: whether what is added now reads from right to left."""

    def __init__(self, title: str, footer: str) -> None:
        self.word: Word = Document()
        self.arabic = False
        self.word.core_properties.title = title
        self.word.core_properties.author = "Plateforme SERA"
        self.word.core_properties.comments = ""
        self._style()
        section = self.word.sections[0]
        section.page_width, section.page_height = Cm(21), Cm(29.7)
        section.left_margin = section.right_margin = Cm(2)
        section.top_margin, section.bottom_margin, section.footer_distance = Cm(1.6), Cm(2), Cm(0.9)
        self._footer(footer)

    def save(self, path: Path) -> None:
        self.word.save(str(path))

    def turn_to_arabic(self) -> None:
        """A new page, read from right to left from here on."""
        section = self.word.add_section(WD_SECTION.NEW_PAGE)
        section._sectPr.append(OxmlElement("w:bidi"))
        self.arabic = True

    def title(self, text: str, subtitle: str = "") -> None:
        self._write(self.word.add_paragraph(), text, size=20, bold=True, color=ACCENT, after=2)
        if subtitle:
            self._write(self.word.add_paragraph(), subtitle, size=11, color=GREY, after=10)

    def heading(self, text: str) -> None:
        paragraph = self.word.add_paragraph(style="Heading 1")
        self._write(paragraph, text, size=13, bold=True, color=ACCENT, before=14, after=4)

    def subheading(self, text: str) -> None:
        paragraph = self.word.add_paragraph(style="Heading 2")
        self._write(paragraph, text, size=11, bold=True, before=9, after=3)

    def text(self, text: str) -> None:
        self._write(self.word.add_paragraph(), text, before=5)

    def bullets(self, items: Sequence[str]) -> None:
        for position, item in enumerate(items):
            self._write(self.word.add_paragraph(style="List Bullet"), item, before=0 if position else 5, after=2)

    def notice(self, text: str) -> None:
        """One paragraph on a coloured ground: what a reader must know before anything else."""
        table = self._table(1)
        cell = table.add_row().cells[0]
        _fill(cell, CAUTION_FILL)
        self._write(cell.paragraphs[0], text, color=CAUTION, bold=True, before=3, after=3, marks=False)
        self.word.add_paragraph().paragraph_format.space_after = Pt(2)

    def facts(self, rows: Sequence[tuple[str, str | Sequence[str]]], *, first: float = 4.6) -> None:
        """A table of two columns, each line a question and its answer (several: one paragraph each)."""
        table = self._table(2)
        for name, answer in rows:
            line = table.add_row()
            _unbroken(line)
            _fill(line.cells[0], PALE)
            self._write(line.cells[0].paragraphs[0], name, size=10, bold=True, color=ACCENT, before=2, after=2)
            self._fill_cell(line.cells[1], [answer] if isinstance(answer, str) else answer)
        _widths(table, [first, 17 - first])

    def grid(self, headers: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float]) -> None:
        """A table with a header that is repeated on each page; widths in centimetres, 17 in all."""
        table = self._table(len(headers))
        head = table.add_row()
        _repeated(head)
        for cell, text in zip(head.cells, headers, strict=True):
            _fill(cell, "1F4E79")
            self._write(cell.paragraphs[0], text, size=9.5, bold=True, color=RGBColor(255, 255, 255), before=2, after=2)
        for row in rows:
            line = table.add_row()
            _unbroken(line)
            for cell, text in zip(line.cells, row, strict=True):
                self._write(cell.paragraphs[0], text, size=9.5, before=2, after=2)
        _widths(table, widths)

    def _fill_cell(self, cell: _Cell, answers: Sequence[str]) -> None:
        for position, text in enumerate(answers):
            paragraph = cell.paragraphs[0] if position == 0 else cell.add_paragraph()
            self._write(paragraph, text, size=10, before=0 if position else 2, after=2)

    def _write(
        self, paragraph: Paragraph, text: str, *, size: float = 10.5, bold: bool = False, color: RGBColor = INK,
        before: float = 0, after: float = 5, marks: bool = True,
    ) -> None:  # fmt: skip
        """Fill a paragraph; what is still to be decided stands out, and Latin words in Arabic keep their direction."""
        paragraph.paragraph_format.space_before, paragraph.paragraph_format.space_after = Pt(before), Pt(after)
        if self.arabic:
            paragraph._p.get_or_add_pPr().append(OxmlElement("w:bidi"))
        for place, part in enumerate(MARKED.split(text) if marks else [text]):
            is_open = marks and place % 2 == 1
            for piece in LATIN.split(part) if self.arabic else [part]:
                if piece:
                    run = paragraph.add_run(piece)
                    ink = CAUTION if is_open else color
                    _form(run, size, bold or is_open, ink, arabic=self.arabic and not LATIN.fullmatch(piece))
                    if is_open:
                        _shade(run)

    def _table(self, columns: int) -> Any:
        table = self.word.add_table(rows=0, cols=columns)
        table.autofit = False
        properties = table._tbl.tblPr
        if self.arabic:
            properties.append(OxmlElement("w:bidiVisual"))
        borders = OxmlElement("w:tblBorders")
        for side in ("top", "bottom", "insideH"):
            edge = OxmlElement(f"w:{side}")
            for name, value in (("val", "single"), ("sz", "4"), ("space", "0"), ("color", LINE)):
                edge.set(qn(f"w:{name}"), value)
            borders.append(edge)
        properties.append(borders)
        return table

    def _style(self) -> None:
        for name in ("Normal", "Heading 1", "Heading 2", "List Bullet"):
            style = self.word.styles[name]
            style.font.name = LATIN_FONT
            fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
            for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
                fonts.attrib.pop(qn(f"w:{theme}"), None)
            fonts.set(qn("w:hAnsi"), LATIN_FONT)
            fonts.set(qn("w:cs"), ARABIC_FONT)

    def _footer(self, text: str) -> None:
        paragraph = self.word.sections[0].footer.paragraphs[0]
        self._write(paragraph, f"{text} · page ", size=8.5, color=GREY, marks=False)
        for kind in ("PAGE", "NUMPAGES"):
            field, run = OxmlElement("w:fldSimple"), paragraph.add_run("1")
            field.set(qn("w:instr"), kind)
            _form(run, 8.5, False, GREY, arabic=False)
            field.append(run._r)
            paragraph._p.append(field)
            if kind == "PAGE":
                _form(paragraph.add_run(" / "), 8.5, False, GREY, arabic=False)


def _form(run: Run, size: float, bold: bool, color: RGBColor, *, arabic: bool) -> None:
    run.font.size, run.font.bold, run.font.color.rgb = Pt(size), bold, color
    properties = run._r.get_or_add_rPr()
    if not arabic:
        return
    run.font.rtl, run.font.cs_bold = True, bold
    fonts = properties.get_or_add_rFonts()
    fonts.set(qn("w:cs"), ARABIC_FONT)
    for tag, name, value in (("szCs", "val", str(int(size * 2))), ("lang", "bidi", "ar-MA")):
        element = OxmlElement(f"w:{tag}")
        element.set(qn(f"w:{name}"), value)
        properties.append(element)


def _shade(run: Run) -> None:
    shade = OxmlElement("w:shd")
    for name, value in (("val", "clear"), ("color", "auto"), ("fill", CAUTION_FILL)):
        shade.set(qn(f"w:{name}"), value)
    run._r.get_or_add_rPr().append(shade)


def _fill(cell: _Cell, color: str) -> None:
    shade = OxmlElement("w:shd")
    for name, value in (("val", "clear"), ("color", "auto"), ("fill", color)):
        shade.set(qn(f"w:{name}"), value)
    cell._tc.get_or_add_tcPr().append(shade)


def _widths(table: Any, widths: Sequence[float]) -> None:
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Cm(width)
    for row in table.rows:
        for cell, width in zip(row.cells, widths, strict=True):
            cell.width = Cm(width)


def _unbroken(row: Any) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))


def _repeated(row: Any) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
