"""`meal logframe`: nothing is written without --yes, a copy is kept, and undo puts it back byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from meal_pipelines.cli import app
from tests.logframe.books import KEYS, PROJECTS, addresses, edited


@pytest.fixture
def projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository's projects in a place of their own."""
    shutil.copytree(PROJECTS, tmp_path / "projects")
    monkeypatch.setenv("MEAL_PROJECTS", str(tmp_path / "projects"))
    monkeypatch.setenv("MEAL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MEAL_OUT", str(tmp_path / "out"))
    return tmp_path / "projects"


def _run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["logframe", *words])
    return result.exit_code, " ".join(result.output.split())


def test_the_difference_is_shown_then_written_then_undone(projects: Path, tmp_path: Path) -> None:
    book, file = tmp_path / "cadre.xlsx", projects / "prim2" / "logframe.yaml"
    before = file.read_bytes()
    assert _run("export", "prim2", "--xlsx", str(book))[0] == 0
    assert "Aucune différence" in _run("import", "prim2", "--xlsx", str(book))[1]

    def change(opened: Any) -> None:
        addresses(opened, KEYS)["Cibles", "P2-OC-2|24|", "Valeur"].value = 2600

    edited(book, change)
    code, said = _run("import", "prim2", "--xlsx", str(book))
    assert (code, file.read_bytes()) == (0, before)
    assert "P2-OC-2 · Cibles · M24 · Valeur : 2400 → 2600" in said
    assert "Rien n'a été écrit" in said
    assert _run("import", "prim2", "--xlsx", str(book), "--yes")[0] == 0
    assert file.read_bytes() == before.replace(b"M24: 2400", b"M24: 2600")
    assert [path.read_bytes() for path in (tmp_path / "home" / "logframes" / "prim2").glob("*.yaml")] == [before]
    assert _run("undo", "prim2")[0] == 0
    assert file.read_bytes() == before
    assert _run("undo", "prim2")[0] == 2


def test_what_was_changed_by_hand_after_an_import_is_not_undone_with_it_unless_asked(
    projects: Path, tmp_path: Path
) -> None:
    book, file = tmp_path / "cadre.xlsx", projects / "prim2" / "logframe.yaml"
    before = file.read_bytes()
    _run("export", "prim2", "--xlsx", str(book))

    def change(opened: Any) -> None:
        addresses(opened, KEYS)["Cibles", "P2-OC-2|24|", "Valeur"].value = 2600

    assert _run("import", "prim2", "--xlsx", str(edited(book, change)), "--yes")[0] == 0
    by_hand = file.read_bytes().replace(b"M36: 3600", b"M36: 3700") + b"# relu\n"
    file.write_bytes(by_hand)
    code, said = _run("undo", "prim2")
    assert (code, file.read_bytes()) == (2, by_hand)
    assert "a été modifié depuis le dernier import" in said and "--force" in said
    code, said = _run("undo", "prim2", "--force")
    assert (code, file.read_bytes()) == (0, before)
    [kept] = (tmp_path / "home" / "logframes" / "prim2").glob("*.avant-retour")
    assert kept.read_bytes() == by_hand and kept.name in said


def test_a_negative_target_of_a_count_written_in_the_file_is_refused_there_too(projects: Path) -> None:
    file = projects / "prim2" / "logframe.yaml"
    file.write_bytes(file.read_bytes().replace(b"M24: 2400", b"M24: -2400"))
    code, said = _run("export", "prim2")
    assert code == 2 and "la cible M24 est négative" in said


def test_a_measure_that_names_no_column_is_refused_before_anything_is_written(projects: Path, tmp_path: Path) -> None:
    """Whoever lifts the protection of Mesures is judged by the same rules as whoever edits the file."""
    book, file = tmp_path / "cadre.xlsx", projects / "prim2" / "logframe.yaml"
    before = file.read_bytes()
    _run("export", "prim2", "--xlsx", str(book))

    def change(opened: Any) -> None:
        addresses(opened, KEYS)["Mesures", "P2-OC-2|measure.unit", "Valeur"].value = "colonne_absente"

    code, said = _run("import", "prim2", "--xlsx", str(edited(book, change)), "--yes")
    assert code == 2
    assert "colonne_absente" in said
    assert file.read_bytes() == before


def test_windows_line_ends_and_a_byte_order_mark_stay(projects: Path, tmp_path: Path) -> None:
    book, file = tmp_path / "cadre.xlsx", projects / "prim2" / "logframe.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    before = file.read_bytes()
    _run("export", "prim2", "--xlsx", str(book))

    def change(opened: Any) -> None:
        addresses(opened, KEYS)["Cibles", "P2-OC-2|24|", "Valeur"].value = 2600

    assert _run("import", "prim2", "--xlsx", str(edited(book, change)), "--yes")[0] == 0
    assert file.read_bytes() == before.replace(b"M24: 2400", b"M24: 2600")
