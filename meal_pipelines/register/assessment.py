"""The draft of the data-protection impact assessment: what the files and the code can say, and what a person has to.

Whatever needs judgement (how grave, how likely, whether it is enough) is left « à compléter », with who is to do it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.register.facts import Treatment, treatments
from meal_pipelines.register.measures import MEASURES
from meal_pipelines.register.page import Page
from meal_pipelines.register.wording import CLASSES, HANDLED, sentence

BY_DPO = "à compléter par la ou le délégué·e à la protection des données"
BY_CONTROLLER = "à compléter par le responsable du traitement"
BY_SERA = "à compléter par l'équipe SERA"

FLOW = (
    "Les réponses arrivent de la source (KoboToolbox, ODK Central ou classeur d'un partenaire) et sont scellées avant d'être écrites.",
    "Elles sont vérifiées et corrigées ; ce qui est personnel reste scellé.",
    "Un pseudonyme remplace l'identité ; les identités scellées vont dans un coffre à part.",
    "Les indicateurs sont calculés sur les données pseudonymisées ; les extraits remis aux bailleurs ne contiennent que des agrégats.",
)
RISKS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "Accès illégitime aux données (copie volée, compte détourné, curiosité)",
        "La personne peut être reconnue, exposée, empêchée de circuler ou privée d'un service. Pour des personnes migrantes, l'atteinte "
        "peut être grave.",
        (
            "Chiffrement",
            "Fermé par défaut",
            "Droits d'accès",
            "Journal des accès",
            "Messages et journaux techniques",
            "Serveur",
        ),
    ),
    (
        "Reconnaissance par recoupement (petites populations)",
        "Dans une commune où vivent peu de personnes d'une nationalité, un âge et un sexe suffisent à désigner quelqu'un.",
        ("Pseudonymes", "Généralisation", "Petits effectifs", "Droits d'accès"),
    ),
    (
        "Modification non désirée",
        "Une personne est confondue avec une autre, ou compte deux fois.",
        ("Chiffrement", "Droits d'accès", "Journal des accès"),
    ),
    (
        "Disparition (panne, perte de la clé)",
        "Les services rendus ne peuvent plus être prouvés ; sans la clé, ce qui est scellé ne s'ouvre plus.",
        (),
    ),
)


def write(project: LoadedProject, path: Path, day: dt.date) -> None:
    """Write the draft of one project's impact assessment."""
    activities = treatments(project)
    page = Page("Projet d'analyse d'impact", f"{project.project.name} · projet d'AIPD · {day:%d/%m/%Y}")
    page.title("Analyse d'impact (AIPD) : projet", f"{project.project.name} — {project.project.label}")
    page.notice(
        "Projet établi à partir des fichiers du projet. Ce que le système ne peut pas savoir est marqué, avec la fonction de qui doit "
        "l'écrire. Ce document ne vaut pas validation."
    )
    page.heading("1. Une analyse est-elle nécessaire ?")
    page.text(
        "Deux des critères de la CNIL réunis suffisent, en règle générale, à la rendre nécessaire. Ce que les fichiers montrent :"
    )
    page.grid(("Critère", "Ce que montrent les fichiers"), list(_criteria(activities)), (5.5, 11.5))
    page.text(f"Conclusion : {BY_DPO}.")
    _description(page, project, activities)
    _necessity(page, activities)
    page.heading("4. Risques pour les personnes")
    for position, (event, impact, names) in enumerate(RISKS, 1):
        page.subheading(f"4.{position}. {event}")
        texts = [f"{measure.name}. {measure.text}" for measure in MEASURES if measure.name in names]
        if "Petits effectifs" in names:
            texts.append(_threshold(project))
        page.facts(
            [
                ("Conséquences possibles", impact),
                (
                    "Ce que fait le système",
                    texts or [f"Sauvegarde de la base, sauvegarde des clés à part : {BY_CONTROLLER}."],
                ),
                ("Gravité", sentence(BY_DPO)),
                ("Vraisemblance", sentence(BY_DPO)),
                ("Mesures à ajouter", sentence(BY_CONTROLLER)),
            ]
        )
    page.heading("5. Avis et validation")
    page.facts(
        [
            ("Avis des personnes", f"Comment elles ont été consultées : {BY_SERA}."),
            ("Avis protection des données", sentence(BY_DPO)),
            ("Décision", sentence(BY_CONTROLLER)),
            ("Date de révision", sentence(BY_CONTROLLER)),
        ]
    )
    page.save(path)


