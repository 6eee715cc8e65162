"""The commands `meal privacy …`: what was done with personal data, whether the log of it is whole, what the law asks to write.

Words in, work done elsewhere, words out, as in `cli.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meal_pipelines.commands.command import ActingAs, Demo, Title, explained, opened, settings_of

if TYPE_CHECKING:
    from meal_pipelines.protect.rights.access import Access
    from meal_pipelines.settings import Settings
    from meal_pipelines.warehouse.connection import Warehouse

privacy = typer.Typer(help="Les données personnelles : journal des accès, conservation.", no_args_is_help=True)

WORDS = {
    "files": "fichiers sortis en clair",
    "identity": "identités ouvertes",
    "export": "dossier d'une personne exporté",
    "rectify": "rectification",
    "erase": "effacement",
    "restrict": "limitation du traitement",
    "withdraw": "retrait du consentement",
    "retention": "effacement à l'échéance",
}
"""What each act of the log is called."""


@privacy.command()
@explained
def audit(
    check: Annotated[
        bool, typer.Option("--verify", help="Vérifier que rien n'y a été retiré ni changé, et dire où.")
    ] = False,
    project: Annotated[str | None, typer.Option("--project", "-p", help="Un projet seulement.")] = None,
    last: Annotated[int, typer.Option(min=1, help="Combien de lignes.")] = 50,
    demo: Demo = False,
) -> None:
    """Le journal des accès : qui a ouvert ou effacé des données personnelles, à quel titre, pourquoi, quand."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.protect.rights.access import last_lines
    from meal_pipelines.warehouse.connection import Warehouse

    settings = settings_of(demo)
    with Warehouse.open(settings) as warehouse:
        if check:
            _verify(warehouse, settings)
            return
        with warehouse.connect() as connection, connection.cursor() as cursor:
            lines = last_lines(cursor, project, last)
    for line in lines:
        console.print(_told(line), soft_wrap=True, markup=False)
    if not lines:
        console.print("Le journal est vide : personne n'a ouvert de données personnelles.")


Project = Annotated[str | None, typer.Option("--project", "-p", help="Un projet seulement.")]
Folder = Annotated[Path | None, typer.Option("--to", help="Dossier où écrire (MEAL_OUT par défaut).")]


@privacy.command()
@explained
def register(project: Project = None, to: Folder = None) -> None:
    """Le registre des activités de traitement (RGPD, article 30), en classeur : une feuille par projet."""
    import datetime as dt

    from meal_pipelines.display.screen import console
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.register import write_register

    settings = settings_of(False)
    projects = load_projects(settings, [project] if project else None)
    path = write_register(list(projects.values()), to or settings.out, dt.date.today())
    console.print(f"Registre écrit : {path}", soft_wrap=True, markup=False)


@privacy.command()
@explained
def documents(project: Project = None, to: Folder = None) -> None:
    """Registre, faits pour la déclaration CNDP, projet d'AIPD, notices d'information en français et en arabe."""
    import datetime as dt

    from meal_pipelines.display.screen import console
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.register import write_documents

    settings = settings_of(False)
    for loaded in load_projects(settings, [project] if project else None).values():
        for path in write_documents(loaded, to or settings.out, dt.date.today()):
            console.print(str(path), soft_wrap=True, markup=False)
    console.print("Ce qui est marqué « à confirmer » ou « à compléter » attend une personne ; l'arabe est à relire.")


@privacy.command()
@explained
def retention(
    project: Annotated[list[str] | None, typer.Option("--project", "-p", help="Un projet seulement.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Effacer vraiment. Sans elle, rien n'est changé.")] = False,
    acting_as: ActingAs = Title.DPO,
    demo: Demo = False,
) -> None:
    """Ce qui a dépassé sa durée de conservation : le montrer, par formulaire et par mois ; avec --yes, l'effacer et le prouver."""
    from meal_pipelines.display.retention import show_due, show_proof
    from meal_pipelines.display.screen import console
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.protect.rights.access import Actor
    from meal_pipelines.protect.rights.retention import find_due, prove, purge

    settings = settings_of(demo)
    projects = load_projects(settings, project or None)
    actor = Actor.here(acting_as.value, "durée de conservation dépassée (project.yaml)")
    with opened(settings) as (warehouse, keyring):
        found = [due for each in projects.values() for due in find_due(warehouse, each)]
        show_due(projects, found)
        chosen = [due for due in found if due.submissions and not due.is_held]
        if not yes or not chosen:
            console.print("Rien n'a été changé." + (" Pour effacer : ajoutez --yes." if chosen else ""))
            return
        proofs = []
        for due in chosen:
            count = purge(settings, warehouse, keyring, due, actor)
            proofs.append((due, count, prove(settings, warehouse, keyring, due)))
    show_proof(proofs)
    if not all(proof.holds for _, _, proof in proofs):
        raise typer.Exit(1)


def _told(line: Access) -> str:
    from meal_pipelines.collect.history import moment_told

    where = "/".join(part for part in (line.project, line.form) if part)
    whose = [f"soumission {line.submission_id}"] if line.submission_id else []
    whose += [f"personne {line.person_id}"] if line.person_id else []
    what = ", ".join([f"{WORDS.get(line.what, line.what)} ({line.items})", *whose])
    return (
        f"{line.access_id:>6} · {moment_told(line.at)} · {line.who} ({line.acting_as}) · {where} · {what} · {line.why}"
    )


def _verify(warehouse: Warehouse, settings: Settings) -> None:
    from meal_pipelines.display.screen import console, french, refuse
    from meal_pipelines.protect.rights.access import verify

    found = verify(warehouse, settings)
    for fault in found.faults:
        refuse(f"Journal d'audit, {fault}")
    if found.faults:
        raise typer.Exit(1)
    console.print(f"Journal d'audit entier : {french(found.lines)} ligne(s), chacune liée à la précédente.")
    console.print(
        f"Dernière ligne : n° {found.head.access_id}, empreinte {found.head.hash.hex()[:16]} (notée dans MEAL_HOME ; gardez-la "
        "aussi ailleurs : elle prouvera plus tard que rien n'a été retiré).",
        soft_wrap=True,
    )
