"""The commands about what is handed over: freezing a report, what was frozen, and what differs since.

Words in, work done elsewhere, words out, as in `cli.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from meal_pipelines.commands.command import Demo, explained, settings_of
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.invocation import typed

if TYPE_CHECKING:
    from meal_pipelines.extracts.values import Labels
    from meal_pipelines.indicators.reports.restate import Restated, Restatements

reports = typer.Typer()

ProjectName = Annotated[str, typer.Argument(metavar="PROJET", help="Le projet, par exemple prim2.")]


@reports.command()
@explained
def freeze(
    project: ProjectName,
    period: Annotated[
        str, typer.Argument(metavar="PÉRIODE", help="2028-12, 2028-Q4, 2028-S2, 2028 ou A3 ; elle doit être finie.")
    ],
    label: Annotated[str, typer.Option(help="Le nom du rapport remis.")],
    by: Annotated[str, typer.Option(help="Le nom de la personne qui fige.")],
    reason: Annotated[str, typer.Option(help="Pourquoi la période est figée de nouveau (nouvelle version).")] = "",
    demo: Demo = False,
) -> None:
    """Figer les chiffres d'une période close, tels qu'ils sont remis ; ils ne changeront plus."""
    from meal_pipelines.display.screen import console, french
    from meal_pipelines.display.standing import frozen_behind
    from meal_pipelines.extracts.hand_over import hand_over
    from meal_pipelines.indicators.reports.freeze import Asked
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.warehouse.connection import Warehouse
    from meal_pipelines.warehouse.turns import turn

    settings = settings_of(demo)
    loaded = load_projects(settings, [project])[project]
    asked = Asked(period, label, by, reason)
    with (
        Warehouse.open(settings) as warehouse,
        turn(warehouse, "build", f"indicators/{project}"),
        closing(warehouse.psycopg()) as connection,
    ):
        made, files = hand_over(connection, loaded, asked, out=settings.out)
        behind = frozen_behind(made, loaded)
    console.print(
        f"Figé : {project}, {made.period}, version {made.version} (gel n° {made.freeze_id}), « {made.label} », par {made.frozen_by}. "
        f"Données reçues jusqu'au {made.cutoff:%d/%m/%Y} ; {french(sum(kept['rows'] for kept in made.inputs.values()))} lignes gardées.",
        soft_wrap=True, markup=False,
    )  # fmt: skip
    for file in files:
        console.print(str(file), soft_wrap=True, markup=False)
    for sentence in behind:
        console.print(
            f"! {sentence} Figez de nouveau, avec --reason, quand il sera à jour.", soft_wrap=True, markup=False
        )
    console.print(f"Ce qui change ensuite : {typed(f'restatements {project}')}.", markup=False)


@reports.command()
@explained
def freezes(
    project: Annotated[str | None, typer.Argument(metavar="[PROJET]", help="Un projet seulement.")] = None,
    demo: Demo = False,
) -> None:
    """Les rapports figés : période, version, qui, quand, avec quelles données et quel programme."""
    from meal_pipelines.collect.history import moment_told
    from meal_pipelines.display.screen import console
    from meal_pipelines.indicators.reports import frozen
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.warehouse.connection import Warehouse

    settings = settings_of(demo)
    load_projects(settings, [project] if project else None)
    with Warehouse.open(settings) as warehouse, warehouse.connect() as connection, connection.cursor() as cursor:
        found = frozen.freezes(cursor, project)
    for made in found:
        why = f" · {made.reason}" if made.reason else ""
        console.print(
            f"n° {made.freeze_id} · {made.project} · {made.period} v{made.version} · « {made.label} » · {made.frozen_by}, le "
            f"{moment_told(made.frozen_at)} · données reçues jusqu'au {made.cutoff:%d/%m/%Y} · cadre logique "
            f"{made.logframe_version} · programme {made.code_version}{why}",
            soft_wrap=True, markup=False,
        )  # fmt: skip
    if not found:
        console.print(f"Rien n'a encore été figé ({typed('freeze PROJET PÉRIODE')}).")


@reports.command("restatements")
@explained
def show_restatements(
    project: ProjectName,
    number: Annotated[
        int | None, typer.Option("--freeze", help=f"Le numéro du gel ({typed('freezes')}) ; par défaut le dernier.")
    ] = None,
    indicator: Annotated[list[str] | None, typer.Option(help="Un indicateur seulement (peut se répéter).")] = None,
    xlsx: Annotated[bool, typer.Option("--xlsx", help="Écrire toutes les cellules dans un classeur interne.")] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Inscrire ces écarts avec leur explication, pour toujours.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Avec --record : l'explication donnée.")] = "",
    approved_by: Annotated[str, typer.Option(help="Avec --record : qui l'a approuvée.")] = "",
    by: Annotated[str, typer.Option(help="Avec --record : qui l'inscrit.")] = "",
    told_on: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Avec --record : jour où le bailleur en a été informé."),
    ] = None,
    demo: Demo = False,
) -> None:
    """Ce qui diffère d'un rapport figé : remis, aujourd'hui, écart, et ses causes, qui s'y additionnent exactement."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.extracts.extract import logframe_of
    from meal_pipelines.extracts.restatement_sheets import write_restatements
    from meal_pipelines.extracts.values import Labels
    from meal_pipelines.indicators.reports.contributing import marts_of
    from meal_pipelines.indicators.reports.frozen import chosen
    from meal_pipelines.indicators.reports.restate import restatements
    from meal_pipelines.indicators.told import Explanation, record_restatements
    from meal_pipelines.pages import write_pages
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.warehouse.connection import Warehouse

    settings = settings_of(demo)
    loaded = load_projects(settings, [project])[project]
    with Warehouse.open(settings) as warehouse, closing(warehouse.psycopg()) as connection:
        with connection, connection.cursor() as cursor:
            labels, freeze = Labels.read(cursor, logframe_of(loaded)), chosen(cursor, project, number)
        marts = marts_of(loaded)
        found = restatements(connection, loaded, freeze, marts)
        cells = [cell for cell in found.cells if not indicator or cell.indicator in indicator]
        found = replace(found, cells=cells)
        _show(found, labels)
        if xlsx:
            console.print(str(write_restatements(found, loaded, labels, settings.out)), soft_wrap=True, markup=False)
        if record:
            _check_computed(cells)
            told = Explanation(reason, approved_by, by, told_on.date() if told_on else None)
            with connection, connection.cursor() as cursor:
                count = record_restatements(cursor, freeze, cells, told)
            write_pages(connection, loaded, {name: mart.spec for name, mart in marts.items()}, settings.out)
            console.print(f"{count} écart(s) inscrit(s) avec leur explication (indicators.restatement).")