def _threshold(project: LoadedProject) -> str:
    said = project.project.disclosure
    stricter = ", plus strict pour certaines ventilations" if said.dimensions else ""
    return f"Seuil : {said.threshold} personnes{stricter}. Approuvé par : {said.approved_by}."


def _criteria(activities: Sequence[Treatment]) -> Iterator[tuple[str, str]]:
    sensitive = [one.form.form.code for one in activities if one.questions["sensitive"]]
    joined = [one.form.form.code for one in activities if one.recognises]
    people = [one.form.form.code for one in activities if one.concerns_people]
    yield "Données sensibles", f"Questions classées sensibles dans {_listed(sensitive)}. Au sens de la loi : {BY_DPO}."
    yield "Croisement de données", f"Une même personne est reconnue d'un formulaire à l'autre dans {_listed(joined)}."
    yield (
        "Personnes vulnérables",
        f"Des personnes sont enregistrées dans {_listed(people)}. Leur vulnérabilité : {BY_DPO}.",
    )
    yield "Grande échelle", f"Nombre de personnes attendu : {BY_SERA}."
    yield (
        "Surveillance, décision automatique",
        "Aucune décision n'est prise ici sur une personne : les données servent à compter.",
    )


def _description(page: Page, project: LoadedProject, activities: Sequence[Treatment]) -> None:
    said = project.project.data_protection
    page.heading("2. Description du traitement")
    page.facts(
        [
            ("Responsable", sentence(said.controller.fr)),
            ("Protection des données", sentence(said.dpo.fr)),
            ("Sous-traitants", f"Serveur de collecte, hébergeur et leurs contrats : {BY_CONTROLLER}."),
            ("Hébergement", sentence(said.hosting.fr)),
            ("Durée du projet", [f"Du {project.project.starts_on:%d/%m/%Y} au {project.project.ends_on:%d/%m/%Y}.",
                                 sentence(project.project.dates_status)]),
        ]
    )  # fmt: skip
    page.subheading("Traitements")
    rows = [(one.title, sentence(one.purpose), one.source) for one in activities]
    page.grid(("Traitement", "Finalité", "Source"), rows, (4.5, 8.5, 4))
    page.subheading("Cheminement des données")
    page.bullets(FLOW)


def _necessity(page: Page, activities: Sequence[Treatment]) -> None:
    page.heading("3. Nécessité et proportionnalité")
    page.subheading("Données demandées, par classe")
    rows = []
    for one in activities:
        counts = [str(len(one.questions[name])) for name in CLASSES]
        rows.append((one.title, *counts, str(len(one.questions.get(None, [])))))
    headers = ("Traitement", "Identifiants", "Recoupements", "Sensibles", "Texte libre", "Autres", "Sans classe")
    page.grid(headers, rows, (4.4, 2.1, 2.8, 1.9, 2, 1.7, 2.1))
    page.bullets([f"{CLASSES[name]} : {HANDLED[name]}." for name in CLASSES])
    page.text(f"Chaque donnée demandée est-elle nécessaire ? {sentence(BY_SERA)}")
    page.subheading("Base légale, accord et information")
    rows = [
        (one.title, one.basis, "demandé dans le formulaire" if one.asks_consent else "non demandé")
        for one in activities
    ]
    page.grid(("Traitement", "Base légale", "Accord"), rows, (5, 7.5, 4.5))
    page.text("Une notice d'information par formulaire, en français et en arabe, est produite avec ce document.")
    page.subheading("Conservation")
    page.facts([(one.title, sentence(one.retention)) for one in activities])
    page.subheading("Droits des personnes")
    page.text(next(measure.text for measure in MEASURES if measure.name == "Droits des personnes"))
    page.text(f"Adresse où les exercer, délais et personne chargée d'y répondre : {BY_CONTROLLER}.")


def _listed(codes: Sequence[str]) -> str:
    return ", ".join(codes) or "aucun formulaire"
