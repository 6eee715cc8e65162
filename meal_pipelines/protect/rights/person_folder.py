"""The folder a person is given: her data for a machine (JSON), for reading (XLSX), and her files; for its owner's eyes only.

What is in it comes from `held.py`. Nothing is ever written over.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from meal_pipelines.collect.attachments import FileStore
from meal_pipelines.collect.attachments.ledger import FileLedger
from meal_pipelines.collect.attachments.taking import write_out
from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.question_types import ATTACHMENTS
from meal_pipelines.project.questionnaire import MAIN
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.rights.access import Actor, record
from meal_pipelines.protect.rights.finding import Place
from meal_pipelines.protect.rights.held import Held, held_on
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse.connection import Warehouse

DATA, READABLE, FILES = "donnees.json", "donnees.xlsx", "fichiers"


def write_folder(
    settings: Settings, warehouse: Warehouse, keyring: Keyring, project: LoadedProject, places: Sequence[Place], folder: Path,
    actor: Actor,
) -> Held:  # fmt: skip
    """Write all that is held on the person of these places into a new folder (0700). Returns: what was written.

    Raises: ConfigurationError when the folder exists; MealError when there is nothing, or something does not open.
    """
    if folder.exists():
        raise ConfigurationError(f"{folder} existe déjà : rien n'est écrit par-dessus. Donnez un dossier neuf.")
    if not places:
        raise MealError("Aucune donnée de cette personne n'est connue de ce projet : rien à exporter.")
    with warehouse.connect() as connection, connection.cursor() as cursor:
        person = min(place.person_id for place in places)
        submissions = {(place.form, place.submission_id) for place in places}
        record(cursor, actor, "export", project.id, person_id=person, items=len(submissions))
    held = held_on(settings, warehouse, keyring, project, places)
    folder.mkdir(mode=0o700, parents=True)
    held["fichiers"] = _write_files(FileStore.of(settings), warehouse, keyring, project, places, held, folder / FILES)
    _private(folder / DATA, orjson.dumps(held, option=orjson.OPT_INDENT_2))
    _private(folder / READABLE, _workbook(held))
    return held


def _write_files(
    store: FileStore, warehouse: Warehouse, keyring: Keyring, project: LoadedProject, places: Sequence[Place], held: Held,
    folder: Path,
) -> list[Held]:  # fmt: skip
    """The kept files of her submissions; of a submission with others, those that her row names."""
    whole = {(place.form, place.submission_id) for place in places if place.repeat == MAIN}
    found: list[tuple[str, str, tuple[str, str | None, bytes]]] = []
    with closing(warehouse.psycopg()) as connection:
        for each in held["soumissions"]:
            form, submission_id = each["formulaire"], each["soumission"]
            asked = {q.path for q in project.forms[form].questionnaire.questions() if q.type in ATTACHMENTS}
            named = {
                a["réponse"] for version in each["versions"] for a in version["réponses"] if a["question"] in asked
            }
            kept = FileLedger(connection, keyring, project.id, form).kept(submission_id)
            found += [
                (form, submission_id, file) for file in kept if (form, submission_id) in whole or file[0] in named
            ]
    if not found:
        return []
    written = write_out(keyring, store, project.id, [file for _, _, file in found], folder)
    return [
        {"formulaire": form, "soumission": submission_id, "type": kind, "fichier": f"{FILES}/{name}"}
        for (form, submission_id, (_, kind, _)), name in zip(found, written, strict=True)
    ]


def _private(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def _workbook(held: Held) -> bytes:
    """The same, for a person to read: one line for each answer of each version."""
    from io import BytesIO

    from openpyxl import Workbook

    book = Workbook()
    first = book.active
    assert first is not None
    first.title = "À lire"
    _fill(first, ["Ce que c'est", "Valeur"], [
        ["Projet", f"{held['intitulé']} ({held['projet']})"],
        ["Établi le", held["établi le"]],
        ["Attention", "Données personnelles : à remettre à la personne elle-même, par une voie sûre, puis à effacer."],
        ["Ce qui est ici", "Tout ce que le projet garde sur cette personne. Ce qui concerne d'autres personnes n'y est pas."],
        ["Pseudonymes", ", ".join(held["pseudonymes"])],
        ["Traitement limité", "Oui" if held["traitement limité"] else "Non"],
        ["Indicateurs où elle peut compter", ", ".join(held["indicateurs"])],
    ])  # fmt: skip
    _fill(
        book.create_sheet("Réponses"),
        ["Formulaire", "Soumission", "Version", "Envoyée le", "État", "Où", "Question", "Réponse"],
        [
            [
                each["intitulé"], each["soumission"], version["version"], version["envoyée le"], version["état"], answer["où"],
                answer["intitulé"], answer["en clair"],
            ]
            for each in held["soumissions"] for version in each["versions"] for answer in version["réponses"]
        ],
    )  # fmt: skip
    columns = {
        "Corrections": ("corrections", ["formulaire", "soumission", "question", "avant", "après", "motif", "auteur"]),
        "Fichiers": ("fichiers", ["formulaire", "soumission", "type", "fichier"]),
        "Accès": ("accès", ["le", "à quel titre", "quoi", "pourquoi"]),
    }
    for title, (key, names) in columns.items():
        rows = [[line[name] for name in names] for line in held[key]]
        _fill(book.create_sheet(title), [name.capitalize() for name in names], rows)
    tables = [
        [table, number, column, value if isinstance(value, str | int | float | None) else str(value)]
        for table, rows in held["tables"].items()
        for number, row in enumerate(rows, start=1)
        for column, value in row.items()
    ]
    _fill(book.create_sheet("Tables d'analyse"), ["Table", "Ligne", "Colonne", "Valeur"], tables)
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def _fill(sheet: Any, header: list[str], rows: list[list[Any]]) -> None:
    from meal_pipelines.extracts.workbook import add_lines

    add_lines(sheet, header, rows)
    for column in range(1, len(header) + 1):
        sheet.column_dimensions[sheet.cell(1, column).column_letter].width = 60 if column == len(header) else 24
    sheet.freeze_panes = "A2"
