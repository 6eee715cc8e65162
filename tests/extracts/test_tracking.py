"""The tracking sheet: the indicators' figures, a word beside every light, no zero where nothing was measured."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from meal_pipelines.extracts import Extract, write_tracking
from meal_pipelines.extracts.values import quarters
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Target
from meal_pipelines.warehouse import Warehouse
from tests.extracts.logframes import CUTOFF, edited, fill, project, records, sheet

HEADER = 6
QUARTER_NAMES = ["T3 2026", "T4 2026", "T1 2027", "T2 2027", "T3 2027", "T4 2027", "T1 2028", "T2 2028"]


def _write(warehouse: Warehouse, loaded: LoadedProject, out: Path, *, without: tuple[str, ...] = ()) -> Extract:
    with warehouse.connect() as connection:
        with connection.cursor() as cursor:
            fill(cursor, loaded, without=without)
        connection.commit()
        return write_tracking(connection, loaded, cutoff=CUTOFF, out=out, run_id="essai")


def _lines(extract: Extract) -> list[dict[str, Any]]:
    rows = records(extract.files[0], "Tableau de suivi", header=HEADER)
    return [row for row in rows if row["Situation"] not in (None, "")]


@pytest.mark.parametrize("folder", ["prim2", "thamm_plus"])
def test_every_figure_is_the_indicators_own(warehouse: Warehouse, tmp_path: Path, folder: str) -> None:
    loaded = project(folder, f"suivi_{folder}")
    extract = _write(warehouse, loaded, tmp_path)
    assert extract.files == [tmp_path / loaded.id / "2028-06" / "tableau_de_suivi.xlsx"]
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select indicator, period_kind, period, disaggregation->>'region_code', value from indicators.value"
            " where project = %s and (disaggregation = '{}' or indicator = 'P2-IMP-1')",
            (loaded.id,),
        )
        measured = {row[:4]: float(row[4]) for row in cursor.fetchall()}
    lines = _lines(extract)
    assert loaded.logframe is not None
    last = {entry.code: entry.targets[-1] for entry in loaded.logframe.indicators if entry.targets}
    assert len(lines) == extract.rows
    for index, row in enumerate(lines):
        code, region = row["Code"], (("02", "09")[index] if row["Code"] == "P2-IMP-1" else None)
        assert row["Valeur à date"] == measured[code, "to_date", "2028-06", region]
        for name in QUARTER_NAMES:
            assert row[name] == measured[code, "quarter", f"{name[3:]}-Q{name[1]}", region]
        if code in last and (target := last[code].by.get(region) if region else last[code].value):
            share = 100 * measured[code, "to_date", "2028-06", region] / float(target)
            # Rounded once, by the cell: 96,49 is 96, and never 97 by way of 96,5.
            assert row["% de la cible finale"] == pytest.approx(share)


def test_a_baseline_to_be_established_and_a_missing_value_are_words(warehouse: Warehouse, tmp_path: Path) -> None:
    """A zero there would be a figure that nobody measured."""
    loaded = project("thamm_plus", "suivi_manquant")
    lines = {row["Code"]: row for row in _lines(_write(warehouse, loaded, tmp_path, without=("TH-OP2.1-1",)))}
    assert lines["TH-IMP-1"]["Référence"] == "à établir"
    assert (lines["TH-IMP-1"]["Cible finale"], lines["TH-IMP-1"]["% de la cible finale"]) == ("-25 %", "–")
    assert lines["TH-IMP-1"]["Situation"] == "– Sans cible chiffrée"
    missing = lines["TH-OP2.1-1"]
    assert (missing["Valeur à date"], missing["T2 2028"], missing["Situation"]) == ("–", "–", "– Non mesuré")


def test_an_indicator_without_a_total_has_a_line_per_category(warehouse: Warehouse, tmp_path: Path) -> None:
    """A sum of levels over regions would mean nothing."""
    loaded = project("prim2", "suivi_regions")
    regions = [row for row in _lines(_write(warehouse, loaded, tmp_path)) if row["Code"] == "P2-IMP-1"]
    assert [row["Indicateur"].rpartition("— ")[2] for row in regions] == ["Oriental", "Souss-Massa"]
    assert [(row["Référence"], row["Cible finale"]) for row in regions] == [(1, 3), (2, 3)]


@pytest.mark.parametrize(
    ("direction", "final", "word"),
    [
        ("asc", "0.9", "● Sur la trajectoire"), ("asc", "1.4", "◐ À surveiller"), ("asc", "3", "○ En retard"),
        ("desc", "1.2", "● Sur la trajectoire"), ("desc", "0.7", "◐ À surveiller"), ("desc", "0.3", "○ En retard"),
    ],
)  # fmt: skip
def test_the_light_follows_the_direction_of_the_indicator(
    warehouse: Warehouse, tmp_path: Path, direction: str, final: str, word: str
) -> None:
    """For a delay to be reduced, more than the target is late, not ahead."""
    loaded = project("thamm_plus", f"suivi_{direction}_{final.replace('.', '_')}")
    extract = _write(warehouse, loaded, tmp_path)
    value = next(row["Valeur à date"] for row in _lines(extract) if row["Code"] == "TH-OC2-1")
    target = Target(month=36, value=Decimal(str(value)) * Decimal(final))
    changed = edited(loaded, lambda indicator: {"direction": direction, "targets": [target]})
    lines = {row["Code"]: row for row in _lines(_write(warehouse, changed, tmp_path))}
    assert lines["TH-OC2-1"]["Situation"] == word


def test_a_cumulated_indicator_is_judged_by_what_is_due_today(warehouse: Warehouse, tmp_path: Path) -> None:
    """Four months into the third year, a third of the way from one target to the next is on track."""
    loaded = project("prim2", "suivi_droite")
    extract = _write(warehouse, loaded, tmp_path)
    value = next(Decimal(str(row["Valeur à date"])) for row in _lines(extract) if row["Code"] == "P2-OC-2")
    # 122 of the 365 days from 2028-02-29 to 2029-02-28 have passed on 2028-06-30.
    targets = [Target(month=24, value=value - 122), Target(month=36, value=value - 122 + 365)]
    changed = edited(loaded, lambda indicator: {"targets": targets})
    line = next(row for row in _lines(_write(warehouse, changed, tmp_path)) if row["Code"] == "P2-OC-2")
    assert line["Situation"] == "● Sur la trajectoire"
    assert line["Échéance"].date() == dt.date(2029, 2, 28)
    assert line["% de la prochaine cible"] == pytest.approx(float(100 * value / (value + 243)))


def test_notes_say_illustrative_and_internal(warehouse: Warehouse, tmp_path: Path) -> None:
    loaded = project("prim2", "suivi_notes")
    extract = _write(warehouse, loaded, tmp_path)
    text = " ".join(str(cell) for line in sheet(extract.files[0], "Tableau de suivi") for cell in line if cell)
    assert "VALEURS ILLUSTRATIVES" in text
    assert "cache un petit nombre de personnes" in text
    assert _write(warehouse, loaded, tmp_path).changed is False


def test_each_result_has_its_sheet_with_every_target(warehouse: Warehouse, tmp_path: Path) -> None:
    loaded = project("prim2", "suivi_resultats")
    file = _write(warehouse, loaded, tmp_path).files[0]
    assert loaded.logframe is not None
    names = ["Tableau de suivi", *(result.code for result in loaded.logframe.results)]
    assert load_workbook(file).sheetnames == names
    line = next(row for row in records(file, "P2-OC", header=HEADER) if row["Code"] == "P2-OC-2")
    targets = [line["Cible M12\n28/02/2027"], line["Cible M24\n29/02/2028"], line["Cible M36\n28/02/2029"]]
    assert targets == [700, 2400, 4200]
    notes = " ".join(str(cell) for row in sheet(file, "P2-OC") for cell in row if cell)
    assert "Hypothèse : " in notes
    assert "Limites : " in notes


def test_the_quarters_are_drawn_from_the_cells_beside_them(warehouse: Warehouse, tmp_path: Path) -> None:
    """A drawing of figures that the sheet hides would tell them: the bars have no other source than its cells."""
    file = _write(warehouse, project("prim2", "suivi_barres"), tmp_path).files[0]
    with zipfile.ZipFile(file) as parts:
        drawn = re.findall(
            r"<xm:f>'Tableau de suivi'!([A-Z]+)(\d+):([A-Z]+)(\d+)</xm:f><xm:sqref>([A-Z]+)(\d+)</xm:sqref>",
            parts.read("xl/worksheets/sheet1.xml").decode(),
        )
    heading = [cell.coordinate for cell in load_workbook(file)["Tableau de suivi"][HEADER]]
    first, last = heading[-8].rstrip("0123456789"), heading[-1].rstrip("0123456789")
    assert drawn
    assert {at[:1] + at[2:3] for at in drawn} == {(first, last)}
    assert all(start == end == at for _, start, _, end, _, at in drawn)


def test_text_never_becomes_a_formula(warehouse: Warehouse, tmp_path: Path) -> None:
    """A label that begins with = would run on the donor's machine."""
    loaded = edited(
        project("prim2", "suivi_formule"), lambda at: {"label": '=HYPERLINK("x")', "unit": "@u", "limits": "+1\x0b"}
    )
    book = load_workbook(_write(warehouse, loaded, tmp_path).files[0])
    cells = [cell for at in book for row in at.iter_rows() for cell in row if cell.value is not None]
    assert not [cell.coordinate for cell in cells if cell.data_type == "f"]
    hostile = [cell for cell in cells if str(cell.value).startswith(("=", "@"))]
    assert len(hostile) > 10
    assert all(cell.quotePrefix for cell in hostile)


def test_a_quarter_counts_only_once_it_is_closed() -> None:
    assert quarters(dt.date(2028, 5, 31), 2) == [
        (dt.date(2027, 10, 1), dt.date(2027, 12, 31)), (dt.date(2028, 1, 1), dt.date(2028, 3, 31)),
    ]  # fmt: skip
    assert quarters(dt.date(2028, 6, 30), 1) == [(dt.date(2028, 4, 1), dt.date(2028, 6, 30))]
