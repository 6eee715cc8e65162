"""What `meal doctor` finds of donors' codes and of the lists they come from: who has verified what, and when.

Reads the logframe and the catalogues, changes nothing. Everything else that is examined is in `doctor.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from meal_pipelines.errors import MealError
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Logframe


@dataclass(frozen=True)
class Finding:
    """One thing examined."""

    level: Literal["ok", "warning", "error"]
    text: str


def donor_findings(name: str, logframe: Logframe) -> Iterator[Finding]:
    """The donors' codes, a line for each framework: what somebody has verified, and what nobody has."""
    from meal_pipelines.extracts.donor_codes import CORRESPONDING, is_verified

    unverified: dict[str, list[str]] = {}
    verified: dict[str, list[str]] = {}
    for indicator in logframe.indicators:
        for donor, code in indicator.donors.items():
            if code.mode not in CORRESPONDING:
                continue
            framework = (
                code.framework if donor.upper() in code.framework.upper() else f"{donor.upper()} ({code.framework})"
            )
            if is_verified(code):
                told = f"{indicator.code} = {code.code} (le {code.verified_on:%d/%m/%Y}, par {code.verified_by})"
                verified.setdefault(framework, []).append(told)
            else:
                begun = ", vérification incomplète" if code.verified_on or code.verified_by else ""
                said = f" = {code.code}{begun}" if code.code else begun
                unverified.setdefault(framework, []).append(f"{indicator.code}{said}")
    for framework, codes in verified.items():
        yield Finding("ok", f"{name} : {framework} : {len(codes)} code(s) vérifié(s) : {', '.join(codes)}.")
    for framework, codes in unverified.items():
        yield Finding(
            "warning",
            f"{name} : {framework} : {len(codes)} code(s) que personne n'a vérifié(s), montrés comme tels : {', '.join(codes)}.",
        )
    if unverified:
        yield Finding(
            "warning",
            f"{name} : pour confirmer un code : code, version, source, verified_on et verified_by dans logframe.yaml (« donors »).",
        )


def catalogue_findings(project: LoadedProject, logframe: Logframe) -> Iterator[Finding]:
    """Whether the list of each annual campaign that concerns the project has been filled in and verified."""
    from meal_pipelines.extracts.campaigns.sheets import RECIPIENTS
    from meal_pipelines.extracts.donor_codes import concerns
    from meal_pipelines.project.catalogue import Catalogue

    for recipient in RECIPIENTS.values():
        if not any(concerns(indicator, recipient.name) for indicator in logframe.indicators):
            continue
        file = f"projects/catalogue_{recipient.name}.yaml"
        try:
            catalogue = Catalogue.read(project.folder.parent, recipient.name)
        except MealError as error:
            yield Finding("error", str(error))
            continue
        if not catalogue.lines:
            yield Finding("warning", f"{project.project.name} : {file} est vide. {recipient.about}.")
        elif not (catalogue.verified_on and catalogue.verified_by):
            yield Finding(
                "warning", f"{project.project.name} : {file} n'a été vérifié par personne (verified_on, verified_by)."
            )
        else:
            yield Finding(
                "ok",
                f"{project.project.name} : {file}, {len(catalogue.lines)} ligne(s), version {catalogue.version}, vérifié le "
                f"{catalogue.verified_on:%d/%m/%Y} par {catalogue.verified_by}.",
            )
