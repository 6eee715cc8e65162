"""How the command line shows things: progress, tables and refusals; plain lines where there is no terminal."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from meal_pipelines.display.standing import told
from meal_pipelines.extracts.wording import half_up
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.summary import CheckCounts, FormCounts, IndicatorLine
from meal_pipelines.warehouse.outcomes import Behind

COMMANDING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Signs that a terminal obeys instead of showing them, and those that turn the order of what follows."""


class Screen(Console):
    """A terminal that is shown what others wrote (partners name files, servers name questions) and is never commanded by it."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(COMMANDING.sub("\ufffd", text), **options)


console = Screen(highlight=False, soft_wrap=not sys.stdout.isatty())
errors = Screen(stderr=True, highlight=False)
STAGE_WORDS = {
    "raw": "Collecte", "cleaned": "Nettoyage", "pseudonymised": "Pseudonymisation", "marts": "Marts",
    "indicators": "Indicateurs", "extracts": "Extraits",
}  # fmt: skip


class RunDisplay(AbstractContextManager["RunDisplay"]):
    """Follows a run: a bar on a terminal, one line per asset otherwise. total: how many assets the run has."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        if console.is_terminal:
            self._progress = Progress(
                SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                console=console, transient=True,
            )  # fmt: skip
        self._task: Any = None
        self._started: dict[str, float] = {}

    def __enter__(self) -> Self:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *args: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def begin(self, asset: str) -> None:
        self._started[asset] = time.monotonic()
        if self._progress is not None:
            self._task = self._progress.add_task(_spoken(asset), total=None)

    def advance(self, asset: str, done: int, total: int | None) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, total=total)

    def wait(self, asset: str, reason: str) -> None:
        console.print(f"  [yellow]…[/] {_spoken(asset)} — en attente : {escape(reason)}", soft_wrap=True)

    def end(self, asset: str, text: str) -> None:
        seconds = time.monotonic() - self._started.get(asset, time.monotonic())
        if self._progress is not None and self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        took = french(Decimal(str(round(seconds, 1))))
        console.print(f"  [green]✓[/] {_spoken(asset)} — {escape(text)} [dim]({took} s)[/]")


def _spoken(asset: str) -> str:
    stage, _, rest = asset.partition("/")
    return f"{STAGE_WORDS.get(stage, stage)} · {rest}"


def bars() -> Progress:
    """Progress of long counts; silent where there is no terminal."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, disable=not console.is_terminal, transient=True,
    )  # fmt: skip


def french(value: Decimal | int | None, digits: int = 1) -> str:
    """12 345,6; « – » when there is no value (missing is not zero)."""
    if value is None:
        return "–"
    rounded = half_up(value, digits).normalize()
    return f"{rounded:,f}".replace(",", "\u202f").replace(".", ",")


def show_forms(counts: Iterable[FormCounts]) -> None:
    table = Table(title="Soumissions par étape", title_justify="left")
    for name in ("Projet", "Formulaire"):
        table.add_column(name, no_wrap=True)
    for name in ("Reçues", "Présentes", "Supprimées", "Nettoyées", "Quarantaine", "Lignes pseudon."):
        table.add_column(name, justify="right", no_wrap=True)
    for line in counts:
        numbers = (line.received, line.present, line.deleted, line.cleaned, line.quarantined, line.protected)
        table.add_row(line.project, line.form, *(french(number) for number in numbers))
    print_table(table)


def show_marts(counts: Iterable[tuple[str, int]]) -> None:
    console.print("Marts : " + " · ".join(f"{name.removeprefix('marts.')} {french(rows)}" for name, rows in counts))


def show_checks(counts: CheckCounts) -> None:
    failed = len(counts.failed)
    console.print(
        f"\nContrôles : {french(counts.passed)} réussis sur {french(counts.total)}"
        + (f", {failed} en défaut :" if failed else ".")
    )
    for severity, table, name, rows in counts.failed:
        mark = "[red]✗ bloquant[/]" if severity == "critical" else "[yellow]! avertissement[/]"
        what = "point(s)" if table.startswith("extracts.") else "ligne(s)"
        console.print(f"  {mark} {name} ({table})" + (f" : {french(rows)} {what}" if rows is not None else ""))


def show_standing(behind: Sequence[Behind], projects: Mapping[str, LoadedProject], outdated: Sequence[str]) -> None:
    """The forms that stand still, and what this run made from their tables of another day (stage/… names)."""
    if not behind:
        return
    console.print("\nFormulaires qui n'ont pas pu être mis à jour :")
    for each in behind:
        console.print(f"  [yellow]![/] {escape(told(each, projects))}", soft_wrap=True)
    if outdated:
        console.print(f"  Calculés sur ces tables, avec un avertissement : {', '.join(outdated)}.", soft_wrap=True)


def show_indicators(lines: Iterable[IndicatorLine]) -> None:
    table = Table(title="Indicateurs, cumul à la dernière période", title_justify="left")
    table.add_column("Indicateur", no_wrap=True)
    table.add_column("Libellé", max_width=58, overflow="ellipsis", no_wrap=True)
    table.add_column("Unité", max_width=16, overflow="ellipsis", no_wrap=True)
    for name in ("Valeur", "Cible", "% cible"):
        table.add_column(name, justify="right", no_wrap=True)
    shown = list(lines)
    has_declared = any(line.declared for line in shown)
    if has_declared:
        table.add_column("Déclaré", no_wrap=True)
    illustrative = False
    for line in shown:
        illustrative |= line.illustrative
        value = "ventilé" if line.by_category else french(line.value)
        target = french(line.target)
        if line.target is not None:
            target = ("≤ " if line.falls else "") + target + ("*" if line.illustrative else "")
        declared = [line.declared or ""] if has_declared else []
        table.add_row(line.code, line.label, line.unit, value, target, french(line.percentage), *declared)
    print_table(table)
    if illustrative:
        console.print("[dim]* cible illustrative. « – » : sans valeur, ou à établir ; jamais zéro.[/]")
    if has_declared:
        console.print(
            "[dim]Déclaré : agrégats que des partenaires donnent pour la même période, jamais ajoutés à la valeur.[/]"
        )


def show_files(paths: list[Path]) -> None:
    if paths:
        console.print("\nFichiers :")
    for path in paths:
        console.print(f"  {_relative(path)}", soft_wrap=True)


def _relative(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def print_table(table: Table) -> None:
    """A table keeps its width where output is not a terminal: a cut figure is worse than a long line."""
    console.print()
    if console.is_terminal:
        console.print(table)
    else:
        Screen(file=sys.stdout, width=170, highlight=False).print(table)


def refuse(text: str) -> None:
    """One refusal, on the error stream."""
    errors.print(f"[red]✗[/] {escape(text)}", soft_wrap=True)
