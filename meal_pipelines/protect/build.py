"""One form under protection: its tables in `build`, and what was counted on the way."""

from __future__ import annotations

from dataclasses import dataclass

from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.warehouse.copy import Packed
from meal_pipelines.warehouse.tables import Column, TableSpec, short

IDENTITY_COLUMNS = (
    Column("submission_id", "text", ""), Column("repeat_index", "integer", ""), Column("person_id", "text", ""),
    Column("repeat", "text", ""), Column("strong", "uuid[]", ""), Column("weak", "uuid[]", ""), Column("sealed", "bytea", ""),
)  # fmt: skip


@dataclass(frozen=True)
class Derived:
    """What became of one chunk: rows to write, and counts of them as in `ProtectBuild`."""

    packed: list[Packed]
    rows: int
    persons: int
    without_person: int


@dataclass
class ProtectBuild:
    """One form, protected and not yet published.

    persons: rows that carry a pseudonym · restricted: the pseudonyms whose rows are left out.
    """

    project: LoadedProject
    form: LoadedForm
    specs: list[TableSpec]
    whole: bool
    fingerprint: str
    until: int
    run_id: str | None
    restricted: frozenset[str] = frozenset()
    rows: int = 0
    persons: int = 0
    without_person: int = 0

    @property
    def changed(self) -> str:
        return short(f"pseudonymised__{self.form.table}__changed")

    @property
    def identities(self) -> str:
        return short(f"pseudonymised__{self.form.table}__vault")

    def derived(self, spec: TableSpec) -> str:
        """The table in `build` of what was computed from sealed answers."""
        return short(f"{spec.schema}__{spec.name}__derived")
