"""What people see of collections, from the command line and on the page of an asset."""

from __future__ import annotations

import dagster as dg
import pytest

from tests.end_to_end.conftest import Demo


def test_the_last_collection_of_each_form_is_listed_as_the_warehouse_has_it(demo: Demo) -> None:
    told = demo.house.run("loads", "--demo")
    assert told.code == 0, told.said
    lines = {line.split()[1]: line.split("│") for line in told.out.splitlines() if line.startswith("│")}
    found = demo.query(
        "select distinct on (project, form) project || '/' || form, received, added, changed, removed, restored, refused"
        " from raw.load order by project, form, load_id desc"
    )
    assert len(found) == len(list(demo.sample.glob("*/truth/*.jsonl")))
    for name, *counts in found:
        cells = [cell.strip().replace("\u202f", "") for cell in lines[name]]
        assert cells[4:10] == [str(count) for count in counts], name


def test_the_history_of_one_form_is_listed_and_a_form_that_is_not_there_is_refused(demo: Demo) -> None:
    told = demo.house.run("loads", "beneficiaires", "--demo", "--last", "2")
    assert told.code == 0 and "Dernières collectes de prim2/beneficiaires" in told.out
    assert "lecture complète" in told.out, told.said
    refused = demo.house.run("loads", "inconnu", "--demo")
    assert refused.code == 2 and "Aucun projet n'a de formulaire « inconnu »" in refused.err


def test_the_page_of_a_raw_asset_tells_what_the_collection_did(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts as numbers, which Dagster plots over time; the last collections as a table."""
    monkeypatch.setenv("DAGSTER_HOME", str(demo.house.settings().dagster_home))
    with dg.DagsterInstance.get() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["raw", "prim2", "beneficiaires"]))
    assert event is not None and event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    for name in ("reçues", "nouvelles", "modifiées", "supprimées", "rétablies", "refusées"):
        assert isinstance(metadata[name], dg.IntMetadataValue), name
    assert {"délai (max.)", "prochaine collecte", "suite attendue"} <= metadata.keys()
    table = str(metadata["dernières collectes"].value)
    assert table.startswith("| collecte | état | reçues |") and "| faite |" in table


def test_the_page_of_a_mart_says_how_many_rows_it_has_after_a_night_that_changed_nothing(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster shows the row count of the last run: one that made nothing must give it too."""
    again = demo.house.run("run", "--demo", "--stage", "marts")
    assert again.code == 0, again.said
    monkeypatch.setenv("DAGSTER_HOME", str(demo.house.settings().dagster_home))
    with dg.DagsterInstance.get() as instance:
        for name in ("person", "region"):
            event = instance.get_latest_materialization_event(dg.AssetKey(["marts", name]))
            assert event is not None and event.asset_materialization is not None
            metadata = event.asset_materialization.metadata
            assert metadata["changement"].value is False
            [(rows,)] = demo.query(f"select count(*) from marts.{name}")
            assert metadata["dagster/row_count"].value == rows > 0
