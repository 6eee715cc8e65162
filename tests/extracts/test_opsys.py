"""The OPSYS extract on a real warehouse: what the sheet says is what the tables hold, and nothing unverified passes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
import zipfile
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from psycopg2 import errors

from meal_pipelines.errors import ConfigurationError, TransientError
from meal_pipelines.extracts import Extract, write_opsys
from meal_pipelines.extracts.opsys.rows import VALUE_TYPES
from meal_pipelines.extracts.values import Labels
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Baseline, DonorCode
from meal_pipelines.warehouse import Warehouse
from tests.extracts.logframes import CUTOFF, edited, fill, project, records, sheet

VALUES_HEADER = 5


def _write(warehouse: Warehouse, loaded: LoadedProject, out: Path, **given: Any) -> Extract:
    cutoff = given.get("cutoff", CUTOFF)
    with warehouse.connect() as connection:
        with connection.cursor() as cursor:
            fill(cursor, loaded, cutoff=given.get("data", cutoff), without=given.get("without", ()))
        connection.commit()
        return write_opsys(connection, loaded, cutoff=cutoff, out=out, run_id="essai")


def _table(warehouse: Warehouse, name: str, period: str = "2028-06") -> list[dict[str, Any]]:
    with warehouse.connect("analyst") as connection, connection.cursor() as cursor:
        cursor.execute(
            "select * from extracts.opsys where project = %s and period = %s order by position", (name, period)
        )
        columns = [column.name for column in cursor.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def _outcome(extract: Extract, name: str) -> tuple[bool | None, str]:
    check = next(check for check in extract.checks if check.name == name)
    return check.passed, check.message


@pytest.mark.parametrize("folder", ["prim2", "thamm_plus"])
def test_every_figure_of_the_workbook_and_the_json_is_the_tables(
    warehouse: Warehouse, tmp_path: Path, folder: str
) -> None:
    """A person types these figures into a donor's system: one wrong cell is a wrong report."""
    loaded = project(folder, f"opsys_{folder}")
    extract = _write(warehouse, loaded, tmp_path)
    rows = _table(warehouse, loaded.id)
    assert [path.relative_to(tmp_path).as_posix() for path in extract.files] == [
        f"{loaded.id}/2028-06/opsys.xlsx", f"{loaded.id}/2028-06/opsys.json",
    ]  # fmt: skip
    assert extract.rows == len(rows) > 30
    assert loaded.logframe is not None
    labels = Labels(loaded.logframe, {})
    shown = records(extract.files[0], "Valeurs", header=VALUES_HEADER)
    written = json.loads(extract.files[1].read_text("utf-8"))["valeurs"]
    assert len(shown) == len(written) == len(rows)
    for row, cells, spoken in zip(rows, shown, written, strict=True):
        total = row["total"] if row["total"] is not None else row["total_text"]
        assert (cells["Indicateur"], cells["Type de valeur"]) == (row["indicator"], VALUE_TYPES[row["value_type"]])
        assert cells["Date"].date() == row["value_date"]
        assert cells["Total"] == (float(total) if isinstance(total, Decimal) else total)
        assert (cells["Unité"], cells["Commentaire proposé"]) == (row["unit"], row["comment"])
        figures = {name: value for name, value in cells.items() if " · " in name and value not in (None, "")}
        assert figures == {
            labels.pair(dimension, category): figure
            for dimension, categories in row["disaggregation"].items()
            for category, figure in categories.items()
        }
        assert spoken["total"] == cells["Total"]
        assert spoken["comment"] == row["comment"]
    listed = records(extract.files[0], "Ventilations", header=4)
    assert [tuple(line.values())[:2] + tuple(line.values())[3:6] for line in listed] == [
        (row["indicator"], VALUE_TYPES[row["value_type"]], *name.split(" · "), value)
        for row, cells in zip(rows, shown, strict=True)
        for name, value in cells.items()
        if " · " in name and value not in (None, "")
    ]


