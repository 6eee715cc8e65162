"""The commands `meal privacy …` by which a person's rights are exercised: found, given her data, erased, consent withdrawn, left to rest.

Words in, work done elsewhere, words out, as in `cli.py`. Who is meant is never an argument: titles of processes and histories
of shells are read by others.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meal_pipelines.commands.command import ActingAs, Demo, Title, explained, opened, settings_of
from meal_pipelines.commands.privacy import privacy
from meal_pipelines.invocation import typed

if TYPE_CHECKING:
    from meal_pipelines.project.loaded import LoadedProject
    from meal_pipelines.project.questionnaire import Question
    from meal_pipelines.protect.keys.keyring import Keyring
    from meal_pipelines.protect.rights.erasure import Erasure
    from meal_pipelines.protect.rights.finding import Place
    from meal_pipelines.protect.rights.form_erasure import Why

__all__ = ["privacy"]

ProjectName = Annotated[str, typer.Option("--project", "-p", help="Le projet.")]
Persons = Annotated[
    list[str] | None,
    typer.Option("--person", help="Un pseudonyme (peut se répéter). Sans lui, les identifiants sont demandés."),
]
Reason = Annotated[str, typer.Option("--why", help="Pourquoi ; gardé dans le journal d'audit. Jamais un nom.")]
Yes = Annotated[bool, typer.Option("--yes", help="Le faire vraiment. Sans elle, rien n'est changé.")]


@privacy.command()
@explained
def find(project: ProjectName, why: Reason, acting_as: ActingAs = Title.DPO, demo: Demo = False) -> None:
    """Retrouver une personne : ses identifiants sont demandés ; seuls des pseudonymes et des nombres sont montrés."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.protect.rights.access import Actor, record
    from meal_pipelines.protect.rights.finding import ids_of, places_of

    settings = settings_of(demo)
    loaded = load_projects(settings, [project])[project]
    actor = Actor.here(acting_as.value, why)
    with opened(settings) as (warehouse, keyring):
        ids = ids_of(loaded, keyring, _asked(loaded))
        sure = places_of(warehouse, keyring, loaded, ids[:1])
        near = places_of(warehouse, keyring, loaded, ids, by_any_key=True)
        with warehouse.connect() as connection, connection.cursor() as cursor:
            record(cursor, actor, "identity", project, items=len({*sure, *near}))
    known = {place.person_id for place in sure}
    _show(sure, "Cette personne")
    _show([place for place in near if place.person_id not in known], "À vérifier (une clé moins sûre est la même)")
    if not sure and not near:
        console.print("Aucune donnée de cette personne n'est connue de ce projet, sous ces identifiants.")


@privacy.command()
@explained
def erase(
    project: ProjectName,
    why: Reason,
    person: Persons = None,
    yes: Yes = False,
    acting_as: ActingAs = Title.DPO,
    demo: Demo = False,
) -> None:
    """Effacer une personne de partout, fichiers compris ; la collecte ne la ramène pas. Sans --yes, montrer seulement."""
    _erase(project, why, person, yes, acting_as, demo, "request")


@privacy.command()
@explained
def withdraw_consent(
    project: ProjectName,
    why: Reason,
    person: Persons = None,
    yes: Yes = False,
    acting_as: ActingAs = Title.DPO,
    demo: Demo = False,
) -> None:
    """Retirer le consentement d'une personne : comme un refus, tout ce qui est personnel est effacé. Sans --yes, montrer."""
    _erase(project, why, person, yes, acting_as, demo, "withdrawal")


@privacy.command()
@explained
def export(
    project: ProjectName,
    why: Reason,
    person: Persons = None,
    to: Annotated[
        Path | None, typer.Option(help="Dossier neuf à écrire (par défaut dans MEAL_OUT/<projet>/personnes).")
    ] = None,
    acting_as: ActingAs = Title.DPO,
    demo: Demo = False,
) -> None:
    """Tout ce qui est gardé sur une personne, en clair : JSON, classeur en français, fichiers. Données personnelles !"""
    from meal_pipelines.display.screen import console
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.protect.rights.access import Actor
    from meal_pipelines.protect.rights.finding import places_of
    from meal_pipelines.protect.rights.person_folder import write_folder

    settings = settings_of(demo)
    loaded = load_projects(settings, [project])[project]
    actor = Actor.here(acting_as.value, why)
    with opened(settings) as (warehouse, keyring):
        places = places_of(warehouse, keyring, loaded, _meant(loaded, keyring, person))
        folder = to or settings.out / project / "personnes" / datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        held = write_folder(settings, warehouse, keyring, loaded, places, folder, actor)
    console.print(f"Écrit dans {folder} :", soft_wrap=True)
    console.print(f"  soumissions : {len(held['soumissions'])} ; fichiers joints : {len(held['fichiers'])}")
    console.print(
        "Ce dossier est en clair, lisible par vous seul·e. Relisez-le (une réponse en texte libre peut nommer quelqu'un d'autre), "
        "remettez-le à la personne elle-même par une voie sûre, puis effacez-le.",
        soft_wrap=True,
    )


