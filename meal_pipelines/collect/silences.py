"""How long forms went uncollected, and what that costs: ODK Central purges what was deleted 30 days ago.

Read from `raw.load`; nothing is asked of a server here.
"""

from __future__ import annotations

from typing import Any

TOO_LONG_DAYS = 20
"""Warned of before the 30 days are over, so that somebody can still act."""

LAST = """
    select project, form, extract(epoch from now() - max(finished_at)) / 86400 from raw.load
    where source = 'odk' and state = 'done' group by project, form
"""
BETWEEN = """
    select extract(epoch from max(finished_at) - min(finished_at)) / 86400 from (
        select finished_at from raw.load
        where source = 'odk' and state = 'done' and project = %s and form = %s order by load_id desc limit 2
    ) as loads
"""


def silent_since(cursor: Any) -> dict[tuple[str, str], int]:
    """The forms of ODK Central, as (project, form), not collected for too long, with the number of days."""
    cursor.execute(LAST)
    return {(project, form): int(days) for project, form, days in cursor.fetchall() if days > TOO_LONG_DAYS}


def silent_before(cursor: Any, project: str, form: str) -> int | None:
    """The days between the last two loads of a form of ODK Central, when they were too many."""
    cursor.execute(BETWEEN, (project, form))
    days = cursor.fetchone()[0]
    return int(days) if days is not None and days > TOO_LONG_DAYS else None


def told(days: int) -> str:
    """What so many days without a load mean."""
    return (
        f"{days} jours sans collecte : ODK Central efface pour de bon, au bout de 30 jours, ce qui y est supprimé, et une "
        "soumission reçue puis supprimée entre-temps n'aura jamais été vue. Collectez au moins toutes les trois semaines."
    )
