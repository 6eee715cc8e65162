"""Totals that partners declare, in OPSYS, IATI and the tracking workbook: lines of their own, counted nowhere."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from meal_pipelines.extracts import Extract, write_iati, write_opsys, write_tracking
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.warehouse import Warehouse
from tests.extracts.logframes import CUTOFF, fill, project, records

COUNTED, SMALL = "TH-OC1-1", "TH-OP2.1-1"
DECLARED = [
    (COUNTED, "to_date", "2028-05", "2026-03-01", "2028-05-31", 41_120, "ANAPEC"),
    (COUNTED, "to_date", "2028-07", "2026-03-01", "2028-07-31", 41_999, "ANAPEC"),
    (COUNTED, "month", "2028-06", "2028-06-01", "2028-06-30", 41_777, "ANAPEC"),
    (COUNTED, "month", "2028-04", "2028-04-01", "2028-04-30", 41_333, "OFII"),
    (SMALL, "to_date", "2028-06", "2026-03-01", "2028-06-30", 3, "ANAPEC"),
]
"""Figures that nothing counted can be. Of ANAPEC's first three, only the one since the start that is over is to be shown."""
SHOWN = [("ANAPEC", dt.date(2028, 5, 31), 41_120), ("OFII", dt.date(2028, 4, 30), 41_333)]


def _declared(warehouse: Warehouse, name: str) -> LoadedProject:
    loaded = project("thamm_plus", name)
    with warehouse.connect() as connection, connection.cursor() as cursor:
        fill(cursor, loaded)
        cursor.execute("delete from indicators.declared where project = %s", (loaded.id,))
        for code, kind, period, start, end, value, source in DECLARED:
            cursor.execute(
                "insert into indicators.declared (project, indicator, period_kind, period, period_start, period_end, value,"
                " method, source, received_on) values (%s, %s, %s, %s, %s, %s, %s, 'par CIN', %s, '2028-06-12')",
                (loaded.id, code, kind, period, start, end, value, source),
            )
    return loaded


def _write(warehouse: Warehouse, write: Callable[..., Extract], loaded: LoadedProject, out: Path) -> Extract:
    with warehouse.connect() as connection:
        return write(connection, loaded, cutoff=CUTOFF, out=out, run_id="essai")


def _rows(warehouse: Warehouse, loaded: LoadedProject, table: str, columns: str) -> list[tuple[Any, ...]]:
    with warehouse.connect("analyst") as connection, connection.cursor() as cursor:
        cursor.execute(
            f"select {columns} from extracts.{table} where project = %s and indicator = %s and value_type = 'declared'"
            " order by position",
            (loaded.id, COUNTED),
        )
        return cursor.fetchall()


def test_opsys_has_a_line_for_each_source_under_the_current_value(warehouse: Warehouse, tmp_path: Path) -> None:
    """OPSYS has one current value: a declared total must never be typed in its place, nor added to it."""
    loaded = _declared(warehouse, "declare_opsys")
    extract = _write(warehouse, write_opsys, loaded, tmp_path)
    assert _rows(warehouse, loaded, "opsys", "declared_source, value_date, total") == SHOWN
    assert {row[0] for row in _rows(warehouse, loaded, "opsys", "status")} == {"déclaré"}
    lines = [row for row in records(extract.files[0], "Valeurs", header=5) if row["Indicateur"] == COUNTED]
    assert [row["Total"] for row in lines[-2:]] == [41_120, 41_333]
    current = next(row for row in lines if row["Type de valeur"] == "Valeur actuelle")
    assert lines.index(current) == len(lines) - 3
    assert current["Total"] not in (41_120, 41_333)
    assert all(
        row["Type de valeur"] == "Déclaré par un partenaire" and row["Statut"] == "déclaré" for row in lines[-2:]
    )
    assert (
        "ANAPEC (reçu le 12/06/2028 ; dédoublonnage : par CIN), en cumul à fin 2028-05"
        in lines[-2]["Commentaire proposé"]
    )
    small = [row for row in records(extract.files[0], "Valeurs", header=5) if row["Indicateur"] == SMALL][-1]
    assert (small["Total"], small["Statut"]) == ("< 5", "déclaré")
    assert json.loads(extract.files[1].read_text(encoding="utf-8"))["lisez_moi"]["Déclaré"]


def test_a_declaration_that_is_corrected_is_a_difference_of_its_own_line(warehouse: Warehouse, tmp_path: Path) -> None:
    loaded = _declared(warehouse, "declare_ecart")
    with warehouse.connect() as connection:
        write_opsys(connection, loaded, cutoff=dt.date(2028, 5, 31), out=tmp_path, run_id="essai")
        with connection.cursor() as cursor:
            cursor.execute(
                "update indicators.declared set value = 41121 where project = %s and period = '2028-05'", (loaded.id,)
            )
        connection.commit()
        extract = write_opsys(connection, loaded, cutoff=CUTOFF, out=tmp_path, run_id="essai")
    changed = [
        row for row in records(extract.files[0], "Ecarts", header=4) if "partenaire" in str(row["Type de valeur"])
    ]
    assert [(row["Avant"], row["Maintenant"]) for row in changed if row["Indicateur"] == COUNTED] == [(41_120, 41_121)]
    assert changed[0]["Motif"] == "Déclarations reçues ou corrigées depuis"


def test_iati_tells_it_in_words_and_never_as_an_actual_value(warehouse: Warehouse, tmp_path: Path) -> None:
    """Whoever reads the file adds up its `actual` elements."""
    loaded = _declared(warehouse, "declare_iati")
    extract = _write(warehouse, write_iati, loaded, tmp_path)
    assert _rows(warehouse, loaded, "iati", "declared_source, period_end, value") == SHOWN
    root = etree.parse(extract.files[0]).getroot()
    found = next(at for at in root.iter("indicator") if COUNTED in {one.get("code") for one in at.iter("reference")})
    assert not {"41120", "41333"} & {at.get("value") for at in found.iter("actual", "target", "baseline")}
    told = " ".join(found.findtext("description/narrative", "").split()).replace("\u00a0", " ")
    assert "sans s'y additionner : 41 120 en cumul à fin 2028-05, déclaré par ANAPEC" in told
    assert "< 5 en cumul à fin 2028-06, déclaré par ANAPEC" in extract.files[0].read_text(encoding="utf-8").replace(
        "&lt;", "<"
    )


@pytest.mark.parametrize("name", ["Tableau de suivi", "TH-OC1"])
def test_the_tracking_workbook_judges_no_declared_total(warehouse: Warehouse, tmp_path: Path, name: str) -> None:
    loaded = _declared(warehouse, "declare_suivi")
    extract = _write(warehouse, write_tracking, loaded, tmp_path)
    lines = [row for row in records(extract.files[0], name, header=6) if row["Code"] == COUNTED]
    own, *apart = [row for row in lines if row["Situation"]]
    assert "Déclaré" not in own["Situation"] and own["Valeur à date"] not in (41_120, 41_333)
    assert [(row["Valeur à date"], row["Situation"], row["% de la cible finale"]) for row in apart] == [
        (41_120, "◇ Déclaré", "–"), (41_333, "◇ Déclaré", "–"),
    ]  # fmt: skip
    assert "déclaré par OFII" in apart[1]["Indicateur"]
