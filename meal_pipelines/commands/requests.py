"""The commands `meal privacy …` that follow a request through: the register, and the correction of one answer.

Words in, work done elsewhere, words out, as in `cli.py`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from meal_pipelines.commands.command import ActingAs, Demo, Title, explained, opened, settings_of
from meal_pipelines.commands.rights import ProjectName, Reason, privacy
from meal_pipelines.invocation import typed

__all__ = ["privacy"]


class RequestKind(StrEnum):
    EXPORT = "export"
    RECTIFY = "rectify"
    ERASE = "erase"
    RESTRICT = "restrict"
    WITHDRAW = "withdraw"


@privacy.command()
@explained
def requests(
    everything: Annotated[bool, typer.Option("--all", help="Aussi les demandes closes.")] = False, demo: Demo = False
) -> None:
    """Le registre des demandes de personnes, la plus urgente d'abord. Jamais de qui elles viennent."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.protect.rights import requests as register
    from meal_pipelines.warehouse.connection import Warehouse

    with Warehouse.open(settings_of(demo)) as warehouse:
        found = register.requests(warehouse, only_open=not everything)
    for each in found:
        late = " — EN RETARD" if each.is_late else ""
        console.print(
            f"n° {each.request_id} · {each.project} · {register.KINDS[each.kind]} · reçue le {each.received_on:%d/%m/%Y} · "
            f"réponse due le {each.due_on:%d/%m/%Y} · {register.STATES[each.state]}{late}",
            soft_wrap=True,
        )
    if not found:
        console.print("Aucune demande ouverte.")


@privacy.command()
@explained
def request(
    kind: Annotated[RequestKind, typer.Argument(metavar="DROIT", help="Ce que la personne demande.")],
    project: ProjectName,
    received: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Reçue le (aujourd'hui par défaut).")
    ] = None,
    demo: Demo = False,
) -> None:
    """Inscrire une demande au registre ; le numéro donné se porte sur la demande écrite, gardée hors de la plateforme."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.protect.rights.requests import open_request
    from meal_pipelines.warehouse.connection import Warehouse

    settings = settings_of(demo)
    load_projects(settings, [project])
    with Warehouse.open(settings) as warehouse:
        made = open_request(warehouse, project, kind.value, (received or datetime.now()).date())
    console.print(f"Demande n° {made.request_id} inscrite ; réponse due le {made.due_on:%d/%m/%Y}.")


@privacy.command()
@explained
def close(
    number: Annotated[int, typer.Argument(metavar="NUMÉRO", help="Le numéro de la demande.")],
    refused: Annotated[
        bool, typer.Option("--refused", help="Refusée ; le motif se porte sur la demande écrite.")
    ] = False,
    demo: Demo = False,
) -> None:
    """Clore une demande : satisfaite, ou refusée."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.protect.rights.requests import close_request
    from meal_pipelines.warehouse.connection import Warehouse

    with Warehouse.open(settings_of(demo)) as warehouse:
        close_request(warehouse, number, is_refused=refused)
    console.print(f"Demande n° {number} close.")


@privacy.command()
@explained
def rectify(
    form: Annotated[str, typer.Argument(metavar="FORMULAIRE", help="Le formulaire.")],
    submission: Annotated[str, typer.Argument(metavar="SOUMISSION", help="L'identifiant de la soumission.")],
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="Le nom de la question.")],
    project: ProjectName,
    why: Reason,
    repeat: Annotated[str, typer.Option(help="Le groupe répété, si la question est dans un groupe.")] = "",
    row: Annotated[int, typer.Option(min=0, help="Le rang de la ligne dans ce groupe, à partir de 1.")] = 0,
    undo: Annotated[bool, typer.Option("--undo", help="Annuler la dernière correction de cette réponse.")] = False,
    acting_as: ActingAs = Title.DPO,
    demo: Demo = False,
) -> None:
    """Corriger une réponse d'une personne : la nouvelle est demandée, et va au journal de nettoyage."""
    from meal_pipelines.collect.links import at_source
    from meal_pipelines.commands.forms import chosen_form
    from meal_pipelines.display.screen import console
    from meal_pipelines.protect.rights import rectification
    from meal_pipelines.protect.rights.access import Actor
    from meal_pipelines.protect.rights.erasure import log_folder

    settings = settings_of(demo)
    loaded, chosen = chosen_form(settings, project, form)
    actor = Actor.here(acting_as.value, why)
    place, log = (submission, repeat, row, question), log_folder(settings, loaded) / f"{form}.csv"
    with opened(settings) as (warehouse, keyring):
        if undo:
            rectification.undo(warehouse, loaded, chosen, place, log, actor)
        else:
            new = typer.prompt("Nouvelle réponse (Entrée : aucune)", default="", show_default=False).strip() or None
            rectification.rectify(warehouse, keyring, loaded, chosen, place, new, log, actor)
    console.print("Correction annulée." if undo else "Correction inscrite au journal de nettoyage.")
    console.print("Corrigez aussi à la source, où l'ancienne réponse reste :" if not undo else "À la source :")
    console.print(f"  {at_source(settings, loaded, chosen, submission)}", soft_wrap=True, markup=False, highlight=False)
    console.print(f"Lancez {typed('run')} : les tables suivent.")