def test_what_is_printed_of_the_values_is_one_page_wide(warehouse: Warehouse, tmp_path: Path) -> None:
    """The categories stand beside each other on the screen only: a hundred columns fill eighty pages that nobody reads."""
    extract = _write(warehouse, project("prim2", "opsys_imprime"), tmp_path)
    values = load_workbook(extract.files[0])["Valeurs"]
    assert values.print_area.endswith(f"$I${values.max_row}") and values.print_title_rows == "$1:$5"
    assert values.max_column > 9


def test_current_values_are_those_of_the_indicators(warehouse: Warehouse, tmp_path: Path) -> None:
    """Nothing is measured a second time: the figure is the one of `indicators.value` at the reporting date."""
    loaded = project("prim2", "opsys_courant")
    _write(warehouse, loaded, tmp_path)
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select indicator, value from indicators.value where project = %s and period_kind = 'to_date'"
            " and period = '2028-06' and disaggregation = '{}'",
            (loaded.id,),
        )
        measured = dict(cursor.fetchall())
    current = {row["indicator"]: row for row in _table(warehouse, loaded.id) if row["value_type"] == "current"}
    assert {code: row["total"] for code, row in current.items() if code != "P2-IMP-1"} == measured
    assert current["P2-IMP-1"]["total"] is None
    assert current["P2-IMP-1"]["total_text"] == "pas de total"
    assert set(current["P2-IMP-1"]["disaggregation"]["region_code"]) == {"02", "09"}


def test_a_missing_figure_is_said_and_never_zero(warehouse: Warehouse, tmp_path: Path) -> None:
    """« À établir » typed as 0 would be a baseline that nobody measured."""
    loaded = project("thamm_plus", "opsys_manquant")
    extract = _write(warehouse, loaded, tmp_path, without=("TH-OP2.1-1",))
    rows = {(row["indicator"], row["value_type"]): row for row in _table(warehouse, loaded.id)}
    assert rows["TH-OC1-2", "baseline"]["total"] is None
    assert rows["TH-OC1-2", "baseline"]["total_text"] == "à établir"
    assert rows["TH-OP2.1-3", "baseline"]["total_text"] == "sans objet"
    assert rows["TH-IMP-1", "final_target"]["total_text"] == "-25 %"
    missing = rows["TH-OP2.1-1", "current"]
    assert (missing["total"], missing["total_text"], missing["disaggregation"]) == (None, "non mesuré", {})
    assert "ne veut pas dire zéro" in missing["comment"]
    assert _outcome(extract, "valeurs_actuelles") == (False, "Non mesuré à cette date : TH-OP2.1-1.")
    assert _outcome(extract, "unite_unique")[0] is False, "« -25 % » of an indicator in months of income"


def test_text_never_becomes_a_formula(warehouse: Warehouse, tmp_path: Path) -> None:
    """Whoever writes a label or a choice must not be able to run something in the reader's Excel."""
    attacks = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1+1", '=HYPERLINK("http://x")', "+33", "-x"]
    loaded = project("prim2", "opsys_formule")
    texts = cycle(attacks)
    changed = edited(
        loaded, lambda indicator: {"label": next(texts), "unit": "=unite()", "opsys_source": "@source", "limits": "=l"},
        version="=version",
    )  # fmt: skip
    extract = _write(warehouse, changed, tmp_path)
    workbook = load_workbook(extract.files[0])
    dangerous = [
        cell
        for page in workbook
        for line in page.iter_rows()
        for cell in line
        if isinstance(cell.value, str) and cell.value[:1] in ("=", "+", "-", "@", "\t")
    ]
    assert set(attacks) <= {cell.value for cell in dangerous}
    assert all(cell.data_type == "s" and cell.quotePrefix for cell in dangerous)
    with zipfile.ZipFile(extract.files[0]) as archive:
        pages = [archive.read(name).decode() for name in archive.namelist() if name.startswith("xl/worksheets/")]
    assert not any(re.search(r"<f[ >]", page) for page in pages)


