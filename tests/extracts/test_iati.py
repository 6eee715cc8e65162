"""The IATI file: valid against the standard's own schema, every figure the indicators', nothing hidden or unverified in it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.extracts import Extract, write_iati
from meal_pipelines.project.iati import Iati, Organisation, Participant
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import DonorCode
from meal_pipelines.settings import CHECKOUT
from meal_pipelines.warehouse import Warehouse
from tests.extracts.logframes import CUTOFF, edited, fill, project

SCHEMA = CHECKOUT / "meal_pipelines" / "extracts" / "iati" / "iati_2_03" / "iati-activities-schema.xsd"


def _write(warehouse: Warehouse, loaded: LoadedProject, out: Path, *, small: str | None = None) -> Extract:
    """small: an indicator with only three men at the reporting date."""
    with warehouse.connect() as connection:
        with connection.cursor() as cursor:
            fill(cursor, loaded)
            if small is not None:
                cursor.execute(
                    "update indicators.value as at set value = case when disaggregation->>'sex' = 'H' then 3 else ("
                    "  select total.value - unknown.value - 3 from indicators.value as total join indicators.value as unknown"
                    "  using (project, indicator, period_kind, period) where total.disaggregation = '{}'"
                    "  and unknown.disaggregation->>'sex' = 'inconnu' and total.project = at.project"
                    "  and total.indicator = at.indicator and total.period_kind = at.period_kind"
                    "  and total.period = at.period) end"
                    " where project = %s and indicator = %s and period = '2028-06' and disaggregation->>'sex' in ('F', 'H')",
                    (loaded.id, small),
                )
        connection.commit()
        return write_iati(connection, loaded, cutoff=CUTOFF, out=out, run_id="essai")


def _with(loaded: LoadedProject, iati: Iati) -> LoadedProject:
    return dataclasses.replace(loaded, project=loaded.project.model_copy(update={"iati": iati}))


def _indicators(extract: Extract) -> dict[str, ET.Element]:
    """The indicator elements by own code, read with another parser than the one that wrote them."""
    found = {}
    for element in ET.parse(extract.files[0]).getroot().iter("indicator"):
        own = next(at for at in element.findall("reference") if at.get("vocabulary") == "99")
        found[own.get("code") or ""] = element
    return found


def _actual(element: ET.Element) -> Iterator[tuple[tuple[str, str] | None, Decimal]]:
    for at in element.iter("actual"):
        dimension = at.find("dimension")
        named = (dimension.get("name") or "", dimension.get("value") or "") if dimension is not None else None
        yield named, Decimal(at.get("value") or "")


def _measured(warehouse: Warehouse, name: str) -> dict[tuple[str, str], Decimal]:
    """Totals, and values by sex and region, as the indicators have them at the reporting date."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select indicator, disaggregation::text, value from indicators.value where project = %s"
            " and period_kind = 'to_date' and period = '2028-06'",
            (name,),
        )
        return {(row[0], row[1]): row[2] for row in cursor.fetchall()}


@pytest.mark.parametrize("folder", ["prim2", "thamm_plus"])
def test_the_file_is_valid_and_its_figures_are_the_indicators(
    warehouse: Warehouse, tmp_path: Path, folder: str
) -> None:
    """An invalid file is refused by the registry as a whole; a wrong figure would be public."""
    loaded = project(folder, f"iati_{folder}")
    extract = _write(warehouse, loaded, tmp_path)
    assert extract.files == [tmp_path / loaded.id / "2028-06" / "iati.xml"]
    etree.XMLSchema(etree.parse(SCHEMA)).assertValid(etree.parse(extract.files[0]))
    measured, found = _measured(warehouse, loaded.id), _indicators(extract)
    assert loaded.logframe is not None
    assert list(found) == [
        at.code for result in loaded.logframe.results for at in loaded.logframe.indicators if at.result == result.code
    ]
    for code, element in found.items():
        actual = dict(_actual(element))
        if (code, "{}") in measured:
            assert actual[None] == measured[code, "{}"]
        if ("Sexe", "Femmes") in actual:
            assert actual["Sexe", "Femmes"] == measured[code, '{"sex": "F"}']
    levels = found["P2-IMP-1"] if folder == "prim2" else None
    if levels is not None:
        assert levels.get("measure") == "4"
        assert dict(_actual(levels)).keys() == {("Région", "Oriental"), ("Région", "Souss-Massa")}


def test_targets_and_baselines_are_the_logframes(warehouse: Warehouse, tmp_path: Path) -> None:
    loaded = project("prim2", "iati_cibles")
    element = _indicators(_write(warehouse, loaded, tmp_path))["P2-OC-2"]
    ends = [period.find("period-end") for period in element.iter("period")]
    assert [end.get("iso-date") for end in ends if end is not None] == [
        "2027-02-28", "2028-02-29", "2028-06-30", "2029-02-28",
    ]  # fmt: skip
    assert [at.get("value") for at in element.iter("target")] == ["700", "2400", "4200"]
    assert [(at.get("year"), at.get("value")) for at in element.findall("baseline")] == [("2026", "0")]


