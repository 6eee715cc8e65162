"""The words that the documents share, in French and Arabic: classes, legal bases, what a form records by itself.

What is particular to one document is in its own module.
"""

from __future__ import annotations

import re

from meal_pipelines.project.privacy import PrivacyClass
from meal_pipelines.project.processing import LegalBasis, Wording
from meal_pipelines.project.questionnaire import Question, arabic, french

ILLUSTRATIVE = "Valeurs « à confirmer » : personne ne les a encore décidées ou vérifiées."
TO_CONFIRM_AR = "في انتظار التأكيد"

CLASSES: dict[PrivacyClass, str] = {
    "identifier": "Identifiants",
    "quasi_identifier": "Recoupements possibles",
    "sensitive": "Données sensibles",
    "free_text": "Texte libre",
    "open": "Autres réponses",
}
HANDLED: dict[PrivacyClass, str] = {
    "identifier": "scellés, gardés au coffre, jamais montrés aux analystes",
    "quasi_identifier": "scellés, montrés en plus grossier ou pas du tout",
    "sensitive": "montrées aux analystes sous pseudonyme",
    "free_text": "scellé, jamais montré aux analystes",
    "open": "montrées aux analystes sous pseudonyme",
}
COARSER = {
    "age_band": "tranche d'âge",
    "province": "province",
    "month": "mois",
    "year": "année",
    "rounded": "position arrondie",
    "band": "tranche",
    "drop": "non montré",
}
BASES: dict[LegalBasis, str] = {
    "consent": "Consentement de la personne (RGPD, art. 6, § 1, a)",
    "contract": "Exécution d'un contrat (RGPD, art. 6, § 1, b)",
    "legal_obligation": "Obligation légale (RGPD, art. 6, § 1, c)",
    "vital_interests": "Sauvegarde des intérêts vitaux (RGPD, art. 6, § 1, d)",
    "public_interest": "Mission d'intérêt public (RGPD, art. 6, § 1, e)",
    "legitimate_interests": "Intérêts légitimes (RGPD, art. 6, § 1, f)",
    "to_confirm": "à confirmer",
}
RECORDED = {
    "start": ("heure de début de la saisie", "وقت بداية الإدخال"),
    "end": ("heure de fin de la saisie", "وقت نهاية الإدخال"),
    "today": ("jour de la saisie", "يوم الإدخال"),
    "deviceid": ("identifiant de l'appareil de saisie", "معرف جهاز الإدخال"),
    "username": ("compte de la personne qui saisit", "حساب الشخص الذي يقوم بالإدخال"),
    "phonenumber": ("numéro de l'appareil de saisie", "رقم هاتف جهاز الإدخال"),
    "email": ("adresse de la personne qui saisit", "البريد الإلكتروني للشخص الذي يقوم بالإدخال"),
    "simserial": ("numéro de la carte SIM de l'appareil", "رقم شريحة الجهاز"),
    "subscriberid": ("numéro d'abonné de l'appareil", "رقم اشتراك الجهاز"),
}
"""What a form records without asking, by question type."""


def asked(question: Question) -> str:
    """How a question is called in a document: its French label on one line, without marks of the form."""
    if question.type in RECORDED:
        return RECORDED[question.type][0]
    return _plain(french(question.labels)) or f"{question.name} (calculé)"


def asked_in_arabic(question: Question) -> str:
    if question.type in RECORDED:
        return RECORDED[question.type][1]
    return _plain(arabic(question.labels)) or asked(question)


def is_worded(question: Question) -> bool:
    """Whether people can be told of it in words: a calculation has none."""
    return question.type in RECORDED or bool(question.labels)


def in_arabic(wording: Wording) -> str:
    """Its Arabic, else what stands for it: « to be confirmed », or the French for somebody to translate."""
    return wording.ar or (TO_CONFIRM_AR if wording.is_open else wording.fr)


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", "؟")) else ".")


def _plain(text: str) -> str:
    text = re.sub(r"\$\{[^}]*\}", "…", text).replace("*", "")
    return " ".join(re.sub(r"<[^>]+>", " ", text).split()).rstrip(" ?؟:.")
