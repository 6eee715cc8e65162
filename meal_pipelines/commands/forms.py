"""The commands `meal forms …`: what the officer does with a form, from its questionnaire to its files.

Words in, work done elsewhere, words out, as in `cli.py`.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meal_pipelines.commands.command import Demo, explained, opened, settings_of
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.settings import Settings

if TYPE_CHECKING:
    from meal_pipelines.project.loaded import LoadedForm, LoadedProject

forms = typer.Typer(help="Les formulaires : questionnaires, modèles de classeur, retours.", no_args_is_help=True)

FormName = Annotated[str, typer.Argument(metavar="FORMULAIRE", help="Le nom du formulaire dans project.yaml.")]
ProjectName = Annotated[str, typer.Option("--project", "-p", help="Le projet.")]


class Tongue(StrEnum):
    FRENCH = "fr"
    ARABIC = "ar"


def chosen_form(settings: Settings, project: str, form: str) -> tuple[LoadedProject, LoadedForm]:
    """Raises: ConfigurationError when there is no such project, or no such form in it."""
    from meal_pipelines.project.load import load_projects

    loaded = load_projects(settings, [project])[project]
    if form not in loaded.forms:
        raise ConfigurationError(
            f"Le projet « {project} » n'a pas de formulaire « {form} » : {', '.join(loaded.forms)}."
        )
    return loaded, loaded.forms[form]


@forms.command()
@explained
def template(
    form: FormName,
    project: ProjectName,
    to: Annotated[
        Path | None, typer.Option(help="Fichier à écrire (par défaut dans MEAL_OUT/<projet>/modeles).")
    ] = None,
    language: Annotated[Tongue, typer.Option(help="Langue des listes et du premier en-tête.")] = Tongue.FRENCH,
) -> None:
    """Écrire le classeur vide qu'un partenaire remplit : en-têtes fr et ar, listes, contrôles, version."""
    from meal_pipelines.collect.template import write_template
    from meal_pipelines.display.screen import console

    settings = Settings.load()
    loaded, chosen = chosen_form(settings, project, form)
    suffix = "_ar" if language is Tongue.ARABIC else ""
    path = to or settings.out / project / "modeles" / f"{form}_{chosen.own_version}{suffix}.xlsx"
    write_template(loaded, chosen, path, language.value)
    console.print(f"Modèle écrit : {path}", soft_wrap=True)


@forms.command()
@explained
def received(
    project: Annotated[list[str] | None, typer.Option("--project", "-p", help="Un projet seulement.")] = None,
    demo: Demo = False,
) -> None:
    """Les fichiers reçus des partenaires : ce qui en a été lu, ou pourquoi ils ont été refusés."""
    from meal_pipelines.collect.lying import lying_files
    from meal_pipelines.collect.received import received_files
    from meal_pipelines.display.files import show_left_aside, show_received
    from meal_pipelines.display.screen import console
    from meal_pipelines.project.load import load_projects

    settings = settings_of(demo)
    projects = load_projects(settings, project or None)
    with opened(settings) as (warehouse, keyring):
        files = received_files(warehouse, projects)
        lying = lying_files(settings, projects.values(), keyring)
    show_received(files, lying)
    show_left_aside(files, lying)
    if not files:
        console.print("Aucun fichier de partenaire n'a encore été reçu.")


@forms.command()
@explained
def annotate(
    form: FormName,
    file: Annotated[Path, typer.Argument(metavar="FICHIER", help="Le classeur reçu, déjà collecté.")],
    project: ProjectName,
    to: Annotated[Path | None, typer.Option(help="Dossier à écrire (par défaut MEAL_OUT/<projet>/retours).")] = None,
    demo: Demo = False,
) -> None:
    """Écrire une copie annotée d'un classeur reçu : ce qu'il faut y corriger, case par case. Données personnelles !"""
    from meal_pipelines.collect.annotated import annotate as write
    from meal_pipelines.display.screen import console
    from meal_pipelines.protect.keys.keyring import Keyring
    from meal_pipelines.warehouse.connection import Warehouse

    settings = settings_of(demo)
    _, chosen = chosen_form(settings, project, form)
    with Warehouse.open(settings) as warehouse:
        keyring = Keyring.of(settings)
        with warehouse.connect() as connection, connection.cursor() as cursor:
            keyring.check_against(cursor)
        done = write(warehouse, keyring, chosen, file, to or settings.out / project / "retours")
    console.print(f"Copie annotée : {done.path}", soft_wrap=True)
    console.print(f"{done.marks} point(s) à corriger, sur {done.rows} ligne(s).")
    if done.stale:
        console.print(
            f"{done.stale} ligne(s) ont été corrigées depuis ou ne sont pas encore collectées : non annotées."
        )
    console.print(
        "Elle contient les données personnelles du fichier : envoyez-la par la voie convenue, puis effacez-la."
    )
