"""The register of processing activities (article 30 of the GDPR) as a workbook: one sheet per project, one line per form."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from meal_pipelines.extracts.table import Column, Table
from meal_pipelines.extracts.workbook import add_readme, add_table, new_workbook, save
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.processing import TO_CONFIRM
from meal_pipelines.register.facts import Treatment, treatments
from meal_pipelines.register.measures import MEASURES
from meal_pipelines.register.wording import CLASSES, HANDLED, ILLUSTRATIVE

COLUMNS = (
    Column("form", "Traitement", 20, "wrap"),
    Column("purpose", "Finalité", 30, "wrap"),
    Column("basis", "Base légale", 18, "wrap"),
    Column("subjects", "Personnes concernées", 20, "wrap"),
    Column("data", "Catégories de données (→ ce qui en est montré)", 64, "wrap"),
    Column("source", "Source", 16, "wrap"),
    Column("recipients", "Destinataires", 28, "wrap"),
    Column("transfers", "Transferts hors du Maroc", 17, "wrap"),
    Column("retention", "Conservation", 14, "wrap"),
)
"""One for each item of article 30, paragraph 1, points b to f; points a and g are in the first sheets."""


def write(projects: Sequence[LoadedProject], path: Path, day: dt.date) -> None:
    """Write the register of these projects; `day` is shown as the day on which it was drawn up."""
    book = new_workbook("Registre des activités de traitement")
    sections = {
        "Ce que c'est": [
            "Le registre que demande l'article 30 du RGPD, une feuille par projet, une ligne par formulaire.",
            f"Établi le {day:%d/%m/%Y} à partir de project.yaml et des questionnaires : une question ajoutée y apparaît à "
            "l'édition suivante. Il ne contient aucune réponse.",
        ],
        "À confirmer !": [ILLUSTRATIVE],
    }
    for project in projects:
        said = project.project.data_protection
        sections[project.project.name] = [
            f"Responsable du traitement : {said.controller.fr}",
            f"Délégué·e à la protection des données : {said.dpo.fr}",
            f"Exercice des droits : {said.contact.fr}",
            f"Hébergement : {said.hosting.fr}",
            f"CNDP : {said.cndp.fr}",
        ]
    sections["Ce qui est fait des données"] = [f"{CLASSES[name]} : {HANDLED[name]}." for name in CLASSES]
    sections["Mesures de sécurité"] = [f"{measure.name}. {measure.text}" for measure in MEASURES]
    add_readme(book, "Registre des activités de traitement", "Protection des données personnelles", sections)
    for project in projects:
        table = _sheet(project)
        sheet = add_table(book, table)
        for line, row in enumerate(table.rows, start=5):
            sheet.row_dimensions[line].height = _height(row)
    save(book, path)


def _sheet(project: LoadedProject) -> Table:
    rows: list[Sequence[Any]] = [_row(treatment) for treatment in treatments(project)]
    table = Table(
        project.project.name, f"{project.project.name} : activités de traitement", project.project.label, COLUMNS, rows
    )
    for line, row in enumerate(rows):
        for position, value in enumerate(row):
            if isinstance(value, str) and TO_CONFIRM in value:
                table.cell_tones[line, position] = "caution"
    return table


def _row(treatment: Treatment) -> list[Any]:
    data = [f"{word} : {' ; '.join(treatment.data(name))}" for name, word in CLASSES.items() if treatment.data(name)]
    if treatment.data(None):
        data.append(f"Sans classe, donc scellées (classe à confirmer) : {' ; '.join(treatment.data(None))}")
    source = [treatment.source, *([f"Fichiers joints : {treatment.attachments}"] if treatment.attachments else [])]
    return [
        treatment.title,
        treatment.purpose,
        treatment.basis,
        "\n".join(treatment.subjects()),
        "\n".join(data),
        "\n".join(source),
        "\n".join(treatment.recipients()),
        treatment.transfers,
        treatment.retention,
    ]


def _height(row: Sequence[Any]) -> float:
    """Of a line whose lists of questions are long: 1.3 letters of such a text take one unit of width."""
    lines = [
        sum(-(-len(part) // int(column.width * 1.3)) for part in str(text).split("\n"))
        for column, text in zip(COLUMNS, row, strict=True)
    ]
    return 13.2 * max(lines) + 6
