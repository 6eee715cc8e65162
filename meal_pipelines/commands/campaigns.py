"""The commands `meal campaign …`: the annual campaigns of THEMA, Team Europe and AFD, and their closing.

Words in, work done elsewhere, words out, as in `cli.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meal_pipelines.commands.command import Demo, explained, settings_of
from meal_pipelines.errors import ConfigurationError

if TYPE_CHECKING:
    from meal_pipelines.project.loaded import LoadedProject

campaign = typer.Typer(
    help="Les campagnes annuelles : THEMA, TEI, AFD ; ouvertes, figées, envoyées.", no_args_is_help=True
)

ProjectName = Annotated[str, typer.Argument(metavar="PROJET", help="Le projet.")]
RecipientName = Annotated[str, typer.Argument(metavar="DESTINATAIRE", help="thema, tei ou afd.")]
Year = Annotated[int, typer.Argument(metavar="ANNÉE", help="L'année civile de la campagne.", min=2000, max=2100)]
By = Annotated[str, typer.Option(help="Le nom de la personne qui le fait.")]


@campaign.command("list")
@explained
def list_(
    project: Annotated[str | None, typer.Argument(metavar="[PROJET]", help="Un projet seulement.")] = None,
    demo: Demo = False,
) -> None:
    """Les campagnes préparées : état, lignes, qui les a fermées et quand."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.extracts.campaigns.states import states
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.warehouse.connection import Warehouse

    settings = settings_of(demo)
    load_projects(settings, [project] if project else None)
    with Warehouse.open(settings) as warehouse, warehouse.connect() as connection, connection.cursor() as cursor:
        found = states(cursor, project)
    for state in found:
        console.print(state.told, soft_wrap=True, markup=False)
    if not found:
        console.print("Aucune campagne n'a encore été préparée.")


@campaign.command()
@explained
def freeze(project: ProjectName, recipient: RecipientName, year: Year, by: By, demo: Demo = False) -> None:
    """Figer une campagne relue : elle ne suit plus les données."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.extracts.campaigns.states import freeze_campaign, recipient_named
    from meal_pipelines.indicators.reports.contributing import figures_behind, marts_of

    chosen = recipient_named(recipient)
    with _opened(project, demo) as (connection, loaded, cutoff, out):
        with connection.cursor() as cursor:
            behind = figures_behind(cursor, loaded, marts_of(loaded))
        file = freeze_campaign(connection, loaded, chosen, year, by=by, cutoff=cutoff, out=out, behind=behind)
    console.print(f"Campagne {chosen.title} {year} figée par {by} : {file}", soft_wrap=True, markup=False)


@campaign.command()
@explained
def send(
    project: ProjectName,
    recipient: RecipientName,
    year: Year,
    by: By,
    to: Annotated[str, typer.Option(help="À qui elle a été envoyée.")],
    demo: Demo = False,
) -> None:
    """Noter qu'une campagne figée a été envoyée : les publications suivantes en tiennent compte."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.extracts.campaigns.states import recipient_named, send_campaign

    chosen = recipient_named(recipient)
    with _opened(project, demo) as (connection, loaded, cutoff, out):
        file = send_campaign(connection, loaded, chosen, year, by=by, to=to, cutoff=cutoff, out=out)
    console.print(f"Campagne {chosen.title} {year} envoyée à {to} par {by} : {file}", soft_wrap=True, markup=False)


@contextmanager
def _opened(project: str, demo: bool) -> Iterator[tuple[Any, LoadedProject, dt.date, Path]]:
    """A connection, the project, the last day of its data, and where files go. Raises: ConfigurationError."""
    from meal_pipelines.indicators.compute import cutoff
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.warehouse.connection import Warehouse

    settings = settings_of(demo)
    loaded = load_projects(settings, [project])[project]
    with Warehouse.open(settings) as warehouse, closing(warehouse.psycopg()) as connection:
        with connection.cursor() as cursor:
            until = cutoff(cursor, loaded)
        connection.rollback()
        if until is None:
            raise ConfigurationError(f"« {project} » n'a encore aucune soumission : rien à figer ni à envoyer.")
        yield connection, loaded, until, settings.out
