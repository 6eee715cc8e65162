"""The real projects of this repository with invented figures, written by hand into `indicators.*`.

Each test takes a project name of its own, so that tests of one session do not meet in the tables.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from psycopg2.extras import execute_values

from meal_pipelines.indicators.periods import Calendar
from meal_pipelines.project.files import read_yaml
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator, Logframe
from meal_pipelines.project.model import Project
from meal_pipelines.settings import CHECKOUT

PROJECTS = CHECKOUT / "projects"
CUTOFF = dt.date(2028, 6, 30)
CATEGORIES = {"sex": ["F", "H", "inconnu"], "region_code": ["02", "09"]}


def project(folder: str, name: str) -> LoadedProject:
    """A real project under another name; its questionnaires are not needed here and not read."""
    declared, lines = read_yaml(PROJECTS / folder / "project.yaml", Project)
    logframe, logframe_lines = read_yaml(PROJECTS / folder / "logframe.yaml", Logframe)
    renamed = declared.model_copy(update={"project": name})
    return LoadedProject(
        PROJECTS / folder, renamed, logframe.model_copy(update={"project": name}), {}, lines, logframe_lines
    )


def edited(loaded: LoadedProject, change: Callable[[Indicator], Mapping[str, Any]], **logframe: Any) -> LoadedProject:
    """The same project with indicators changed by `change` (field → value)."""
    assert loaded.logframe is not None
    indicators = [indicator.model_copy(update=dict(change(indicator))) for indicator in loaded.logframe.indicators]
    return dataclasses.replace(
        loaded, logframe=loaded.logframe.model_copy(update={"indicators": indicators, **logframe})
    )


def fill(cursor: Any, loaded: LoadedProject, *, cutoff: dt.date = CUTOFF, without: tuple[str, ...] = ()) -> None:
    """Invented values for every period until `cutoff`: totals, and categories that add up to them; none is small.

    Replaces what an earlier call wrote for this project. Amounts grow with time, so that every cell differs.
    """
    assert loaded.logframe is not None
    cursor.execute("delete from indicators.value where project = %s", (loaded.id,))
    calendar = Calendar.of(loaded.project.starts_on, loaded.project.ends_on, cutoff)
    rows = [
        (loaded.id, indicator.code, period.kind, period.label, period.start, period.end, json.dumps(disaggregation),
         300, 400, value, units)
        for rank, indicator in enumerate(loaded.logframe.indicators, 1)
        for number, period in enumerate(calendar.periods, 1)
        if indicator.code not in without and period.kind in ("quarter", "year", "to_date")
        for disaggregation, value, units in _figures(indicator, rank, number)
    ]  # fmt: skip
    execute_values(
        cursor,
        "insert into indicators.value (project, indicator, period_kind, period, period_start, period_end,"
        " disaggregation, numerator, denominator, value, units) values %s",
        rows,
    )


def _figures(indicator: Indicator, rank: int, number: int) -> list[tuple[dict[str, str], Any, int | None]]:
    kind = indicator.measure.kind
    if getattr(indicator.measure, "total", "") == "none":
        return [({"region_code": code}, level, 1) for code, level in (("02", 1), ("09", 2 + number % 2))]
    if kind in ("ratio", "survey_ratio", "derived", "median"):
        value = round(20 + rank + number * 0.37, 2)
        cells = [
            ({name: code}, value + 1, 20) for name in indicator.disaggregations for code in CATEGORIES.get(name, [])
        ]
        return [({}, value, 40 + number), *cells]
    women, men, unknown = 17 * number + rank, 11 * number, number % 3 + 6
    total = women + men + unknown
    cells = []
    for name in indicator.disaggregations:
        split = {"sex": [women, men, unknown], "region_code": [women, total - women]}.get(name)
        codes = CATEGORIES.get(name) or ["inconnu"]
        cells += [({name: code}, value, value) for code, value in zip(codes, split or [total], strict=True)]
    return [({}, total, total), *cells]


def sheet(path: Path, name: str) -> list[list[Any]]:
    """The cells of one sheet as a reader of the file gets them."""
    from openpyxl import load_workbook

    return [[cell.value for cell in row] for row in load_workbook(path)[name].iter_rows()]


def records(path: Path, name: str, *, header: int) -> list[dict[str, Any]]:
    """The rows below the header of one sheet, by column heading (prefixed by its group, where it has one)."""
    rows = sheet(path, name)
    names, group = [], ""
    for position, heading in enumerate(rows[header - 1]):
        group = rows[header - 2][position] or group
        names.append(f"{group} · {heading}" if header == 5 and group else heading)
    return [dict(zip(names, row, strict=True)) for row in rows[header:]]
