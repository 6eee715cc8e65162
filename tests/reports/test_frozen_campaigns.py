"""The annual campaigns of a year that is frozen: made from the freeze by the freeze itself, and provisional until then."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import errors

from meal_pipelines.extracts import Extract
from meal_pipelines.extracts.campaigns.extract import write_campaign
from meal_pipelines.extracts.campaigns.sheets import RECIPIENTS
from meal_pipelines.extracts.campaigns.states import freeze_campaign
from meal_pipelines.extracts.hand_over import write_frozen_campaigns
from meal_pipelines.warehouse import Warehouse
from tests.extracts.logframes import records, sheet
from tests.reports.house import House, house_of, some_visits
from tests.stage_cases import PROJECT

YEAR, LATER = 2025, dt.date(2026, 6, 30)
RELATED = {"donors": {name: {"framework": name, "mode": "candidate"} for name in RECIPIENTS}}


@pytest.fixture
def house(warehouse: Warehouse, tmp_path: Path) -> Iterator[House]:
    """Of a year that is over, with one indicator that all three campaigns are about."""
    with house_of(warehouse, tmp_path, PROJECT.replace("2026-03-01", "2025-03-01")) as made:
        made.indicators[0] |= RELATED
        made.rows = {name: row | {"jour": row["jour"].replace("2026", "2025")} for name, row in some_visits().items()}
        made.night()
        with made.connection, made.connection.cursor() as cursor:
            cursor.execute(
                "insert into indicators.declared (project, indicator, period_kind, period, period_start, period_end, value,"
                " method, source, received_on) values (%s, 'U-1', 'year', '2025', '2025-01-01', '2025-12-31', 120, 'par CIN',"
                " 'ANAPEC', '2026-01-20')", (made.name,),
            )  # fmt: skip
        yield made
        with made.connection, made.connection.cursor() as cursor:
            cursor.execute("delete from indicators.declared where project = %s", (made.name,))


def _write(house: House, recipient: str, out: Path) -> Extract:
    return write_campaign(
        house.connection, house.bench.project, RECIPIENTS[recipient], cutoff=LATER, out=out, run_id=None, year=YEAR
    )


def _shown(out: Path, house: House, recipient: str) -> dict[str, Any]:
    return records(out / house.name / str(YEAR) / f"{recipient}.xlsx", "Indicateurs", header=4)[0]


def _first_sheet(out: Path, house: House, recipient: str) -> str:
    return str(sheet(out / house.name / str(YEAR) / f"{recipient}.xlsx", "Lisez-moi"))


def test_a_freeze_writes_the_campaigns_of_its_year_and_they_follow_the_data_no_longer(
    house: House, tmp_path: Path
) -> None:
    """A file that was read before the year was frozen would otherwise lie beside the report and say something else."""
    for recipient in RECIPIENTS:
        _write(house, recipient, tmp_path)
        assert "Aucun rapport figé ne couvre l'année 2025" in _first_sheet(tmp_path, house, recipient)
    made = house.freeze(str(YEAR))
    files = write_frozen_campaigns(house.connection, house.bench.project, made, out=tmp_path, run_id=None)
    assert [file.name for file in files] == ["thema.xlsx", "tei.xlsx", "afd.xlsx"]
    house.rows["late"] = some_visits()["v1"] | {"identite/telephone": "0699999998", "jour": "2025-05-29"}
    house.night()
    with house.connection, house.connection.cursor() as cursor:
        cursor.execute("update indicators.declared set value = 999 where project = %s", (house.name,))
    assert house.query(
        "select v.value, r.value from indicators.value as v join indicators.reported as r using (project, indicator, period,"
        " period_kind, disaggregation) where project = %s and indicator = 'U-1' and period = '2025' and disaggregation = '{}'",
        house.name,
    ) == [(9, 8)]
    for recipient in RECIPIENTS:
        _write(house, recipient, tmp_path)
        shown = _shown(tmp_path, house, recipient)
        assert (shown["Valeur 2025"], shown["Valeur cumulée"]) == (8, 8)
        assert shown["Cumul au"] == dt.datetime(2025, 12, 31)
        assert shown["Déclaré par des partenaires"].startswith("120 pour 2025, déclaré par ANAPEC")
        said = _first_sheet(tmp_path, house, recipient)
        assert (
            "Chiffres figés le" in said
            and "Données arrêtées au 31/12/2025" in said
            and "Aucun rapport figé" not in said
        )


def test_a_campaign_that_was_handed_over_stays_as_it_was_when_its_year_is_frozen(house: House, tmp_path: Path) -> None:
    _write(house, "thema", tmp_path)
    freeze_campaign(
        house.connection, house.bench.project, RECIPIENTS["thema"], YEAR, by="Essai", cutoff=LATER, out=tmp_path
    )
    before = (tmp_path / house.name / str(YEAR) / "thema.xlsx").read_bytes()
    made = house.freeze(str(YEAR))
    files = write_frozen_campaigns(house.connection, house.bench.project, made, out=tmp_path, run_id=None)
    assert [file.name for file in files] == ["tei.xlsx", "afd.xlsx"]
    assert (tmp_path / house.name / str(YEAR) / "thema.xlsx").read_bytes() == before


def test_a_report_of_another_period_writes_no_campaign(house: House, tmp_path: Path) -> None:
    """A semester does not hold the year's figures."""
    made = house.freeze("2025-S1")
    assert write_frozen_campaigns(house.connection, house.bench.project, made, out=tmp_path, run_id=None) == []


def test_what_was_declared_when_a_report_was_frozen_cannot_be_changed(house: House) -> None:
    made = house.freeze(str(YEAR))
    assert house.query("select value from indicators.reported_declared where freeze_id = %s", made.freeze_id) == [
        (120,)
    ]
    for statement in (
        "update indicators.reported_declared set value = 1 where freeze_id = %s",
        "delete from indicators.reported_declared where freeze_id = %s",
        "insert into indicators.reported_declared select freeze_id, project, 'U-9', period_kind, period, period_start, period_end,"
        " disaggregation, value, units, method, source, declared_by, received_on from indicators.reported_declared"
        " where freeze_id = %s",
    ):  # fmt: skip
        with closing(house.bench.warehouse.psycopg()) as connection, connection.cursor() as cursor:
            with pytest.raises(errors.RestrictViolation):
                cursor.execute(statement, (made.freeze_id,))
            connection.rollback()
