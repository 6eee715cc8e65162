"""What the command line shows: words as they are, one line for one thing where nobody looks, the files of now."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from meal_pipelines.summary import files


def test_brackets_in_a_message_are_shown_and_not_taken_for_a_colour(capsys: pytest.CaptureFixture[str]) -> None:
    """What a person wrote may hold brackets: `[GSM, "N° de tél."]` in a project file, a choice in a question."""
    from meal_pipelines.display.screen import RunDisplay, refuse

    refuse("Écrivez « headers: » ainsi : [GSM], puis relancez.")
    with RunDisplay() as display:
        display.begin("raw/prim2/visites")
        display.end("raw/prim2/visites", "3 lignes [bold]")
    shown = capsys.readouterr()
    assert shown.err == "✗ Écrivez « headers: » ainsi : [GSM], puis relancez.\n"
    assert shown.out.startswith("  ✓ Collecte · prim2/visites — ") and "3 lignes [bold]" in shown.out


@pytest.mark.parametrize(("value", "digits", "shown"), [("62.5", 0, "63"), ("2.25", 1, "2,3"), ("96.49", 0, "96")])
def test_a_figure_is_rounded_as_the_spreadsheet_beside_it_shows_it(value: str, digits: int, shown: str) -> None:
    """Five of eight is 62,5 %: Excel shows 63 where `round` of Python says 62."""
    from meal_pipelines.display.screen import french
    from meal_pipelines.extracts.wording import half_up, number

    assert french(Decimal(value), digits) == shown
    assert number(half_up(Decimal(value), digits)) == shown


def test_a_terminal_is_not_commanded_by_the_name_of_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    """A partner may name a file so that a terminal hides lines, fills the clipboard or writes its title; and shows .xlsx for .exe."""
    from datetime import UTC, datetime

    from rich.table import Table

    from meal_pipelines.collect.lying import Lying
    from meal_pipelines.collect.sheets.inbox import InboxFile
    from meal_pipelines.display.files import show_left_aside
    from meal_pipelines.display.screen import print_table, refuse

    name = "a\x1b[8mb\x1b]52;c;eA==\x07\x9bm\u202excod.exe"
    lying = Lying(others={("prim2", "visites"): [InboxFile(datetime.now(UTC), "fichier-1.exe", 1, f"/inbox/{name}")]})
    show_left_aside([], lying)
    table = Table("Nom")
    table.add_row(name)
    print_table(table)
    refuse(name)
    shown = "".join(capsys.readouterr())
    assert shown.count("a\ufffd[8mb") == 3
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown)


def test_a_line_is_not_cut_where_the_output_is_not_a_terminal() -> None:
    """A log is searched line by line, and a number of thousands must not stand on two of them."""
    words = " · ".join(f"mart_{number} 1\u202f{number}" for number in range(200, 230))
    code = "import sys; from meal_pipelines.display.screen import console; console.print(sys.argv[1])"
    shown = subprocess.run([sys.executable, "-c", code, words], capture_output=True, check=True)
    assert shown.stdout.decode().splitlines() == [words]


def test_the_files_of_a_run_are_the_newest_extracts_of_its_projects(tmp_path: Path) -> None:
    """Partners' copies, templates and what a killed run was writing stand beside them, the demonstration apart."""
    for name in (
        "prim2/2026-10/opsys.xlsx", "prim2/2026-11/opsys.xlsx", "prim2/2026/thema.xlsx", "prim2/2026-11/notes.txt",
        "prim2/2026-11/.opsys.1f2e.xlsx",
        "prim2/retours/copie_annotée.xlsx", "prim2/modeles/m.xlsx", "autre/2026-11/opsys.xlsx", "demo/prim2/2029-02/opsys.xlsx",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    shown = [path.relative_to(tmp_path).as_posix() for path in files(tmp_path, ["prim2", "sans_extrait"])]
    assert shown == ["prim2/2026/thema.xlsx", "prim2/2026-11/opsys.xlsx"]
