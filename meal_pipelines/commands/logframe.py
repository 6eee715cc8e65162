"""The commands `meal logframe …`: the logframe as a workbook, its changes back into the project's file, and their undo.

Words in, work done elsewhere, words out, as in `cli.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meal_pipelines.commands.command import explained
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.invocation import line
from meal_pipelines.settings import Settings

if TYPE_CHECKING:
    from meal_pipelines.logframe import Changed
    from meal_pipelines.project.loaded import LoadedProject
    from meal_pipelines.project.logframe import Logframe

logframe = typer.Typer(
    help="Le cadre logique : en classeur, et retour dans le fichier du projet.", no_args_is_help=True
)

ProjectName = Annotated[str, typer.Argument(metavar="PROJET", help="Le projet.")]


@logframe.command("export")
@explained
def export_(
    project: ProjectName,
    xlsx: Annotated[Path | None, typer.Option(help="Classeur à écrire (par défaut dans MEAL_OUT/<projet>).")] = None,
) -> None:
    """Écrire le cadre logique en classeur : listes, cases verrouillées, aide."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.logframe import export_logframe

    settings = Settings.load()
    _, current = _chosen(settings, project)
    to = xlsx or settings.out / project / "cadre_logique.xlsx"
    try:
        export_logframe(current, to)
    except PermissionError:
        raise ConfigurationError(
            f"{to} ne peut pas être écrit : il est sans doute ouvert dans Excel. Fermez-le."
        ) from None
    console.print(f"Cadre logique écrit : {to}", soft_wrap=True)
    console.print(f"Après modification : {line(f'logframe import {project} --xlsx {to}')}", soft_wrap=True)


@logframe.command("import")
@explained
def import_(
    project: ProjectName,
    xlsx: Annotated[Path, typer.Option(help="Le classeur modifié.")],
    yes: Annotated[bool, typer.Option("--yes", help="Écrire ; sans cette option, rien n'est écrit.")] = False,
) -> None:
    """Montrer ce que le classeur change au cadre logique ; l'écrire avec --yes."""
    from meal_pipelines.display.logframe import show_changes
    from meal_pipelines.display.screen import console
    from meal_pipelines.logframe import changed_text, read_changes
    from meal_pipelines.logframe.store import replace, text_of

    settings = Settings.load()
    loaded, current = _chosen(settings, project)
    changes = read_changes(xlsx, current)
    if not changes:
        console.print("Aucune différence : le classeur dit ce que dit le fichier.")
        return
    show_changes(changes)
    wanted = changed_text(text_of(loaded.folder), current, changes, folder=loaded.folder.name)
    _judge(settings, loaded, wanted)
    if not yes:
        console.print("Rien n'a été écrit. Relisez, puis relancez avec --yes.")
        return
    copy = replace(loaded.folder, wanted.text, _copies(settings, project))
    console.print(f"Écrit dans {loaded.folder.name}/logframe.yaml. L'ancien fichier est gardé : {copy}", soft_wrap=True)
    console.print(f"Pour revenir en arrière : {line(f'logframe undo {project}')}", soft_wrap=True)


@logframe.command()
@explained
def undo(
    project: ProjectName,
    force: Annotated[
        bool,
        typer.Option("--force", help="Défaire aussi ce qui a été modifié à la main depuis ; une copie en est gardée."),
    ] = False,
) -> None:
    """Remettre le cadre logique comme il était avant le dernier import."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.logframe import store

    settings = Settings.load()
    loaded, _ = _chosen(settings, project)
    lost = store.undo(loaded.folder, _copies(settings, project), force=force)
    console.print(f"{loaded.folder.name}/logframe.yaml est de nouveau comme avant le dernier import.", soft_wrap=True)
    if lost is not None:
        console.print(f"Le fichier tel qu'il avait été modifié depuis est gardé : {lost}", soft_wrap=True)


def _chosen(settings: Settings, project: str) -> tuple[LoadedProject, Logframe]:
    """Raises: ConfigurationError, when there is no such project, or when it has no logframe."""
    from meal_pipelines.extracts.extract import logframe_of
    from meal_pipelines.project.load import load_projects

    loaded = load_projects(settings, [project])[project]
    return loaded, logframe_of(loaded)


def _judge(settings: Settings, loaded: LoadedProject, wanted: Changed) -> None:
    """Whether the changed logframe agrees with its forms and can still be computed. Raises: ConfigurationError."""
    import dataclasses

    from meal_pipelines.doctor.doctor import models_of
    from meal_pipelines.indicators.compile import check_logframe
    from meal_pipelines.project.agreement import disagreements
    from meal_pipelines.project.load import load_projects

    changed = dataclasses.replace(loaded, logframe=wanted.logframe, logframe_lines=wanted.lines)
    if problems := disagreements(changed):
        raise ConfigurationError("\n".join(problems))
    marts = models_of(load_projects(settings)).marts
    check_logframe(changed, {name: mart.spec for name, mart in marts.items()})


def _copies(settings: Settings, project: str) -> Path:
    return settings.home / "logframes" / project
