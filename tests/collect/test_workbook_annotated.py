"""The copy that goes back to a partner: marks where the checks found something, in the partner's own file."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import openpyxl
import pytest
from openpyxl.styles import Font

from meal_pipelines.clean import stage as clean
from meal_pipelines.clean.corrections import read_log
from meal_pipelines.collect.annotated import Annotated, annotate
from meal_pipelines.collect.received import Received, received_files
from meal_pipelines.collect.sync import synchronise
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.load import load_project
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.warehouse import Warehouse
from tests.collect.workbook_cases import Lines, a_project, csv_file, partner, rows, written, xlsx

HEADER = ["code", "Montant (MAD)", "Région", "Date de signature", "membres"]
LINES: Lines = [
    ["Registre"], HEADER, ["S-01", 5, "Oriental", "12/05/2026", 3], ["S-02", -5, "Ailleurs", "31/02/2026", 3], ["S-03", 7, "02", None, 0],
    ["TOTAL", 12],
]  # fmt: skip
"""Line 4 has an amount, a region and a day that cannot be; line 5 a number of members."""


class Desk:
    """Collects and cleans what lies in an inbox, and answers partners."""

    def __init__(self, warehouse: Warehouse, folder: Path, project: LoadedProject) -> None:
        self.warehouse, self.folder, self.project = warehouse, folder, project
        self.keyring = Keyring.create(folder.parent / f"{project.id}.json")
        self.form = project.forms["subventions"]

    def night(self) -> None:
        source = partner(
            self.form, self.folder, received=Received(self.warehouse, self.keyring, self.project.id, "subventions")
        )
        synchronise(self.warehouse, self.keyring, self.project.id, "subventions", source)
        source.record(None)
        log = read_log(self.folder / "none.csv")
        build = clean.prepare(self.warehouse, self.keyring, self.project, self.form, log)
        if build is not None:
            clean.publish(self.warehouse, build, log)

    def answer(self, file: Path) -> Annotated:
        return annotate(self.warehouse, self.keyring, self.form, file, self.folder / "retours")

    def clear(self) -> None:
        with self.warehouse.connect() as connection, connection.cursor() as cursor:
            for suffix in ("", "__membre"):
                cursor.execute(f"drop table if exists cleaned.{self.project.id}_subventions{suffix}")
            for table in (
                "raw.file",
                "raw.cursor",
                "raw.missing",
                "raw.submission",
                "raw.load",
                "quality.rejection",
                "quality.build",
            ):
                cursor.execute(f"delete from {table} where project = %s", (self.project.id,))


@pytest.fixture
def desk(warehouse: Warehouse, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(warehouse, tmp_path / "p", a_project(tmp_path / "p", name=f"a{uuid4().hex[:8]}"))
    yield made
    made.clear()


def marks(file: Path, sheet: str = "Subventions") -> dict[str, str]:
    """The comments of a sheet, by cell; each is on a coloured cell."""
    found = {}
    for line in openpyxl.load_workbook(file)[sheet].iter_rows():
        for cell in line:
            if cell.comment is not None:
                assert cell.fill.fgColor.rgb in ("00F8D7DA", "00FFF2CC"), cell.coordinate
                found[cell.coordinate] = cell.comment.text
    return found


def listed(file: Path) -> list[tuple[Any, ...]]:
    return [tuple(line) for line in openpyxl.load_workbook(file)["À corriger"].iter_rows(min_row=5, values_only=True)]


def test_what_the_checks_found_is_marked_in_the_partner_s_own_file(desk: Desk) -> None:
    """Colours, comments and a list in front; the rest of the file is as it was."""
    file = xlsx(desk.folder / "boite" / "subventions-mai.xlsx", LINES, Notes=[["à moi"]])
    book = openpyxl.load_workbook(file)
    book["Subventions"]["A1"].font = Font(bold=True, size=20)
    book.save(file)
    desk.night()
    done = desk.answer(file)
    assert done.path == desk.folder / "retours" / "subventions-mai_annoté.xlsx"
    assert (done.marks, done.rows, done.stale) == (4, 2, 0)
    assert marks(done.path) == {
        "B4": "Montant (MAD) : Un montant positif.",
        "C4": "Région : La réponse n'est pas dans la liste de choix « region ».",
        "D4": "Date de signature : La réponse n'est pas une date.",
        "E5": "Nombre de membres : La réponse ne respecte pas la contrainte de la question.",
    }
    copy = openpyxl.load_workbook(done.path)
    assert copy.sheetnames == ["À corriger", "Subventions", "Notes"] and copy["Subventions"]["A1"].font.size == 20
    assert copy["Subventions"]["C4"].value == "Ailleurs"
    assert listed(done.path)[0] == (
        "Subventions", 4, "Montant (MAD) (colonne B)", "À vérifier ; la ligne est comptée, sans la réponse fautive.",
        "Montant (MAD) : Un montant positif.",
    )  # fmt: skip


def test_the_copy_is_for_its_owner_only(desk: Desk) -> None:
    """It holds what the partner wrote: names, telephones."""
    file = xlsx(desk.folder / "boite" / "subventions.xlsx", LINES)
    desk.night()
    for _ in range(2):
        path = desk.answer(file).path
        assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["subventions.csv", "subventions.ods"])
def test_a_file_of_another_format_is_copied_into_a_workbook(name: str, desk: Desk) -> None:
    from tests.collect.workbook_cases import ods

    file = desk.folder / "boite" / name
    (csv_file if name.endswith("csv") else ods)(file, [["code", "osc", "montant"], ["S-01", "=1+1", -5]])
    desk.night()
    done = desk.answer(file)
    assert done.path.name == "subventions_annoté.xlsx" and marks(done.path) == {
        "C2": "Montant (MAD) : Un montant positif."
    }
    cell = openpyxl.load_workbook(done.path)["Subventions"]["B2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s"), "a text of the partner never becomes a formula"


def test_rows_corrected_since_are_not_marked_again(desk: Desk) -> None:
    """The partner sent a newer file: what the older one says is no longer what is judged."""
    old = written(xlsx(desk.folder / "boite" / "subventions-1.xlsx", [HEADER, ["S-01", -5], ["S-02", -6]]), 0)
    written(xlsx(desk.folder / "boite" / "subventions-2.xlsx", [HEADER, ["S-01", 5]]), 60)
    desk.night()
    new = xlsx(desk.folder / "subventions-3.xlsx", [HEADER, ["S-09", -5]])
    done = desk.answer(old)
    assert (done.marks, done.stale) == (1, 1) and list(marks(done.path)) == ["B3"]
    assert (
        "1 ligne corrigée depuis ou pas encore collectée" in openpyxl.load_workbook(done.path)["À corriger"]["A2"].value
    )  # type: ignore[operator]
    assert (desk.answer(new).marks, desk.answer(new).stale) == (0, 1)


def test_a_copy_that_comes_back_corrected_is_a_file_like_another(desk: Desk) -> None:
    """Its list, colours and comments are no data; annotated again, it has one list."""
    file = xlsx(desk.folder / "boite" / "subventions.xlsx", LINES)
    desk.night()
    path = desk.answer(file).path
    file.unlink()
    book = openpyxl.load_workbook(path)
    book["Subventions"]["B4"] = 50
    back = desk.folder / "boite" / path.name
    book.save(back)
    assert rows(partner(desk.form, desk.folder))["S-02"]["montant"] == "50"
    desk.night()
    again = desk.answer(back).path
    assert again.name == "subventions_annoté.xlsx" and "B4" in marks(again), (
        "old comments stay, the cell is judged anew"
    )
    assert openpyxl.load_workbook(again).sheetnames.count("À corriger") == 1 and len(listed(again)) == 3


def test_merged_cells_and_the_rows_of_members_are_marked_where_they_are(warehouse: Warehouse, tmp_path: Path) -> None:
    project = a_project(
        tmp_path / "p", name=f"a{uuid4().hex[:8]}", repeats={"membre": {"sheet": "Membres", "parent": "code"}}
    )
    desk = Desk(warehouse, tmp_path / "p", project)
    file = xlsx(
        desk.folder / "boite" / "subventions.xlsx",
        [["code", "montant"], ["S-01", -5], ["S-02", None]],
        Membres=[["code", "nom", "age"], ["S-02", "A", 30], ["S-01", "B", "x"], ["S-02", "C", "vieux"]],
    )
    book = openpyxl.load_workbook(file)
    book["Subventions"].merge_cells("B2:B3")
    book.save(file)
    try:
        desk.night()
        path = desk.answer(file).path
        assert marks(path, "Membres") == {
            "C3": "Âge : La réponse n'est pas un nombre entier.",
            "C4": "Âge : La réponse n'est pas un nombre entier.",
        }
        assert list(marks(path)) == ["B2"] and len(listed(path)) == 4
    finally:
        desk.clear()


def test_a_refused_file_has_nothing_to_mark(desk: Desk) -> None:
    file = xlsx(desk.folder / "boite" / "subventions.xlsx", [["code"], ["S-01"]], sheet="Feuil1")
    with pytest.raises(
        ConfigurationError, match=r"la feuille « Subventions » manque .* Aucune copie annotée n'a été écrite"
    ):
        desk.answer(file)
    with pytest.raises(ConfigurationError, match="Fichier introuvable"):
        desk.answer(desk.folder / "nulle-part.xlsx")
    assert not (desk.folder / "retours").exists()


def test_what_was_received_is_listed_with_what_became_of_it(desk: Desk) -> None:
    written(xlsx(desk.folder / "boite" / "subventions-1.xlsx", LINES), 0)
    written(xlsx(desk.folder / "boite" / "subventions-2.xlsx", [["osc"], ["Secret"]]), 60)
    desk.night()
    newest, oldest = received_files(desk.warehouse, [desk.project.id])
    assert (newest.file, newest.is_refused, newest.rows) == (
        "subventions-2.xlsx",
        True,
        0,
    ) and "Secret" not in newest.told
    assert (oldest.file, oldest.is_refused, oldest.rows) == ("subventions-1.xlsx", False, 3)
    assert oldest.told == "1 ligne de total laissée (ligne 6)"


def test_a_register_of_persons_is_found_under_its_keyed_hash(warehouse: Warehouse, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    project = a_project(folder, name=f"a{uuid4().hex[:8]}")
    text = (folder / "project.yaml").read_text(encoding="utf-8")
    text = text.replace("identifier: []", "identifier: [code]").replace("      - code\n", "")
    (folder / "project.yaml").write_text(text, encoding="utf-8")
    desk = Desk(warehouse, folder, load_project(folder, {}))
    assert project.id == desk.project.id
    file = xlsx(folder / "boite" / "subventions.xlsx", LINES)
    from meal_pipelines.collect.sources import concealer

    source = partner(desk.form, folder, received=Received(warehouse, desk.keyring, desk.project.id, "subventions"))
    source.conceal = concealer(desk.form, desk.keyring)
    try:
        synchronise(warehouse, desk.keyring, desk.project.id, "subventions", source)
        log = read_log(folder / "none.csv")
        build = clean.prepare(warehouse, desk.keyring, desk.project, desk.form, log)
        assert build is not None
        clean.publish(warehouse, build, log)
        assert list(marks(desk.answer(file).path)) == ["B4", "C4", "D4", "E5"]
    finally:
        desk.clear()
