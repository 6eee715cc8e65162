"""What was told of a difference with a report: recorded once, never changed, with who approved it and when it was told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psycopg2.extras import Json, execute_values

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.indicators.reports.frozen import Freeze
from meal_pipelines.indicators.reports.restate import Restated


@dataclass(frozen=True)
class Explanation:
    """What people say of differences. told_on: the day the recipient was told; None: not yet."""

    reason: str
    approved_by: str
    recorded_by: str
    told_on: dt.date | None = None


def record_restatements(cursor: Any, freeze: Freeze, cells: Iterable[Restated], explanation: Explanation) -> int:
    """Keep these differences with their explanation; part of the caller's transaction. Returns: how many.

    Raises: ConfigurationError, when the reason, who approved it or who records it is missing.
    """
    said = (
        (explanation.reason, "--reason"),
        (explanation.approved_by, "--approved-by"),
        (explanation.recorded_by, "--by"),
    )
    missing = [option for text, option in said if not text.strip()]
    if missing:
        raise ConfigurationError(
            f"Il manque {', '.join(missing)} : un écart expliqué dit pourquoi, qui l'a approuvé et qui l'écrit."
        )
    rows = [
        (
            *(
                freeze.project,
                freeze.freeze_id,
                cell.indicator,
                cell.period_kind,
                cell.period,
                Json(cell.disaggregation),
            ),
            *(
                cell.reported,
                cell.now,
                cell.difference,
                Json({cause: str(part) for cause, part in cell.causes.items()}),
            ),
            *(
                explanation.reason.strip(),
                explanation.approved_by.strip(),
                explanation.told_on,
                explanation.recorded_by.strip(),
            ),
        )
        for cell in cells
    ]
    execute_values(
        cursor,
        "insert into indicators.restatement (project, freeze_id, indicator, period_kind, period, disaggregation, reported,"
        " value_now, difference, causes, reason, approved_by, told_on, recorded_by) values %s",
        rows,
        page_size=500,
    )
    return len(rows)
