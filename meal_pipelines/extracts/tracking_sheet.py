"""How the tracking sheet looks: a band per result, a light that says its word, eight quarters as a heat strip."""

from __future__ import annotations

import datetime as dt
from typing import Any

from openpyxl import Workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.formatting.rule import ColorScaleRule
from openpyxl.styles import Alignment, Border, Color, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from meal_pipelines.extracts.table import Kind, Tone
from meal_pipelines.extracts.tracking import LATE, NO_TARGET, NO_VALUE, ON_TRACK, WATCH, Line, Tracking
from meal_pipelines.extracts.wording import ILLUSTRATIVE, LEVELS, MASKED, day, sentence
from meal_pipelines.extracts.workbook import (
    A3,
    ACCENT,
    BAND,
    GREY,
    INK,
    LINE,
    heading,
    new_workbook,
    print_setup,
    put,
    tone,
)
from meal_pipelines.protect.disclosure import HIDDEN

HEADINGS: list[tuple[str, float]] = [
    ("Code", 12), ("Indicateur", 52), ("Unité", 13), ("Référence", 11), ("Statut de la référence", 22),
    ("Valeur à date", 11), ("Prochaine cible", 11), ("Échéance", 11), ("% de la prochaine cible", 10),
    ("Cible finale", 11), ("% de la cible finale", 10), ("Situation", 20), ("Tendance (dernier trimestre)", 12),
]  # fmt: skip
SITUATION = 12
FIRST_QUARTER = len(HEADINGS) + 1
LIGHTS: dict[str, tuple[str, Tone]] = {
    ON_TRACK: ("● ", "good"),
    WATCH: ("◐ ", "warning"),
    LATE: ("○ ", "bad"),
    NO_TARGET: ("– ", "muted"),
    NO_VALUE: ("– ", "muted"),
    MASKED: ("– ", "muted"),
}
"""A shape and a word beside the colour: the sheet is also read in black and white."""
HEADER = 6


def tracking_workbook(tracking: Tracking) -> Workbook:
    """The workbook with its one sheet."""
    project = tracking.project.project
    workbook = new_workbook(f"{project.name} — tableau de suivi")
    sheet = workbook.create_sheet("Tableau de suivi")
    sheet.sheet_view.showGridLines = False
    sheet.sheet_view.zoomScale = 85
    _title(sheet, tracking)
    _header(sheet, tracking)
    line = HEADER + 1
    for result in tracking.logframe.results:
        of_result = [at for at in tracking.lines if at.result == result.code]
        _band(sheet, line, f"{LEVELS[result.level]} {result.code} — {result.label}")
        line += 1
        for index, at in enumerate(of_result):
            again = index > 0 and of_result[index - 1].indicator == at.indicator
            _line(sheet, line, at, again=again)
            line += 1
        if not of_result:
            put(sheet.cell(line, 2), "Aucun indicateur pour ce résultat.")
            sheet.cell(line, 2).font = _font(GREY, italic=True)
            line += 1
    _notes(sheet, line + 1, tracking)
    sheet.freeze_panes = sheet.cell(HEADER + 1, 3).coordinate
    print_setup(sheet, f"{HEADER - 1}:{HEADER}", paper=A3)
    return workbook


def _title(sheet: Worksheet, tracking: Tracking) -> None:
    project = tracking.project.project
    put(sheet["A1"], f"{project.name} — Tableau de suivi")
    sheet["A1"].font = Font(name="Calibri", size=20, bold=True, color=ACCENT)
    sheet.row_dimensions[1].height = 32
    frozen = tracking.may_show.frozen
    status = f" · figé le {day(frozen.frozen_at)}, version {frozen.version}" if frozen is not None else ""
    put(sheet["A2"], f"{project.label} · données arrêtées au {day(tracking.reporting_date)}{status}")
    sheet["A2"].font = Font(name="Calibri", size=11, color=GREY)
    illustrative = f"VALEURS ILLUSTRATIVES. {ILLUSTRATIVE} " if tracking.logframe.illustrative else ""
    put(sheet["A3"], illustrative + tracking.may_show.notes[0])
    sheet["A3"].font = Font(name="Calibri", size=10, bold=True, color="7F6000")
    summary = CellRichText()
    for word, (shape, shade) in LIGHTS.items():
        count = sum(line.situation == word for line in tracking.lines)
        if count:
            font = InlineFont(rFont="Calibri", sz=12, b=True, color=Color(_ink(shade)))
            summary.append(TextBlock(font, f"{shape}{count} {word.lower()}        "))
    if summary:
        sheet["A4"] = summary
    sheet["A4"].alignment = Alignment(vertical="center")
    sheet.row_dimensions[4].height = 24


