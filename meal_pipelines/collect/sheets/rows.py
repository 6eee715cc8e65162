"""The lines of a sheet as rows of answers: which ones are data, which ones are totals, and which ones nobody can place."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from meal_pipelines.collect.sheets.answers import Answers, text_of
from meal_pipelines.collect.sheets.book import Cell, Grid
from meal_pipelines.collect.sheets.header import Header, Names, letter, repeats_header
from meal_pipelines.collect.sheets.numbers import is_ambiguous, written
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
    sorted_lines = _Lines(grid, header, names, answers, key)
    for number in range(header.end + 1, len(grid.lines)):
        sorted_lines.add(number)
    if sorted_lines.unplaced:
        labels = [names.questions[name].label for name in key]
        raise Refused(_unplaced(file, grid, sorted_lines.unplaced, labels))
    _note(receipt, sorted_lines)
    return sorted_lines.rows


class _Lines:
    """The lines below a header, told apart as they are met: data, totals, repeated headers, what nobody can place.

    Lines are kept by their number as a spreadsheet counts · doubtful: by question, lines with a number that could be two.
    """

    def __init__(self, grid: Grid, header: Header, names: Names, answers: Answers, key: Sequence[str]) -> None:
        self.grid, self.header, self.names, self.answers, self.key = grid, header, names, answers, key
        position = {name: number for number, name in enumerate(names.questions)}
        places = sorted(header.columns, key=lambda place: position[header.columns[place]])
        self.columns = [(place, names.questions[header.columns[place]]) for place in places]
        self.rows: list[Row] = []
        self.totals: list[int] = []
        self.repeated: list[int] = []
        self.unplaced: list[int] = []
        self.doubtful: dict[str, list[int]] = defaultdict(list)

    def add(self, number: int) -> None:
        """Look at one line, from 0. One that only has what merged cells lend it says nothing of its own."""
        cells = self.grid.lines[number]
        own = [place for place, cell in enumerate(cells) if cell != "" and (number, place) not in self.grid.filled]
        if not own:
            return
        line = number + 1
        if repeats_header(cells, self.header.columns, self.names):
            self.repeated.append(line)
            return
        row = self._row(line, cells)
        has_key = all(row.answers.get(name) for name in self.key)
        if self._is_total(cells, own, has_key=has_key):
            self.totals.append(line)
        elif has_key:
            self.rows.append(row)
        else:
            self.unplaced.append(line)

    def _row(self, line: int, cells: Sequence[Cell]) -> Row:
        """The answers in the questionnaire's order, so that a cascade knows what it depends on; then the strays."""
        row = Row(line, {}, {})
        for place, question in self.columns:
            if place < len(cells) and (cell := cells[place]) != "":
                answer = self.answers.read(question, cell, row.answers)
                row.answers[question.name] = answer
                if (typed := text_of(cell)) != answer:
                    row.originals[question.name] = typed
                if question.type in NUMERIC and isinstance(cell, str) and is_ambiguous(cell):
                    self.doubtful[question.name].append(line)
        for place, name in self.header.strays.items():
            if place < len(cells) and (cell := cells[place]) != "":
                row.answers[name] = text_of(cell)
        return row

    def _is_total(self, cells: Sequence[Cell], own: Sequence[int], *, has_key: bool) -> bool:
        """Whether the first cell of a line says so.

        A line with a key is data, unless its key is the very word: « TOTAL ». One without is a total when it has the very
        word, or begins with it and has nothing but numbers beside: « Total Énergies » may be a row whose key was forgotten.
        """
        first = cells[own[0]]
        if not isinstance(first, str):
            return False
        said = bare(first)
        if TOTAL.fullmatch(said):
            return not has_key or self.header.columns.get(own[0]) in self.key
        beside = [text_of(cells[place]) for place in own[1:]]
        return not has_key and BEGINS_AS_TOTAL.fullmatch(said) is not None and all(written(text) for text in beside)


def _unplaced(file: str, grid: Grid, unplaced: list[int], key: list[str]) -> str:
    named = " ou ".join(f"« {label} »" for label in key)
    return (
        f"{file}, feuille « {grid.sheet} », {lines(unplaced)} : rien sous {named}, qui identifie les lignes. Complétez "
        f"{'cette case' if len(unplaced) == 1 else 'ces cases'}, ou retirez "
        f"{'la ligne' if len(unplaced) == 1 else 'les lignes'} si ce sont des remarques, puis déposez le fichier à nouveau. "
        f"Rien n'a été lu de ce fichier."
    )


def _note(receipt: Receipt, found: _Lines) -> None:
    """What a person should know of how the sheet was read."""
    parts, rows = found.grid.parts, found.rows
    if found.totals:
        what = counted(len(found.totals), "ligne de total laissée", "lignes de total laissées")
        receipt.notes.append(f"{what} ({lines(found.totals)})")
    if found.repeated:
        receipt.notes.append(f"en-têtes répétés laissés ({lines(found.repeated)})")
    hidden = [row.line for row in rows if row.line - 1 in parts.hidden]
    if hidden:
        what = counted(len(hidden), "ligne masquée lue", "lignes masquées lues")
        receipt.notes.append(f"{what} comme les autres")
    answered = {name for row in rows for name in row.answers}
    # By their letters: what a partner wrote above a column may name somebody.
    strays = [letter(place) for place, name in sorted(found.header.strays.items()) if name in answered]
    if strays:
        receipt.notes.append(f"colonnes inconnues du questionnaire, gardées scellées : {', '.join(strays)}")
    for where, what in (
        (parts.errors, "cases en erreur (#N/A, #REF!…), lues comme vides"),
        (
            parts.uncomputed,
            "formules jamais calculées, lues comme vides (ouvrez le fichier dans Excel et enregistrez-le)",
        ),
    ):
        touched = [row.line for row in rows if row.line - 1 in where]
        if touched:
            receipt.warnings.append(f"{what} : {lines(touched)}")
    for question, numbers in found.doubtful.items():
        receipt.warnings.append(
            f"« {question} » : un point ou une virgule suivis de trois chiffres, lus comme la virgule décimale et non comme des "
            f"milliers ({lines(numbers)}) ; saisissez de vrais nombres"
        )
