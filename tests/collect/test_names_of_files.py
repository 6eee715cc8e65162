"""Partners name files after people: no file's name, sheet or header gets past the inbox, and the officer still finds the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from meal_pipelines.clean import stage
from meal_pipelines.clean.build import UNKNOWN_COLUMNS
from meal_pipelines.clean.corrections import read_log
from meal_pipelines.collect.lying import lying_files
from meal_pipelines.collect.received import FileSource, received_files
from meal_pipelines.collect.sources import alias_of_files, open_sources
from meal_pipelines.collect.sync import synchronise
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse
from tests.collect.workbook_cases import a_project, xlsx
from tests.collect.workbook_house import House

NAME = "Wexqubado ظغوقسبا"
ALIAS = re.compile(r"fichier-[0-9a-f]{10}\.xlsx")


@pytest.fixture
def house(warehouse: Warehouse, tmp_path: Path) -> Iterator[House]:
    project = a_project(tmp_path / "p", name=f"w{uuid4().hex[:8]}")
    made = House(warehouse, Keyring.create(tmp_path / "k.json"), tmp_path / "p", project)
    yield made
    made.clear()


def _settings(house: House) -> Settings:
    return Settings.load(environ={"MEAL_HOME": str(house.folder / "h")})


def _night(house: House) -> FileSource:
    """One collection through the source that a run opens; a refusal of everything is kept as well."""
    form = house.project.forms["subventions"]
    [(_, source)] = open_sources(_settings(house), house.project, form, house.keyring, house.warehouse)
    assert isinstance(source, FileSource)
    load = None
    try:
        load = synchronise(house.warehouse, house.keyring, house.project.id, "subventions", source)
    finally:
        source.record(load.load_id if load is not None else None)
    return source


def _kept(house: House) -> str:
    """Whatever raw says of files and collections, in clear."""
    statements = (
        "select t::text from raw.file as t where project = %(project)s",
        "select t::text from raw.load as t where project = %(project)s",
        "select instance_id from raw.submission where project = %(project)s",
    )
    return "\n".join(row[0] for statement in statements for row in house.query(statement))


def test_a_file_is_kept_and_told_under_an_alias_that_names_nobody(house: House) -> None:
    house.put(f"subventions {NAME}.xlsx", ["S-01", "A", 1])
    house.put(f"{NAME}.xlsx", ["S-01", "A", 1])
    (house.inbox / f"subventions {NAME}.pdf").write_text("x")
    source = _night(house)
    [receipt] = source.receipts
    assert ALIAS.fullmatch(receipt.file)
    assert re.findall(ALIAS, _kept(house)) == [receipt.file] * 2, "in raw.file and with the row"
    for said in (_kept(house), receipt.told, *source.remarks()):
        assert "Wexqu" not in said and "ظغوقس" not in said
    assert "1 fichier que rien n'attend" in " ".join(source.remarks())


def test_the_same_file_has_the_same_alias_every_night_and_another_under_another_key(
    house: House, tmp_path: Path
) -> None:
    """Otherwise its rows would pass for those of a file that was taken away; and nobody guesses names without the key."""
    house.put(f"subventions {NAME}.xlsx", ["S-01", "A", 1])
    first, second = (_night(house).receipts[0].file for _ in range(2))
    assert first == second
    other = alias_of_files(house.project.id, Keyring.create(tmp_path / "other.json"))
    assert ALIAS.fullmatch(other(f"subventions {NAME}.xlsx")) and other(f"subventions {NAME}.xlsx") != first
    assert re.fullmatch(r"fichier-[0-9a-f]{10}", other("subventions.wexqubado")), "an ending may name somebody too"


def test_a_refusal_quotes_neither_the_file_nor_its_sheets_nor_its_headers(house: House) -> None:
    xlsx(house.inbox / f"subventions {NAME}.xlsx", [["code"], ["S-01"]], sheet=NAME)
    with pytest.raises(ConfigurationError) as refused:
        _night(house)
    assert "feuilles présentes : la 1re" in str(refused.value) and ALIAS.search(str(refused.value))
    house.put(f"subventions {NAME}.xlsx", ["S-01", "A", 1], header=[f"Numéro du contrat de {NAME}", "osc", "montant"])
    with pytest.raises(ConfigurationError) as headless:
        _night(house)
    assert "l'en-tête de la colonne A lui ressemble" in str(headless.value)
    for said in (str(refused.value), str(headless.value), _kept(house)):
        assert "Wexqu" not in said and "ظغوقس" not in said


def test_an_unknown_column_is_told_by_its_letter_and_never_by_its_header(house: House) -> None:
    house.put("subventions.xlsx", ["S-01", "A", "x"], header=["code", "osc", f"Vu par {NAME}"])
    [receipt] = _night(house).receipts
    assert "gardées scellées : C" in receipt.told
    form = house.project.forms["subventions"]
    log = read_log(house.folder / "aucun.csv")
    build = stage.prepare(house.warehouse, house.keyring, house.project, form, log)
    assert build is not None and build.unknown == {UNKNOWN_COLUMNS}
    stage.discard(house.warehouse, build)


def test_the_officer_sees_both_names_of_the_files_that_lie_there(house: House) -> None:
    """What is read, what waits, what is no workbook, what nothing waits for; one that was moved away has its alias only."""
    file = house.put(f"subventions {NAME}.xlsx", ["S-01", "A", 1])
    house.put(f"{NAME}.xlsx", ["S-01", "A", 1])
    _night(house)
    [received] = received_files(house.warehouse, [house.project.id])
    whose = house.project.id, "subventions"
    lying = lying_files(_settings(house), [house.project], house.keyring)
    assert lying.own_name(*whose, received.file) == file.name
    assert [stranger.own_name for stranger in lying.unclaimed[whose]] == [f"{NAME}.xlsx"]
    file.unlink()
    assert lying_files(_settings(house), [house.project], house.keyring).own_name(*whose, received.file) is None
