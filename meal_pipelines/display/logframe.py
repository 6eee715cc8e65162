"""How the command line shows what a workbook would change in a logframe."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape

from meal_pipelines.display.screen import console
from meal_pipelines.logframe.read import Change
from meal_pipelines.logframe.told import lines


def show_changes(changes: Sequence[Change]) -> None:
    """One line per field: whose, what, before → after."""
    found = lines(changes)
    console.print(f"{len(found)} modification(s) :")
    for line in found:
        console.print(
            f"  [bold]{escape(line.whose)}[/] · {escape(line.what)} : [red]{escape(line.old)}[/] → [green]{escape(line.new)}[/]",
            soft_wrap=True,
        )
