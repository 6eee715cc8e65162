"""What people read of a form that stands still: in Dagster's checks, at the end of a run, and when a report is frozen."""

from __future__ import annotations

from collections.abc import Mapping

from meal_pipelines.collect.history import moment_told
from meal_pipelines.indicators.reports.frozen import Freeze
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.warehouse.outcomes import Behind

FAILS = {
    "raw": "sa collecte échoue",
    "cleaned": "son nettoyage échoue",
    "pseudonymised": "sa pseudonymisation échoue",
}


def told(behind: Behind, projects: Mapping[str, LoadedProject]) -> str:
    """From which day the form's table is, which stage fails, and since when; why is said where it fails."""
    form = projects[behind.project].forms[behind.form]
    name = f"le formulaire {form.form.code} ({behind.project}/{behind.form})"
    fails = f"{FAILS[behind.stage]} depuis le {moment_told(behind.since)}."
    if behind.as_of is None:
        return f"Sans {name}, qui n'a encore jamais pu être publié : {fails}"
    return f"Fondé sur {name} du {moment_told(behind.as_of)}, qui n'a pas pu être mis à jour : {fails}"


def frozen_behind(made: Freeze, project: LoadedProject) -> list[str]:
    """What whoever froze a report must hear: a sentence for each form of its figures that stood still."""
    return [told(each, {project.id: project}) for each in made.behind]
