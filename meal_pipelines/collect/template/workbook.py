"""A template put together: instructions, one sheet per table to fill in, hidden lists, a hidden stamp of its version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from meal_pipelines.collect.sheets.book import LISTS_SHEET, STAMP_SHEET
from meal_pipelines.collect.template import words
from meal_pipelines.collect.template.columns import Column, Language, columns_of
from meal_pipelines.collect.template.lists import Lists
from meal_pipelines.collect.template.rules import validation
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.extracts.workbook import (
    ACCENT,
    BAND,
    GREY,
    INK,
    LINE,
    heading,
    new_workbook,
    print_setup,
    put,
    save,
)
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.project.questionnaire import MAIN

TITLE, LABELS, OTHER_LABELS, NAMES, FIRST = 1, 2, 3, 4, 5
"""Lines of a sheet to fill in: title, labels in both languages, names (hidden), then the data."""
LAST = 5004
"""The last line that has lists and controls."""
SHOWN_CHOICES = 12
WIDTHS = (30, 30, 46, 46, 34, 40)
"""Of the columns of the instructions."""


def write_template(project: LoadedProject, form: LoadedForm, path: Path, language: Language = "fr") -> None:
    """Write the workbook that a partner fills in for a form; the language is that of its lists and of its first header.

    Raises: ConfigurationError when the form is not received in workbooks, or when the file is there already.
    """
    source = form.form.source
    if project.project.sources[source.use].kind != "workbook" or not source.sheet or not source.key:
        raise ConfigurationError(
            f"{form.where} : le formulaire « {form.name} » n'est pas reçu en classeurs ; il n'a pas de modèle à remplir. "
            f"Donnez-lui une source de type « workbook », avec « sheet » et « key »."
        )
    if unasked := [name for name in source.key if name not in {c.question.name for c in columns_of(form, MAIN)}]:
        raise ConfigurationError(
            f"{form.where} : « key » nomme « {unasked[0]} », que personne ne remplit dans un classeur. Choisissez une autre clé."
        )
    if path.exists():
        raise ConfigurationError(
            f"{path} existe déjà, et pourrait avoir été rempli. Choisissez un autre nom avec « --to », ou déplacez-le."
        )
    book = new_workbook(f"{form.form.label} – {project.project.name}")
    guide = book.create_sheet(words.TITLES[language])
    lists_sheet = book.create_sheet(LISTS_SHEET)
    lists = Lists.on(lists_sheet, form.questionnaire, language)
    sheets: list[tuple[str, str, str | None]] = [(MAIN, source.sheet, None)]
    sheets += [(name, repeat.sheet, repeat.parent) for name, repeat in source.repeats.items()]
    described = []
    for table, sheet, parent in sheets:
        columns = columns_of(form, table, parent)
        _fill_in(book.create_sheet(sheet), f"{form.form.label} – {project.project.name}", columns, lists, language)
        described.append((sheet, columns))
    _guide(guide, project, form, described, lists, language)
    _stamp(book.create_sheet(STAMP_SHEET), form, language)
    lists_sheet.sheet_state = "veryHidden"
    book.move_sheet(lists_sheet, offset=len(book.sheetnames))
    book.active = 1
    path.parent.mkdir(parents=True, exist_ok=True)
    save(book, path)


# The sheet to fill in -----------------------------------------------------------------------------------------


def _fill_in(sheet: Worksheet, title: str, columns: Sequence[Column], lists: Lists, language: Language) -> None:
    other: Language = "ar" if language == "fr" else "fr"
    sheet.sheet_view.rightToLeft = language == "ar"
    put(sheet.cell(TITLE, 1), title)
    sheet.cell(TITLE, 1).font = Font(name="Calibri", size=14, bold=True, color=ACCENT)
    sheet.cell(TITLE, 1).alignment = Alignment(horizontal="right" if language == "ar" else "left")
    sheet.row_dimensions[TITLE].height = 24
    by_name = {column.question.name: column for column in columns if column.parent is None}
    for column in columns:
        _header(sheet, column, language, other)
        letters = get_column_letter(column.place)
        sheet.column_dimensions[letters].width = column.width
        sheet.column_dimensions[letters].number_format = column.number_format
        is_listed = column.question.is_select and column.question.list_name in lists.questionnaire.choices
        offered = (
            lists.formula(column.question, by_name, FIRST)
            if is_listed and column.question.type == "select_one"
            else None
        )
        rule = validation(
            column,
            FIRST,
            LAST,
            title=column.header(language),
            prompt=words.expected(column, language),
            message=words.refusal(column, language),
            offered=offered,
        )
        if rule is not None:
            sheet.add_data_validation(rule)
    sheet.row_dimensions[LABELS].height = sheet.row_dimensions[OTHER_LABELS].height = 46
    sheet.row_dimensions[NAMES].hidden = True
    sheet.freeze_panes = sheet.cell(FIRST, 2).coordinate
    print_setup(sheet, f"{LABELS}:{OTHER_LABELS}")


def _header(sheet: Worksheet, column: Column, language: Language, other: Language) -> None:
    """The label in both languages and the question's name; what must be answered stands out."""
    first, second = sheet.cell(LABELS, column.place), sheet.cell(OTHER_LABELS, column.place)
    name = sheet.cell(NAMES, column.place)
    put(first, column.header(language))
    heading(first)
    translated = column.header(other) if any(column.question.labels.values()) else ""
    put(second, "" if translated == column.header(language) else translated)
    put(name, column.parent or column.question.name)
    if not column.is_required:
        first.fill, first.font = PatternFill("solid", fgColor=BAND), Font(name="Calibri", size=10, bold=True, color=INK)
    second.font = Font(name="Calibri", size=10, color=INK)
    second.fill = PatternFill("solid", fgColor="F3F4F6")
    for cell, its_language in ((first, language), (second, other)):
        cell.alignment = Alignment(
            horizontal="center", vertical="center", wrap_text=True, readingOrder=2 if its_language == "ar" else 1
        )
        cell.border = Border(left=Side("thin", color="FFFFFF"), right=Side("thin", color="FFFFFF"))
    name.font = Font(name="Calibri", size=9, italic=True, color=GREY)
    note = Comment(
        "\n".join(filter(None, (words.expected(column, "fr"), words.expected(column, "ar")))), "Plateforme SERA"
    )
    note.width, note.height = 340, 150
    first.comment = note


