"""A logframe as a workbook that an officer edits: lists where a choice is closed, locks where a change would break something.

What a cell holds is decided in `layout.py` and `fields.py`. A hidden sheet keeps what was exported, by which the import tells
the officer's changes from those made meanwhile in the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path as File
from typing import Any

from openpyxl import Workbook
from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from meal_pipelines.extracts.table import Kind as Look
from meal_pipelines.extracts.values import by_dimension
from meal_pipelines.extracts.workbook import (
    ACCENT,
    BAND,
    GREY,
    INK,
    LINE,
    OFF,
    add_readme,
    heading,
    new_workbook,
    print_setup,
    put,
    save,
)
from meal_pipelines.invocation import typed
from meal_pipelines.logframe.choices import offer, offer_rows, prompt
from meal_pipelines.logframe.fields import NO, WORDS, YES, Kind, Path, donors, flatten, kind_of_new, shown
from meal_pipelines.logframe.layout import LAYOUTS, Layout, Row, header, width
from meal_pipelines.project.logframe import Logframe

Cells = dict[str, dict[Row, dict[str, tuple[Any, Kind]]]]
"""Sheet → row → column → value and kind."""
HEADER = 4
SPARE = 30
"""Empty rows below a sheet that takes new ones."""
ORIGIN = "_origine"
REMINDER, REMINDER_WIDTH = "rappel", 46.0
PROMPTS = {
    "number": "Un nombre ; laissez vide ce qui est « à établir ».",
    "integer": "Un nombre entier.",
    "date": "Une date : 28/02/2029.",
    "lines": "Une valeur par ligne (Alt+Entrée dans la case).",
    "pairs": "Un croisement par ligne, comme « sex × region_code » (Alt+Entrée dans la case).",
}


def laid_out(logframe: Logframe) -> Cells:
    """Every field of the logframe in its sheet, in the order of the file."""
    found: Cells = {name: {} for name in LAYOUTS}
    for path, (value, kind) in flatten(logframe).items():
        for name, layout in LAYOUTS.items():
            if (place := layout.place(path)) is not None:
                found[name].setdefault(place[0], {})[place[1]] = (value, kind)
                break
    return found


def export_logframe(logframe: Logframe, to: File) -> None:
    """Write the workbook. Nothing in it is a formula; texts stay texts."""
    workbook = new_workbook(f"{logframe.project} — cadre logique")
    add_readme(workbook, f"{logframe.project} — cadre logique", "Classeur à modifier, puis à importer", _help(logframe))
    cells = laid_out(logframe)
    for name, layout in LAYOUTS.items():
        _sheet(workbook, layout, cells[name], logframe)
    _origin(workbook, logframe)
    to.parent.mkdir(parents=True, exist_ok=True)
    save(workbook, to)


def columns_of(layout: Layout, rows: Mapping[Row, Mapping[str, Any]]) -> list[str]:
    """The columns of a sheet after its keys: every field that one of its rows has, in the order of the model."""
    found: dict[str, None] = {}
    for row in rows.values():
        found |= dict.fromkeys(row)
    if layout.adds and not found:
        found = {"value": None}
    return list(found)


def _sheet(workbook: Workbook, layout: Layout, rows: Mapping[Row, Mapping[str, Any]], logframe: Logframe) -> None:
    sheet: Worksheet = workbook.create_sheet(layout.sheet)
    sheet.sheet_view.showGridLines = False
    put(sheet["A1"], f"{logframe.project} — {layout.sheet}")
    sheet["A1"].font = Font(name="Calibri", size=16, bold=True, color=ACCENT)
    put(sheet["A2"], layout.about)
    sheet["A2"].font = Font(name="Calibri", size=10, italic=True, color=GREY)
    columns = columns_of(layout, rows)
    headings = [*layout.keys, REMINDER, *columns] if layout.has_reminder else [*layout.keys, *columns]
    before = len(headings) - len(columns)
    for number, column in enumerate(headings, 1):
        cell = sheet.cell(HEADER, number)
        put(cell, column.capitalize() if number <= before else header(column))
        heading(cell)
        letter = get_column_letter(number)
        sheet.column_dimensions[letter].width = _width(layout, column)
    sheet.row_dimensions[HEADER].height = 30
    for offset, (key, fields) in enumerate(rows.items(), 1):
        _row(sheet, HEADER + offset, layout, columns, key, fields, _reminder(layout, key, logframe))
    last = HEADER + len(rows)
    if layout.adds:
        for line in range(last + 1, last + SPARE + 1):
            _spare(sheet, line, len(headings), skipped=before if layout.has_reminder else None)
    _validate(sheet, layout, dict(enumerate(columns, before + 1)), rows, logframe, last + (SPARE if layout.adds else 0))
    sheet.freeze_panes = sheet.cell(HEADER + 1, before + 1).coordinate
    sheet.auto_filter.ref = f"A{HEADER}:{get_column_letter(len(headings))}{max(last, HEADER + 1)}"
    sheet.print_area = f"A1:{get_column_letter(len(headings))}{max(last, HEADER + 1)}"
    sheet.protection.sheet = True
    for allowed in ("formatCells", "formatColumns", "formatRows", "autoFilter", "sort"):
        setattr(sheet.protection, allowed, False)  # False: not forbidden
    print_setup(sheet, f"1:{HEADER}", paper="8")


def _width(layout: Layout, column: str) -> float:
    if column == "value" and layout.sheet in ("Mesures", "Cadre"):
        return 90
    if column == REMINDER:
        return REMINDER_WIDTH
    return {"catégorie": 14, "champ": 26, "mois": 8, "bailleur": 11}.get(column, width(column))


def _reminder(layout: Layout, key: Row, logframe: Logframe) -> str | None:
    """What a code stands for, so that a line can be read alone; never read back."""
    if not layout.has_reminder:
        return None
    if layout.sheet == "Cadre":
        return header(key[0])
    indicator = next(at for at in logframe.indicators if at.code == key[0])
    if "catégorie" in layout.keys and key[-1]:
        dimension = by_dimension(indicator)
        values = logframe.dimensions[dimension].values if dimension in logframe.dimensions else {}
        return f"— {values.get(key[-1], key[-1])}"
    return indicator.label


def _row(
    sheet: Worksheet,
    line: int,
    layout: Layout,
    columns: Sequence[str],
    key: Row,
    fields: Mapping[str, tuple[Any, Kind]],
    reminder: str | None,
) -> None:
    for number, part in enumerate(key, 1):
        cell = sheet.cell(line, number)
        _written(cell, int(part) if layout.keys[number - 1] == "mois" else part or None, "text")
        _look(cell, locked=True, bold=True)
    height = 1
    if reminder is not None:
        put(sheet.cell(line, len(key) + 1), reminder)
        _look(sheet.cell(line, len(key) + 1), locked=True, bold=False)
        height = -(-len(reminder) // int(REMINDER_WIDTH))
    for number, column in enumerate(columns, len(key) + 1 + (reminder is not None)):
        cell = sheet.cell(line, number)
        value, kind = fields.get(column, (None, None))
        if kind is not None:
            content = shown(value, kind)
            _written(cell, content, "date" if kind.shape == "date" else "decimal" if kind.shape == "number" else "text")
            if isinstance(content, str):
                room = _width(layout, column) * 1.05
                height = max(height, sum(max(1, -(-len(part) // int(room))) for part in content.split("\n")))
        locked = kind is None or layout.is_protected or column in layout.locked or key[0] in layout.locked
        _look(cell, locked=locked, bold=False, off=kind is None)
    sheet.row_dimensions[line].height = min(400.0, 13.5 * height + 5)


def _written(cell: Cell | MergedCell, value: Any, look: Look) -> None:
    """An empty cell stays empty here: it is where a value may be written."""
    if value is None:
        return
    put(cell, value, look)
    if isinstance(value, str):
        cell.number_format = "@"  # what is typed over it stays text too: « 02 » and « 2.20 » are codes


def _look(cell: Cell | MergedCell, *, locked: bool, bold: bool, off: bool = False) -> None:
    cell.protection = Protection(locked=locked)
    cell.font = Font(name="Calibri", size=10, bold=bold, color=GREY if locked and not bold else INK)
    cell.alignment = Alignment(vertical="top", wrap_text=True, horizontal="left")
    cell.border = Border(bottom=Side("hair", color=LINE))
    if locked:
        cell.fill = PatternFill("solid", fgColor=BAND if bold else OFF)
    if off:
        cell.value = None


def _spare(sheet: Worksheet, line: int, count: int, *, skipped: int | None) -> None:
    """skipped: the column of the reminder, which nobody fills."""
    for number in range(1, count + 1):
        cell = sheet.cell(line, number)
        cell.protection = Protection(locked=number == skipped)
        cell.number_format = "@" if number == 1 else "General"
        cell.border = Border(bottom=Side("hair", color=LINE))
        cell.font = Font(name="Calibri", size=10, color=INK)
        cell.alignment = Alignment(vertical="top", wrap_text=True, horizontal="left")


def _validate(
    sheet: Worksheet,
    layout: Layout,
    columns: Mapping[int, str],
    rows: Mapping[Row, Mapping[str, tuple[Any, Kind]]],
    logframe: Logframe,
    last: int,
) -> None:
    """Closed lists, and a word on what is expected elsewhere; Excel refuses what is not in a list."""
    for number, column in columns.items():
        kinds = [fields[column][1] for fields in rows.values() if column in fields]
        kind = kinds[0] if kinds else kind_of_new(layout.path(("x",) * len(layout.keys), column) or ())
        if kind is None or layout.sheet in ("Mesures", "Cadre"):
            continue
        where = f"{get_column_letter(number)}{HEADER + 1}:{get_column_letter(number)}{max(last, HEADER + 1)}"
        if column == "result":
            offer(sheet, where, [result.code for result in logframe.results])
        elif kind.shape == "choice":
            offer(sheet, where, [WORDS.get(choice, choice) for choice in kind.choices])
        elif kind.shape == "yes_no":
            offer(sheet, where, (YES, NO))
        elif kind.shape in PROMPTS:
            prompt(sheet, where, header(column), PROMPTS[kind.shape])
    if layout.adds and "indicateur" in layout.keys:
        offer_rows(sheet, f"A{HEADER + 1}:A{last}", "Indicateurs", HEADER + 1, len(logframe.indicators))
    if layout.sheet == "Bailleurs":
        offer(sheet, f"B{HEADER + 1}:B{last}", donors())


def _origin(workbook: Workbook, logframe: Logframe) -> None:
    """What was exported, path by path; hidden, and never shown to who edits."""
    sheet: Worksheet = workbook.create_sheet(ORIGIN)
    sheet.sheet_state = "veryHidden"
    put(sheet["A1"], logframe.project)
    for line, (path, (value, kind)) in enumerate(flatten(logframe).items(), 2):
        put(sheet.cell(line, 1), written(path))
        _written(sheet.cell(line, 2), shown(value, kind), "date" if kind.shape == "date" else "text")
    sheet.protection.sheet = True


def written(path: Path) -> str:
    """The path as one text; no part of it holds a line break."""
    return "\n".join(path)


def _help(logframe: Logframe) -> dict[str, list[str]]:
    lines = [f"{layout.sheet} : {layout.about}" for layout in LAYOUTS.values()]
    sections = {
        "À quoi sert ce classeur": [
            "Relire et modifier le cadre logique sans toucher au fichier YAML. Rien ne change tant que le classeur n'est pas "
            f"importé : {typed(f'logframe import {logframe.project} --xlsx CLASSEUR')} montre d'abord toutes les différences, "
            "et n'écrit qu'avec « --yes ».",
        ],
        "Feuilles": lines,
        "Ce qui se modifie": [
            "Les cases blanches. Les cases grisées sont verrouillées : codes, calculs, cases sans objet.",
            "Ajouter : écrivez sur les lignes vides en bas de References, Cibles, Bailleurs ou Ventilations. Supprimer : videz toute "
            "la ligne, code compris (ôtez d'abord la protection : Révision → Ôter la protection, sans mot de passe).",
            "Un résultat ou un indicateur nouveau demande un calcul : il s'ajoute dans logframe.yaml.",
        ],
        "Mots de la plateforme": [
            "Niveau : impact, outcome (effet), output (produit). Sens : asc (à faire monter), desc (à faire baisser). Lien : custom "
            "(propre au projet), predefined (prédéfini), matched (apparié), candidate (candidat), none (aucun). Ventilations et "
            "croisements : noms de colonnes, comme sex ou region_code.",
        ],
        "Vide n'est pas zéro": ["Une référence ou une cible vide est « à établir ». Zéro s'écrit 0."],
        "Codes de bailleurs": [
            "Un code n'est officiel qu'avec « Vérifié le » et « Vérifié par », remplis par la personne qui l'a lu dans la source "
            "officielle. Dans le doute, laissez vides.",
        ],
    }
    if logframe.illustrative:
        sections["Valeurs illustratives !"] = [
            "Références et cibles sont illustratives : à remplacer par celles de la convention."
        ]
    return sections
