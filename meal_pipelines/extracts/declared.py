"""What partners declare as totals, to be shown beside what was counted and never in its place.

Read from `indicators.declared`. A small number of persons is as small when a partner says it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from meal_pipelines.extracts.wording import day, number
from meal_pipelines.project.disclosure import Disclosure
from meal_pipelines.project.logframe import Indicator
from meal_pipelines.protect.disclosure import about_persons


@dataclass(frozen=True)
class Declaration:
    """One total as a partner gave it. shown: the figure, or what stands in its place."""

    indicator: str
    shown: str
    source: str
    method: str
    received_on: dt.date

    @property
    def told(self) -> str:
        """« 120, déclaré par ANAPEC (reçu le 05/01/2028 ; dédoublonnage par CIN chez le partenaire) »."""
        return f"{self.shown}, déclaré par {self.source} (reçu le {day(self.received_on)} ; {self.method})"


def declared_in_year(
    cursor: Any, project: str, year: int, indicators: list[Indicator], settings: Disclosure, recipient: str
) -> dict[str, list[Declaration]]:
    """By indicator, the totals that partners declared for a calendar year."""
    protected = {at.code for at in indicators if about_persons(at, settings.without_persons)}
    threshold = settings.threshold_of(recipient, [])
    is_protected = settings.recipient(recipient).protect
    cursor.execute(
        "select indicator, value, source, method, received_on from indicators.declared where project = %s"
        " and period_kind = 'year' and period = %s and disaggregation = '{}' order by indicator, source",
        (project, str(year)),
    )
    found: dict[str, list[Declaration]] = {}
    for code, value, source, method, received_on in cursor.fetchall():
        is_small = is_protected and code in protected and 0 < value < threshold
        shown = f"< {threshold}" if is_small else number(value)
        found.setdefault(code, []).append(Declaration(code, shown, source, method, received_on))
    return found