def _header(sheet: Worksheet, tracking: Tracking) -> None:
    sheet.row_dimensions[HEADER].height = 46
    put(sheet.cell(HEADER - 1, FIRST_QUARTER), "Valeur de chaque trimestre (teinte foncée : valeur haute)")
    sheet.cell(HEADER - 1, FIRST_QUARTER).font = _font(ACCENT, bold=True)
    names = [*HEADINGS, *((_quarter(start), 8.5) for start, _ in tracking.quarters)]
    for number, (name, width) in enumerate(names, 1):
        cell = sheet.cell(HEADER, number)
        put(cell, name)
        heading(cell)
        sheet.column_dimensions[get_column_letter(number)].width = width


def _quarter(start: dt.date) -> str:
    return f"T{(start.month + 2) // 3} {start.year}"


def _band(sheet: Worksheet, line: int, text: str) -> None:
    last = len(HEADINGS) + 8
    put(sheet.cell(line, 1), text)
    for number in range(1, last + 1):
        cell = sheet.cell(line, number)
        cell.fill = PatternFill("solid", fgColor=BAND)
        cell.font = _font(ACCENT, bold=True, size=11)
        cell.alignment = Alignment(vertical="center")
    sheet.row_dimensions[line].height = 22


def _line(sheet: Worksheet, line: int, at: Line, *, again: bool) -> None:
    """again: a further category of the indicator above, whose name need not be repeated in full."""
    label = at.label if at.category is None else f"{at.label} — {at.category}"
    values: list[tuple[Any, Kind]] = [
        (at.indicator, "text"), (label if not again else f"    — {at.category}", "wrap"), (at.unit, "wrap"),
        (at.baseline if at.baseline is not None else at.baseline_text, "decimal"), (at.baseline_status, "wrap"),
        (at.mark or at.value, "decimal"),
        (at.next_target if at.next_target is not None else at.next_text, "decimal"), (at.next_date, "date"),
        (HIDDEN if at.mark else at.next_pct, "number"),
        (at.final_target if at.final_target is not None else at.final_text, "decimal"),
        (HIDDEN if at.mark else at.final_pct, "number"), (f"{LIGHTS[at.situation][0]}{at.situation}", "center"), (at.trend, "center"),
        *((value, "decimal") for value in at.quarterly),
    ]  # fmt: skip
    for number, (value, kind) in enumerate(values, 1):
        cell = sheet.cell(line, number)
        put(cell, value, kind)
        small = number >= FIRST_QUARTER
        cell.font = _font(GREY if value is None else INK, bold=number == 6, size=9 if small else 10)
        text = kind in ("text", "wrap")
        cell.alignment = Alignment(horizontal="left" if text else "center", vertical="center", wrap_text=text)
        cell.border = Border(bottom=Side("hair", color=LINE))
    tone(sheet.cell(line, SITUATION), LIGHTS[at.situation][1])
    if at.baseline_text is not None:
        sheet.cell(line, 4).font = _font("7F6000", italic=True)
    sheet.row_dimensions[line].height = 15.0 * max(1, -(-len(label) // 50), -(-len(at.baseline_status) // 20)) + 4
    strip = f"{get_column_letter(FIRST_QUARTER)}{line}:{get_column_letter(FIRST_QUARTER + 7)}{line}"
    sheet.conditional_formatting.add(
        strip,
        ColorScaleRule(  # type: ignore[no-untyped-call]
            start_type="min", start_color="FFFFFF", end_type="max", end_color="8DB4E2"
        ),
    )


def _notes(sheet: Worksheet, line: int, tracking: Tracking) -> None:
    notes = [
        *tracking.may_show.frozen_notes,
        *tracking.may_show.notes,
        "Valeur à date : depuis le démarrage pour un indicateur cumulé ; « – » : non mesuré, jamais zéro. "
        "« à établir » : la référence n'est pas encore connue.",
        "Situation : valeur à date rapportée à ce qui est attendu à cette date, sur la droite entre deux cibles pour "
        "un indicateur cumulé, à la prochaine cible sinon. ● à partir de 90 % ; ◐ de 60 à 90 % ; ○ en dessous de 60 %. "
        "Pour un indicateur à faire baisser, le rapport est inversé.",
        "Pourcentages : valeur à date ÷ cible. Pour un indicateur à faire baisser, un pourcentage supérieur à 100 "
        "n'est pas un succès : lisez la situation.",
        f"Cadre logique : version {tracking.logframe.version}.",
        f"Dates du projet : {sentence(tracking.project.project.dates_status)}",
    ]
    for offset, note in enumerate(notes):
        put(sheet.cell(line + offset, 1), note)
        sheet.cell(line + offset, 1).font = _font(GREY, italic=True, size=9)


def _ink(shade: Tone) -> str:
    return {"good": "2F6B1E", "warning": "7F6000", "bad": "8B1E2B"}.get(shade, GREY)


def _font(color: str, *, bold: bool = False, italic: bool = False, size: int = 10) -> Font:
    return Font(name="Calibri", size=size, bold=bold, italic=italic, color=color)