# The instructions ---------------------------------------------------------------------------------------------


def _guide(
    sheet: Worksheet, project: LoadedProject, form: LoadedForm, described: Sequence[tuple[str, Sequence[Column]]], lists: Lists,
    language: Language,
) -> None:  # fmt: skip
    sheet.sheet_view.showGridLines = False
    sheet.sheet_view.rightToLeft = language == "ar"
    for letters, width in zip("ABCDEF", WIDTHS, strict=True):
        sheet.column_dimensions[letters].width = width
    sheet.merge_cells("A1:F1")
    sheet.merge_cells("A2:F2")
    put(sheet["A1"], f"{words.TITLES['fr']} – {words.TITLES['ar']}")
    sheet["A1"].font = Font(name="Calibri", size=16, bold=True, color=ACCENT)
    put(sheet["A2"], f"{form.form.label} ({form.form.code}), {project.project.name} – version {form.own_version}")
    sheet["A2"].font = Font(name="Calibri", size=10, italic=True, color=GREY)
    for cell in (sheet["A1"], sheet["A2"]):
        cell.alignment = Alignment(horizontal="right" if language == "ar" else "left")
    sheet.row_dimensions[1].height = 26
    [key, *_] = [column for column in described[0][1] if column.is_key]
    line = 4
    for texts in words.instructions(form, described[0][0], key):
        _paragraph(sheet, line, texts, language)
        line += 1
    for name, columns in described:
        line = _dictionary(sheet, line + 1, name if len(described) > 1 else "", columns, lists, language)
    print_setup(sheet, None)


def _paragraph(sheet: Worksheet, line: int, texts: tuple[str, str], language: Language) -> None:
    """French over the first columns and Arabic over the others, or the other way round."""
    ordered = texts if language == "fr" else texts[::-1]
    for first, last, text in (("A", "C", ordered[0]), ("D", "F", ordered[1])):
        sheet.merge_cells(f"{first}{line}:{last}{line}")
        cell = sheet[f"{first}{line}"]
        put(cell, text)
        in_arabic = (first == "D") == (language == "fr")
        cell.alignment = _aligned(in_arabic)
        cell.font = Font(name="Calibri", size=11, color=INK)
    sheet.row_dimensions[line].height = 15.5 * max(1, -(-max(map(len, texts)) // 100)) + 6


def _dictionary(
    sheet: Worksheet, line: int, name: str, columns: Sequence[Column], lists: Lists, language: Language
) -> int:
    """One line per column of a sheet. Returns: the line after the last."""
    other: Language = "ar" if language == "fr" else "fr"
    if name:
        put(sheet.cell(line, 1), name)
        sheet.cell(line, 1).font = Font(name="Calibri", size=12, bold=True, color=ACCENT)
        line += 1
    for place, text in enumerate(words.HEADINGS[language], start=1):
        put(sheet.cell(line, place), text)
        heading(sheet.cell(line, place))
    sheet.row_dimensions[line].height = 20
    for column in columns:
        line += 1
        texts = (
            column.header(language),
            column.header(other),
            words.expected(column, language),
            words.expected(column, other),
            words.obligation(column, lists.questionnaire, language),
            _choices(column, lists),
        )
        for place, text in enumerate(texts, start=1):
            cell = sheet.cell(line, place)
            put(cell, text)
            in_arabic = (place in (2, 4)) == (language == "fr")
            cell.font = Font(name="Calibri", size=10, color=INK, bold=place == 1)
            cell.alignment = _aligned(in_arabic)
            cell.border = Border(bottom=Side("hair", color=LINE))
        lines = max(-(-len(text) // int(width * 1.1)) for text, width in zip(texts, WIDTHS, strict=True))
        sheet.row_dimensions[line].height = 13.5 * max(1, lines) + 5
    return line + 1


def _aligned(in_arabic: bool) -> Alignment:
    side, order = ("right", 2) if in_arabic else ("left", 1)
    return Alignment(vertical="top", wrap_text=True, indent=1, horizontal=side, readingOrder=order)


def _choices(column: Column, lists: Lists) -> str:
    if column.question.list_name not in lists.questionnaire.choices:
        return ""
    labels = lists.labels(str(column.question.list_name))
    shown = " ; ".join(labels[:SHOWN_CHOICES])
    return shown if len(labels) <= SHOWN_CHOICES else f"{shown} ; … ({len(labels)})"


def _stamp(sheet: Worksheet, form: LoadedForm, language: Language) -> None:
    """By which a workbook that comes back is known for what it is."""
    pairs = {
        "project": form.project, "form": form.name, "version": form.own_version,
        "fingerprint": form.questionnaire.fingerprint, "language": language,
    }  # fmt: skip
    for line, (name, value) in enumerate(pairs.items(), start=1):
        put(sheet.cell(line, 1), name)
        put(sheet.cell(line, 2), value)
    sheet.sheet_state = "veryHidden"