def test_an_unverified_code_says_so_wherever_it_is_shown(warehouse: Warehouse, tmp_path: Path) -> None:
    """A code that nobody checked must never reach a donor as a fact."""
    loaded = project("prim2", "opsys_codes")
    extract = _write(warehouse, loaded, tmp_path)
    matches = {row["Indicateur"]: row for row in records(extract.files[0], "Appariements", header=4)}
    assert matches["P2-OC-2"]["Code"] == "2.20 (non vérifié)"
    assert {row["Statut du code"] for row in matches.values()} == {"non vérifié"}
    for name in ("Indicateurs", "Valeurs", "Controles", "Ecarts"):
        assert "2.20" not in {cell for line in sheet(extract.files[0], name) for cell in line}
    assert not [row for row in _table(warehouse, loaded.id) if row["code_status"] == "vérifié"]
    passed, message = _outcome(extract, "codes_verifies")
    assert passed is False
    assert "P2-OC-2" in message


def test_a_code_is_official_once_a_person_has_verified_it(warehouse: Warehouse, tmp_path: Path) -> None:
    """Both the date and the person are needed: one of them alone proves nothing."""
    half = DonorCode(framework="GERF", code="2.28", mode="matched", verified_on=dt.date(2027, 1, 5))
    whole = DonorCode(
        framework="GERF", code="2.20", mode="matched", verified_on=dt.date(2027, 1, 5), verified_by="Responsable SERA"
    )
    codes = {"P2-OC-2": whole, "P2-OP1.1-1": half}
    loaded = edited(
        project("prim2", "opsys_verifie"),
        lambda indicator: {"donors": {"opsys": codes[indicator.code]}} if indicator.code in codes else {},
    )
    extract = _write(warehouse, loaded, tmp_path)
    matches = {row["Indicateur"]: row for row in records(extract.files[0], "Appariements", header=4)}
    assert (matches["P2-OC-2"]["Code"], matches["P2-OC-2"]["Statut du code"]) == ("2.20", "vérifié")
    assert matches["P2-OP1.1-1"]["Code"] == "2.28 (non vérifié)"


def test_the_table_itself_refuses_an_official_code_without_its_verifier(warehouse: Warehouse, tmp_path: Path) -> None:
    loaded = project("prim2", "opsys_refus")
    _write(warehouse, loaded, tmp_path)
    with warehouse.connect() as connection, connection.cursor() as cursor:
        with pytest.raises(errors.CheckViolation):
            cursor.execute("update extracts.opsys set code_status = 'vérifié' where project = %s", (loaded.id,))
        connection.rollback()


