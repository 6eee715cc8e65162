"""The THEMA extract: calendar years, share of women, and codes that stay « à confirmer » until they are verified."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import errors

from meal_pipelines.extracts import Extract, write_thema
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import DonorCode
from meal_pipelines.warehouse import Warehouse
from tests.extracts.logframes import CUTOFF, edited, fill, project, records, sheet


def _write(
    warehouse: Warehouse, loaded: LoadedProject, out: Path, *, cutoff: dt.date = CUTOFF, year: int | None = None
) -> Extract:
    with warehouse.connect() as connection:
        with connection.cursor() as cursor:
            fill(cursor, loaded, cutoff=cutoff)
        connection.commit()
        return write_thema(connection, loaded, cutoff=cutoff, out=out, run_id="essai", year=year)


def _table(warehouse: Warehouse, name: str) -> dict[str, dict[str, Any]]:
    with warehouse.connect("analyst") as connection, connection.cursor() as cursor:
        cursor.execute("select * from extracts.thema where project = %s order by campaign_year, position", (name,))
        columns = [column.name for column in cursor.description or ()]
        return {row[3]: dict(zip(columns, row, strict=True)) for row in cursor.fetchall()}


def _measured(warehouse: Warehouse, name: str, kind: str, period: str) -> dict[tuple[str, str | None], Decimal | None]:
    """Totals (None) and values by sex, as the indicators have them."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select indicator, disaggregation->>'sex', value from indicators.value where project = %s and"
            " period_kind = %s and period = %s and (disaggregation = '{}' or disaggregation ? 'sex')",
            (name, kind, period),
        )
        return {(indicator, sex): value for indicator, sex, value in cursor.fetchall()}


@pytest.mark.parametrize("folder", ["prim2", "thamm_plus"])
def test_every_figure_is_the_indicators_own(warehouse: Warehouse, tmp_path: Path, folder: str) -> None:
    """The last closed year is the campaign; its cumulated value stops at that year's December."""
    loaded = project(folder, f"thema_{folder}")
    extract = _write(warehouse, loaded, tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in extract.files] == [f"{loaded.id}/2027/thema.xlsx"]
    table = _table(warehouse, loaded.id)
    year = _measured(warehouse, loaded.id, "year", "2027")
    cumulated = _measured(warehouse, loaded.id, "to_date", "2027-12")
    shown = {row["Indicateur"]: row for row in records(extract.files[0], "Indicateurs", header=4)}
    assert list(shown) == list(table) != []
    for code, row in table.items():
        assert row["value_year"] == year.get((code, None))
        assert row["value_cumulative"] == cumulated.get((code, None))
        cells = shown[code]
        for heading, column in (("Valeur 2027", "value_year"), ("Valeur cumulée", "value_cumulative"),
                                ("Part de femmes (%)", "share_of_women_pct")):  # fmt: skip
            assert cells[heading] == ("–" if row[column] is None else float(row[column]))
        assert (cells["Attribution"], cells["Part attribuée (%)"], cells["Règle"]) == ("Totalité", 100, "à confirmer")
        assert (row["status"], row["attribution_rule"], row["attribution_share_pct"]) == ("open", "full", 100)


def test_the_share_of_women_is_among_those_whose_sex_is_known(warehouse: Warehouse, tmp_path: Path) -> None:
    loaded = project("thamm_plus", "thema_femmes")
    _write(warehouse, loaded, tmp_path)
    year = _measured(warehouse, loaded.id, "year", "2027")
    table = _table(warehouse, loaded.id)
    women, men = year["TH-OC1-1", "F"], year["TH-OC1-1", "H"]
    assert women is not None
    assert men is not None
    assert table["TH-OC1-1"]["share_of_women_pct"] == round(100 * women / (women + men), 1)
    assert table["TH-IMP-1"]["share_of_women_pct"] is None, "a median has no share of women"
    assert table["TH-OC1-2"]["share_of_women_pct"] is None, "nor has the rate of women itself"


def test_without_a_catalogue_every_code_is_to_be_confirmed(warehouse: Warehouse, tmp_path: Path) -> None:
    """THEMA's list is not public: the extract works without it and says so."""
    loaded = project("prim2", "thema_vide")
    extract = _write(warehouse, loaded, tmp_path)
    assert {row["Code THEMA"] for row in records(extract.files[0], "Indicateurs", header=4)} == {"à confirmer"}
    assert {row["code"] for row in _table(warehouse, loaded.id).values()} == {None}
    check = next(check for check in extract.checks if check.name == "codes_verifies")
    assert check.passed is False
    text = " ".join(str(cell) for line in sheet(extract.files[0], "Lisez-moi") for cell in line if cell)
    assert "cache un petit nombre de personnes" in text
    assert "Aucun code n'est officiel" in text