def test_a_hidden_figure_has_no_element_and_is_said_to_be_missing(warehouse: Warehouse, tmp_path: Path) -> None:
    """Absent could be read as zero, and « < 5 » is no number for a machine."""
    loaded = project("thamm_plus", "iati_masque")
    extract = _write(warehouse, loaded, tmp_path, small="TH-OP2.1-1")
    element = _indicators(extract)["TH-OP2.1-1"]
    shown = dict(_actual(element))
    assert ("Sexe", "Hommes") not in shown
    assert "chiffre(s) absent(s) pour protéger" in "".join(element.itertext())
    with warehouse.connect("analyst") as connection, connection.cursor() as cursor:
        cursor.execute(
            "select category, value from extracts.iati where project = %s and indicator = 'TH-OP2.1-1' and mark is not null"
            " and dimension = 'Sexe'",
            (loaded.id,),
        )
        hidden = dict(cursor.fetchall())
    assert "Hommes" in hidden
    assert set(hidden.values()) == {None}
    assert len(hidden) > 1 or None not in shown, "one hidden category alone would follow from the total"


def test_identifiers_nobody_has_confirmed_are_shown_as_such(warehouse: Warehouse, tmp_path: Path) -> None:
    extract = _write(warehouse, project("prim2", "iati_aconfirmer"), tmp_path)
    text = extract.files[0].read_text("utf-8")
    assert "<iati-identifier>à confirmer</iati-identifier>" in text
    assert "NE PAS PUBLIER" in text
    checks = {check.name: check.passed for check in extract.checks}
    assert (checks["schema_iati"], checks["identifiants_iati"], checks["cadre_definitif"]) == (True, False, False)


def test_only_a_verified_code_of_a_donor_is_a_reference(warehouse: Warehouse, tmp_path: Path) -> None:
    codes = {
        "P2-OC-2": {"framework": "GERF", "code": "X-1", "mode": "matched", "source": "https://example.org/gerf",
                    "verified_on": dt.date(2027, 1, 5), "verified_by": "Chargé·e SERA"},
        "P2-OP1.1-1": {"framework": "GERF", "code": "X-2", "mode": "matched"},
    }  # fmt: skip
    loaded = edited(
        project("prim2", "iati_codes"),
        lambda at: {"donors": {"opsys": DonorCode.model_validate(codes[at.code])}} if at.code in codes else {},
    )
    found = _indicators(_write(warehouse, loaded, tmp_path))
    assert [(at.get("code"), at.get("indicator-uri")) for at in found["P2-OC-2"].findall("reference")] == [
        ("P2-OC-2", None), ("X-1", "https://example.org/gerf"),
    ]  # fmt: skip
    assert [at.get("code") for at in found["P2-OP1.1-1"].findall("reference")] == ["P2-OP1.1-1"]


def test_texts_with_markup_or_control_characters_stay_texts(warehouse: Warehouse, tmp_path: Path) -> None:
    label = "A & B <script>alert(1)</script> --> \x0b fin"
    loaded = edited(project("prim2", "iati_textes"), lambda at: {"label": label, "limits": label}, source=label)
    loaded = _with(loaded, Iati(participants=[Participant(name=label, role="funding")]))
    extract = _write(warehouse, loaded, tmp_path)
    etree.XMLSchema(etree.parse(SCHEMA)).assertValid(etree.parse(extract.files[0]))
    titles = {element.findtext("title/narrative") for element in _indicators(extract).values()}
    assert titles == {label.replace("\x0b", "")}


def test_an_invalid_file_is_never_put_in_place(warehouse: Warehouse, tmp_path: Path) -> None:
    """Whoever fetches the file at night must find yesterday's valid one."""
    loaded = project("prim2", "iati_refus")
    before = _write(warehouse, loaded, tmp_path).files[0].read_bytes()
    broken = _with(
        loaded, Iati(reporting_org=Organisation(name="X", ref="X", type="10"), indicator_uri="http://[::bad")
    )
    with pytest.raises(ConfigurationError, match="ne serait pas valide"):
        _write(warehouse, broken, tmp_path)
    assert (tmp_path / loaded.id / "2028-06" / "iati.xml").read_bytes() == before


def test_nothing_new_leaves_the_file_alone(warehouse: Warehouse, tmp_path: Path) -> None:
    """The time of writing is in the file, and is no reason to write it."""
    loaded = project("prim2", "iati_inchange")
    first = _write(warehouse, loaded, tmp_path).files[0].read_bytes()
    again = _write(warehouse, loaded, tmp_path)
    assert again.changed is False
    assert again.files[0].read_bytes() == first
