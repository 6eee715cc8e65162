"""One form as a processing activity: what its files say of it, in words ready for any of the documents.

Nothing is read but the loaded project. How a document shows these facts is its own module's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.project.model import Project
from meal_pipelines.project.privacy import PrivacyClass
from meal_pipelines.project.processing import TO_CONFIRM, Wording
from meal_pipelines.project.question_types import ATTACHMENTS, METADATA
from meal_pipelines.project.questionnaire import Question
from meal_pipelines.register.wording import BASES, CLASSES, COARSER, asked

SOURCES = {
    "kobo": "KoboToolbox",
    "odk": "ODK Central",
    "workbook": "Classeur d'un partenaire",
    "export": "Fichier exporté",
}


@dataclass(frozen=True)
class Treatment:
    """A processing activity of the register: one form of one project."""

    project: Project
    form: LoadedForm
    recognises: bool
    """Whether its answers are brought together with those of the same person in other forms."""

    @property
    def title(self) -> str:
        code = self.form.form.code.replace("-", "\N{NON-BREAKING HYPHEN}")
        return f"{self.form.form.label} ({code})"

    @property
    def purpose(self) -> str:
        return self.form.form.processing.purpose.fr

    @property
    def basis(self) -> str:
        return BASES[self.form.form.processing.legal_basis]

    @property
    def asks_consent(self) -> bool:
        """Whether the form asks for agreement, as a condition of everything or of each person in it."""
        names = {question.name for question in self.form.questionnaire.questions()}
        return self.form.form.consent is not None or "consentement" in names

    @property
    def transfers(self) -> str:
        return self.form.form.processing.transfers.fr

    @property
    def retention(self) -> str:
        rule = self.form.form.retention
        if rule is None:
            return TO_CONFIRM
        return f"{rule.told()} ({TO_CONFIRM})" if rule.is_open else rule.told()

    @property
    def source(self) -> str:
        return SOURCES[self.project.sources[self.form.form.source.use].kind]

    @property
    def attachments(self) -> str:
        """What becomes of the photos, sounds and documents that the form asks for; empty when it asks for none."""
        if not any(question.type in ATTACHMENTS for question in self.form.questionnaire.questions()):
            return ""
        kept = self.form.form.attachments
        if kept is None:
            return "laissés sur le serveur de collecte : à confirmer"
        return "scellés et gardés ici" if kept.keep else "laissés sur le serveur de collecte"

    def subjects(self) -> list[str]:
        return said(self.form.form.processing.subjects)

    def recipients(self) -> list[str]:
        return said(self.form.form.processing.recipients)

    @cached_property
    def questions(self) -> dict[PrivacyClass | None, list[Question]]:
        """The questions of each class, each name once; under None, those that nobody has classified."""
        found: dict[PrivacyClass | None, list[Question]] = {name: [] for name in CLASSES}
        for question in self.form.questionnaire.questions():
            of_class = found.setdefault(self.form.class_of(question), [])
            if all(other.name != question.name for other in of_class):
                of_class.append(question)
        return found

    def data(self, privacy_class: PrivacyClass | None) -> list[str]:
        """The labels of the questions of a class; a quasi-identifier with what is shown of it."""
        return [self._told(question) for question in self.questions.get(privacy_class, [])]

    def _told(self, question: Question) -> str:
        if self.form.class_of(question) != "quasi_identifier":
            return asked(question)
        rule = self.form.generalisation(question)
        return f"{asked(question)} → {COARSER[rule.to if rule is not None else 'drop']}"

    @property
    def concerns_people(self) -> bool:
        """Whether somebody is recorded who is to be informed: more than the device that filled the form."""
        personal = (*self.questions["identifier"], *self.questions["quasi_identifier"])
        return any(question.type not in METADATA for question in personal if question.type != "geopoint")


def treatments(project: LoadedProject) -> list[Treatment]:
    """The processing activities of a project, in the order of its forms."""
    return [Treatment(project.project, form, bool(project.person_tables(form))) for form in project.forms.values()]


def said(wordings: Sequence[Wording]) -> list[str]:
    return [wording.fr for wording in wordings] or [TO_CONFIRM]
