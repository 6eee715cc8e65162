"""One form under construction: its tables in `build`, and what was counted on the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from meal_pipelines.clean.corrections import Outcome
from meal_pipelines.clean.readings import Readings
from meal_pipelines.invocation import MEAL
from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.warehouse.tables import Column, TableSpec, short

REJECTION_COLUMNS = (
    Column("submission_id", "text", ""), Column("repeat", "text", ""), Column("repeat_index", "integer", ""),
    Column("question", "text", ""), Column("rule", "text", ""), Column("message", "text", ""),
    Column("severity", "text", ""), Column("load_id", "bigint", ""),
)  # fmt: skip
UNKNOWN_COLUMNS = f"colonnes d'un classeur (leurs lettres : « {MEAL} forms received »)"
"""What stands for the columns of workbooks that no question explains: what a partner wrote above one may name somebody."""


@dataclass(kw_only=True)
class Found:
    """What was counted in one chunk, or in all of a form's.

    submissions: looked at · deleted: those that are no longer at their source · quarantined: those that do not stand · rows: by
    table · faults: findings by (rule, severity) · unknown: questions that nobody has declared · unknown_versions: versions that
    nothing describes · not_judged: rules that could not be · absent, met: of the submissions that people corrected, those that
    are deleted and those that are there.
    """

    submissions: int = 0
    deleted: int = 0
    quarantined: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    unknown: set[str] = field(default_factory=set)
    unknown_versions: set[str] = field(default_factory=set)
    not_judged: set[str] = field(default_factory=set)
    corrections: list[Outcome] = field(default_factory=list)
    absent: set[str] = field(default_factory=set)
    met: set[str] = field(default_factory=set)

    def add(self, other: Found) -> None:
        """Count what was found elsewhere as well."""
        self.submissions += other.submissions
        self.deleted += other.deleted
        self.quarantined += other.quarantined
        self.rows.update(other.rows)
        self.faults.update(other.faults)
        self.corrections += other.corrections
        for mine, others in (
            (self.unknown, other.unknown), (self.unknown_versions, other.unknown_versions),
            (self.not_judged, other.not_judged), (self.absent, other.absent), (self.met, other.met),
        ):  # fmt: skip
            mine |= others


@dataclass
class CleanBuild(Found):
    """One form, built and not yet published.

    specs: its tables, main first · whole: built anew, not by a delta · readings: how each version of the form is read.
    """

    form: LoadedForm
    specs: list[TableSpec]
    whole: bool
    fingerprint: str
    until: int
    run_id: str | None
    readings: Readings

    @property
    def changed(self) -> str:
        """The table in `build` of the submissions that this build replaces."""
        return short(f"cleaned__{self.form.table}__changed")

    @property
    def rejections(self) -> str:
        return short(f"cleaned__{self.form.table}__rejections")
