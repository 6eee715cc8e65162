"""How the command line shows collections: a table, then what there is to read about some of them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from meal_pipelines.collect.history import MODES, STATES, Collection, Punctuality, delay_told, moment_told
from meal_pipelines.display.screen import console, french, print_table

COUNTS = ("Reçues", "Nouv.", "Modif.", "Suppr.", "Rétab.", "Refus.")
COLOURS = {"running": "yellow", "done": "green", "failed": "red", "refused": "yellow"}


def show_last(forms: Sequence[tuple[str, str]], lines: Sequence[tuple[Collection, Punctuality]]) -> None:
    """One line per form: its last collection, and when more is due."""
    table = Table(title="Dernière collecte de chaque formulaire", title_justify="left")
    for name in ("Formulaire", "Collecte du", "État"):
        table.add_column(name, no_wrap=True)
    for name in (*COUNTS, "Délai (max.)"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Suite attendue", no_wrap=True)
    for each, stands in lines:
        due = moment_told(stands.next_expected_at)[:10]
        table.add_row(
            f"{each.project}/{each.form}", *_cells(each), f"[red]{due}, en retard[/]" if stands.is_late else due
        )
    if lines:
        print_table(table)
    _tell([(f"{each.project}/{each.form}", each) for each, _ in lines])
    collected = {(each.project, each.form) for each, _ in lines}
    missing = [f"{project}/{form}" for project, form in forms if (project, form) not in collected]
    if missing:
        console.print(f"\nJamais collecté(s) : {', '.join(missing)}.", soft_wrap=True)


def show_history(project: str, form: str, collections: Sequence[Collection]) -> None:
    """The last collections of one form, the newest first."""
    if not collections:
        console.print(f"{project}/{form} n'a jamais été collecté.")
        return
    table = Table(title=f"Dernières collectes de {project}/{form}", title_justify="left")
    for name in ("Collecte du", "État"):
        table.add_column(name, no_wrap=True)
    for name in (*COUNTS, "Délai (max.)"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Mode", no_wrap=True)
    for each in collections:
        table.add_row(*_cells(each), MODES[each.mode])
    print_table(table)
    _tell([(moment_told(each.started_at), each) for each in collections])


def _cells(each: Collection) -> list[str]:
    counts = (each.received, each.added, each.changed, each.removed, each.restored, each.refused)
    return [
        moment_told(each.started_at),
        f"[{COLOURS[each.state]}]{STATES[each.state]}[/]",
        *(french(count) for count in counts),
        delay_told(each),
    ]


def _tell(collections: Sequence[tuple[str, Collection]]) -> None:
    """What is to be read under a table; a message may be long."""
    told = [(name, each.message) for name, each in collections if each.message]
    if told:
        console.print()
    for name, message in told:
        console.print(f"[bold]{name}[/] : {escape(message)}", soft_wrap=True)
