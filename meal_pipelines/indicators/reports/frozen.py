"""What was frozen: which reports, and which of them holds the figures of a day or of a year.

Reading only. Making a freeze is `freeze.py`'s business, comparing it with today's figures `restate.py`'s.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.invocation import typed
from meal_pipelines.warehouse.outcomes import Behind, read_kept


@dataclass(frozen=True)
class Freeze:
    """One frozen report. period_end: its last day, in the project · inputs: what it keeps of each table, by qualified name ·
    behind: the forms of its figures that stood still when it was frozen.
    """

    freeze_id: int
    project: str
    period_kind: str
    period: str
    period_end: dt.date
    version: int
    label: str
    frozen_by: str
    reason: str
    frozen_at: dt.datetime
    cutoff: dt.date
    starts_on: dt.date
    ends_on: dt.date
    code_version: str
    logframe_version: str
    inputs: dict[str, dict[str, Any]] = field(repr=False)
    behind: list[Behind]

    @property
    def note(self) -> str:
        """What a file made from it says, in French."""
        return (
            f"Chiffres figés le {self.frozen_at:%d/%m/%Y}, version {self.version} (« {self.label} », période {self.period}) : "
            "ils sont tels qu'ils ont été remis et ne suivent plus les données."
        )


COLUMNS = (
    "freeze_id, project, period_kind, period, period_end, version, label, frozen_by, reason, frozen_at, cutoff,"
    " starts_on, ends_on, code_version, logframe_version, inputs, forms_behind"
)


def freezes(cursor: Any, project: str | None = None) -> list[Freeze]:
    """Every frozen report, of one project or of all, the oldest first."""
    cursor.execute(
        f"select {COLUMNS} from indicators.freeze where %(project)s is null or project = %(project)s order by freeze_id",
        {"project": project},
    )
    return [_read(row) for row in cursor.fetchall()]


def frozen_on(cursor: Any, project: str, day: dt.date) -> Freeze | None:
    """The last freeze of a report that ends on this day."""
    cursor.execute(
        f"select {COLUMNS} from indicators.freeze where project = %s and period_end = %s order by freeze_id desc limit 1",
        (project, day),
    )
    row = cursor.fetchone()
    return _read(row) if row else None


def frozen_year(cursor: Any, project: str, year: int) -> Freeze | None:
    """The last freeze that holds a whole calendar year as it was reported at its end."""
    cursor.execute(
        f"select {COLUMNS} from indicators.freeze where project = %s and (period_kind, period) = ('year', %s)"
        " or project = %s and period_end = %s order by freeze_id desc limit 1",
        (project, str(year), project, dt.date(year, 12, 31)),
    )
    row = cursor.fetchone()
    return _read(row) if row else None


def _read(row: tuple[Any, ...]) -> Freeze:
    return replace(Freeze(*row), behind=read_kept(row[-1]))


def chosen(cursor: Any, project: str, freeze_id: int | None) -> Freeze:
    """The freeze of this number, or the project's last.

    Raises: ConfigurationError, when the project has none, or none of this number.
    """
    found = freezes(cursor, project)
    if freeze_id is not None:
        found = [freeze for freeze in found if freeze.freeze_id == freeze_id]
    if found:
        return found[-1]
    known = f"le gel n° {freeze_id} n'existe pas" if freeze_id is not None else "rien n'a encore été figé"
    raise ConfigurationError(f"Projet « {project} » : {known}. {typed(f'freezes {project}')} les liste.")
