"""The annual campaigns of every recipient: catalogues as data, attribution, what partners declare, and closing for good."""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.extracts import Extract, write_afd, write_tei, write_thema
from meal_pipelines.extracts.campaigns.sheets import RECIPIENTS
from meal_pipelines.extracts.campaigns.states import freeze_campaign, send_campaign, states
from meal_pipelines.project.catalogue import Catalogue
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.warehouse import Warehouse
from tests.extracts.logframes import CUTOFF, PROJECTS, edited, fill, project, records

WRITERS: dict[str, Callable[..., Extract]] = {"thema": write_thema, "tei": write_tei, "afd": write_afd}


def _fill(warehouse: Warehouse, loaded: LoadedProject) -> None:
    with warehouse.connect() as connection, connection.cursor() as cursor:
        fill(cursor, loaded)


def _write(warehouse: Warehouse, loaded: LoadedProject, out: Path, recipient: str) -> Extract:
    with warehouse.connect() as connection:
        return WRITERS[recipient](connection, loaded, cutoff=CUTOFF, out=out, run_id="essai")


def _check(extract: Extract, name: str) -> tuple[bool | None, str]:
    return next((check.passed, check.message) for check in extract.checks if check.name == name)


def _rows(warehouse: Warehouse, loaded: LoadedProject, recipient: str) -> dict[str, dict[str, Any]]:
    with warehouse.connect("analyst") as connection, connection.cursor() as cursor:
        cursor.execute(f"select * from extracts.{recipient} where project = %s order by position", (loaded.id,))
        names = [column.name for column in cursor.description or ()]
        return {row[3]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}


def _with_catalogue(loaded: LoadedProject, to: Path, recipient: str, text: str) -> LoadedProject:
    """The project in a folder of its own, beside a list that somebody has filled in."""
    (to / "projects").mkdir(exist_ok=True)
    (to / "projects" / f"catalogue_{recipient}.yaml").write_text(text, encoding="utf-8")
    folder = to / "projects" / loaded.folder.name
    shutil.copytree(loaded.folder, folder, dirs_exist_ok=True)
    return dataclasses.replace(loaded, folder=folder)


@pytest.mark.parametrize(("folder", "recipient"), [("thamm_plus", "tei"), ("thamm_plus", "afd"), ("prim2", "afd")])
def test_each_campaign_has_the_indicators_related_to_it(
    warehouse: Warehouse, tmp_path: Path, folder: str, recipient: str
) -> None:
    loaded = project(folder, f"campagne_{recipient}_{folder}")
    _fill(warehouse, loaded)
    extract = _write(warehouse, loaded, tmp_path, recipient)
    assert extract.files == [tmp_path / loaded.id / "2027" / f"{recipient}.xlsx"]
    assert loaded.logframe is not None
    related = [
        at.code for at in loaded.logframe.indicators
        if any(name == recipient and donor.mode != "none" for name, donor in at.donors.items())
    ]  # fmt: skip
    rows = _rows(warehouse, loaded, recipient)
    assert list(rows) == related != []
    assert {row["code"] for row in rows.values()} == {None}, "nobody has verified any"
    assert _check(extract, "codes_verifies")[0] is False
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select indicator, value from indicators.value where project = %s and period = '2027' and period_kind = 'year'"
            " and disaggregation = '{}'",
            (loaded.id,),
        )
        measured = dict(cursor.fetchall())
    assert all(row["value_year"] in (measured.get(code), None) for code, row in rows.items())
    assert sum(row["value_year"] is not None for row in rows.values()) > 2


def test_the_lists_that_come_with_the_platform_are_empty_and_say_so() -> None:
    """Nothing official is invented."""
    for recipient in RECIPIENTS:
        catalogue = Catalogue.read(PROJECTS, recipient)
        assert (catalogue.recipient, catalogue.lines, catalogue.version) == (recipient, [], "à confirmer")
        assert catalogue.attribution.status == "à confirmer"


CATALOGUE = """
recipient: afd
framework: Indicateurs agrégeables de l'AFD
attribution: {rule: pro_rata, shares: {part_afd: 71.43}, status: convention, source: exemple}
lines:
  - {code: AFD-1, label: Personnes bénéficiaires, unit: personne unique, disaggregations: [sex, is_migrant]}
  - {code: AFD-2, label: Formation, unit: heure}
"""