def test_differences_from_the_previous_extract_are_listed_with_their_reason(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """Values deleted in OPSYS cannot be restored, so a person must see beforehand what moved."""
    loaded = project("prim2", "opsys_ecarts")
    first = _write(warehouse, loaded, tmp_path, cutoff=dt.date(2027, 12, 31))
    assert sheet(first.files[0], "Ecarts")[4][0] == "Aucun extrait antérieur à comparer."
    assert _outcome(first, "definition_inchangee")[0] is None
    baseline = Baseline(value=Decimal(6), date=dt.date(2026, 3, 1), status="Établie")
    changes: dict[str, dict[str, Any]] = {
        "P2-OC-2": {"baseline": baseline},
        "P2-OP1.1-1": {"label": "Nombre de contrats signés"},
        "P2-OP1.2-2": {"targets": loaded.logframe.indicators[4].targets[1:]} if loaded.logframe else {},
    }
    revised = edited(loaded, lambda indicator: changes.get(indicator.code, {}), version="v2")
    second = _write(warehouse, revised, tmp_path)
    shown = records(second.files[0], "Ecarts", header=4)
    of = {(row["Indicateur"], row["Type de valeur"], row["Ce qui change"]): row for row in shown}
    moved = of["P2-OC-2", "Valeur de référence", "Total"]
    assert (moved["Nature"], moved["Avant"], moved["Maintenant"], moved["Écart"]) == ("Modification", 0, 6, 6)
    assert "version « v2 »" in moved["Motif"]
    current = of["P2-OC-2", "Valeur actuelle", "Total"]
    assert current["Écart"] == current["Maintenant"] - current["Avant"] > 0
    assert "30/06/2028, au lieu du 31/12/2027" in current["Motif"]
    assert of["P2-OP1.1-1", "Définition", "Libellé"]["Maintenant"] == "Nombre de contrats signés"
    removed = of["P2-OP1.2-2", "Cible intermédiaire", "Total"]
    assert (removed["Nature"], removed["Avant"], removed["Maintenant"]) == ("Suppression", 2000, "–")
    passed, message = _outcome(second, "definition_inchangee")
    assert (passed, "P2-OP1.1-1 (libellé)" in message) == (False, True)


def test_an_added_line_is_listed_as_such(warehouse: Warehouse, tmp_path: Path) -> None:
    loaded = project("prim2", "opsys_ajout")
    fewer = edited(loaded, lambda indicator: {"targets": indicator.targets[:2]} if indicator.code == "P2-OC-2" else {})
    _write(warehouse, fewer, tmp_path, cutoff=dt.date(2027, 12, 31))
    extract = _write(warehouse, loaded, tmp_path)
    added = [row for row in records(extract.files[0], "Ecarts", header=4) if row["Nature"] == "Ajout"]
    assert [(row["Indicateur"], row["Type de valeur"], row["Maintenant"]) for row in added] == [
        ("P2-OC-2", "Cible intermédiaire", 2400), ("P2-OC-2", "Cible finale", 4200),
    ]  # fmt: skip


def test_nothing_new_leaves_the_files_alone_and_a_lost_file_comes_back(warehouse: Warehouse, tmp_path: Path) -> None:
    """A file that changes date every night makes its reader compare it for nothing."""
    loaded = project("prim2", "opsys_inchange")
    first = _write(warehouse, loaded, tmp_path)
    stamps = [path.stat().st_mtime_ns for path in first.files]
    again = _write(warehouse, loaded, tmp_path)
    assert (first.changed, again.changed) == (True, False)
    assert [path.stat().st_mtime_ns for path in again.files] == stamps
    assert [check.outcome for check in again.checks] == [check.outcome for check in first.checks]
    first.files[1].unlink()
    assert _write(warehouse, loaded, tmp_path).changed is True
    assert first.files[1].is_file()
    assert _write(warehouse, loaded, tmp_path, data=dt.date(2028, 5, 31)).changed is True


def test_a_file_held_open_by_excel_changes_nothing_at_all(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Table and workbook must never disagree: when one cannot be replaced, neither is."""
    loaded = project("prim2", "opsys_verrou")
    extract = _write(warehouse, loaded, tmp_path)
    before, content = _table(warehouse, loaded.id), extract.files[0].read_bytes()

    def locked(self: Path, target: Path) -> Path:
        raise PermissionError

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", locked)
        with pytest.raises(TransientError, match="ouvert dans Excel"):
            _write(warehouse, loaded, tmp_path, without=("P2-OC-2",))
    assert _table(warehouse, loaded.id) == before
    assert extract.files[0].read_bytes() == content
    assert sorted(path.name for path in extract.files[0].parent.iterdir()) == ["opsys.json", "opsys.xlsx"]


def test_the_proposed_comment_says_method_size_completeness_and_limits(warehouse: Warehouse, tmp_path: Path) -> None:
    """OPSYS demands a comment under each value, and « à compléter » is none."""
    loaded = project("prim2", "opsys_commentaire")
    empty = edited(loaded, lambda indicator: {"calculation": "À compléter"} if indicator.code == "P2-OP2.1-3" else {})
    extract = _write(warehouse, empty, tmp_path)
    rows = {row["indicator"]: row for row in _table(warehouse, loaded.id) if row["value_type"] == "current"}
    comment = rows["P2-OC-2"]["comment"]
    said = ("du 01/03/2026 au 30/06/2028", "Dédoublonnage", "Effectif : n = ", "Complétude", "sexe 9", "Limites : ")
    for part in said:
        assert part in comment
    assert "compléter" not in rows["P2-OP2.1-3"]["comment"]
    assert "somme des enregistrements" in rows["P2-OP2.1-3"]["comment"]
    passed, message = _outcome(extract, "commentaire_present")
    assert (passed, "P2-OP2.1-3" in message) == (False, True)


def test_categories_that_do_not_give_the_total_fail_their_control(warehouse: Warehouse, tmp_path: Path) -> None:
    """The rest must be declared « non précisé », or OPSYS shows a total that its parts do not make."""
    loaded = project("prim2", "opsys_sommes")
    assert _outcome(_write(warehouse, loaded, tmp_path), "somme_des_ventilations")[0] is True
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "delete from indicators.value where project = %s and indicator = 'P2-OC-2' and disaggregation = %s",
            (loaded.id, json.dumps({"sex": "H"})),
        )
        connection.commit()
        extract = write_opsys(connection, loaded, cutoff=CUTOFF, out=tmp_path, run_id=None)
    passed, message = _outcome(extract, "somme_des_ventilations")
    assert (passed, "P2-OC-2 (sex)" in message) == (False, True)


def test_a_value_of_another_month_is_noticed(warehouse: Warehouse, tmp_path: Path) -> None:
    loaded = project("prim2", "opsys_date")
    extract = _write(warehouse, loaded, tmp_path, data=dt.date(2028, 4, 30))
    assert _outcome(extract, "date_dans_la_periode")[0] is False


def test_the_first_sheet_says_what_the_workbook_is_not(warehouse: Warehouse, tmp_path: Path) -> None:
    loaded = project("prim2", "opsys_lisezmoi")
    extract = _write(warehouse, loaded, tmp_path)
    workbook = load_workbook(extract.files[0])
    assert workbook.sheetnames == [
        "Lisez-moi", "Resultats", "Indicateurs", "Valeurs", "Ventilations", "Appariements", "Controles", "Ecarts",
    ]  # fmt: skip
    text = " ".join(str(cell) for line in sheet(extract.files[0], "Lisez-moi") for cell in line if cell)
    said = ("Aucun format d'import officiel", "cache un petit nombre de personnes", "illustratives", "non vérifié")
    for part in said:
        assert part in text
    for page in workbook:
        upright = page.title == "Ventilations"
        assert page.page_setup.orientation == ("portrait" if upright else "landscape")
        assert page.page_setup.fitToWidth == 1
        assert page.title == "Lisez-moi" or page.freeze_panes is not None


def test_an_earlier_extract_stays_when_the_next_is_written(warehouse: Warehouse, tmp_path: Path) -> None:
    """What was given to a donor once is what the next extract is compared with."""
    loaded = project("prim2", "opsys_garde")
    _write(warehouse, loaded, tmp_path, cutoff=dt.date(2027, 12, 31))
    before = _table(warehouse, loaded.id, "2027-12")
    _write(warehouse, loaded, tmp_path)
    assert _table(warehouse, loaded.id, "2027-12") == before != []


def test_a_project_without_a_logframe_is_refused(warehouse: Warehouse, tmp_path: Path) -> None:
    bare = dataclasses.replace(project("prim2", "opsys_sans"), logframe=None)
    with warehouse.connect() as connection, pytest.raises(ConfigurationError, match="cadre logique"):
        write_opsys(connection, bare, cutoff=CUTOFF, out=tmp_path, run_id=None)