@privacy.command()
@explained
def restrict(
    project: ProjectName,
    why: Reason,
    person: Persons = None,
    lift: Annotated[bool, typer.Option("--lift", help="Lever la limitation : les données servent à nouveau.")] = False,
    acting_as: ActingAs = Title.DPO,
    demo: Demo = False,
) -> None:
    """Limiter le traitement : la personne reste gardée, scellée, et ne sert plus à rien dès la prochaine exécution."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.protect.rights import restriction
    from meal_pipelines.protect.rights.access import Actor
    from meal_pipelines.protect.rights.finding import places_of

    settings = settings_of(demo)
    loaded = load_projects(settings, [project])[project]
    actor = Actor.here(acting_as.value, why)
    with opened(settings) as (warehouse, keyring):
        whom = _meant(loaded, keyring, person)
        places = places_of(warehouse, keyring, loaded, whom)
        if not places:
            console.print("Aucune donnée de cette personne n'est connue de ce projet : rien à limiter.")
            return
        hers = {*whom, *(place.person_id for place in places)}
        changed = restriction.restrict(warehouse, project, hers, actor, lift=lift)
    if not changed:
        console.print("Rien n'a changé : c'était déjà le cas.")
        return
    console.print("Limitation levée." if lift else "Traitement limité : rien n'est effacé.")
    console.print(
        f"Lancez {typed('run')} : les tables et les indicateurs suivent. Les rapports figés gardent leurs totaux."
    )


def _erase(
    project: str, why: str, person: list[str] | None, yes: bool, acting_as: Title, demo: bool, kind: Why
) -> None:
    from meal_pipelines.display.screen import console
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.protect.rights.access import Actor
    from meal_pipelines.protect.rights.erasure import erase_person

    settings = settings_of(demo)
    loaded = load_projects(settings, [project])[project]
    actor = Actor.here(acting_as.value, why)
    with opened(settings) as (warehouse, keyring):
        whom = _meant(loaded, keyring, person)
        done = erase_person(settings, warehouse, keyring, loaded, whom, actor, why=kind, really=yes)
    if done.is_empty:
        console.print("Aucune donnée de cette personne n'est connue de ce projet : rien à effacer.")
        return
    _tell(loaded, done, kind, yes)


def _tell(project: LoadedProject, done: Erasure, kind: Why, yes: bool) -> None:
    from meal_pipelines.display.screen import console

    console.print("Effacé :" if yes else "Serait effacé (rien n'a été changé ; ajoutez --yes pour le faire) :")
    console.print(f"  soumissions entières : {done.submissions}")
    console.print(f"  personnes parmi d'autres, dans une soumission : {done.rows}")
    for table, count in sorted(done.counts.items()):
        if count:
            console.print(f"  {table} : {count}", markup=False)
    console.print(f"  lignes du journal de nettoyage : {done.lines}")
    if yes:
        console.print(f"  fichiers scellés : {done.contents}")
    leaving = project.project.withdrawal if kind == "withdrawal" else project.project.erasure
    if leaving == "cut_loose":
        console.print("Ce qui a été fait reste compté, sans rien de personnel (project.yaml).", soft_wrap=True)
    console.print("À effacer aussi à la source, sans quoi la personne y reste :")
    for link in done.links:
        console.print(f"  {link}", soft_wrap=True, markup=False, highlight=False)
    console.print(
        "Restent à traiter à la main : les copies rendues aux partenaires, les dossiers exportés et les fichiers sortis en clair "
        "dans MEAL_OUT, et les sauvegardes jusqu'à leur expiration.",
        soft_wrap=True,
    )
    if yes:
        console.print(f"Lancez {typed('run')} : les indicateurs suivent. Les rapports figés gardent leurs totaux.")


def _meant(project: LoadedProject, keyring: Keyring, person: list[str] | None) -> list[str]:
    """The pseudonyms given, else that of whoever is described at the prompt."""
    from meal_pipelines.protect.rights.finding import ids_of

    return list(person) if person else ids_of(project, keyring, _asked(project))[:1]


def _asked(project: LoadedProject) -> dict[str, str]:
    """What a person says of herself, question by question; whatever she does not say is left out."""
    from meal_pipelines.errors import ConfigurationError

    persons = project.project.persons
    if persons is None:
        raise ConfigurationError(f"Le projet « {project.id} » ne reconnaît personne (« persons » dans project.yaml).")
    questions = {
        question.name: question
        for form in reversed(project.forms.values())
        for question in form.questionnaire.questions()
    }
    names = dict.fromkeys(name for key in persons.every_key for name in key)
    typer.echo("Identifiants de la personne, tels qu'elle les donne (Entrée pour passer) :")
    answers = {name: _answer(questions[name]) if name in questions else _prompted(name) for name in names}
    return {name: text for name, text in answers.items() if text}


def _answer(question: Question) -> str:
    """What is typed for a question, asked again until a number is one: a name in its place would find nobody."""
    while True:
        text = _prompted(question.label)
        if question.type != "integer" or not text or text.isdecimal():
            return text
        typer.echo("  Un nombre entier est attendu ici.")


def _prompted(label: str) -> str:
    return str(typer.prompt(f"  {label}", default="", show_default=False)).strip()


def _show(places: list[Place], title: str) -> None:
    from meal_pipelines.display.screen import console

    if not places:
        return
    console.print(f"{title} :")
    for person in dict.fromkeys(place.person_id for place in places):
        current = {place for place in places if place.person_id == person and place.is_current}
        forms = Counter(place.form for place in current)
        where = (
            ", ".join(f"{form} : {count}" for form, count in sorted(forms.items())) or "d'anciennes versions seulement"
        )
        console.print(f"  {person} — {where}", soft_wrap=True, highlight=False)
