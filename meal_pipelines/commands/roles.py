"""The commands `meal roles …`: analysts who read one project only.

Words in, work done elsewhere, words out, as in `cli.py`.
"""

from __future__ import annotations

from typing import Annotated

import typer

from meal_pipelines.commands.command import Demo, explained, settings_of
from meal_pipelines.invocation import line

roles = typer.Typer(help="Les analystes d'un seul projet.", no_args_is_help=True)
Project = Annotated[str, typer.Option("--project", "-p", help="Le projet.")]


@roles.command()
@explained
def grant(project: Project, demo: Demo = False) -> None:
    """Créer l'analyste d'un projet : il lit ce projet et rien des autres. Répéter la commande ne change rien."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.warehouse.connection import Warehouse
    from meal_pipelines.warehouse.project_analysts import analyst_of

    settings = settings_of(demo)
    loaded = load_projects(settings, [project])[project]
    tables = [form.table_of(name) for form in loaded.forms.values() for name in form.questionnaire.tables]
    with Warehouse.open(settings) as warehouse:
        warehouse.admit(project, tables)
    role = analyst_of(project)
    console.print(
        f"{role} lit les tables pseudonymisées de {loaded.project.name}, et ses lignes dans marts, indicators, extracts et quality.\n"
        f"Son adresse : {line(f'url --project {project}')}",
        soft_wrap=True,
        markup=False,
    )
    if settings.database_url is not None:
        console.print(f"Donnez-lui un mot de passe : alter role {role} password '…'", soft_wrap=True, markup=False)


@roles.command()
@explained
def revoke(project: Project, demo: Demo = False) -> None:
    """Retirer l'analyste d'un projet, avec tous ses droits."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.errors import ConfigurationError
    from meal_pipelines.warehouse.connection import Warehouse
    from meal_pipelines.warehouse.project_analysts import admitted, analyst_of

    with Warehouse.open(settings_of(demo)) as warehouse:
        with warehouse.connect() as connection, connection.cursor() as cursor:
            known = admitted(cursor)
        if project not in known:
            there = f"Projets qui en ont un : {', '.join(known)}." if known else "Aucun projet n'en a."
            raise ConfigurationError(f"Le projet « {project} » n'a pas d'analyste à lui. {there}")
        warehouse.dismiss(project)
    console.print(f"{analyst_of(project)} n'existe plus.", markup=False)
