"""The facts that a declaration to the CNDP asks for, in its order: purposes, categories, recipients, transfers, hosting.

It is no form of the CNDP's: somebody copies these facts into the current one.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.register.facts import Treatment, treatments
from meal_pipelines.register.measures import MEASURES
from meal_pipelines.register.page import Page
from meal_pipelines.register.wording import CLASSES, sentence

SENSITIVE = (
    "Des questions sont classées « sensibles ». Les données sur la santé, l'origine ou les opinions demandent une autorisation préalable "
    "de la CNDP, et non une simple déclaration : à confirmer, question par question."
)
TRANSFERS = (
    "Une transmission ou un hébergement hors du Maroc fait l'objet d'une demande à part (formulaire F118), une fois le traitement lui-même "
    "approuvé. Le pays d'hébergement se décide à l'installation."
)


def write(project: LoadedProject, path: Path, day: dt.date) -> None:
    """Write the facts of one project's declaration."""
    said, activities = project.project.data_protection, treatments(project)
    page = Page(
        "Faits pour la déclaration CNDP", f"{project.project.name} · faits pour la déclaration CNDP · {day:%d/%m/%Y}"
    )
    page.title("Déclaration à la CNDP : les faits", f"{project.project.name} — {project.project.label}")
    page.notice(
        "À recopier dans le formulaire en vigueur de la CNDP. Ce qui est marqué n'est pas encore décidé ou vérifié. Aucune réponse "
        "collectée ne figure ici."
    )
    page.heading("1. Responsable du traitement")
    page.facts(
        [
            ("Responsable", sentence(said.controller.fr)),
            ("Protection des données", sentence(said.dpo.fr)),
            ("Exercice des droits", sentence(said.contact.fr)),
            ("Référence CNDP", sentence(said.cndp.fr)),
        ]
    )
    page.heading("2. Traitements et finalités")
    rows = [(one.title, sentence(one.purpose), one.basis) for one in activities]
    page.grid(("Traitement", "Finalité", "Base légale"), rows, (4.5, 8, 4.5))
    page.heading("3. Personnes et catégories de données")
    if any(one.questions["sensitive"] for one in activities):
        page.notice(SENSITIVE)
    for one in activities:
        _categories(page, one)
    page.heading("4. Destinataires")
    page.facts([(one.title, [sentence(recipient) for recipient in one.recipients()]) for one in activities])
    page.heading("5. Hébergement et transferts hors du Maroc")
    page.text(TRANSFERS)
    page.facts(
        [("Hébergement", sentence(said.hosting.fr)), *((one.title, sentence(one.transfers)) for one in activities)]
    )
    page.heading("6. Conservation")
    page.facts([(one.title, sentence(one.retention)) for one in activities])
    page.heading("7. Mesures de sécurité")
    page.facts([(measure.name, measure.text) for measure in MEASURES])
    page.save(path)


def _categories(page: Page, one: Treatment) -> None:
    rows: list[tuple[str, str | list[str]]] = [("Personnes", [sentence(who) for who in one.subjects()])]
    for name, word in CLASSES.items():
        if one.questions[name]:
            rows.append((word, sentence(" ; ".join(one.data(name)))))
    if one.data(None):
        rows.append(("Sans classe (scellées)", sentence(f"à confirmer : {' ; '.join(one.data(None))}")))
    page.subheading(one.title)
    page.facts(rows)
