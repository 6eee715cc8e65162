"""What may be said of a donor's code: verified by a person, or not; never more than that.

A code is official only when the logframe says who checked it and when. Everything that shows a code asks here.
"""

from __future__ import annotations

from meal_pipelines.project.logframe import DonorCode

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
