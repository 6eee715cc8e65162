"""What people are shown of collections: the last of each form, and those before it. Counts and moments, never a value.

Read from `raw.load` and the view `quality.collection`; who shows it (the command line, Dagster) is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from meal_pipelines.collect.punctuality import TIMEZONE
from meal_pipelines.invocation import typed
from meal_pipelines.warehouse.connection import Warehouse

STATES = {"running": "en cours", "done": "faite", "failed": "en échec", "refused": "avec refus"}
MODES = {"sweep": "lecture complète", "changes": "changements"}


@dataclass(frozen=True)
class Collection:
    """One collection of one form.

    refused: files that were not accepted, or disappearances too many to be believed · lag_median_h, lag_max_h: hours
    between arrival and collection of what was new, None when nothing was, or when all of it was (the first collection).
    """

    project: str
    form: str
    source: str
    started_at: datetime
    state: str
    mode: str
    received: int
    added: int
    changed: int
    removed: int
    restored: int
    refused: int
    lag_median_h: float | None
    lag_max_h: float | None
    message: str | None


@dataclass(frozen=True)
class Punctuality:
    """How a form stands today: the last collection that succeeded, and when its next submissions are due."""

    last_success_at: datetime | None
    last_arrival_at: datetime | None
    next_expected_at: datetime | None
    is_late: bool


def last_collections(warehouse: Warehouse, forms: Sequence[tuple[str, str]]) -> list[tuple[Collection, Punctuality]]:
    """The last collection of each of these (project, form), in their order; one that was never collected has no line."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        found = {}
        for project, form in forms:
            cursor.execute(LAST, (project, form, 1))
            rows = cursor.fetchall()
            if rows:
                cursor.execute(STANDS, (project, form))
                [stands] = cursor.fetchall()
                found[project, form] = Collection(*rows[0]), Punctuality(*stands)
        return list(found.values())


def collections_of(warehouse: Warehouse, project: str, form: str, count: int) -> list[Collection]:
    """The last collections of a form, the newest first."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(LAST, (project, form, count))
        return [Collection(*row) for row in cursor.fetchall()]


def moment_told(moment: datetime | None) -> str:
    """`27/11/2026 02:00`, in local time; « – » when there is none."""
    return "–" if moment is None else f"{moment.astimezone(ZoneInfo(TIMEZONE)):%d/%m/%Y %H:%M}"


def duration_told(hours: float | None) -> str:
    """`< 1 min`, `35 min`, `7 h`, `3 j`; « – » when there is none."""
    if hours is None:
        return "–"
    if hours < 1 / 60:
        return "< 1 min"
    if hours < 1:
        return f"{round(hours * 60)} min"
    return f"{round(hours)} h" if hours < 72 else f"{round(hours / 24)} j"


def delay_told(each: Collection) -> str:
    """`3 h (9 h)`: median and longest; « – » when nothing was new."""
    if each.lag_median_h is None:
        return "–"
    return f"{duration_told(each.lag_median_h)} ({duration_told(each.lag_max_h)})"


def as_markdown(collections: Sequence[Collection]) -> str:
    """A table of collections narrow enough for the page of an asset, and under it what they have to say.

    A message about partners' files names them, and a file's name may name somebody: those stay out of Dagster's events.
    """
    lines = [f"| {' | '.join(HEADERS)} |", f"| --- | --- |{' ---: |' * (len(HEADERS) - 2)}"]
    for each in collections:
        counts = (each.received, each.added, each.changed, each.removed, each.restored, each.refused)
        moment = f"{each.started_at.astimezone(ZoneInfo(TIMEZONE)):%d/%m\N{NO-BREAK SPACE}%H:%M}"
        delay = duration_told(each.lag_median_h).replace(" ", "\N{NO-BREAK SPACE}")
        lines.append(f"| {' | '.join([moment, STATES[each.state], *map(str, counts), delay])} |")
    told = [
        f"- {moment_told(each.started_at)} : {ABOUT_FILES if each.source in FILES else ' '.join(each.message.split())}"
        for each in collections
        if each.message
    ]
    return "\n".join([*lines, *([""] if told else []), *told])


FILES = ("workbook", "export")
ABOUT_FILES = f"à lire avec {typed('loads')} ou {typed('forms received')}."
HEADERS = ("collecte", "état", "reçues", "nouv.", "modif.", "suppr.", "rétab.", "refus.", "délai")
LAST = """
    select project, form, source, started_at, state, mode, received, added, changed, removed, restored, refused,
        lag_median_h, lag_max_h, message
    from raw.load where project = %s and form = %s and source <> 'erasure' order by load_id desc limit %s
"""
STANDS = """
    select last_success_at, last_arrival_at, next_expected_at, coalesce(is_late, false)
    from quality.collection where project = %s and form = %s
"""
