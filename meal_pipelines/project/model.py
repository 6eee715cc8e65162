"""What `project.yaml` means: sources, forms, privacy classes, rules, and how persons are recognised.

Only shapes and what can be judged inside one file. What needs the questionnaire beside it (does this
question exist?) is judged in `load.py`; nothing here reads a file or the environment.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from meal_pipelines.project.disclosure import Disclosure
from meal_pipelines.project.iati import Iati
from meal_pipelines.project.links import Links
from meal_pipelines.project.privacy import Privacy
from meal_pipelines.project.processing import DataProtection, Processing
from meal_pipelines.project.retention import Retention
from meal_pipelines.project.strict import Identifier, Strict

Frequency = Literal["daily", "weekly", "monthly", "quarterly", "semester", "yearly"]
Severity = Literal["critical", "warning"]


class Server(Strict):
    """Where submissions come from; values like `${KOBO_TOKEN}` name environment variables.

    sweep_days: a server that tells what changed is still read whole after so many days; 0: each time.
    """

    kind: Literal["kobo", "odk", "workbook", "export"]
    url: str | None = None
    token: str | None = None
    email: str | None = None
    password: str | None = None
    path: str | None = None
    sweep_days: int = Field(default=7, ge=0)

    @model_validator(mode="after")
    def _complete(self) -> Server:
        needed = {"kobo": ("url", "token"), "odk": ("url", "email", "password")}.get(self.kind, ("path",))
        missing = [key for key in needed if getattr(self, key) is None]
        if missing:
            raise ValueError(f"une source « {self.kind} » demande aussi : {', '.join(missing)}")
        return self


class RepeatSheet(Strict):
    """The sheet of an exported workbook that holds one repeat, and its column that names the parent."""

    sheet: str
    parent: str


class FormSource(Strict):
    """What of a source belongs to this form.

    Kobo: `asset`. ODK Central: `project` (its number) and `form` (its form id) or `dataset` (a list of
    entities: its questionnaire asks one question per property, and `label`).
    Workbook: `file` (a pattern), `sheet`, `key` (the questions that identify a row), the sheets of its `repeats`,
    older wordings of headers by question (`headers`), and what a row's absence from the `files` means:
    parts: nothing, each file brings its part · register: the newest file is the whole register, what it has no
    longer is deleted · folder: the files together are the whole register.
    Export: `file`, and for a workbook export `sheet`, `key` and the sheets of its `repeats`.
    """

    use: Identifier
    asset: str | None = None
    project: str | None = None
    form: str | None = None
    dataset: str | None = None
    file: str | None = None
    sheet: str | None = None
    key: list[str] = Field(default_factory=list)
    submitted_at: str | None = None
    repeats: dict[str, RepeatSheet] = Field(default_factory=dict)
    headers: dict[str, list[str]] = Field(default_factory=dict)
    files: Literal["parts", "register", "folder"] = "parts"

    @field_validator("headers", mode="before")
    @classmethod
    def _one_or_many_wordings(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: [text] if isinstance(text, str) else text for name, text in value.items()}

    @field_validator("project", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        return str(value) if type(value) is int else value

    @field_validator("key", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class Rule(Strict):
    """A sentence of the domain that every submission must satisfy, in XLSForm's own expression language."""

    name: Identifier
    check: str
    message: str
    severity: Severity = "warning"
    repeat: str | None = None


class Attachments(Strict):
    """What becomes of the files (photos, sounds, documents) that a form's answers name.

    keep: whether they are fetched, sealed and kept here; otherwise they stay on the server, unread. max_mb: megabytes
    of one file. types: what may be kept, as the first bytes tell it, whatever the name: media types, or `image/*` …
    """

    keep: bool
    max_mb: float = 20
    types: list[str] = Field(default_factory=lambda: ["image/*", "audio/*", "application/pdf"])

    @field_validator("max_mb")
    @classmethod
    def _sensible(cls, size: float) -> float:
        if not 0 < size <= 1000:
            raise ValueError("écrivez la taille d'un fichier en mégaoctets, de 0.1 à 1000")
        return size

    @field_validator("types")
    @classmethod
    def _known_kinds(cls, types: list[str]) -> list[str]:
        for text in types:
            if not re.fullmatch(r"(image|audio|video)/\*|[a-z]+/[a-z0-9][a-z0-9.+-]*", text):
                raise ValueError(
                    f"« {text} » n'est pas un type de fichier ; écrivez image/*, audio/*, video/* ou un type entier, comme "
                    "application/pdf"
                )
        return types