def test_an_unverified_code_is_only_ever_a_proposal(warehouse: Warehouse, tmp_path: Path) -> None:
    """Whoever filters on the column `code` must find official codes only."""
    verified = DonorCode(
        framework="THEMA", code="T-1", mode="matched", verified_on=dt.date(2027, 9, 1), verified_by="Référent·e THEMA"
    )
    codes = {"P2-OC-2": verified, "P2-OP1.1-1": DonorCode(framework="THEMA", code="T-2", mode="candidate")}
    loaded = edited(
        project("prim2", "thema_codes"),
        lambda indicator: {"donors": {"thema": codes[indicator.code]}} if indicator.code in codes else {},
    )
    extract = _write(warehouse, loaded, tmp_path)
    shown = {row["Indicateur"]: row for row in records(extract.files[0], "Indicateurs", header=4)}
    codes_shown = {
        code: (row["Code THEMA"], row["Code pressenti (non vérifié)"]) for code, row in shown.items() if code in codes
    }
    assert codes_shown == {"P2-OC-2": ("T-1", "–"), "P2-OP1.1-1": ("à confirmer", "T-2")}
    table = _table(warehouse, loaded.id)
    assert (table["P2-OC-2"]["code"], table["P2-OP1.1-1"]["code"]) == ("T-1", None)
    with warehouse.connect() as connection, connection.cursor() as cursor:
        with pytest.raises(errors.CheckViolation):
            cursor.execute(
                "update extracts.thema set code = proposed_code where project = %s and indicator = 'P2-OP1.1-1'",
                (loaded.id,),
            )
        connection.rollback()


def test_indicators_that_do_not_concern_thema_are_left_out(warehouse: Warehouse, tmp_path: Path) -> None:
    loaded = edited(project("prim2", "thema_aucun"), lambda indicator: {"donors": {}})
    extract = _write(warehouse, loaded, tmp_path)
    assert extract.rows == 0
    assert sheet(extract.files[0], "Indicateurs")[4][0] == "Aucun indicateur du cadre logique n'est rattaché à THEMA."


def test_a_year_in_progress_is_said_to_be(warehouse: Warehouse, tmp_path: Path) -> None:
    loaded = project("prim2", "thema_encours")
    _write(warehouse, loaded, tmp_path, year=2028)
    row = _table(warehouse, loaded.id)["P2-OC-2"]
    assert (row["campaign_year"], row["is_year_complete"]) == (2028, False)
    assert row["cumulative_until"] == dt.date(2028, 6, 30)
    assert "Année en cours" in row["comment"]


def test_the_year_in_which_the_project_ends_is_complete_when_it_ends(warehouse: Warehouse, tmp_path: Path) -> None:
    loaded = project("prim2", "thema_fin")
    extract = _write(warehouse, loaded, tmp_path, cutoff=dt.date(2029, 2, 28))
    assert extract.files[0].parent.name == "2029"
    assert _table(warehouse, loaded.id)["P2-OC-2"]["is_year_complete"] is True


def test_a_campaign_that_was_sent_is_never_rewritten(warehouse: Warehouse, tmp_path: Path) -> None:
    """What a donor received must stay what the table says, whatever arrives later."""
    loaded = project("prim2", "thema_envoyee")
    _write(warehouse, loaded, tmp_path)
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("update extracts.thema set status = 'sent' where project = %s", (loaded.id,))
    before = _table(warehouse, loaded.id)
    extract = _write(warehouse, loaded, tmp_path, cutoff=dt.date(2028, 3, 31))
    assert extract.changed is False
    check = next(check for check in extract.checks if check.name == "campagne_ouverte")
    assert (check.passed, check.message) == (None, "Campagne envoyée : rien n'a été réécrit.")
    assert _table(warehouse, loaded.id) == before


def test_nothing_new_leaves_the_file_alone(warehouse: Warehouse, tmp_path: Path) -> None:
    loaded = project("prim2", "thema_inchange")
    first = _write(warehouse, loaded, tmp_path)
    stamp = first.files[0].stat().st_mtime_ns
    assert _write(warehouse, loaded, tmp_path).changed is False
    assert first.files[0].stat().st_mtime_ns == stamp
    first.files[0].unlink()
    assert _write(warehouse, loaded, tmp_path).changed is True
