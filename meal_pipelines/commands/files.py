"""The commands `meal forms …` about the files that submissions name: how they stand, taking some out, comparing the store.

Words in, work done elsewhere, words out, as in `cli.py`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from meal_pipelines.commands.command import ActingAs, Demo, Title, explained, opened, settings_of
from meal_pipelines.commands.forms import FormName, ProjectName, chosen_form, forms

__all__ = ["forms"]


@forms.command()
@explained
def files(form: FormName, project: ProjectName, demo: Demo = False) -> None:
    """Les fichiers joints (photos, sons…) d'un formulaire : combien sont gardés, attendus, refusés. Aucun nom."""
    from meal_pipelines.collect.attachments import FileStore, Limits, collects_files
    from meal_pipelines.collect.attachments.counts import count_files
    from meal_pipelines.display.screen import console
    from meal_pipelines.warehouse.connection import Warehouse

    settings = settings_of(demo)
    loaded, chosen = chosen_form(settings, project, form)
    if not collects_files(loaded, chosen):
        console.print("Ce formulaire n'a pas de question à laquelle on répond par un fichier.")
        return
    limits = Limits.of(chosen)
    if chosen.form.attachments is None:
        console.print(
            "Décision : aucune. Les fichiers restent sur le serveur (voir « attachments » dans project.yaml)."
        )
    elif limits is None:
        console.print("Décision : les fichiers restent sur le serveur.")
    else:
        console.print(f"Décision : gardés ici, scellés ({limits}) dans {FileStore.of(settings).shown}", soft_wrap=True)
    with Warehouse.open(settings) as warehouse:
        for name, number in count_files(warehouse, chosen).table.items():
            console.print(f"  {name} : {number}")


@forms.command()
@explained
def take_files(
    form: FormName,
    submission: Annotated[str, typer.Argument(metavar="SOUMISSION", help="L'identifiant de la soumission.")],
    project: ProjectName,
    why: Annotated[str, typer.Option(help="Pourquoi ces fichiers doivent être vus ; gardé dans le journal d'audit.")],
    acting_as: ActingAs = Title.SERA,
    to: Annotated[
        Path | None, typer.Option(help="Dossier neuf à écrire (par défaut dans MEAL_OUT/<projet>/fichiers).")
    ] = None,
    demo: Demo = False,
) -> None:
    """Sortir en clair les fichiers d'une soumission. Données personnelles ! La sortie est inscrite à l'audit."""
    from meal_pipelines.collect.attachments import FileStore
    from meal_pipelines.collect.attachments.taking import take_out
    from meal_pipelines.display.screen import console
    from meal_pipelines.protect.rights.access import Actor

    settings = settings_of(demo)
    chosen_form(settings, project, form)
    actor = Actor.here(acting_as.value, why)
    folder = to or settings.out / project / "fichiers" / f"{form}_{re.sub(r'[^A-Za-z0-9-]+', '_', submission)}"
    with opened(settings) as (warehouse, keyring):
        count = take_out(warehouse, keyring, FileStore.of(settings), (project, form, submission), folder, actor)
    console.print(f"{count} fichier(s) écrit(s) en clair dans {folder}", soft_wrap=True)
    console.print(
        "Ces fichiers peuvent montrer des personnes, et viennent de téléphones inconnus : ne les ouvrez qu'avec un programme à "
        "jour, ne les envoyez à personne, et effacez le dossier dès que vous avez vu ce qu'il fallait.",
        soft_wrap=True,
    )


@forms.command()
@explained
def check_store(
    project: ProjectName,
    remove: Annotated[
        bool, typer.Option("--remove", help="Retirer les fichiers scellés que rien ne nomme dans cet entrepôt.")
    ] = False,
    demo: Demo = False,
) -> None:
    """Comparer le dossier des fichiers joints à la base, après la restauration de l'un des deux."""
    from meal_pipelines.collect.attachments import FileStore
    from meal_pipelines.collect.attachments.erasure import compare_store
    from meal_pipelines.display.screen import console
    from meal_pipelines.project.load import load_projects

    settings = settings_of(demo)
    load_projects(settings, [project])
    with opened(settings) as (warehouse, keyring):
        found = compare_store(warehouse, keyring, FileStore.of(settings), project, remove=remove)
    removed = "retirés" if remove else "laissés ; ajoutez --remove pour les retirer"
    console.print(
        f"Fichiers scellés que rien ne nomme : {found.strangers}" + (f" ({removed})" if found.strangers else "")
    )
    console.print(f"Fichiers gardés qui manquent dans le dossier : {found.missing}")
    if found.missing:
        console.print("Restaurez le dossier des fichiers joints depuis sa sauvegarde.")
        raise typer.Exit(1)
