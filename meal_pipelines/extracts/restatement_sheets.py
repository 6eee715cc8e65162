"""The workbook of what changed since a frozen report: every cell, and what each cause is worth. For the team alone.

Nothing is hidden in it: it says so, and lies in a folder of which nothing is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from meal_pipelines.extracts import internal
from meal_pipelines.extracts.table import Column, Table
from meal_pipelines.extracts.values import Labels
from meal_pipelines.indicators.reports.differences import CAUSES
from meal_pipelines.indicators.reports.restate import Restated, Restatements
from meal_pipelines.invocation import typed
from meal_pipelines.project.loaded import LoadedProject

WARNING = (
    "Usage interne : les petits effectifs n'y sont pas masqués. À ne transmettre à aucun bailleur ; écrivez-lui l'écart, sa cause "
    "et qui l'a approuvé, avec les cases masquées de l'extrait."
)
KINDS = {
    "month": "Mois", "quarter": "Trimestre", "semester": "Semestre", "year": "Année", "project_year": "Année du projet",
    "to_date": "Cumul à fin",
}  # fmt: skip


def write_restatements(found: Restatements, project: LoadedProject, labels: Labels, out: Path) -> Path:
    """Write `<out>/<project>/interne/ecarts_<period>_v<version>.xlsx`."""
    from meal_pipelines.extracts.workbook import add_readme, add_table, new_workbook, save

    freeze = found.freeze
    path = internal.folder_of(out, freeze.project) / f"ecarts_{freeze.period}_v{freeze.version}.xlsx"
    title = f"{project.project.name} — Écarts avec le rapport figé {freeze.period}, version {freeze.version}"
    workbook = new_workbook(title)
    add_readme(workbook, title, "Ce qui a changé depuis que le rapport a été remis", _readme(found))
    add_table(workbook, _table(found.cells, title, labels))
    save(workbook, path)
    internal.keep_private(path)
    return path


def cell_name(disaggregation: Mapping[str, str], labels: Labels) -> str:
    """« Total », or « Sexe · Femmes ; Région · Oriental »."""
    return " ; ".join(labels.pair(*pair) for pair in disaggregation.items()) or "Total"


def changed_sentences(found: Restatements) -> list[str]:
    """« Soumissions modifiées à la source : 2 », and what was not computed since it changed."""
    said = [f"{CAUSES[cause]} : {count}" for cause, count in found.changed.items() if count]
    if found.outdated:
        said.append(
            f"À recalculer : {', '.join(found.outdated)}. Leur définition ou leurs données ont changé depuis le dernier calcul. "
            f"Lancez {typed(f'run -p {found.freeze.project}')}, puis relancez : la cause de leurs écarts sera alors connue."
        )
    return said


def _readme(found: Restatements) -> dict[str, list[str]]:
    freeze = found.freeze
    return {
        "Usage interne !": [WARNING],
        "Rapport": [
            f"« {freeze.label} », période {freeze.period}, version {freeze.version}, figé le {freeze.frozen_at:%d/%m/%Y} par "
            f"{freeze.frozen_by}. Données reçues jusqu'au {freeze.cutoff:%d/%m/%Y}.",
        ],
        "Ce qui a changé": changed_sentences(found) or ["Rien n'a changé dans les données."],
        "Comment lire": [
            "Écart = aujourd'hui − remis. Les causes s'additionnent exactement à l'écart. Une valeur non mesurée compte pour 0.",
            "Les causes sont appliquées l'une après l'autre, dans l'ordre des colonnes, et le rapport est recalculé à chaque pas : la "
            "part d'une cause est ce que la valeur change à son pas. Deux causes qui touchent la même ligne sont donc racontées dans cet "
            "ordre. Une soumission modifiée puis corrigée compte comme modifiée.",
        ],
    }


def _table(cells: Sequence[Restated], title: str, labels: Labels) -> Table:
    used = [cause for cause in CAUSES if any(cause in cell.causes for cell in cells)]
    columns = [
        Column("indicator", "Indicateur", 14), Column("kind", "Durée", 15), Column("period", "Période", 12),
        Column("cell", "Ventilation", 38, "wrap"), Column("reported", "Remis", 12, "decimal"),
        Column("now", "Aujourd'hui", 12, "decimal"), Column("difference", "Écart", 12, "decimal"),
        *(Column(cause, CAUSES[cause], 17, "decimal") for cause in used),
    ]  # fmt: skip
    rows: list[Sequence[Any]] = [
        (
            cell.indicator, KINDS[cell.period_kind], cell.period, cell_name(cell.disaggregation, labels), cell.reported,
            cell.now, cell.difference, *(cell.causes.get(cause) for cause in used),
        )
        for cell in cells
    ]  # fmt: skip
    note = f"{len(cells)} valeur(s) ne sont plus celles du rapport. {WARNING.partition('.')[0]}."
    return Table("Ecarts", title, note, columns, rows, frozen=4, empty="Aucun écart.")