def test_a_list_is_compared_with_the_logframe_and_shares_what_can_be_shared(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """A rate belongs to nobody in part; a code outside the list is not official, whoever verified it."""
    codes = {"P2-OC-2": "AFD-1", "P2-OP1.1-1": "AFD-9"}

    def donors(at: Any) -> dict[str, Any]:
        donor = at.donors.get("afd")
        if donor is None or at.code not in codes:
            return {}
        verified = {"code": codes[at.code], "verified_on": dt.date(2027, 1, 5), "verified_by": "Chargé·e SERA"}
        return {"donors": {**at.donors, "afd": donor.model_copy(update=verified)}}

    loaded = _with_catalogue(edited(project("prim2", "part_afd"), donors), tmp_path, "afd", CATALOGUE)
    _fill(warehouse, loaded)
    extract = _write(warehouse, loaded, tmp_path, "afd")
    rows = _rows(warehouse, loaded, "afd")
    people = rows["P2-OC-2"]
    assert (people["code"], people["theme"]) == ("AFD-1", "Personnes bénéficiaires")
    assert people["attributed_year"] == round(people["value_year"] * Decimal("71.43") / 100, 2)
    assert (rows["P2-OP1.1-1"]["code"], rows["P2-OP1.1-1"]["proposed_code"]) == (None, "AFD-9")
    assert rows["P2-OP1.1-3"]["attributed_year"] is None, "a rate"
    passed, message = _check(extract, "catalogue")
    assert passed is False
    assert "P2-OC-2 (ventilation is_migrant)" in message
    assert "P2-OP1.1-1 (code absent du catalogue)" in message


def test_what_partners_declare_stands_beside_and_a_small_number_is_hidden(warehouse: Warehouse, tmp_path: Path) -> None:
    loaded = project("thamm_plus", "campagne_declare")
    _fill(warehouse, loaded)
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for code, value in (("TH-OC1-1", 120), ("TH-OP2.1-1", 3)):
            cursor.execute(
                "insert into indicators.declared (project, indicator, period_kind, period, period_start, period_end, value,"
                " method, source, received_on) values (%s, %s, 'year', '2027', '2027-01-01', '2027-12-31', %s,"
                " 'sans doubles comptes chez le partenaire', 'ANAPEC', '2028-01-20')",
                (loaded.id, code, value),
            )
    before = _rows(warehouse, loaded, "tei")
    extract = _write(warehouse, loaded, tmp_path, "tei")
    rows = _rows(warehouse, loaded, "tei")
    assert before == {}
    assert rows["TH-OC1-1"]["declared"].startswith("120 pour 2027, déclaré par ANAPEC (reçu le 20/01/2028")
    assert rows["TH-OP2.1-1"]["declared"].startswith("< 5 pour 2027, déclaré par ANAPEC")
    shown = {row["Indicateur"]: row for row in records(extract.files[0], "Indicateurs", header=4)}
    assert shown["TH-OC1-1"]["Valeur 2027"] == float(rows["TH-OC1-1"]["value_year"]) != 120
    assert shown["TH-OC1-1"]["Déclaré par des partenaires"] == rows["TH-OC1-1"]["declared"]


def test_a_campaign_is_frozen_then_sent_and_never_changes_again(warehouse: Warehouse, tmp_path: Path) -> None:
    """What a recipient holds stays; what the data say since then is a difference, named and not hidden."""
    loaded, thema = project("prim2", "campagne_etats"), RECIPIENTS["thema"]
    _fill(warehouse, loaded)
    given: dict[str, Any] = {"cutoff": CUTOFF, "out": tmp_path}
    with warehouse.connect() as connection:
        with pytest.raises(ConfigurationError, match="pas encore été préparée"):
            freeze_campaign(connection, loaded, thema, 2027, by="Chargé·e SERA", **given)
        _write(warehouse, loaded, tmp_path, "thema")
        with pytest.raises(ConfigurationError, match="est ouverte : il faut qu'elle soit figée"):
            send_campaign(connection, loaded, thema, 2027, by="Chargé·e SERA", to="Siège", **given)
        with pytest.raises(ConfigurationError, match="Dites qui"):
            freeze_campaign(connection, loaded, thema, 2027, by=" ", **given)
        before = _rows(warehouse, loaded, "thema")
        file = freeze_campaign(connection, loaded, thema, 2027, by="Chargé·e SERA", **given)
        assert {row["Campagne"] for row in records(file, "Indicateurs", header=4)} == {"figée"}
        with connection.cursor() as cursor:
            cursor.execute(
                "update indicators.value set value = value + 100 where project = %s and indicator = 'P2-OC-2'"
                " and period = '2027' and disaggregation = '{}'",
                (loaded.id,),
            )
        connection.commit()
        extract = _write(warehouse, loaded, tmp_path, "thema")
        assert extract.changed is False
        assert _check(extract, "ecarts_depuis_la_cloture") == (
            False,
            "Différent aujourd'hui, à signaler au destinataire ou à figer de nouveau : P2-OC-2 (valeur de l'année).",
        )
        send_campaign(connection, loaded, thema, 2027, by="Chargé·e SERA", to="Siège", **given)
        with pytest.raises(ConfigurationError, match="est envoyée"):
            freeze_campaign(connection, loaded, thema, 2027, by="Chargé·e SERA", **given)
        after = _rows(warehouse, loaded, "thema")
        assert {code: row["value_year"] for code, row in after.items()} == {
            code: row["value_year"] for code, row in before.items()
        }
        with connection.cursor() as cursor:
            (state,) = states(cursor, loaded.id)
            cursor.execute(
                "select count(*) from audit.published_cell where project = %s and recipient = 'thema'"
                " and publication = '2027' and released_at is null",
                (loaded.id,),
            )
            assert cursor.fetchone() == (0,), "a sent campaign is no draft"
    assert (state.status, state.by, state.to, state.lines) == ("sent", "Chargé·e SERA", "Siège", len(after))
