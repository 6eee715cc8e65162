"""What partners declare as totals, to be shown beside what was counted and never in its place.

Read from `indicators.declared`, or from the frozen report when the period was frozen. A small number of persons is as small
when a partner says it. Categories that a partner declares stay in the base: they would tell a small one by difference.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from psycopg2 import sql

from meal_pipelines.extracts.wording import day, number
from meal_pipelines.indicators.declared import STATUS
from meal_pipelines.indicators.reports.frozen import Freeze, frozen_on, frozen_year
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.questionnaire import french
from meal_pipelines.protect.disclosure import HIDDEN, about_persons

PERIODS = {
    "month": "pour le mois {}", "quarter": "pour le trimestre {}", "semester": "pour le semestre {}", "year": "pour {}",
    "project_year": "pour l'année {} du projet", "to_date": "en cumul à fin {}",
}  # fmt: skip
APART = (
    f"« {STATUS.capitalize()} » : un total qu'un partenaire donne sans les enregistrements. Il n'entre dans aucun autre chiffre et ne "
    "s'ajoute pas aux personnes comptées."
)


@dataclass(frozen=True)
class Declaration:
    """One total as a partner gave it. value: None when it is hidden · mark: what then stands in its place."""

    indicator: str
    value: Decimal | None
    mark: str | None
    source: str
    method: str
    received_on: dt.date
    period_kind: str
    period: str
    period_start: dt.date
    period_end: dt.date

    @property
    def shown(self) -> str:
        return number(self.value) if self.value is not None else self.mark or ""

    @property
    def over(self) -> str:
        """« en cumul à fin 2028-06 »."""
        return PERIODS[self.period_kind].format(self.period)

    @property
    def origin(self) -> str:
        """« déclaré par ANAPEC (reçu le 05/01/2028 ; dédoublonnage : par le numéro de dossier) »."""
        method = self.method[:1].lower() + self.method[1:]
        return f"{STATUS} par {self.source} (reçu le {day(self.received_on)} ; dédoublonnage : {method})"

    @property
    def told(self) -> str:
        """« 120 en cumul à fin 2028-06, déclaré par ANAPEC (…) »."""
        return f"{self.shown} {self.over}, {self.origin}"


def declared_in_year(cursor: Any, project: LoadedProject, year: int, recipient: str) -> dict[str, list[Declaration]]:
    """By indicator, the totals that partners declared for a calendar year, as this recipient may see them."""
    return _found(
        cursor, project, recipient, frozen_year(cursor, project.id, year),
        "period_kind = 'year' and period = %(year)s", {"year": str(year)},
    )  # fmt: skip


def declared_to_date(
    cursor: Any, project: LoadedProject, until: dt.date, recipient: str
) -> dict[str, list[Declaration]]:
    """By indicator, one total of each source: its last since the start, else its last of any period, that ends by `until`.

    until: the last day of a month; a period that the project ends within is over with the project's last month.
    """
    return _found(
        cursor, project, recipient, frozen_on(cursor, project.id, until),
        "least(period_end, %(ends_on)s) <= %(until)s", {"until": until, "ends_on": project.project.ends_on},
    )  # fmt: skip


def _found(
    cursor: Any, project: LoadedProject, recipient: str, frozen: Freeze | None, over: str, named: dict[str, Any]
) -> dict[str, list[Declaration]]:
    """over: fixed text of ours, which periods."""
    cursor.execute(
        sql.SQL(
            "select distinct on (indicator, source) indicator, value, source, method, received_on, period_kind, period,"
            " period_start, period_end from {values} where {mine} and disaggregation = '{{}}' and {over}"
            " order by indicator, source, (period_kind = 'to_date') desc, period_end desc, period_start"
        ).format(
            values=sql.Identifier("indicators", "declared" if frozen is None else "reported_declared"),
            mine=sql.SQL("project = %(project)s" if frozen is None else "freeze_id = %(freeze)s"),
            over=sql.SQL(over),
        ),
        {**named, "project": project.id, "freeze": frozen.freeze_id if frozen else None},
    )
    is_small = _Small(project, recipient)
    found: dict[str, list[Declaration]] = {}
    for code, value, source, method, *rest in cursor.fetchall():
        mark = is_small.mark(code, value)
        who, how = _labels(project, source, method)
        found.setdefault(code, []).append(Declaration(code, None if mark else value, mark, who, how, *rest))
    return found


def _labels(project: LoadedProject, *codes: str) -> list[str]:
    """Codes as people read them, where one form has them all among its choices: that in which it was declared."""
    for form in project.forms.values():
        known = {
            choice.name: french(choice.labels) for choices in form.questionnaire.choices.values() for choice in choices
        }
        if all(known.get(code) for code in codes):
            return [known[code] for code in codes]
    return list(codes)


class _Small:
    """Which declared totals are too small for a recipient, and what stands in their place."""

    def __init__(self, project: LoadedProject, recipient: str) -> None:
        settings = project.project.disclosure
        indicators = project.logframe.indicators if project.logframe is not None else []
        protects = settings.recipient(recipient).protect
        self._codes = {at.code for at in indicators if protects and about_persons(at, settings.without_persons)}
        self._threshold = settings.threshold_of(recipient, [])
        self._mark = HIDDEN if settings.mark == "s" else f"< {self._threshold}"

    def mark(self, code: str, value: Decimal) -> str | None:
        return self._mark if code in self._codes and 0 < value < self._threshold else None
