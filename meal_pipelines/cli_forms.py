"""The commands `meal forms …`: what the officer does with a form, from its questionnaire to its files.

Words in, work done elsewhere, words out, as in `cli.py`.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from meal_pipelines.command import explained
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.settings import Settings

forms = typer.Typer(help="Les formulaires : questionnaires, modèles de classeur, retours.", no_args_is_help=True)

FormName = Annotated[str, typer.Argument(metavar="FORMULAIRE", help="Le nom du formulaire dans project.yaml.")]
ProjectName = Annotated[str, typer.Option("--project", "-p", help="Le projet.")]


class Tongue(StrEnum):
    FRENCH = "fr"
    ARABIC = "ar"


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
    from meal_pipelines.collect.sheets.reading import version_of
    from meal_pipelines.collect.template import write_template
    from meal_pipelines.display import console
    from meal_pipelines.project.load import load_projects

    settings = Settings.load()
    loaded = load_projects(settings, [project])[project]
    if form not in loaded.forms:
        raise ConfigurationError(
            f"Le projet « {project} » n'a pas de formulaire « {form} » : {', '.join(loaded.forms)}."
        )
    suffix = "_ar" if language is Tongue.ARABIC else ""
    path = to or settings.out / project / "modeles" / f"{form}_{version_of(loaded.forms[form])}{suffix}.xlsx"
    write_template(loaded, loaded.forms[form], path, language.value)
    console.print(f"Modèle écrit : {path}", soft_wrap=True)
