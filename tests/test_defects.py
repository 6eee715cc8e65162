"""An error that nobody foresaw says where it happened, and nothing of what it was about."""

from __future__ import annotations

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
