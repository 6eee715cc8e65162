"""What the law asks to be known of a collection: who answers for it, what for, on what basis, who receives it, where it goes.

Words that a person decides and writes in `project.yaml`; whatever nobody has written is « à confirmer », and shows as such
in every document. What the files and the code tell by themselves (classes, sources, keys) is not repeated here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, model_validator

from meal_pipelines.project.strict import Strict

TO_CONFIRM = "à confirmer"
LegalBasis = Literal[
    "consent",
    "contract",
    "legal_obligation",
    "vital_interests",
    "public_interest",
    "legitimate_interests",
    "to_confirm",
]
"""Those of article 6(1) of the GDPR, in its order."""


class Wording(Strict):
    """A text for readers. ar: needed where it stands in an Arabic notice; a text alone is the French one."""

    fr: str = TO_CONFIRM
    ar: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _french_alone(cls, value: Any) -> Any:
        return {"fr": value} if isinstance(value, str) else value

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to decide or confirm it."""
        return TO_CONFIRM in self.fr.lower()


class DataProtection(Strict):
    """Who answers for a project's personal data, and where they are. contact: where people exercise their rights.

    cndp: the numbers of the declaration or the authorisation, once there are any.
    """

    controller: Wording = Field(default_factory=Wording)
    dpo: Wording = Field(default_factory=Wording)
    contact: Wording = Field(default_factory=Wording)
    hosting: Wording = Field(default_factory=Wording)
    cndp: Wording = Field(default_factory=Wording)


class Processing(Strict):
    """One form as a processing activity. subjects: the people in it; recipients: who gets something of it, and what.

    transfers: what leaves Morocco, where to, and under which safeguard.
    """

    purpose: Wording = Field(default_factory=Wording)
    legal_basis: LegalBasis = "to_confirm"
    subjects: list[Wording] = Field(default_factory=list)
    recipients: list[Wording] = Field(default_factory=list)
    transfers: Wording = Field(default_factory=Wording)

    def open_points(self) -> Iterator[str]:
        """The keys that nobody has decided yet."""
        if self.purpose.is_open:
            yield "purpose"
        if self.legal_basis == "to_confirm":
            yield "legal_basis"
        for key, wordings in (("subjects", self.subjects), ("recipients", self.recipients)):
            if not wordings or any(wording.is_open for wording in wordings):
                yield key
        if self.transfers.is_open:
            yield "transfers"