def _check_computed(cells: Sequence[Restated]) -> None:
    """Raises: ConfigurationError: what is recorded stays for ever, and a cause that is not known yet would."""
    if any("pending" in cell.causes for cell in cells):
        raise ConfigurationError(
            f"Des écarts viennent de valeurs pas encore recalculées : leur cause n'est pas connue. Lancez {typed('run')}, puis "
            "recommencez."
        )


def _show(found: Restatements, labels: Labels) -> None:
    """The report, what changed in the data, and the figures of the report's own end; the others are counted."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.extracts.restatement_sheets import changed_sentences

    freeze = found.freeze
    console.print(
        f"Rapport figé n° {freeze.freeze_id} : {freeze.project}, {freeze.period}, version {freeze.version}, « {freeze.label} », le "
        f"{freeze.frozen_at:%d/%m/%Y}.",
        soft_wrap=True, markup=False,
    )  # fmt: skip
    for sentence in changed_sentences(found):
        console.print(f"  {sentence}", markup=False)
    if not found.cells:
        console.print("Aucun écart : les chiffres sont ceux du rapport.")
        return
    month = f"{freeze.period_end:%Y-%m}"
    shown = [
        cell for cell in found.cells
        if not cell.disaggregation and (cell.period == freeze.period or (cell.period_kind, cell.period) == ("to_date", month))
    ]  # fmt: skip
    for line in _lines(shown, labels):
        console.print(line, soft_wrap=True, markup=False)
    others = len(found.cells) - len(shown)
    if others:
        console.print(f"Et {others} autre(s) valeur(s), ventilations et autres périodes : « --xlsx » les donne toutes.")


def _lines(cells: Sequence[Restated], labels: Labels) -> list[str]:
    from meal_pipelines.extracts.restatement_sheets import KINDS, cell_name
    from meal_pipelines.extracts.wording import NOT_MEASURED, beside_difference, signed
    from meal_pipelines.indicators.reports.differences import CAUSES

    lines = []
    for cell in cells:
        reported, now = (
            beside_difference(value) if value is not None else NOT_MEASURED for value in (cell.reported, cell.now)
        )
        causes = " ; ".join(f"{CAUSES[cause]} {signed(part)}" for cause, part in cell.causes.items())
        lines.append(
            f"{cell.indicator} · {KINDS[cell.period_kind]} {cell.period} · {cell_name(cell.disaggregation, labels)} : remis "
            f"{reported}, aujourd'hui {now}, écart {signed(cell.difference)} = {causes}"
        )
    return lines
