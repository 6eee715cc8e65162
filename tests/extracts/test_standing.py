"""What a person who holds nothing but a file reads of a form that stood still; figures are invented, the failure is noted."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from meal_pipelines.display.standing import frozen_behind
from meal_pipelines.extracts import write_afd, write_iati, write_opsys, write_tei, write_thema, write_tracking
from meal_pipelines.extracts.campaigns.sheets import RECIPIENTS
from meal_pipelines.extracts.campaigns.states import freeze_campaign, send_campaign
from meal_pipelines.project.load import load_projects
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse
from meal_pipelines.warehouse.outcomes import STAGES, Behind, forms_behind, note_outcome
from tests.extracts.logframes import CUTOFF, fill, project
from tests.reports.house import house_of, some_visits

MAY = dt.date(2026, 5, 31)
WRITERS: list[Callable[..., Any]] = [write_opsys, write_thema, write_tei, write_afd, write_tracking, write_iati]
SAID = "pour le formulaire F-PREST « "


@pytest.fixture
def failing(warehouse: Warehouse, settings: Settings) -> Iterator[tuple[LoadedProject, list[Behind]]]:
    """A project of which one form went well once, and fails since; another was never published."""
    forms = load_projects(settings, ["prim2"])["prim2"].forms
    loaded = dataclasses.replace(project("prim2", "standing_prim2"), forms=forms)
    with closing(warehouse.psycopg()) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for stage in STAGES:
                note_outcome(cursor, (loaded.id, "prestations"), stage, succeeded=True, run_id="run")
            for form in ("prestations", "paiements"):
                note_outcome(cursor, (loaded.id, form), "cleaned", succeeded=False, run_id="run")
            yield loaded, forms_behind(cursor, [(loaded.id, name) for name in forms])
            cursor.execute("delete from quality.stage_outcome where project = %s", (loaded.id,))


def _texts(file: Path) -> list[str]:
    """What is read on the first sheet, in the order of its lines; of a file that is no workbook, its lines."""
    if file.suffix != ".xlsx":
        return file.read_text(encoding="utf-8").splitlines()
    first = load_workbook(file).worksheets[0]
    return [str(cell.value) for row in first.iter_rows() for cell in row if cell.value is not None]


def test_every_file_says_from_which_day_the_data_of_a_failed_form_are(
    warehouse: Warehouse, tmp_path: Path, failing: tuple[LoadedProject, list[Behind]]
) -> None:
    """Near the top of the first sheet; and no file says it once the form goes well again."""
    loaded, behind = failing
    assert [each.form for each in behind] == ["paiements", "prestations"]
    with warehouse.connect() as connection:
        with connection.cursor() as cursor:
            fill(cursor, loaded)
        connection.commit()
        for write in WRITERS:
            given = {"cutoff": CUTOFF, "out": tmp_path, "run_id": None}
            files = write(connection, loaded, **given, behind=behind).files
            for file in files:
                told = [text for text in _texts(file) if SAID in text]
                assert "Données arrêtées au " in told[0] and "n'a pas pu être pris en compte" in told[0], file
                assert any("Sans le formulaire F-FIN « " in text for text in _texts(file))
                assert file.suffix != ".xlsx" or any(SAID in text for text in _texts(file)[:8]), file
                assert not any("nettoyage" in text for text in told), "which stage fails is the team's business"
            again = write(connection, loaded, **given)
            assert again.changed and not any(SAID in text for file in files for text in _texts(file))


def test_a_campaign_that_is_closed_while_a_form_stands_still_says_so_for_good(
    warehouse: Warehouse, tmp_path: Path, failing: tuple[LoadedProject, list[Behind]]
) -> None:
    """The form may go well again before it is sent; the figures are those of the day it was closed."""
    loaded, behind = failing
    thema = RECIPIENTS["thema"]
    given: dict[str, Any] = {"cutoff": CUTOFF, "out": tmp_path}
    with warehouse.connect() as connection:
        with connection.cursor() as cursor:
            fill(cursor, loaded)
        connection.commit()
        write_thema(connection, loaded, **given, run_id=None, behind=behind)
        freeze_campaign(connection, loaded, thema, 2027, by="Essai", **given, behind=behind)
        sent = send_campaign(connection, loaded, thema, 2027, by="Essai", to="Siège", **given)
    assert any(SAID in text for text in _texts(sent))


def test_a_report_frozen_on_a_form_that_stands_still_says_so_for_good(warehouse: Warehouse, tmp_path: Path) -> None:
    """Whoever froze it hears it, and so do its files, after the form goes well again; a report that holds up says nothing."""
    with house_of(warehouse, tmp_path) as house:
        house.rows = some_visits()
        house.night()
        form = (house.name, "visites")
        given: dict[str, Any] = {"cutoff": MAY, "out": tmp_path, "run_id": None}
        with closing(warehouse.psycopg()) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                assert house.freeze().behind == []
                for stage in STAGES:
                    note_outcome(cursor, form, stage, succeeded=True, run_id="run")
                note_outcome(cursor, form, "raw", succeeded=False, run_id="run")
                [stood] = forms_behind(cursor, [form])
                still = house.freeze(reason="Essai")
                note_outcome(cursor, form, "raw", succeeded=True, run_id="run")
                stays = write_tracking(house.connection, house.bench.project, **given).files
                assert any("pour le formulaire" in text for text in _texts(stays[0])[:8])
                well = house.freeze(reason="Essai")
                cursor.execute("delete from quality.stage_outcome where project = %s", (house.name,))
        assert (still.behind, well.behind) == ([stood], [])
        [sentence] = frozen_behind(still, house.bench.project)
        assert "sa collecte échoue depuis le" in sentence
        told = write_tracking(house.connection, house.bench.project, **given, behind=[stood]).files
        assert not any("pour le formulaire" in text for text in _texts(told[0]))
