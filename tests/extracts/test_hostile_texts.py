"""Whatever a person can write anywhere, no workbook of ours runs it: in the file, no formula; in a cell, text that stays text."""

from __future__ import annotations

import dataclasses
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from meal_pipelines.extracts import write_afd, write_iati, write_opsys, write_tei, write_thema, write_tracking
from meal_pipelines.logframe import export_logframe
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Logframe
from meal_pipelines.project.sheets import write_workbook
from meal_pipelines.warehouse import Warehouse
from tests.extracts.logframes import CUTOFF, fill, project

ATTACKS = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    '=HYPERLINK("http://x","y")',
    "\x0b=2+2",
]
FREE = {
    "label", "unit", "calculation", "verification", "responsible", "frequency", "limits", "opsys_source", "status", "source",
    "version", "framework", "confidence", "text", "verified_by",
}  # fmt: skip
"""Fields of the logframe in which anything may be written."""


def _hostile(value: Any, attacks: Iterator[str]) -> Any:
    """The same, with an attack in each free field and in each hypothesis and label of a category."""
    if isinstance(value, dict):
        return {
            key: next(attacks) if key in FREE and isinstance(at, str) else _labelled(key, at, attacks)
            for key, at in value.items()
        }
    return [_hostile(at, attacks) for at in value] if isinstance(value, list) else value


def _labelled(key: str, value: Any, attacks: Iterator[str]) -> Any:
    if key == "assumptions":
        return [next(attacks) for _ in value]
    if key == "values" and isinstance(value, dict):
        return {code: next(attacks) for code in value}
    return _hostile(value, attacks)


def _attacks() -> Iterator[str]:
    """Without end, and each once only: a heading that stands twice could not be told apart."""
    number = 0
    while True:
        yield f"{ATTACKS[number % len(ATTACKS)]} {number}"
        number += 1


def hostile(folder: str, name: str) -> LoadedProject:
    loaded, attacks = project(folder, name), _attacks()
    assert loaded.logframe is not None
    logframe = Logframe.model_validate(_hostile(loaded.logframe.model_dump(exclude_none=True), attacks))
    said = {"name": next(attacks), "label": next(attacks), "dates_status": next(attacks), "donors": [next(attacks)]}
    return dataclasses.replace(loaded, project=loaded.project.model_copy(update=said), logframe=logframe)


def formulas(path: Path) -> list[str]:
    """Every formula of a workbook, read from its XML and by openpyxl; and texts that an edit would turn into one."""
    with zipfile.ZipFile(path) as parts:
        pages = [name for name in parts.namelist() if name.startswith("xl/worksheets/") and name.endswith(".xml")]
        found = [f"{name} has <f>" for name in pages if re.search(rb"<f[ >/]", parts.read(name))]
    for sheet in load_workbook(path):
        for row in sheet.iter_rows():
            found += [
                f"{sheet.title}!{cell.coordinate}" for cell in row
                if cell.data_type == "f"
                or (isinstance(cell.value, str) and cell.value.startswith(("=", "+", "-", "@", "\t", "\r")) and not cell.quotePrefix)
            ]  # fmt: skip
    return found


def _dangerous(paths: Iterable[Path]) -> int:
    return sum(
        isinstance(cell.value, str) and cell.value.startswith(("=", "+", "@"))
        for path in paths for sheet in load_workbook(path) for row in sheet.iter_rows() for cell in row
    )  # fmt: skip


@pytest.mark.parametrize("folder", ["prim2", "thamm_plus"])
def test_no_text_of_a_project_becomes_a_formula_in_any_extract(
    warehouse: Warehouse, tmp_path: Path, folder: str
) -> None:
    loaded = hostile(folder, f"hostile_{folder}")
    files: list[Path] = []
    with warehouse.connect() as connection:
        with connection.cursor() as cursor:
            fill(cursor, loaded)
            cursor.execute(
                "insert into indicators.declared (project, indicator, period_kind, period, period_start, period_end, value,"
                " method, source, received_on) select %s, indicator, 'year', '2027', '2027-01-01', '2027-12-31', 50, '=m',"
                " '=s', '2028-01-20' from indicators.value where project = %s group by 2",
                (loaded.id, loaded.id),
            )
        connection.commit()
        for write in (write_opsys, write_thema, write_tei, write_afd, write_tracking, write_iati):
            files += write(connection, loaded, cutoff=CUTOFF, out=tmp_path, run_id=None).files
    books = [path for path in files if path.suffix == ".xlsx"]
    assert len(books) == 5
    assert {path.name: formulas(path) for path in books} == {path.name: [] for path in books}
    assert all(_dangerous([path]) > 3 for path in books if not (path.name == "tei.xlsx" and folder == "prim2"))


def test_no_text_of_a_logframe_becomes_a_formula_in_its_workbook(tmp_path: Path) -> None:
    logframe = hostile("prim2", "hostile_cadre").logframe
    assert logframe is not None
    export_logframe(logframe, tmp_path / "cadre.xlsx")
    assert formulas(tmp_path / "cadre.xlsx") == []
    assert _dangerous([tmp_path / "cadre.xlsx"]) > 50


def test_no_text_of_a_servers_form_becomes_a_formula_when_it_is_brought_back(tmp_path: Path) -> None:
    """Whoever may edit the form on the server may not run something on the officer's machine."""
    rows = [
        (number, {"type": "text", "name": f"q{number}", "label::Français (fr)": text})
        for number, text in enumerate(ATTACKS, 2)
    ]
    write_workbook(tmp_path / "formulaire.xlsx", {"survey": rows, "choices": []})
    assert formulas(tmp_path / "formulaire.xlsx") == []
    assert _dangerous([tmp_path / "formulaire.xlsx"]) > 3
