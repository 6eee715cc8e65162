"""The commands about what is handed over: freezing a report, and what was frozen.

Words in, work done elsewhere, words out, as in `cli.py`.
"""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from meal_pipelines.command import Demo, explained, settings_of

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
    from meal_pipelines.display import console, french
    from meal_pipelines.extracts.hand_over import hand_over
    from meal_pipelines.indicators.freeze import Asked
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
    console.print(
        f"Figé : {project}, {made.period}, version {made.version} (gel n° {made.freeze_id}), « {made.label} », par {made.frozen_by}. "
        f"Données reçues jusqu'au {made.cutoff:%d/%m/%Y} ; {french(sum(kept['rows'] for kept in made.inputs.values()))} lignes gardées.",
        soft_wrap=True, markup=False,
    )  # fmt: skip
    for file in files:
        console.print(str(file), soft_wrap=True, markup=False)
    console.print(f"Ce qui change ensuite : « uv run meal restatements {project} ».", markup=False)


@reports.command()
@explained
def freezes(
    project: Annotated[str | None, typer.Argument(metavar="[PROJET]", help="Un projet seulement.")] = None,
    demo: Demo = False,
) -> None:
    """Les rapports figés : période, version, qui, quand, avec quelles données et quel programme."""
    from meal_pipelines.display import console
    from meal_pipelines.indicators import frozen
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
            f"{made.frozen_at:%d/%m/%Y à %H:%M} · données reçues jusqu'au {made.cutoff:%d/%m/%Y} · cadre logique "
            f"{made.logframe_version} · programme {made.code_version}{why}",
            soft_wrap=True, markup=False,
        )  # fmt: skip
    if not found:
        console.print("Rien n'a encore été figé (« meal freeze PROJET PÉRIODE »).")
