"""The commands about the installation: what is wrong with it, and how one connects to its database.

Words in, work done elsewhere, words out, as in `cli.py`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from meal_pipelines.commands.command import Demo, explained, settings_of
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.invocation import typed

installation = typer.Typer()


class Reader(StrEnum):
    ANALYST = "analyst"
    DPO = "dpo"
    PIPELINE = "pipeline"


class Client(StrEnum):
    PSQL = "psql"
    SQLALCHEMY = "sqlalchemy"


@installation.command()
@explained
def doctor(demo: Demo = False) -> None:
    """Examiner la configuration : fichiers, questionnaires, clés, connexions ; dire comment réparer."""
    from rich.markup import escape

    from meal_pipelines.display.screen import console
    from meal_pipelines.doctor.doctor import examine

    marks = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "error": "[red]✗[/]"}
    worst = 0
    for finding in examine(settings_of(demo)):
        console.print(f"{marks[finding.level]} {escape(finding.text)}", soft_wrap=True)
        worst = max(worst, {"ok": 0, "warning": 0, "error": 2}[finding.level])
    if worst:
        raise typer.Exit(worst)


@installation.command()
@explained
def url(
    role: Annotated[Reader, typer.Option(help="Qui se connecte.")] = Reader.ANALYST,
    client: Annotated[
        Client, typer.Option("--for", help="psql (et DBeaver), ou sqlalchemy (et pandas).")
    ] = Client.PSQL,
    project: Annotated[
        str | None, typer.Option("--project", "-p", help=f"L'analyste de ce projet seul ({typed('roles grant')}).")
    ] = None,
    demo: Demo = False,
) -> None:
    """L'adresse de connexion d'un rôle, sans mot de passe."""
    from meal_pipelines.warehouse.connection import Warehouse

    settings = settings_of(demo)
    with Warehouse.open(settings) as warehouse:
        if project is not None:
            _check_admitted(warehouse, role, project)
        address = warehouse.url(role.value, project=project).set(password=None)
        if client is Client.PSQL:
            address = address.set(drivername="postgresql")
        typer.echo(address.render_as_string(hide_password=False))
        if settings.database_url is None:
            typer.echo(
                f"La base embarquée s'arrête quand plus rien ne l'utilise : gardez {typed('up')} ouvert.", err=True
            )


def _check_admitted(warehouse: Any, role: Reader, project: str) -> None:
    from meal_pipelines.warehouse.project_analysts import admitted

    with warehouse.connect() as connection, connection.cursor() as cursor:
        known = admitted(cursor)
    if role is not Reader.ANALYST or project not in known:
        raise ConfigurationError(
            f"« {project} » n'a pas d'analyste à lui ; créez-le : {typed(f'roles grant -p {project}')}. Les autres rôles "
            "lisent tous les projets."
        )
