"""How long a form's submissions are kept, as `project.yaml` says, and from which day one is due.

What is done on that day is in `protect/rights/retention.py`.
"""

from __future__ import annotations

import calendar
import datetime as dt
from typing import Literal

from pydantic import Field

from meal_pipelines.project.processing import Wording
from meal_pipelines.project.strict import Strict


class Retention(Strict):
    """A rule: so many months, counted from the sending of each submission, or from the end of the project for all of them.

    then: `cut_loose`, what was done stays counted under nobody's name, without anything personal; or `delete`.
    basis: why so long, and who decided; while it says « à confirmer », nothing is purged.
    """

    months: int = Field(ge=0, le=360)
    since: Literal["submission", "project_end"]
    then: Literal["cut_loose", "delete"]
    basis: Wording = Field(default_factory=Wording)

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to confirm it."""
        return self.basis.is_open

    def told(self) -> str:
        """The rule as a sentence, for people and for the register."""
        since = "l'envoi" if self.since == "submission" else "la fin du projet"
        then = "rien de personnel n'est gardé" if self.then == "cut_loose" else "tout est effacé"
        when = f"{self.months} mois après" if self.months else "dès"
        return f"{when} {since}, {then}"


def months_after(day: dt.date, months: int) -> dt.date:
    """The same day so many months later; the last of the month where there is no such day, as PostgreSQL has it."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
