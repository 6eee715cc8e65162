"""Which sheet and which cell holds a field of the logframe, and which field a cell is.

A sheet is a table: key columns say which entry a row is, the other columns are its fields. How it looks is `export.py`'s
business, what a field may hold `fields.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from meal_pipelines.logframe.fields import Path

Row = tuple[str, ...]
"""The values of the key columns; an empty category is the total."""
TOTAL = ""
NAMES = {
    "project": "Projet", "version": "Version", "illustrative": "Valeurs illustratives", "source": "Source",
    "code": "Code", "level": "Niveau", "label": "Libellé", "assumptions": "Hypothèses (une par ligne)",
    "result": "Résultat", "unit": "Unité", "direction": "Sens", "cumulative": "Cumulé",
    "disaggregations": "Ventilations (une par ligne)", "crossings": "Croisements (un par ligne)",
    "by": "Par catégorie de", "calculation": "Mode de calcul", "forms": "Formulaires (un par ligne)",
    "verification": "Moyen de vérification", "responsible": "Responsable", "frequency": "Fréquence",
    "limits": "Limites", "opsys_source": "Source des données (OPSYS)", "value": "Valeur", "date": "Date",
    "status": "Statut", "text": "En lettres", "framework": "Référentiel", "mode": "Lien", "confidence": "Confiance",
    "verified_on": "Vérifié le", "verified_by": "Vérifié par", "publish_from": "Publié à partir de n réponses",
}  # fmt: skip
"""Headings; a field without one shows its own name, as the YAML file has it."""
WIDTHS = {
    "label": 56, "calculation": 56, "limits": 56, "verification": 36, "assumptions": 64, "source": 36, "responsible": 26,
    "frequency": 20, "disaggregations": 20, "crossings": 26, "forms": 20, "opsys_source": 28, "framework": 26,
    "confidence": 36, "status": 34, "direction": 10, "cumulative": 10, "level": 12, "unit": 18, "mode": 14, "champ": 26,
}  # fmt: skip


def header(column: str) -> str:
    return NAMES.get(column, column)


def width(column: str) -> float:
    return WIDTHS.get(column, 14)


@dataclass(frozen=True)
class Layout:
    """One sheet. path: the field of a cell, by the row's key and the column; None where the cell holds nothing.

    locked: columns nobody changes here · is_protected: the whole sheet, whose cells are for those who know SQL · adds: rows
    may be added below.
    """

    sheet: str
    about: str
    keys: Sequence[str]
    place: Callable[[Path], tuple[Row, str] | None]
    path: Callable[[Row, str], Path | None]
    locked: Sequence[str] = ()
    is_protected: bool = False
    adds: bool = False

    @property
    def has_reminder(self) -> bool:
        """Whether a column beside the keys says what the code stands for."""
        return self.sheet == "Cadre" or ("indicateur" in self.keys and self.sheet != "Indicateurs")


def _top(path: Path) -> tuple[Row, str] | None:
    return ((path[0],), "value") if len(path) == 1 else None


def _results(path: Path) -> tuple[Row, str] | None:
    match path:
        case ("results", code, column) if column != "code":
            return (code,), column
    return None


def _dimensions(path: Path) -> tuple[Row, str] | None:
    match path:
        case ("dimensions", name, "label"):
            return (name, TOTAL), "label"
        case ("dimensions", name, "values", category):
            return (name, category), "label"
    return None


def _indicators(path: Path) -> tuple[Row, str] | None:
    match path:
        case ("indicators", code, column) if column != "code":
            return (code,), column
    return None


def _measures(path: Path) -> tuple[Row, str] | None:
    """Whatever an indicator holds that no other sheet shows."""
    match path:
        case ("indicators", code, part, _, *_) if part not in ("baseline", "targets", "donors"):
            return (code, ".".join(path[2:])), "value"
    return None


def _baselines(path: Path) -> tuple[Row, str] | None:
    match path:
        case ("indicators", code, "baseline", "by", category):
            return (code, category), "value"
        case ("indicators", code, "baseline", column):
            return (code, TOTAL), column
    return None


def _targets(path: Path) -> tuple[Row, str] | None:
    match path:
        case ("indicators", code, "targets", month, "by", category):
            return (code, month, category), "value"
        case ("indicators", code, "targets", month, column) if column != "month":
            return (code, month, TOTAL), column
    return None


def _donors(path: Path) -> tuple[Row, str] | None:
    match path:
        case ("indicators", code, "donors", donor, column):
            return (code, donor), column
    return None


def _category_cell(start: Path, category: str, column: str) -> Path | None:
    if category == TOTAL:
        return (*start, column)
    return (*start, "by", category) if column == "value" else None


LAYOUTS: Mapping[str, Layout] = {
    layout.sheet: layout
    for layout in (
        Layout(
            "Cadre", "Le cadre logique lui-même : version, source, et si ses valeurs sont illustratives.", ("champ",),
            _top, lambda row, column: (row[0],), locked=("project",),
        ),
        Layout(
            "Resultats", "La chaîne de résultats et ses hypothèses.", ("résultat",), _results,
            lambda row, column: ("results", row[0], column),
        ),
        Layout(
            "Indicateurs", "Ce qu'est chaque indicateur ; comment il se calcule est dans Mesures.", ("indicateur",), _indicators,
            lambda row, column: ("indicators", row[0], column),
        ),
        Layout(
            "References", "La valeur de référence. Vide : « à établir », jamais zéro.", ("indicateur", "catégorie"), _baselines,
            lambda row, column: _category_cell(("indicators", row[0], "baseline"), row[1], column), adds=True,
        ),
        Layout(
            "Cibles", "Une ligne par indicateur et échéance (mois du projet), et par catégorie où la cible en a.",
            ("indicateur", "mois", "catégorie"), _targets,
            lambda row, column: _category_cell(("indicators", row[0], "targets", row[1]), row[2], column), adds=True,
        ),
        Layout(
            "Bailleurs", "À quelle ligne d'un bailleur l'indicateur répond, et qui l'a vérifié.", ("indicateur", "bailleur"),
            _donors, lambda row, column: ("indicators", row[0], "donors", row[1], column), adds=True,
        ),
        Layout(
            "Ventilations", "Les libellés des ventilations (ligne sans catégorie) et de leurs catégories, dans l'ordre.",
            ("ventilation", "catégorie"), _dimensions,
            lambda row, column: ("dimensions", row[0], "label") if row[1] == TOTAL else ("dimensions", row[0], "values", row[1]),
            adds=True,
        ),
        Layout(
            "Mesures", "Le calcul, pour qui connaît les tables : feuille protégée (Révision → Ôter la protection).",
            ("indicateur", "champ"), _measures,
            lambda row, column: ("indicators", row[0], *row[1].split(".")), is_protected=True,
        ),
    )
}  # fmt: skip
"""In the order of the workbook. A row added to a sheet that does not take any is refused."""
