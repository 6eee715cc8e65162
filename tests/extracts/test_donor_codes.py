"""A donor's code is official once somebody has verified it: said by the doctor, framework by framework, and in each workbook."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from meal_pipelines.doctor.codes import donor_findings
from meal_pipelines.extracts import write_thema
from meal_pipelines.warehouse import Warehouse
from tests.extracts.logframes import CUTOFF, edited, fill, project, records

VERIFIED: dict[str, Any] = {
    "code": "T-1",
    "version": "2027",
    "verified_on": dt.date(2027, 9, 1),
    "verified_by": "Référent·e THEMA",
}


def _donors(at: Any) -> dict[str, Any]:
    """One indicator verified, one begun and not finished."""
    given = {"P2-OC-2": VERIFIED, "P2-OP1.1-1": {"code": "T-2", "verified_on": dt.date(2027, 9, 1)}}
    if at.code not in given:
        return {}
    return {"donors": {**at.donors, "thema": at.donors["thema"].model_copy(update=given[at.code])}}


def test_the_doctor_has_one_line_for_each_framework() -> None:
    """A line for each code of each indicator was a wall that nobody read."""
    logframe = edited(project("prim2", "codes_docteur"), _donors).logframe
    assert logframe is not None
    found = list(donor_findings("PRIM 2", logframe))
    verified = [finding.text for finding in found if finding.level == "ok"]
    assert verified == ["PRIM 2 : THEMA : 1 code(s) vérifié(s) : P2-OC-2 = T-1 (le 01/09/2027, par Référent·e THEMA)."]
    warnings = [finding.text for finding in found if finding.level == "warning"]
    frameworks = {
        (name, donor.framework)
        for at in logframe.indicators
        for name, donor in at.donors.items()
        if donor.mode in ("predefined", "matched", "candidate")
    }
    assert len(warnings) == len(frameworks) + 1
    assert any("P2-OP1.1-1 = T-2, vérification incomplète" in text for text in warnings)
    assert any("OPSYS (GERF)" in text and "P2-OC-2 = 2.20" in text for text in warnings)


def test_a_campaigns_workbook_says_who_verified_each_code(warehouse: Warehouse, tmp_path: Path) -> None:
    loaded = edited(project("prim2", "codes_feuille"), _donors)
    with warehouse.connect() as connection:
        with connection.cursor() as cursor:
            fill(cursor, loaded)
        connection.commit()
        extract = write_thema(connection, loaded, cutoff=CUTOFF, out=tmp_path, run_id=None)
    codes = {row["Indicateur"]: row for row in records(extract.files[0], "Codes", header=4)}
    official = codes["P2-OC-2"]
    assert (official["Code"], official["Version"], official["Statut du code"]) == ("T-1", "2027", "vérifié")
    assert (official["Vérifié le"].date(), official["Vérifié par"]) == (dt.date(2027, 9, 1), "Référent·e THEMA")
    begun = codes["P2-OP1.1-1"]
    assert (begun["Code"], begun["Statut du code"]) == ("T-2", "non vérifié")
    assert codes["P2-IMP-1"]["Statut du code"] == "à confirmer"
