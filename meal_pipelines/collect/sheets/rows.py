"""The lines of a sheet as rows of answers: which ones are data, which ones are totals, and which ones nobody can place."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from meal_pipelines.collect.sheets.answers import Answers, text_of
from meal_pipelines.collect.sheets.book import Cell, Grid
from meal_pipelines.collect.sheets.header import Header, Names, repeats_header
from meal_pipelines.collect.sheets.numbers import is_ambiguous
from meal_pipelines.collect.sheets.receipt import Receipt, Refused, counted, lines
from meal_pipelines.collect.sheets.spelling import bare

# Without accents, as `bare` leaves them.
TOTAL = re.compile(
    r"((sous|grand) )?(total|totaux|somme|cumul)( (general|partiel|global))?|(ال)?(مجموع|اجمالي)( (ال)?(عام|كلي|جزءي))?"
)
NUMERIC = ("integer", "decimal", "range")
BEGINS_AS_TOTAL = re.compile(rf"({TOTAL.pattern})( .*)?")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of data. answers: by question, or by header for a column that no question explains.

    line: as a spreadsheet counts, from 1 · originals: what was typed, where the answer is another spelling of it.
    """

    line: int
    answers: dict[str, str] = field(repr=False)
    originals: dict[str, str] = field(repr=False)


def read_rows(
    file: str, grid: Grid, header: Header, names: Names, answers: Answers, key: Sequence[str], receipt: Receipt
) -> list[Row]:
    """Every line of data below the header, in the order of the sheet; what was left out is noted in the receipt.

    Raises: Refused when a line has something and no key, and is not a line of totals.
    """
    order = [(place, names.questions[name]) for place, name in header.columns.items()]
    position = {name: number for number, name in enumerate(names.questions)}
    order.sort(key=lambda column: position[column[1].name])
    rows: list[Row] = []
    totals: list[int] = []
    repeated: list[int] = []
    unplaced: list[int] = []
    doubtful: dict[str, list[int]] = defaultdict(list)
    for number in range(header.end + 1, len(grid.lines)):
        cells = grid.lines[number]
        own = [place for place, cell in enumerate(cells) if cell != "" and (number, place) not in grid.filled]
        if not own:
            continue
        if repeats_header(cells, header.columns, names):
            repeated.append(number + 1)
            continue
        row = Row(number + 1, {}, {})
        for place, question in order:
            if place < len(cells) and (cell := cells[place]) != "":
                answer = answers.read(question, cell, row.answers)
                row.answers[question.name] = answer
                if (typed := text_of(cell)) != answer:
                    row.originals[question.name] = typed
                if question.type in NUMERIC and isinstance(cell, str) and is_ambiguous(cell):
                    doubtful[question.name].append(number + 1)
        for place, name in header.strays.items():
            if place < len(cells) and (cell := cells[place]) != "":
                row.answers[name] = text_of(cell)
        placed = all(row.answers.get(name) for name in key)
        if _is_total(cells[own[0]], in_key=header.columns.get(own[0]) in key, placed=placed):
            totals.append(number + 1)
        elif placed:
            rows.append(row)
        else:
            unplaced.append(number + 1)
    if unplaced:
        raise Refused(_unplaced(file, grid, unplaced, [names.questions[name].label for name in key]))
    _note(receipt, grid, header, rows, totals, repeated, doubtful)
    return rows


def _is_total(first: Cell, *, in_key: bool, placed: bool) -> bool:
    """Whether the first cell of a line says so. A line with a key is data, unless its key is the very word: « TOTAL »."""
    if not isinstance(first, str) or (placed and not in_key):
        return False
    return (TOTAL if placed else BEGINS_AS_TOTAL).fullmatch(bare(first)) is not None


def _unplaced(file: str, grid: Grid, unplaced: list[int], key: list[str]) -> str:
    named = " ou ".join(f"« {label} »" for label in key)
    return (
        f"{file}, feuille « {grid.sheet} », {lines(unplaced)} : rien sous {named}, qui identifie les lignes. Complétez "
        f"{'cette case' if len(unplaced) == 1 else 'ces cases'}, ou retirez "
        f"{'la ligne' if len(unplaced) == 1 else 'les lignes'} si ce sont des remarques, puis déposez le fichier à nouveau. "
        f"Rien n'a été lu de ce fichier."
    )


def _note(
    receipt: Receipt, grid: Grid, header: Header, rows: Sequence[Row], totals: list[int], repeated: list[int],
    doubtful: Mapping[str, list[int]],
) -> None:  # fmt: skip
    """What a person should know of how the sheet was read."""
    if totals:
        receipt.notes.append(
            f"{counted(len(totals), 'ligne de total laissée', 'lignes de total laissées')} ({lines(totals)})"
        )
    if repeated:
        receipt.notes.append(f"en-têtes répétés laissés ({lines(repeated)})")
    hidden = [row.line for row in rows if row.line - 1 in grid.parts.hidden]
    if hidden:
        receipt.notes.append(f"{counted(len(hidden), 'ligne masquée lue', 'lignes masquées lues')} comme les autres")
    strays = sorted({name for row in rows for name in row.answers} & set(header.strays.values()))
    if strays:
        receipt.notes.append(f"colonnes inconnues du questionnaire, gardées scellées : {', '.join(strays)}")
    for found, what in (
        (grid.parts.errors, "cases en erreur (#N/A, #REF!…), lues comme vides"),
        (
            grid.parts.uncomputed,
            "formules jamais calculées, lues comme vides (ouvrez le fichier dans Excel et enregistrez-le)",
        ),
    ):
        touched = [row.line for row in rows if row.line - 1 in found]
        if touched:
            receipt.warnings.append(f"{what} : {lines(touched)}")
    for question, where in doubtful.items():
        receipt.warnings.append(
            f"« {question} » : un point ou une virgule suivis de trois chiffres, lus comme la virgule décimale et non comme des "
            f"milliers ({lines(where)}) ; saisissez de vrais nombres"
        )
