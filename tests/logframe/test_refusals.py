"""What an import refuses: each wrong cell by its sheet and address, and nothing is written."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from openpyxl import Workbook

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.logframe import read_changes
from tests.logframe.books import KEYS, addresses, edited, exported, folder_of, imported, logframe_in


def _set(sheet: str, key: str, heading: str, value: Any) -> Callable[[Any], None]:
    def change(book: Any) -> None:
        addresses(book, KEYS)[sheet, key, heading].value = value

    return change


def _add(sheet: str, *cells: Any) -> Callable[[Any], None]:
    def change(book: Any) -> None:
        at = book[sheet]
        line = next(line for line in range(5, at.max_row + 2) if at.cell(line, 1).value is None)
        for number, value in enumerate(cells, 1):
            at.cell(line, number).value = value

    return change


CASES = [
    (_set("Cibles", "P2-OC-2|24|", "Valeur", "beaucoup"), r"Cibles!E\d+ : un nombre est attendu"),
    (_set("Cibles", "P2-OC-2|36|", "Valeur", "=1+1"), r"Cibles!E\d+ : une formule n'est pas acceptée"),
    (_set("Cibles", "P2-OC-3|24|", "Valeur", "1e999999"), r"Cibles!E\d+ : ce nombre est trop grand"),
    (_set("Cibles", "P2-OC-2|12|", "Valeur", -5), r"Cibles!E\d+ : P2-OC-2 compte des unités : .* jamais négative"),
    (_set("Indicateurs", "P2-OC-2", "Libellé", "avant\u2028après"), r"Indicateurs!C\d+ : un saut de ligne invisible .*U\+2028"),
    (_set("Indicateurs", "P2-OC-2", "Limites", "avant\u2029après"), r"Indicateurs!\w\d+ : un saut de ligne invisible .*U\+2029"),
    (_set("Indicateurs", "P2-OC-3", "Libellé", "avant\x85après"), r"Indicateurs!C\d+ : un saut de ligne invisible .*U\+0085"),
    (_set("Indicateurs", "P2-OC-3", "Responsable", "\u202efdp.exe"), r"Indicateurs!\w\d+ : un ordre de lecture forcé"),
    (_set("Indicateurs", "P2-OC-3", "Fréquence", "Mensu\u200belle"), r"Indicateurs!\w\d+ : un signe invisible .*U\+200B"),
    (_add("Ventilations", "sex", "x\u2066", "X"), r"Ventilations!A\d+ : un ordre de lecture forcé"),
    (_set("References", "P2-OC-2|", "Date", "hier"), r"References!E\d+ : une date est attendue"),
    (_set("References", "P2-OC-2|", "Statut", None), r"References!F\d+ : cette case ne peut pas rester vide"),
    (_set("Indicateurs", "P2-OC-2", "Sens", "haut"), r"Indicateurs!E\d+ : écrivez l'un de : à augmenter, à réduire"),
    (_set("Indicateurs", "P2-OC-2", "Cumulé", "peut-être"), r"Indicateurs!F\d+ : écrivez Oui ou Non"),
    (_set("Bailleurs", "P2-OC-2|opsys", "Vérifié le", "bientôt"), r"Bailleurs!K\d+ : une date est attendue"),
    (_add("Cibles", "P2-NEANT", 12, None, None, 5), r"Cibles!A\d+ : l'indicateur « P2-NEANT » n'est pas"),
    (_add("Cibles", "P2-OC-2", 12, None, None, 5), r"Cibles!A\d+ : la ligne « P2-OC-2 · 12 » est écrite deux fois"),
    (_add("Cibles", "P2-OC-2", "bientôt", None, None, 5), r"Cibles!A\d+ : le mois est un nombre entier de 1 à 120"),
    (_add("Cibles", "P2-OC-2", 30), r"Cibles!A\d+ : cette ligne ajoutée ne dit rien"),
    (_add("Bailleurs", "P2-OC-2", "onu"), r"Bailleurs!A\d+ : « onu » n'est pas un bailleur connu"),
    (_add("Resultats", "P2-NOUVEAU", "output", "Libellé"), r"Resultats!A\d+ : « P2-NOUVEAU » n'est pas dans le cadre"),
    (_add("Ventilations", "taille", "x", "X"), r"Ventilations!A\d+ : la ventilation « taille » est une colonne"),
]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    folder = folder_of("prim2", tmp_path_factory.mktemp("refus"))
    return folder, exported(folder, folder / "cadre.xlsx").read_bytes()


def _copy(home: tuple[Path, bytes], to: Path) -> Path:
    to.write_bytes(home[1])
    return to


def test_every_wrong_cell_is_told_at_once_by_its_address(home: tuple[Path, bytes], tmp_path: Path) -> None:
    """An officer corrects a workbook once, not cell by cell."""

    def change(book: Any) -> None:
        for each, _ in CASES:
            each(book)

    with pytest.raises(ConfigurationError) as refusal:
        imported(home[0], edited(_copy(home, tmp_path / "cadre.xlsx"), change))
    for _, message in CASES:
        assert re.search(message, str(refusal.value)), message
    assert len(str(refusal.value).splitlines()) == len(CASES) + 1


def test_a_row_or_a_sheet_that_has_gone_is_refused(home: tuple[Path, bytes], tmp_path: Path) -> None:
    """A result that a filter hid and a hand deleted is no decision."""

    def change(book: Any) -> None:
        book["Resultats"].delete_rows(6)
        book.remove(book["Bailleurs"])

    with pytest.raises(ConfigurationError) as refusal:
        imported(home[0], edited(_copy(home, tmp_path / "cadre.xlsx"), change))
    assert re.search(r"Resultats : la ligne « P2-OC » .* a disparu", str(refusal.value))
    assert "La feuille « Bailleurs » manque" in str(refusal.value)


def test_a_result_that_does_not_exist_is_refused_with_the_line_it_would_stand_on(
    home: tuple[Path, bytes], tmp_path: Path
) -> None:
    book = _copy(home, tmp_path / "cadre.xlsx")
    with pytest.raises(ConfigurationError, match="le résultat « P2-RIEN » n'est pas déclaré"):
        imported(home[0], edited(book, _set("Indicateurs", "P2-OC-2", "Résultat", "P2-RIEN")))


def test_another_projects_workbook_and_a_foreign_one_are_refused(home: tuple[Path, bytes], tmp_path: Path) -> None:
    other = folder_of("thamm_plus", tmp_path)
    with pytest.raises(ConfigurationError, match="celui du projet « thamm_plus »"):
        read_changes(exported(other, tmp_path / "autre.xlsx"), logframe_in(home[0]))
    foreign = tmp_path / "etranger.xlsx"
    Workbook().save(foreign)
    with pytest.raises(ConfigurationError, match="n'a pas été fait par"):
        read_changes(foreign, logframe_in(home[0]))
    foreign.write_bytes(b"rien")
    with pytest.raises(ConfigurationError, match="n'est pas un classeur"):
        read_changes(foreign, logframe_in(home[0]))


@pytest.mark.parametrize("part", ["xl/styles.xml", "xl/worksheets/sheet3.xml", "xl/workbook.xml"])
def test_a_workbook_of_which_a_part_is_cut_off_is_refused(home: tuple[Path, bytes], tmp_path: Path, part: str) -> None:
    """A copy over a bad line: the archive opens, and what is in it does not."""
    whole, cut = _copy(home, tmp_path / "cadre.xlsx"), tmp_path / "coupe.xlsx"
    with ZipFile(whole) as parts, ZipFile(cut, "w") as written:
        for name in parts.namelist():
            written.writestr(
                name, b"<x/>" if name == part == "xl/styles.xml" else parts.read(name)[: 100 if name == part else None]
            )
    with pytest.raises(ConfigurationError, match="n'est pas un classeur"):
        read_changes(cut, logframe_in(home[0]))


def test_a_change_made_meanwhile_in_the_file_stays_unless_the_workbook_made_another(tmp_path: Path) -> None:
    """Two people on one logframe: neither undoes the other without knowing."""
    folder = folder_of("prim2", tmp_path)
    book = exported(folder, tmp_path / "cadre.xlsx")
    file = folder / "logframe.yaml"
    file.write_text(file.read_text("utf-8").replace("M24: 2400", "M24: 2500"), encoding="utf-8")
    assert imported(folder, book)[0] == []
    with pytest.raises(ConfigurationError, match="le fichier a changé cette valeur depuis l'export"):
        imported(folder, edited(book, _set("Cibles", "P2-OC-2|24|", "Valeur", 2600)))
