"""The commands about collection as it goes: what was collected, and the address that wakes it up.

Words in, work done elsewhere, words out, as in `cli.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from meal_pipelines.commands.command import Demo, explained, settings_of
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.invocation import typed

if TYPE_CHECKING:
    from meal_pipelines.project.loaded import LoadedProject

collection = typer.Typer()


@collection.command()
@explained
def loads(
    form: Annotated[
        str | None, typer.Argument(metavar="[FORMULAIRE]", help="Un formulaire : ses dernières collectes.")
    ] = None,
    project: Annotated[list[str] | None, typer.Option("--project", "-p", help="Un projet seulement.")] = None,
    last: Annotated[int, typer.Option(min=1, help="Combien de collectes, quand un formulaire est nommé.")] = 15,
    demo: Demo = False,
) -> None:
    """Les collectes : ce qui a été reçu, nouveau, modifié, supprimé, refusé ; le délai ; ce qui est attendu."""
    from meal_pipelines.collect.history import collections_of, last_collections
    from meal_pipelines.display.collection import show_history, show_last
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.warehouse.connection import Warehouse

    settings = settings_of(demo)
    projects = load_projects(settings, project or None)
    forms = _named(projects, form)
    with Warehouse.open(settings) as warehouse:
        if form is None:
            show_last(forms, last_collections(warehouse, forms))
            return
        for name, _ in forms:
            show_history(name, form, collections_of(warehouse, name, form, last))


def _named(projects: dict[str, LoadedProject], form: str | None) -> list[tuple[str, str]]:
    """The (project, form) meant.

    Raises: ConfigurationError when no project has a form of that name.
    """
    forms = [(name, each) for name, project in projects.items() for each in project.forms if form in (None, each)]
    if not forms:
        known = ", ".join(dict.fromkeys(each for project in projects.values() for each in project.forms))
        raise ConfigurationError(f"Aucun projet n'a de formulaire « {form} ». Connus : {known}.")
    return forms


@collection.command()
@explained
def hook(
    form: Annotated[str, typer.Argument(metavar="FORMULAIRE", help="Un formulaire collecté sur KoboToolbox.")],
    project: Annotated[str, typer.Option("--project", "-p", help="Le projet.")],
    demo: Demo = False,
) -> None:
    """L'adresse secrète à déclarer dans Kobo, pour que chaque soumission réveille la collecte de ce formulaire."""
    from meal_pipelines.collect.hook_address import PUBLIC, hook_path, hook_secret, public_address
    from meal_pipelines.display.screen import console
    from meal_pipelines.project.load import load_projects

    settings = settings_of(demo)
    loaded = load_projects(settings, [project])[project]
    _named({project: loaded}, form)
    kind = loaded.project.sources[loaded.forms[form].form.source.use].kind
    if kind != "kobo":
        raise ConfigurationError(
            f"« {form} » n'est pas collecté sur KoboToolbox ({kind}) : aucune adresse à déclarer. "
            + (
                "Ses classeurs sont vus dès qu'ils sont déposés."
                if kind == "workbook"
                else "Il est collecté chaque nuit."
            )
        )
    path = hook_path(hook_secret(settings), project, form)
    address = public_address(settings, path)
    console.print(
        "Dans Kobo : le formulaire → Paramètres → Services REST → Enregistrer un nouveau service, au format JSON, avec "
        "cette adresse :",
        soft_wrap=True,
    )
    typer.echo(f"  {address or f'https://VOTRE-ADRESSE{path}'}")
    if address is None:
        console.print(
            f"VOTRE-ADRESSE : celle de votre proxy https ; écrivez-la dans la variable {PUBLIC} pour la voir ici.",
            soft_wrap=True,
        )
    console.print(
        "Elle est secrète. Qui la connaît peut réveiller la collecte, et rien d'autre : ce que Kobo y envoie n'est ni lu ni "
        f"gardé. Écoutez avec {typed('up --hook-port 3002')}.",
        soft_wrap=True,
    )
