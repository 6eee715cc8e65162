"""When things happen: a project's months with their seasons, and days and moments as text.

Days count from 1970-01-01; a moment is a day with its fraction. Working hours are 8:00 to 19:00, Moroccan time (UTC+1).
"""

from __future__ import annotations

import datetime as dt
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meal_pipelines.sample.chance import Floats, Integers

EPOCH = dt.date(1970, 1, 1)
OPENS, LASTS = 8 / 24, 11 / 24
Texts = NDArray[Any]


def day_number(day: dt.date) -> int:
    return (day - EPOCH).days


class Calendar:
    """The project's time, more or less busy: `moment` of a share of all activity, and `share` done at a moment."""

    def __init__(self, starts_on: dt.date, ends_on: dt.date, seasons: dict[int, float], ramp_months: int) -> None:
        self.first, self.last = day_number(starts_on), day_number(ends_on) + 1
        months = np.arange(np.datetime64(starts_on, "M"), np.datetime64(ends_on, "M") + 2)
        edges = np.clip(months.astype("datetime64[D]").astype(np.int64), self.first, self.last)
        weights = []
        for number, (month, days) in enumerate(zip(months[:-1], np.diff(edges), strict=True)):
            speed = 1.0 if number >= ramp_months else 0.4 + 0.6 * number / ramp_months
            weights.append(float(days) * speed * seasons.get(int(month.astype(int)) % 12 + 1, 1.0))
        done = np.concatenate([[0.0], np.cumsum(weights)])
        self._edges, self._done = edges.astype(np.float64), done / done[-1]

    def only(self, months: list[int]) -> Calendar:
        """The same, with nothing done outside these months of the project (from 1)."""
        narrowed = copy(self)
        inside = np.isin(np.arange(1, len(self._done)), months)
        done = np.concatenate([[0.0], np.cumsum(np.diff(self._done) * inside)])
        narrowed._done = done / done[-1]
        return narrowed

    def moment(self, share: Floats) -> Floats:
        """The moment at which that share of all activity is done; during working hours."""
        times = np.interp(share, self._done, self._edges)
        day = np.minimum(np.floor(times), self.last - 1)
        moments: Floats = day + OPENS + LASTS * (times - day)
        return moments

    def share(self, moments: Floats) -> Floats:
        """The share of all activity done before a moment."""
        share: Floats = np.interp(moments, self._edges, self._done)
        return share

    def month(self, days: Integers) -> Integers:
        """The month of the project, from 1."""
        start = np.datetime64(int(self.first), "D").astype("datetime64[M]").astype(np.int64)
        months: Integers = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) - start + 1
        return months

    def first_day(self, month: int) -> int:
        """The first day of a month of the project."""
        start = np.datetime64(int(self.first), "D").astype("datetime64[M]")
        return int((start + (month - 1)).astype("datetime64[D]").astype(np.int64))


def day_texts(days: Integers) -> Texts:
    """`2026-11-23`."""
    return np.datetime_as_string(days.astype("datetime64[D]"), unit="D").astype(object)


def stamp_texts(moments: Floats, offset_hours: int = 0) -> Texts:
    """`2026-11-23T09:15:00`, whole seconds, at that distance from the clock the moments are counted in."""
    seconds = np.round(moments * 86400).astype(np.int64) + offset_hours * 3600
    return np.datetime_as_string(seconds.astype("datetime64[s]"), unit="s").astype(object)
