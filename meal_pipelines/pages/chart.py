"""The drawing of an indicator's history: where every line, dot and word stands. Coordinates only; the template writes the SVG."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from math import floor, log10

from meal_pipelines.extracts.wording import number
from meal_pipelines.pages.content import Point, ReportedPoint, TargetPoint

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 28, 26, 40
TONES = ("a", "b", "c", "d")
"""The classes of the lines, in the order of the series."""


@dataclass(frozen=True)
class Tick:
    """A mark on an axis and its words."""

    at: float
    text: str


@dataclass(frozen=True)
class Dot:
    """A point of a line, with what is read when it is pointed at."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Line:
    """One series. path: of the line · band: of the interval of confidence, empty without one."""

    name: str
    tone: str
    path: str
    area: str
    band: str
    dots: list[Dot]
    last: Dot | None


@dataclass(frozen=True)
class Chart:
    """A drawing of `WIDTH` × `HEIGHT`. targets: dots and the line between them · reported: what was handed over."""

    lines: list[Line]
    targets: list[Dot]
    target_path: str
    reported: list[Dot]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    description: str
    width: int = WIDTH
    height: int = HEIGHT
    floor: float = HEIGHT - BOTTOM


@dataclass(frozen=True)
class Series:
    """What is drawn: a name (empty for the total) and its values in time."""

    name: str
    points: Sequence[Point]


def chart(
    series: Sequence[Series], targets: Sequence[TargetPoint], reported: Sequence[ReportedPoint], unit: str
) -> Chart | None:
    """The history of an indicator to date; None when nothing was ever measured."""
    measured = [point for each in series for point in each.points if point.value is not None]
    if not measured:
        return None
    given = [target for target in targets if target.value is not None]
    handed = [point for point in reported if point.reported is not None]
    days = [*(point.end for point in measured), *(target.end for target in given)]
    plane = _Plane(min(days), max(days), _highest([
        *(point.high if point.high is not None else point.value for point in measured),
        *(target.value for target in given), *(point.reported for point in handed),
    ]))  # fmt: skip
    dots = [plane.dot(target.end, target.value, f"Cible {target.label} : {_said(target.value)}") for target in given]
    return Chart(
        lines=[plane.line(each, TONES[place % len(TONES)]) for place, each in enumerate(series)],
        targets=dots,
        target_path=_path(dots),
        reported=[
            plane.dot(each.end, each.reported, f"Remis, {each.period} version {each.version} : {_said(each.reported)}")
            for each in handed
        ],
        x_ticks=plane.x_ticks(),
        y_ticks=plane.y_ticks(),
        description=_description(series, measured, unit),
    )


def _description(series: Sequence[Series], measured: Sequence[Point], unit: str) -> str:
    """« De 03/2026 à 02/2029 ; dernière valeur 2 450 personnes. »; of several series, the last value of each."""
    days = [point.end for point in measured]
    over = f"De {min(days):%m/%Y} à {max(days):%m/%Y}"
    if len(series) == 1:
        return f"{over} ; dernière valeur {_said(measured[-1].value)} {unit}."
    known = [(each.name, [point for point in each.points if point.value is not None]) for each in series]
    said = ", ".join(f"{name} {_said(points[-1].value)}" for name, points in known if points)
    return f"{over} ; dernières valeurs ({unit}) : {said}."


class _Plane:
    """From days and values to places."""

    def __init__(self, first: dt.date, last: dt.date, highest: Decimal) -> None:
        self.first, self.span = first, max((last - first).days, 1)
        self.step = _step(highest)
        self.top = self.step * max(Decimal(1), (highest / self.step).to_integral_value(ROUND_CEILING))

    def dot(self, day: dt.date, value: Decimal | None, text: str) -> Dot:
        assert value is not None
        x = LEFT + (WIDTH - LEFT - RIGHT) * (day - self.first).days / self.span
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * float(value / self.top)
        return Dot(round(x, 1), round(y, 1), text)

    def line(self, series: Series, tone: str) -> Line:
        prefix = f"{series.name}, " if series.name else ""
        known = [point for point in series.points if point.value is not None]
        dots = [self.dot(point.end, point.value, f"{prefix}{point.period} : {_said(point.value)}") for point in known]
        path = _path(dots)
        area = f"{path} L{dots[-1].x} {HEIGHT - BOTTOM} L{dots[0].x} {HEIGHT - BOTTOM} Z" if dots else ""
        bounded = [point for point in known if point.low is not None and point.high is not None]
        highs = [self.dot(point.end, point.high, "") for point in bounded]
        lows = [self.dot(point.end, point.low, "") for point in reversed(bounded)]
        band = f"{_path([*highs, *lows])} Z" if bounded else ""
        return Line(series.name, tone, path, area, band, dots, dots[-1] if dots else None)

    def x_ticks(self) -> list[Tick]:
        """The first day of each year, and of each quarter while there are few."""
        months = (1,) if self.span > 1000 else (1, 7) if self.span > 400 else (1, 4, 7, 10)
        days = [
            dt.date(year, month, 1)
            for year in range(self.first.year, self.first.year + self.span // 365 + 2)
            for month in months
        ]
        shown = [day for day in days if 0 <= (day - self.first).days <= self.span]
        names = {1: "", 4: "avr. ", 7: "juil. ", 10: "oct. "}
        return [Tick(self.dot(day, Decimal(0), "").x, f"{names[day.month]}{day.year}") for day in shown]

    def y_ticks(self) -> list[Tick]:
        count = int(self.top / self.step)
        values = [self.step * place for place in range(count + 1)]
        return [Tick(self.dot(self.first, value, "").y, _said(value)) for value in values]


def _path(dots: Sequence[Dot]) -> str:
    return " ".join(f"{'L' if place else 'M'}{dot.x} {dot.y}" for place, dot in enumerate(dots))


def _highest(values: Sequence[Decimal | None]) -> Decimal:
    return max([value for value in values if value is not None and value > 0], default=Decimal(1))


def _step(highest: Decimal) -> Decimal:
    """1, 2 or 5 times a power of ten, so that four to six lines reach the top."""
    power = Decimal(10) ** floor(log10(float(highest) / 4))
    return next(power * times for times in (1, 2, 5, 10) if power * times * 5 >= highest)


def _said(value: Decimal | None) -> str:
    return "–" if value is None else number(value)
