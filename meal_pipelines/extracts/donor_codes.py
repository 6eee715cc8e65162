"""What may be said of a donor's code: verified by a person, or not; never more than that. And whom an indicator concerns.

A code is official only when the logframe says who checked it and when. Everything that shows a code asks here.
"""

from __future__ import annotations

from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import DonorCode, Indicator

VERIFIED, UNVERIFIED, NOT_APPLICABLE, TO_CONFIRM = "vérifié", "non vérifié", "sans objet", "à confirmer"

MODES = {
    "custom": "Propre au projet",
    "predefined": "Prédéfini",
    "matched": "Apparié",
    "candidate": "Candidat",
    "none": "Aucun",
}
CORRESPONDING = ("predefined", "matched", "candidate")
"""Modes that point at a line of the donor's framework."""


def concerns(indicator: Indicator, recipient: str) -> bool:
    """Whether the logframe relates an indicator to a recipient's list."""
    donor = indicator.donor(recipient)
    return donor is not None and donor.mode != "none"


def is_concerned(project: LoadedProject, recipient: str) -> bool:
    """Whether the logframe relates any indicator of a project to a recipient's list."""
    return project.logframe is not None and any(concerns(at, recipient) for at in project.logframe.indicators)


def is_verified(donor: DonorCode) -> bool:
    return bool(donor.code and donor.verified_on and (donor.verified_by or "").strip())


def code_status(donor: DonorCode | None) -> str:
    """`vérifié`, `non vérifié`, or `sans objet` for an indicator of the project's own."""
    if donor is None or donor.mode not in CORRESPONDING:
        return NOT_APPLICABLE
    return VERIFIED if is_verified(donor) else UNVERIFIED


def shown_code(donor: DonorCode | None) -> str | None:
    """The code as people may read it: « 2.20 (non vérifié) »; None when there is none to show."""
    if donor is None or donor.mode not in CORRESPONDING:
        return None
    if is_verified(donor):
        return donor.code
    return f"{donor.code} ({UNVERIFIED})" if donor.code else f"{TO_CONFIRM} ({UNVERIFIED})"
