"""What one OPSYS extract says, before it is laid out in sheets."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from meal_pipelines.extracts.disclosed import Disclosed
from meal_pipelines.extracts.extract import Check
from meal_pipelines.extracts.opsys.changes import Change, Previous
from meal_pipelines.extracts.opsys.rows import OpsysRow
from meal_pipelines.extracts.opsys.sources import Sources
from meal_pipelines.extracts.values import Labels
from meal_pipelines.extracts.wording import day
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator, Logframe


@dataclass(frozen=True)
class Content:
    """Everything an OPSYS extract shows. standing: what it says of forms that stand still."""

    project: LoadedProject
    logframe: Logframe
    period: str
    reporting_date: dt.date
    rows: list[OpsysRow]
    checks: list[Check]
    changes: list[Change]
    previous: Previous | None
    labels: Labels
    sources: Sources
    may_show: Disclosed
    standing: list[str]

    @property
    def title(self) -> str:
        return f"{self.project.project.name} — OPSYS, données arrêtées au {day(self.reporting_date)}"

    def indicators(self) -> list[Indicator]:
        """In the order of the chain of results."""
        return [
            indicator
            for result in self.logframe.results
            for indicator in self.logframe.indicators
            if indicator.result == result.code
        ]
