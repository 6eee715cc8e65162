"""How the command line shows partners' files: the alias by which everything else knows one, and the name it lies under.

The only place where the name that a partner gave is shown; it is written nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.markup import escape

from meal_pipelines.collect.history import moment_told
from meal_pipelines.collect.lying import Lying
from meal_pipelines.collect.received import ReceivedFile
from meal_pipelines.collect.sheets.inbox import InboxFile
from meal_pipelines.display.screen import console

Listed = Mapping[tuple[str, str], Sequence[InboxFile]]


def show_received(files: Sequence[ReceivedFile], lying: Lying) -> None:
    """One line for each file that was received, then what became of it."""
    for file in files:
        mark = "[red]✗[/]" if file.is_refused else "[green]✓[/]"
        counts = "" if file.is_refused else f" — {file.rows} ligne(s)"
        own = lying.own_name(file.project, file.form, file.file)
        named = f" = {escape(own)}" if own not in (None, file.file) else ""
        console.print(
            f"{mark} {file.project}/{file.form} · {moment_told(file.modified_at)} · {file.file}{named}{counts}",
            soft_wrap=True,
        )
        if file.told:
            console.print(f"    {file.told}", soft_wrap=True, markup=False)


def show_left_aside(files: Sequence[ReceivedFile], lying: Lying) -> None:
    """What lies in the inboxes and was not received: not collected yet, of no known format, waited for by nobody."""
    known = {(file.project, file.form, file.file) for file in files}
    waiting = {
        whose: [file for file in found if (*whose, file.name) not in known] for whose, found in lying.files.items()
    }
    _show(waiting, "pas encore collecté")
    _show(lying.others, "n'est pas un classeur, laissé")
    _show(lying.unclaimed, "rien ne l'attend : renommez-le selon « file: » dans project.yaml, ou retirez-le")
    for (project, form), text in lying.silent.items():
        console.print(f"[yellow]![/] {project}/{form} : {escape(text)}", soft_wrap=True)


def _show(listed: Listed, what: str) -> None:
    for (project, form), found in listed.items():
        for file in found:
            named = f" = {escape(file.own_name)}" if file.own_name != file.name else ""
            console.print(f"[yellow]·[/] {project}/{form} · {file.name}{named} — {what}", soft_wrap=True)
