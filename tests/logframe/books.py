"""A project folder of the repository, copied for a test, and its workbook as somebody with Excel edits it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from ruamel.yaml import YAML

from meal_pipelines.logframe import Change, changed_text, export_logframe, read_changes
from meal_pipelines.logframe.store import text_of
from meal_pipelines.project.files import read_yaml
from meal_pipelines.project.logframe import Logframe
from meal_pipelines.settings import CHECKOUT

PROJECTS = CHECKOUT / "projects"
HEADER = 4
Address = tuple[str, str, str]
"""Sheet, key of the row (its parts joined by « | »), heading."""


def folder_of(name: str, to: Path) -> Path:
    """Only the logframe: nothing else is read here."""
    folder = to / name
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(PROJECTS / name / "logframe.yaml", folder / "logframe.yaml")
    return folder


def logframe_in(folder: Path) -> Logframe:
    return read_yaml(folder / "logframe.yaml", Logframe)[0]


def exported(folder: Path, to: Path) -> Path:
    export_logframe(logframe_in(folder), to)
    return to


def addresses(book: Any, keys: dict[str, int]) -> dict[Address, Any]:
    """Every cell of the visible sheets by the words that a person sees, with openpyxl's cell."""
    found = {}
    for name, count in keys.items():
        sheet = book[name]
        headings = [sheet.cell(HEADER, number).value for number in range(1, sheet.max_column + 1)]
        for line in range(HEADER + 1, sheet.max_row + 1):
            parts = [sheet.cell(line, number).value for number in range(1, count + 1)]
            if parts[0] is None:
                continue
            key = "|".join("" if part is None else str(part) for part in parts)
            for number in range(count + 1, len(headings) + 1):
                found[name, key, headings[number - 1]] = sheet.cell(line, number)
    return found


KEYS = {
    "Cadre": 1, "Resultats": 1, "Indicateurs": 1, "References": 2, "Cibles": 3, "Bailleurs": 2, "Ventilations": 2, "Mesures": 2,
}  # fmt: skip
"""How many key columns each sheet has."""


def edited(book: Path, change: Callable[[Any], None]) -> Path:
    """Open as a spreadsheet does, change, save."""
    opened = load_workbook(book)
    change(opened)
    opened.save(book)
    return book


def imported(folder: Path, book: Path) -> tuple[list[Change], str]:
    """What the workbook changes, and the text that the file would become."""
    logframe = logframe_in(folder)
    changes = read_changes(book, logframe)
    return changes, changed_text(text_of(folder), logframe, changes, folder=folder.name).text


def plain(text: str) -> Any:
    """The file as ruamel reads it: another reader than the one under test."""
    return YAML(typ="safe").load(text)
