"""What a file says of the forms of its figures that stand still, for whoever holds nothing but the file.

Which forms do is judged in `warehouse/outcomes.py`; which stage fails, and since when, is told to the team where it runs
(`display/standing.py`) and to no recipient.
"""

from __future__ import annotations

from collections.abc import Sequence

from meal_pipelines.collect.history import moment_told
from meal_pipelines.indicators.reports.frozen import Freeze
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.warehouse.outcomes import Behind

SECTION = "Données en retard !"


def standing_notes(project: LoadedProject, behind: Sequence[Behind], frozen: Freeze | None = None) -> list[str]:
    """A sentence for each form, in French; empty when all was up to date.

    behind: the forms that stand still now · frozen: the report that the figures are read from; those that stood still when it
    was frozen are told then, and whatever became of them since changes nothing in the file.
    """
    return [_told(each, project) for each in (behind if frozen is None else frozen.behind)]


def _told(behind: Behind, project: LoadedProject) -> str:
    form = project.forms[behind.form].form if behind.form in project.forms else None
    name = f"le formulaire {form.code} « {form.label} »" if form is not None else f"le formulaire « {behind.form} »"
    if behind.as_of is None:
        return f"Sans {name} : aucune de ses données n'a encore pu être prise en compte."
    return f"Données arrêtées au {moment_told(behind.as_of)} pour {name} : ce qui a été reçu depuis n'a pas pu être pris en compte."
