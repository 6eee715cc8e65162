"""The commands about collection as it goes: what was collected, and the address that wakes it up.

Words in, work done elsewhere, words out, as in `cli.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from meal_pipelines.command import Demo, explained, settings_of
from meal_pipelines.errors import ConfigurationError

if TYPE_CHECKING:
    from meal_pipelines.project.load import LoadedProject

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
    from meal_pipelines.display_collection import show_history, show_last
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
