"""A project and its forms as they were read: what the files say of each question, together. Reading is in `load.py`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from meal_pipelines.project.files import Lines
from meal_pipelines.project.form_versions import FormVersions
from meal_pipelines.project.logframe import Logframe
from meal_pipelines.project.model import Form, Project
from meal_pipelines.project.privacy import Generalisation, PrivacyClass
from meal_pipelines.project.questionnaire import MAIN, Question, Questionnaire, Table


@dataclass(frozen=True)
class LoadedForm:
    """One form with its questionnaire, what its project says of every question, and how its versions follow one another."""

    project: str
    name: str
    form: Form
    questionnaire: Questionnaire
    where: str
    versions: FormVersions = field(default_factory=FormVersions)
    version_lines: Lines | None = None

    @property
    def table(self) -> str:
        """The name of its table in `cleaned` and `pseudonymised`; a repeat adds `__<repeat>`."""
        return f"{self.project}_{self.name}"

    @property
    def own_version(self) -> str:
        """The version that the questionnaire declares, else its fingerprint: what a template is stamped with."""
        return self.questionnaire.version or self.questionnaire.fingerprint[:12]

    def table_of(self, repeat: str) -> str:
        return self.table if repeat == MAIN else f"{self.table}__{repeat}"

    @cached_property
    def classes(self) -> dict[str, PrivacyClass]:
        """The privacy class of every question that has one, by its column path `table.column`.

        The project's word, else the questionnaire's own.
        """
        patterns = self.form.privacy.patterns()
        found: dict[str, PrivacyClass] = {}
        for question in self.questionnaire.questions():
            for privacy_class, pattern in patterns:
                if fnmatchcase(question.name, pattern):
                    found[f"{question.table}.{question.column}"] = privacy_class
                    break
            else:
                if question.privacy is not None:
                    found[f"{question.table}.{question.column}"] = question.privacy
        return found

    def class_of(self, question: Question) -> PrivacyClass | None:
        """None: nobody has classified it, so it stays sealed."""
        return self.classes.get(f"{question.table}.{question.column}")

    def generalisation(self, question: Question) -> Generalisation | None:
        """How a quasi-identifier is made coarser: its own line, else the first pattern that fits."""
        if self.class_of(question) != "quasi_identifier":
            return None
        rules = self.form.privacy.quasi_identifier
        fitting = (rule for pattern, rule in rules.items() if fnmatchcase(question.name, pattern))
        return rules.get(question.name) or next(fitting, None)

    def tolerates(self, question: Question) -> bool:
        """Whether a row stands without this answer, even where the questionnaire requires it."""
        return any(fnmatchcase(question.name, pattern) for pattern in self.form.tolerated)

    def is_sealed(self, question: Question) -> bool:
        """Whether the answer is personal and stays sealed in `cleaned`."""
        return self.class_of(question) not in ("open", "sensitive")

    def shown(self, table: Table) -> list[Question]:
        """The questions of a table that stand in clear in `cleaned` and `pseudonymised`."""
        return [question for question in table.questions if not self.is_sealed(question)]

    def sealed(self, table: Table) -> list[Question]:
        return [question for question in table.questions if self.is_sealed(question)]


@dataclass(frozen=True)
class LoadedProject:
    """One project folder, read and judged."""

    folder: Path
    project: Project
    logframe: Logframe | None
    forms: dict[str, LoadedForm]
    lines: Lines
    logframe_lines: Lines | None

    @property
    def id(self) -> str:
        return self.project.project

    def person_tables(self, form: LoadedForm) -> dict[str, list[list[str]]]:
        """For each table of a form that meets a person, the keys by which that person may be recognised there."""
        if self.project.persons is None:
            return {}
        found: dict[str, list[list[str]]] = {}
        for name, table in form.questionnaire.tables.items():
            names = {question.name for question in table.questions}
            keys = [key for key in self.project.persons.every_key if names.issuperset(key)]
            if keys:
                found[name] = keys
        return found

    def fingerprint(self, form: LoadedForm) -> str:
        """Changes when anything changes that a cleaned or pseudonymised table of this form depends on."""
        parts = [
            form.questionnaire.fingerprint,
            form.form.model_dump_json(exclude={"attachments", "processing", "retention"}),
            str(self.project.persons),
        ]
        parts.append(str(self.project.age_bands))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()
