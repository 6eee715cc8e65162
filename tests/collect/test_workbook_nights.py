"""Night after night on an inbox: files resent, moved, broken, corrected; what becomes of their rows in `raw`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from meal_pipelines.collect.position import Load
from meal_pipelines.collect.sources import open_sources
from meal_pipelines.collect.sync import synchronise
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse
from tests.collect.workbook_cases import a_project
from tests.collect.workbook_house import House


@pytest.fixture
def house(warehouse: Warehouse, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    """files: what absence means, given by `mode`."""
    marker = request.node.get_closest_marker("parametrize")
    mode = request.node.callspec.params.get("mode", "parts") if marker is not None else "parts"
    project = a_project(tmp_path / "p", name=f"w{uuid4().hex[:8]}", files=mode)
    made = House(warehouse, Keyring.create(tmp_path / "k.json"), tmp_path / "p", project)
    yield made
    made.clear()


modes = pytest.mark.parametrize("mode", ["parts", "register", "folder"])


def counts(load: Load) -> tuple[int, int, int]:
    return load.added, load.changed, load.removed


# Resent -------------------------------------------------------------------------------------------------------


@modes
def test_the_same_rows_in_another_file_another_format_and_another_writing_are_no_edit(mode: str, house: House) -> None:
    house.put("subventions-1.xlsx", ["S-01", "A", 1250.5], ["S-02", "B", 2])
    assert counts(house.night()) == (2, 0, 0)
    house.put("subventions-2.csv", ["S-02", "B", "٢"], ["S-01", "A", "1 250,50"])
    assert counts(house.night()) == (0, 0, 0)
    (house.inbox / "subventions-1.xlsx").rename(house.inbox / "subventions-1-copie.xlsx")
    assert counts(house.night()) == (0, 0, 0) and house.versions() == 2


def test_a_row_sent_again_in_a_newer_file_replaces_the_older_one(house: House) -> None:
    """The inbox keeps every file; the newest wins, whatever the names; the receipt says it."""
    house.put("subventions-b.xlsx", ["S-01", "Ancien", 1], ["S-02", "B", 1])
    house.put("subventions-a.xlsx", ["S-01", "Nouveau", 1], ["S-02", "B", 1])
    assert counts(house.night()) == (2, 0, 0)
    assert house.holds() == {"S-01": "Nouveau", "S-02": "B"}
    assert house.source is not None
    told = {receipt.file: receipt.told for receipt in house.source.receipts}
    assert "1 ligne remplace celle d'un fichier plus ancien" in told["subventions-a.xlsx"]


# Absent -------------------------------------------------------------------------------------------------------


def test_a_monthly_file_that_lacks_earlier_rows_deletes_nothing(house: House) -> None:
    """By default each file brings its part; files may be moved away once they are read, all of them."""
    may = house.put("subventions-mai.xlsx", ["S-01", "A", 1], ["S-02", "B", 1])
    house.night()
    may.unlink()
    house.put("subventions-juin.xlsx", ["S-03", "C", 1])
    assert counts(house.night()) == (1, 0, 0)
    (house.inbox / "subventions-juin.xlsx").unlink()
    load = house.night()
    assert counts(load) == (0, 0, 0) and load.present == 3
    assert house.holds() == {"S-01": "A", "S-02": "B", "S-03": "C"}


def test_a_row_taken_out_of_its_own_file_is_kept_and_told(house: House) -> None:
    house.put("subventions.xlsx", ["S-01", "A", 1], ["S-02", "B", 1])
    house.night()
    house.put("subventions.xlsx", ["S-02", "B", 1])
    assert counts(house.night()) == (0, 0, 0) and "S-01" in house.holds()
    state, message = house.load_state()
    assert state == "done" and message is not None
    assert "ne sont plus dans le fichier qui les avait apportées et sont gardées" in message
    assert "1 de subventions.xlsx" in message


@pytest.mark.parametrize("mode", ["register"])
def test_the_newest_file_of_a_register_is_the_whole_register(mode: str, house: House) -> None:
    """What it has no longer is deleted, and comes back when it comes back; the older files may lie beside it or not."""
    old = house.put("subventions-1.xlsx", ["S-01", "A", 1], ["S-02", "B", 1], ["S-03", "C", 1])
    house.night()
    house.put("subventions-2.xlsx", ["S-01", "A", 1], ["S-02", "B2", 1])
    assert counts(house.night()) == (0, 1, 1) and house.holds() == {"S-01": "A", "S-02": "B2"}
    old.unlink()
    assert counts(house.night()) == (0, 0, 0)
    house.put("subventions-3.xlsx", ["S-01", "A", 1], ["S-03", "C", 1])
    load = house.night()
    assert (load.restored, load.removed) == (1, 1) and house.holds() == {"S-01": "A", "S-03": "C"}


@pytest.mark.parametrize("mode", ["register"])
def test_a_register_taken_away_gives_no_word_to_the_one_before_it(mode: str, house: House) -> None:
    """The older file would delete what the newer one brought, and undo what it changed."""
    house.put("subventions-1.xlsx", ["S-01", "Ancien", 1])
    newest = house.put("subventions-2.xlsx", ["S-01", "Nouveau", 1], ["S-02", "B", 1])
    house.night()
    newest.unlink()
    assert counts(house.night()) == (0, 0, 0)
    assert house.holds() == {"S-01": "Nouveau", "S-02": "B"}
    assert "leur fichier est refusé ou a été retiré : 1 de subventions-2.xlsx" in str(house.load_state()[1])


@pytest.mark.parametrize("mode", ["folder"])
def test_a_row_that_no_file_of_the_folder_shows_is_deleted(mode: str, house: House) -> None:
    """One file per region, corrected in place; a file that is taken away takes nothing with it."""
    house.put("subventions-oriental.xlsx", ["S-01", "A", 1], ["S-02", "B", 1])
    souss = house.put("subventions-souss.xlsx", ["S-03", "C", 1])
    house.night()
    house.put("subventions-oriental.xlsx", ["S-02", "B", 1])
    assert counts(house.night()) == (0, 0, 1)
    souss.unlink()
    assert counts(house.night()) == (0, 0, 0) and house.holds() == {"S-02": "B", "S-03": "C"}
    house.put("subventions-souss.xlsx")
    assert counts(house.night()) == (0, 0, 1) and house.holds() == {"S-02": "B"}


# Refused ------------------------------------------------------------------------------------------------------


@modes
def test_a_file_that_is_refused_takes_nothing_away_and_undoes_nothing(mode: str, house: House) -> None:
    """It was right once: what it brought then stays, even what it had changed in older files; the others are read."""
    house.put("subventions-1.xlsx", ["S-01", "Ancien", 1], ["S-02", "B", 1])
    house.put("subventions-2.xlsx", ["S-01", "Nouveau", 1], ["S-03", "C", 1])
    house.night()
    before = house.holds()
    house.put("subventions-2.xlsx", ["S-01", "Faux", 1], ["S-01", "Double", 1])
    if mode == "register":
        with pytest.raises(ConfigurationError, match="des réponses différentes"):
            house.night()
        assert house.load_state()[0] == "failed"
    else:
        house.put("subventions-3.xlsx", ["S-04", "D", 1])
        assert counts(house.night()) == (1, 0, 0)
        state, message = house.load_state()
        assert state == "refused" and message is not None and "subventions-2.xlsx" in message
        before["S-04"] = "D"
    assert house.holds() == before
    found = dict(house.query("select file, state from raw.file where project = %(project)s and state = 'refused'"))
    assert found == {"subventions-2.xlsx": "refused"}


@modes
def test_when_nothing_can_be_read_nothing_moves(mode: str, house: House) -> None:
    house.put("subventions.xlsx", ["S-01", "A", 1])
    house.night()
    house.put("subventions.xlsx", ["S-01", "A", 1], header=["Bizarre", "osc", "montant"])
    with pytest.raises(ConfigurationError, match=r"la colonne « Numéro du contrat » \(code\)"):
        house.night()
    assert house.holds() == {"S-01": "A"} and house.load_state()[0] == "failed"


@pytest.mark.parametrize("mode", ["register", "folder"])
def test_an_empty_inbox_is_not_a_deletion_of_everything(mode: str, house: House) -> None:
    file = house.put("subventions.xlsx", ["S-01", "A", 1])
    house.night()
    file.unlink()
    with pytest.raises(ConfigurationError, match=r"Aucun classeur « subventions\* » dans"):
        house.night()
    house.inbox.rmdir()
    with pytest.raises(ConfigurationError, match="Le dossier des classeurs n'existe pas"):
        house.night()
    assert house.holds() == {"S-01": "A"}


def test_an_inbox_that_never_had_a_file_is_refused(house: House) -> None:
    """A wrong folder looks the same."""
    with pytest.raises(ConfigurationError, match="Déposez-y le fichier du partenaire"):
        house.night()


@pytest.mark.parametrize("mode", ["register"])
def test_much_gone_at_once_is_still_not_believed(mode: str, house: House) -> None:
    house.put("subventions-1.xlsx", *([f"S-{n:03}", "A", 1] for n in range(60)))
    house.night()
    house.put("subventions-2.xlsx", ["S-000", "A", 1])
    assert counts(house.night()) == (0, 0, 0) and house.load_state()[0] == "refused"
    assert counts(house.night(accept_deletions=True)) == (0, 0, 59)


def test_every_content_of_a_file_has_a_line_of_its_own(house: House) -> None:
    """What was received, when, and what became of it; no answer, no key."""
    house.put("subventions.xlsx", ["S-01", "A", 1], ["TOTAL", None, 1])
    house.night()
    house.night()
    house.put("subventions.xlsx", ["S-01", "Secret", 1], [None, "Secret", 1])
    with pytest.raises(ConfigurationError):
        house.night()
    lines = house.query(
        "select file, state, rows, sheet, accepted_at is not null, load_id is not null, message, notes, length(digest)"
        " from raw.file where project = %(project)s order by first_read_at"
    )
    assert [line[:6] for line in lines] == [
        ("subventions.xlsx", "read", 1, "Subventions", True, True), ("subventions.xlsx", "refused", 0, None, False, False),
    ]  # fmt: skip
    assert lines[0][7] == ["1 ligne de total laissée (ligne 3)"] and "ligne 3" in lines[1][6]
    assert [line[8] for line in lines] == [64, 64] and "Secret" not in repr(lines)


def test_a_register_whose_key_names_somebody_is_kept_under_a_keyed_hash(warehouse: Warehouse, tmp_path: Path) -> None:
    """From project.yaml to raw, through the sources that a run opens."""
    project = a_project(tmp_path / "p", name=f"w{uuid4().hex[:8]}")
    text = (tmp_path / "p" / "project.yaml").read_text(encoding="utf-8")
    (tmp_path / "p" / "project.yaml").write_text(
        text.replace("identifier: []", "identifier: [code]").replace("      - code\n", "")
    )
    from meal_pipelines.project.load import load_project

    project = load_project(tmp_path / "p", {})
    house = House(warehouse, Keyring.create(tmp_path / "k.json"), tmp_path / "p", project)
    house.put("Subventions_Mai.XLSX", ["ANA-2026-00042", "A", 1])
    settings = Settings.load(environ={"MEAL_HOME": str(tmp_path)})
    try:
        for _ in range(2):
            [(_, source)] = open_sources(settings, project, project.forms["subventions"], house.keyring, warehouse)
            load = synchronise(warehouse, house.keyring, project.id, "subventions", source)
        assert load is not None and load.written == 0
        [(key,)] = house.query("select submission_id from raw.submission where project = %(project)s")
        assert len(key) == 24 and "ANA" not in key
    finally:
        house.clear()
