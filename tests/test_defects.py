"""An error that nobody foresaw says where it happened, and nothing of what it was about."""

from __future__ import annotations

import errno
from pathlib import Path

import pandas as pd
import pytest
import typer

from meal_pipelines.commands.command import explained
from meal_pipelines.defects import told


@explained
def _broken() -> None:
    try:
        pd.to_datetime(pd.Series(["Wexqubado"]), format="%Y-%m-%d")
    except ValueError as error:
        raise KeyError("Wexqubado") from error


def test_a_command_that_breaks_quotes_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """Python would print the text of the error and of its cause: both quote the answer."""
    with pytest.raises(typer.Exit) as ended:
        _broken()
    printed = capsys.readouterr()
    assert ended.value.exit_code == 1 and ended.value.__cause__ is None
    assert "Défaut inattendu du programme (KeyError, test_defects.py:" in printed.err
    assert "Wexqubado" not in printed.err + printed.out


def test_a_defect_is_told_by_its_kind_even_when_it_was_never_raised() -> None:
    assert told(ValueError("Wexqubado")).startswith("Défaut inattendu du programme (ValueError). ")


def test_a_folder_that_cannot_be_written_is_told_by_its_setting_and_never_by_its_path(tmp_path: Path) -> None:
    """An officer whose MEAL_OUT is a file, or a drive in read-only, can mend it; a folder may be named after somebody."""
    (tmp_path / "Wexqubado").write_text("")
    with pytest.raises(NotADirectoryError) as met:
        (tmp_path / "Wexqubado" / "opsys.xlsx").write_text("")
    closed = told(met.value)
    assert "(MEAL_OUT, ou MEAL_HOME) a laissé sa place à un fichier. " in closed
    locked = told(PermissionError(errno.EACCES, "refused", str(tmp_path / "Wexqubado" / "opsys.xlsx")))
    assert "est protégé, ou un de ses fichiers est ouvert dans Excel. " in locked
    assert "Wexqubado" not in locked + closed


def test_a_full_disk_is_said_to_be_full() -> None:
    """It is no defect of the program, and the same command goes on once there is room."""
    full = told(OSError(errno.ENOSPC, "No space left on device"))
    assert full.startswith("Le disque est plein (OSError). ") and "relancez" in full
