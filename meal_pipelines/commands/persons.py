"""The commands `meal persons …`: pairs of pseudonyms that may be one person are reviewed, and decided on.

Words in, work done elsewhere, words out, as in `cli.py`. No clear text is read or written here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meal_pipelines.commands.command import Demo, explained, opened, settings_of
from meal_pipelines.invocation import line, typed

if TYPE_CHECKING:
    from meal_pipelines.protect.persons.decisions import Decided

persons = typer.Typer(
    help="Rapprocher les pseudonymes d'une même personne : relire ce que des clés faibles rapprochent, et décider.",
    no_args_is_help=True,
)

ProjectName = Annotated[str, typer.Option("--project", "-p", help="Le projet.")]


@persons.command()
@explained
def review(
    project: ProjectName,
    xlsx: Annotated[Path, typer.Option("--xlsx", help="Le classeur à écrire.")],
    decided: Annotated[
        bool, typer.Option("--decided", help="Les paires déjà décidées, pour revenir sur une décision.")
    ] = False,
    demo: Demo = False,
) -> None:
    """Écrire le classeur des paires à relire, sans aucun nom : pseudonymes, clés qui concordent, formulaires, mois, lieux."""
    from meal_pipelines.display.screen import console, french
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.protect.persons.review import proposals
    from meal_pipelines.protect.persons.review_workbook import write_workbook

    settings = settings_of(demo)
    loaded = load_projects(settings, [project])[project]
    with opened(settings) as (warehouse, _), warehouse.connect() as connection, connection.cursor() as cursor:
        proposed = proposals(cursor, loaded, decided=decided)
    if not proposed.pairs:
        console.print("Aucune paire à montrer : rien n'est écrit.")
        return
    write_workbook(loaded, proposed, xlsx)
    console.print(f"{french(len(proposed.pairs))} paires dans {xlsx}.", soft_wrap=True, highlight=False)
    console.print(
        f"Remplissez la colonne « Décision », puis : {line(f'persons decide --project {project} --xlsx {xlsx} --by NOM')}",
        soft_wrap=True, highlight=False,
    )  # fmt: skip


@persons.command()
@explained
def decide(
    project: ProjectName,
    xlsx: Annotated[Path, typer.Option("--xlsx", help="Le classeur relu.")],
    by: Annotated[str, typer.Option("--by", help="Qui décide ; gardé avec chaque décision.")],
    yes: Annotated[bool, typer.Option("--yes", help="L'enregistrer vraiment. Sans elle, rien n'est changé.")] = False,
    demo: Demo = False,
) -> None:
    """Enregistrer les décisions d'un classeur relu, et les appliquer. Sans --yes, montrer seulement ce qui changerait."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.protect.persons.decisions import decide as record
    from meal_pipelines.protect.persons.review_workbook import read_workbook

    settings = settings_of(demo)
    loaded = load_projects(settings, [project])[project]
    decisions = read_workbook(loaded, xlsx)
    if not decisions:
        console.print("Aucune décision dans ce classeur : remplissez la colonne « Décision ».")
        return
    with opened(settings) as (warehouse, _):
        done = record(warehouse, loaded, decisions, by, really=yes)
    if done.is_empty:
        console.print("Rien de nouveau : tout ce que dit ce classeur est déjà enregistré.")
        return
    _tell(done, yes)
    if yes:
        console.print(f"Lancez {typed('run')} : les tables et les indicateurs suivent.")


def _tell(done: Decided, yes: bool) -> None:
    from meal_pipelines.display.screen import console
    from meal_pipelines.protect.persons.decisions import WORDS

    console.print("Enregistré :" if yes else "Serait enregistré (rien n'a été changé ; ajoutez --yes pour le faire) :")
    for title, counts in (("nouvelles", done.new), ("modifiées", done.changed)):
        for verdict, count in sorted(counts.items()):
            console.print(f"  {title}, « {WORDS[verdict]} » : {count}", highlight=False)
    console.print(f"  déjà connues : {done.same}", highlight=False)
    console.print(
        f"  pseudonymes réunis : {done.linked.merged} ; réunions défaites : {done.linked.undone}", highlight=False
    )
    if done.blocked:
        lines = ", ".join(map(str, done.blocked))
        console.print(
            f"  [yellow]![/] lignes {lines} : une décision « différentes » empêche de les réunir ; revenez d'abord sur celle-ci "
            f"({typed('persons review --decided')}).",
            soft_wrap=True, highlight=False,
        )  # fmt: skip