class Form(Strict):
    """One form of a project: its questionnaire, its source, its frequency and the class of its questions.

    tolerated: questions (names or patterns) without whose answer a row stands, whatever the questionnaire requires:
    withheld from an export, for instance. Their faults are warnings. A question asked only since a later version of the form
    needs no line here: older submissions are judged by what their version asked.
    consent: the question and the answer by which a person agrees (`consentement = oui`): any other, or none, and nothing personal
    of hers is kept once cleaned; one that refuses (another choice, or what `refusal` says) and nothing personal is collected.
    refusal: alone, for a form that does not ask whoever is known already.
    attachments: None: nobody has decided what becomes of its files, which stay on the server.
    processing: what its collection is for, as the register says it. retention: how long its submissions are kept; None: nobody
    has decided, and they stay.
    """

    label: str
    code: str
    unit: str
    questionnaire: str | dict[Literal["survey", "choices"], str]
    source: FormSource
    frequency: Frequency
    owners: list[str] = Field(default_factory=list)
    submitted_on: str | None = None
    duplicates: list[str] = Field(default_factory=list)
    consent: str | None = None
    refusal: str | None = None
    tolerated: list[str] = Field(default_factory=list)
    attachments: Attachments | None = None
    processing: Processing = Field(default_factory=Processing)
    retention: Retention | None = None
    privacy: Privacy = Field(default_factory=Privacy)
    rules: list[Rule] = Field(default_factory=list)


class Persons(Strict):
    """How one person is recognised across forms: the first key whose questions are all answered.

    A key is a list of questions; `normalise` says how an answer is brought to one spelling before it is hashed.
    known_by: the question that holds the number of the card (or file) of a person registered before, where a form asks
    it instead of the person's identity; the last key, and shown everywhere as the pseudonym `card_id`, so that the marts
    can read whose card it is in the registration.
    links: the keys by which two pseudonyms turn out to be one person's.
    """

    keys: list[list[str]]
    known_by: str | None = None
    normalise: dict[str, Literal["phone", "name", "code"]] = Field(default_factory=dict)
    links: Links = Field(default_factory=Links)

    @property
    def every_key(self) -> list[list[str]]:
        """The keys in the order in which they are tried: whatever says who the person is, before the card."""
        return [*self.keys, [self.known_by]] if self.known_by else self.keys


Leaving = Literal["cut_loose", "delete"]


class Project(Strict):
    """One `projects/<project>/project.yaml`; everything particular to a project is here or beside it.

    erasure, withdrawal: what becomes of the rows of a person who is erased, or who withdraws consent: `cut_loose`, they stay
    counted under nobody's name, without anything personal, or `delete`.
    """

    project: Identifier
    name: str
    label: str
    starts_on: dt.date
    ends_on: dt.date
    dates_status: str
    timezone: str = "Africa/Casablanca"
    owners: list[str] = Field(default_factory=list)
    donors: list[str] = Field(default_factory=list)
    age_bands: list[str] = Field(default_factory=list)
    persons: Persons | None = None
    data_protection: DataProtection = Field(default_factory=DataProtection)
    erasure: Leaving = "delete"
    withdrawal: Leaving = "delete"
    disclosure: Disclosure = Field(default_factory=Disclosure)
    iati: Iati = Field(default_factory=Iati)
    sources: dict[Identifier, Server]
    forms: dict[Identifier, Form]

    @field_validator("age_bands")
    @classmethod
    def _bands(cls, bands: list[str]) -> list[str]:
        expected: int | None = None
        for band in bands:
            low, _, high = band.removesuffix("+").partition("-")
            if not low.isdigit() or (high and not high.isdigit()) or (not high and not band.endswith("+")):
                raise ValueError(f"« {band} » n'est pas une tranche d'âge ; écrivez 18-24 ou 60+")
            if expected is not None and int(low) != expected:
                raise ValueError(f"« {band} » ne suit pas la tranche précédente : elle doit commencer à {expected}")
            expected = int(high) + 1 if high else None
        return bands

    @model_validator(mode="after")
    def _agree(self) -> Project:
        if self.ends_on <= self.starts_on:
            raise ValueError("« ends_on » doit venir après « starts_on »")
        for name, form in self.forms.items():
            if form.source.use not in self.sources:
                known = ", ".join(self.sources)
                raise ValueError(
                    f"le formulaire « {name} » utilise la source « {form.source.use} », inconnue ({known})"
                )
        return self
