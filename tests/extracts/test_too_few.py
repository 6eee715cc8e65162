"""Shares of fewer answers than the logframe publishes: in no extract, total and categories each by their own number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from pydantic import ValidationError

from meal_pipelines.extracts import Extract, write_iati, write_opsys, write_tracking
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator, Logframe
from meal_pipelines.warehouse import Warehouse
from tests.extracts.logframes import CUTOFF, edited, fill, project, records

SHARE = "P2-OC-3"


def _with(warehouse: Warehouse, name: str, *, answers: int, women: int, protect: bool = True) -> LoadedProject:
    """PRIM 2 with so many answers behind the share of every period, and so many of women."""
    loaded = project("prim2", name)
    if not protect:
        every = {at: {"protect": False} for at in ("opsys", "iati", "tracking", "thema", "tei", "afd")}
        loaded = edited(loaded, lambda _: {})
        settings = loaded.project.disclosure.model_validate(
            loaded.project.disclosure.model_dump() | {"recipients": every}
        )
        loaded.project.__dict__["disclosure"] = settings
    with warehouse.connect() as connection, connection.cursor() as cursor:
        fill(cursor, loaded)
        cursor.execute(
            "update indicators.value set units = case when disaggregation = '{}' then %s when disaggregation->>'sex' = 'F'"
            " then %s else 400 end, value = 71.3 where project = %s and indicator = %s",
            (answers, women, loaded.id, SHARE),
        )
    return loaded


def _write(warehouse: Warehouse, write: Callable[..., Extract], loaded: LoadedProject, out: Path) -> Extract:
    with warehouse.connect() as connection:
        return write(connection, loaded, cutoff=CUTOFF, out=out, run_id="essai")


def _current(extract: Extract) -> Mapping[str, Any]:
    rows = records(extract.files[0], "Valeurs", header=5)
    return next(row for row in rows if (row["Indicateur"], row["Type de valeur"]) == (SHARE, "Valeur actuelle"))


def test_a_share_of_too_few_answers_leaves_in_no_file(warehouse: Warehouse, tmp_path: Path) -> None:
    """The rule is data: a figure to be « put aside when read over » would be in the file of whoever forgot."""
    loaded = _with(warehouse, "trop_peu", answers=29, women=12)
    opsys = _current(_write(warehouse, write_opsys, loaded, tmp_path))
    assert opsys["Total"] == "n < 30"
    assert "Publié à partir de 30 réponses" in opsys["Commentaire proposé"] and "29" not in opsys["Commentaire proposé"]
    root = etree.parse(_write(warehouse, write_iati, loaded, tmp_path).files[0]).getroot()
    found = next(at for at in root.iter("indicator") if SHARE in {one.get("code") for one in at.iter("reference")})
    assert "faute d'assez de réponses" in found.findtext("description/narrative", "")
    assert "71.3" not in {at.get("value") for at in found.iter("actual") if at.find("dimension") is None}
    tracking = _write(warehouse, write_tracking, loaded, tmp_path)
    line = next(row for row in records(tracking.files[0], "Tableau de suivi", header=6) if row["Code"] == SHARE)
    assert (line["Valeur à date"], line["Situation"]) == ("n < 30", "– Trop peu de réponses")
    assert {line[name] for name in line if str(name).startswith("T") and str(name)[1:2].isdigit()} == {"n < 30"}
    assert (line["% de la cible finale"], line["Tendance (dernier trimestre)"]) == ("–", "–")


def test_enough_answers_are_shown_and_a_category_is_judged_by_its_own(warehouse: Warehouse, tmp_path: Path) -> None:
    loaded = _with(warehouse, "assez", answers=30, women=29)
    opsys = _current(_write(warehouse, write_opsys, loaded, tmp_path))
    assert opsys["Total"] == 71.3
    assert opsys["Sexe · Femmes"] == "n < 30"


def test_it_holds_for_a_recipient_that_is_shown_small_numbers(warehouse: Warehouse, tmp_path: Path) -> None:
    """It protects no person: whoever may see small groups is no better served by a share of a few answers."""
    loaded = _with(warehouse, "trop_peu_interne", answers=29, women=12, protect=False)
    assert _current(_write(warehouse, write_opsys, loaded, tmp_path))["Total"] == "n < 30"


@pytest.mark.parametrize(("code", "is_taken"), [(SHARE, True), ("P2-OC-2", False)])
def test_a_count_has_no_such_rule(code: str, is_taken: bool) -> None:
    """A count of persons is not made surer by more of them."""
    logframe: Logframe | None = project("prim2", "regle").logframe
    assert logframe is not None
    entry = next(at for at in logframe.indicators if at.code == code).model_dump() | {"publish_from": 30}
    if is_taken:
        assert Indicator.model_validate(entry).publish_from == 30
    else:
        with pytest.raises(ValidationError, match="n'en est pas une"):
            Indicator.model_validate(entry)
