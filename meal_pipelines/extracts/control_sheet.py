"""The sheet Controles, the same in every workbook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meal_pipelines.extracts.extract import Check
from meal_pipelines.extracts.table import Column, Table, Tone

TONES: dict[str, Tone] = {
    "Conforme": "good",
    "Non conforme": "bad",
    "Sans objet": "muted",
    "À vérifier à la main": "warning",
}


def checks_table(title: str, checks: Sequence[Check]) -> Table:
    """One row per control, in the order in which they were made."""
    columns = [
        Column("name", "Contrôle", 30), Column("description", "Ce qui est demandé", 66, "wrap"),
        Column("outcome", "Résultat", 20, "center"), Column("message", "Constat et suite à donner", 80, "wrap"),
    ]  # fmt: skip
    rows: list[Sequence[Any]] = [(check.name, check.description, check.outcome, check.message) for check in checks]
    tones = {(index, 2): TONES[check.outcome] for index, check in enumerate(checks)}
    note = "Ces contrôles aident la relecture ; ils ne remplacent pas ceux du bailleur."
    return Table("Controles", title, note, columns, rows, cell_tones=tones)
