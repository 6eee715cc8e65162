"""How late data come, and when more are due: from what a load wrote and from the frequency that a form declares.

Moments and durations only, kept with the load in `raw.load`; nothing here reads an answer. What people are shown of it is
in `history.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from meal_pipelines.project.model import Frequency

TIMEZONE = "Africa/Casablanca"
NIGHT = "0 2 * * *"
"""When everything is collected, as cron says it, in that time zone."""
NIGHT_HOUR = 2

FREQUENCIES: dict[Frequency, str] = {
    "daily": "quotidienne",
    "weekly": "hebdomadaire",
    "monthly": "mensuelle",
    "quarterly": "trimestrielle",
    "semester": "semestrielle",
    "yearly": "annuelle",
}
"""As people say them."""

EXPECTED: dict[Frequency, timedelta] = {
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=31),
    "quarterly": timedelta(days=92),
    "semester": timedelta(days=184),
    "yearly": timedelta(days=366),
}
"""After an arrival, when the next one is due."""

LATE: dict[Frequency, timedelta] = {
    "daily": timedelta(days=2),
    "weekly": timedelta(days=9),
    "monthly": timedelta(days=40),
    "quarterly": timedelta(days=110),
    "semester": timedelta(days=210),
    "yearly": timedelta(days=400),
}
"""After an arrival, when the next one is late: a holiday is not a fault."""


def next_night(now: datetime) -> datetime:
    """The start of the next nightly collection after `now`, in local time."""
    local = now.astimezone(ZoneInfo(TIMEZONE))
    tonight = local.replace(hour=NIGHT_HOUR, minute=0, second=0, microsecond=0)
    return tonight if tonight > local else tonight + timedelta(days=1)


def note_arrivals(
    cursor: Any, load_id: int, *, says_arrival: bool, is_first: bool, frequency: Frequency | None
) -> None:
    """Write down, with a load that ends, how long what it brought had waited and how often more is due.

    says_arrival: `submitted_at` and `changed_at` say when something reached the source; otherwise it arrived when it
    was collected. is_first: the first load brings a whole history, whose age is no delay.
    """
    query = BROUGHT if not says_arrival else FIRST_ARRIVED if is_first else ARRIVED
    every, late = (EXPECTED[frequency], LATE[frequency]) if frequency else (None, None)
    cursor.execute(query, {"load": load_id, "every": every, "late": late})


def note_file_arrivals(cursor: Any, load_id: int) -> None:
    """The same for rows of files, which arrived when their file was written."""
    cursor.execute(ARRIVED_IN_FILES, {"load": load_id})


BEFORE = """
    (select last_arrival_at from raw.load as before
     where before.project = l.project and before.form = l.form and before.load_id < l.load_id
        and before.last_arrival_at is not null order by before.load_id desc limit 1)
"""
WAITED = """
    (select loaded_at, case when version = 1 then submitted_at else changed_at end as arrived_at
     from raw.submission as s
     where s.project = l.project and s.form = l.form and s.load_id = l.load_id and s.state = 'present')
"""
WAITED_IN_FILES = """
    (select s.loaded_at, f.modified_at as arrived_at
     from raw.submission as s
     join raw.file as f on f.project = s.project and f.form = s.form and f.load_id = s.load_id and f.state = 'read'
        and f.file = regexp_replace(s.instance_id, '#[^#]*$', '')
     where s.project = l.project and s.form = l.form and s.load_id = l.load_id and s.state = 'present')
"""
# A clock that is ahead must not hide that nothing comes any more.
LAST = "max(case when arrived_at > now() then now() else arrived_at end)"
LAGS = """
    percentile_cont(0.5) within group (order by extract(epoch from greatest(loaded_at - arrived_at, interval '0')) / 3600),
    max(extract(epoch from greatest(loaded_at - arrived_at, interval '0')) / 3600)
"""
BROUGHT = f"""
    update raw.load as l set expected_every = %(every)s, late_after = %(late)s,
        last_arrival_at = case when added + changed + restored > 0 then now() else {BEFORE} end
    where load_id = %(load)s
"""
FIRST_ARRIVED = f"""
    update raw.load as l set expected_every = %(every)s, late_after = %(late)s,
        last_arrival_at = coalesce((select {LAST} from {WAITED} as waited), {BEFORE})
    where load_id = %(load)s
"""
ARRIVED = f"""
    update raw.load as l set expected_every = %(every)s, late_after = %(late)s,
        (lag_median_h, lag_max_h, last_arrival_at) = (select {LAGS}, coalesce({LAST}, {BEFORE}) from {WAITED} as waited)
    where load_id = %(load)s
"""
ARRIVED_IN_FILES = f"""
    update raw.load as l set last_arrival_at = coalesce((select {LAST} from {WAITED_IN_FILES} as waited), last_arrival_at),
        (lag_median_h, lag_max_h) = (
            select {LAGS} from {WAITED_IN_FILES} as waited
            where exists (
                select from raw.load as before where before.project = l.project and before.form = l.form
                    and before.load_id < l.load_id and before.state in ('done', 'refused')))
    where load_id = %(load)s
"""
