"""A received file as sheets of cells, whatever its format: XLSX, XLSM, XLSB, XLS, ODS, and CSV in any encoding.

Calamine reads workbooks; merged cells are spread over what they cover. What cells mean is not known here.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from meal_pipelines.collect.sheets.hidden_parts import HiddenParts, hidden_parts
from meal_pipelines.collect.sheets.receipt import Refused
from meal_pipelines.collect.sheets.spelling import bare, visible
from meal_pipelines.collect.sheets.text_file import read_text

Cell = str | int | float | bool | dt.date | dt.datetime | dt.time | dt.timedelta
Likeness = Callable[[Sequence[Sequence[Cell]]], int]
"""How much some lines look like those that are expected: the higher, the more of the questionnaire is recognised."""

WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
TEXTS = (".csv", ".tsv", ".txt")
STAMP_SHEET, LISTS_SHEET = "_meal", "_listes"
"""Hidden sheets of our own templates."""
PLAIN_SHEET = re.compile(r"(Feuil(le)?|Sheet|ورقة) ?\d{1,3}")
"""What programs call a new sheet, in French, in English and in Arabic."""
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""The name of the stream in which Excel keeps a workbook that has a password."""


@dataclass(frozen=True)
class Grid:
    """The cells of one sheet, lines and columns from 0; an empty cell is '', texts
    have no spaces around.

    filled: cells that have the value of the merged cells they belong to.
    """

    sheet: str
    lines: list[list[Cell]] = field(repr=False)
    filled: frozenset[tuple[int, int]] = frozenset()
    parts: HiddenParts = field(default_factory=HiddenParts)


@dataclass(frozen=True)
class Book:
    """One file. sheets: name → whether it is shown · remark: how a text file was read, for information."""

    file: str
    sheets: dict[str, bool]
    grids: dict[str, Grid]
    stamp: dict[str, str] = field(default_factory=dict)
    remark: str | None = None
    is_text: bool = False

    @property
    def hidden_sheets(self) -> int:
        return sum(not shown for name, shown in self.sheets.items() if name not in (STAMP_SHEET, LISTS_SHEET))


def read_book(file: str, content: bytes, wanted: Sequence[str], likeness: Likeness) -> Book:
    """The wanted sheets of a file. A text file has only one, which stands for the first that is wanted.

    Raises: Refused when the file is no workbook, or has no such sheet in sight.
    """
    if not content:
        raise Refused(f"{file} est vide : il est peut-être encore en cours de copie. Déposez-le à nouveau.")
    if file.lower().endswith(TEXTS):
        text = read_text(file, content, likeness)
        name = wanted[0]
        remark = f"lu comme texte {text.encoding}, colonnes séparées par {text.separator_name}"
        missing = [sheet for sheet in wanted if sheet != name]
        if missing:
            raise Refused(
                f"{file} : un fichier texte n'a qu'une feuille, et ce formulaire en demande {len(wanted)} "
                f"({', '.join(wanted)}). Envoyez un classeur XLSX."
            )
        return Book(file, {name: True}, {name: Grid(name, _seen(text.lines))}, remark=remark, is_text=True)
    return _read_workbook(file, content, wanted)


def _read_workbook(file: str, content: bytes, wanted: Sequence[str]) -> Book:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

    try:
        if ENCRYPTED in content:
            raise PasswordError
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    except PasswordError:
        raise Refused(
            f"{file} est protégé par un mot de passe. Retirez-le (Fichier → Informations → Protéger le classeur), puis "
            f"déposez le fichier à nouveau."
        ) from None
    except (CalamineError, OSError, ValueError):
        raise Refused(
            f"{file} n'est pas un classeur lisible : il est abîmé, en cours de copie, ou d'un autre format que son nom ne "
            f"le dit. Ouvrez-le, enregistrez-le en XLSX, puis déposez-le à nouveau."
        ) from None
    with workbook:
        sheets = {meta.name: meta.visible == SheetVisibleEnum.Visible for meta in workbook.sheets_metadata}
        grids = {}
        for name in wanted:
            sheet = workbook.get_sheet_by_name(_choose(file, name, sheets))
            lines = _seen(sheet.to_python(skip_empty_area=False))
            parts = hidden_parts(content, sheet.name)
            for line, place in parts.truths:
                lines[line][place] = bool(lines[line][place])
            merged = parts.merged if parts.merged is not None else sheet.merged_cell_ranges or ()
            grids[name] = Grid(sheet.name, lines, _spread(lines, merged), parts)
        stamp = {}
        if STAMP_SHEET in sheets:
            pairs = workbook.get_sheet_by_name(STAMP_SHEET).to_python(skip_empty_area=False)
            stamp = {str(pair[0]): str(pair[1]) for pair in pairs if len(pair) > 1 and pair[0]}
        return Book(file, sheets, grids, stamp)


def _seen(lines: list[list[Cell]]) -> list[list[Cell]]:
    """The cells without what nobody sees: a space alone is an empty cell."""
    return [[visible(cell) if isinstance(cell, str) and cell else cell for cell in cells] for cells in lines]


def _choose(file: str, wanted: str, sheets: dict[str, bool]) -> str:
    """The sheet that is meant: the one shown whose name is `wanted`, but for case, accents and spaces."""
    alike = [name for name in sheets if bare(name) == bare(wanted)]
    shown = [name for name in alike if sheets[name]]
    if wanted in shown:
        return wanted
    if len(shown) == 1:
        return shown[0]
    if len(shown) > 1:
        raise Refused(
            f"{file} : plusieurs feuilles se nomment presque « {wanted} » ({', '.join(shown)}). Gardez celle à lire, et "
            f"renommez ou supprimez l'autre. Rien n'a été lu de ce fichier."
        )
    if alike:
        raise Refused(
            f"{file} : la feuille « {alike[0]} » est masquée. Affichez-la si c'est bien elle qu'il faut lire (clic droit "
            f"sur un onglet → Afficher), puis déposez le fichier à nouveau. Rien n'en a été lu."
        )
    raise Refused(
        f"{file} : la feuille « {wanted} » manque ({sheets_told([name for name in sheets if sheets[name]])}). Rien n'a été lu "
        f"de ce fichier. Renommez la feuille, puis déposez le fichier à nouveau."
    )


def sheets_told(names: Sequence[str]) -> str:
    """The sheets of a file, for a message: those that a program named by their names, the others by their places.

    A partner may name a sheet after a person.
    """
    told = [name if PLAIN_SHEET.fullmatch(name) else f"la {place}e" for place, name in enumerate(names, start=1)]
    return f"feuilles présentes : {', '.join(told).replace('la 1e', 'la 1re') or 'aucune'}"


def _spread(
    lines: list[list[Cell]], merged: Sequence[tuple[tuple[int, int], tuple[int, int]]]
) -> frozenset[tuple[int, int]]:
    """Give every line of merged cells their value, in their first column; the other columns stay empty.

    Returns: the cells that were given one. What lies below the last line that says something is left out.
    """
    filled = set()
    for (top, left), (bottom, _) in merged:
        if top >= len(lines) or left >= len(lines[top]) or lines[top][left] == "":
            continue
        for line in range(top + 1, min(bottom, len(lines) - 1) + 1):
            if left < len(lines[line]):
                lines[line][left] = lines[top][left]
                filled.add((line, left))
    return frozenset(filled)
