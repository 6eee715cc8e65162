"""How an indicator is worked out, said in French from its measure: the same for the command line and for its page.

Columns are called by the description they have in the marts; what is more than a column is shown as the officer wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping

from meal_pipelines.project.logframe import Dimension, Indicator
from meal_pipelines.project.measures import (
    CountUnique,
    Derived,
    FromSql,
    Latest,
    Mean,
    Median,
    OverMart,
    Quantile,
    Ratio,
    RatioOf,
    Score,
    Sum,
    SurveyRatio,
)
from meal_pipelines.warehouse.tables import TableSpec

Marts = Mapping[str, TableSpec]
TOTALS = {
    "none": "Il n'y a pas de total : chaque unité garde sa valeur.",
    "sum": "Le total est la somme des dernières valeurs.",
    "mean": "Le total est la moyenne des dernières valeurs.",
}


def formula_sentences(indicator: Indicator, marts: Marts, dimensions: Mapping[str, Dimension]) -> list[str]:
    """What is counted or divided, over which records, dated by what, and under which condition."""
    measure = indicator.measure
    if isinstance(measure, Derived):
        fixed = ", ".join(_category(name, value, dimensions) for name, value in measure.numerator_where.items())
        only = f" (restreint à {fixed})" if fixed else ""
        return [
            f"Valeur de {measure.numerator}{only} divisée par celle de {measure.denominator}{_scaled(measure.scale)}."
        ]
    if isinstance(measure, FromSql):
        return [f"Requête écrite à la main, dans {measure.file}, sur {', '.join(measure.marts)}."]
    if isinstance(measure, RatioOf):
        above, below = (_over(part, marts) for part in (measure.numerator, measure.denominator))
        return [
            f"Un dénombrement divisé par un autre, redivisés à chaque niveau{_scaled(measure.scale)}.",
            f"Numérateur : {' '.join(above)}", f"Dénominateur : {' '.join(below)}",
        ]  # fmt: skip
    return _over(measure, marts)


def _category(name: str, value: str, dimensions: Mapping[str, Dimension]) -> str:
    """« Sexe : Femmes »."""
    return f"{dimensions[name].label} : {dimensions[name].values.get(value, value)}"


def _over(measure: OverMart, marts: Marts) -> list[str]:
    spec = marts[measure.mart]
    told = [_measured(measure, spec)]
    told.append(f"Lignes : {_title(spec)}, datées par {_said(measure.date, spec)}.")
    if measure.where is not None:
        told.append(f"Condition : {measure.where}.")
    return told


def _measured(measure: OverMart, spec: TableSpec) -> str:
    if isinstance(measure, CountUnique):
        return f"Nombre de valeurs différentes de {_said(measure.unit, spec)}, chacune comptée une seule fois sur toute la période."
    if isinstance(measure, Sum):
        return "Nombre de lignes." if measure.value == "1" else f"Somme de {_said(measure.value, spec)}."
    if isinstance(measure, Ratio):
        below = (
            "le nombre de lignes" if measure.denominator == "1" else f"la somme de {_said(measure.denominator, spec)}"
        )
        return (
            f"Somme de {_said(measure.numerator, spec)} divisée par {below}{_scaled(measure.scale)}, redivisée à chaque niveau "
            "de ventilation ; une ligne dont l'un des deux est inconnu ne compte pas."
        )
    if isinstance(measure, SurveyRatio):
        among = (
            "toutes les réponses" if measure.denominator == "true" else f"celles qui vérifient {measure.denominator}"
        )
        return (
            f"Part des réponses qui vérifient {measure.numerator}, parmi {among}"
            f"{_scaled(measure.scale)}, avec un intervalle de confiance à 95 %."
            + (
                f" Par vague ({_said(measure.wave, spec)}) : dans chaque période, cumul compris, seule compte la vague commencée "
                "la dernière ; deux vagues ne se mélangent jamais."
                if measure.wave is not None
                else ""
            )
        )
    return _of_values(measure, spec)


def _of_values(measure: Mean | Median | Quantile | Latest | Score, spec: TableSpec) -> str:
    value = _said(measure.value, spec)
    if isinstance(measure, Mean):
        return f"Moyenne de {value} sur les lignes de la période, jamais une moyenne de moyennes."
    if isinstance(measure, Median):
        return f"Médiane de {value} sur les lignes de la période, jamais une moyenne de médianes."
    if isinstance(measure, Quantile):
        return f"Quantile {str(measure.quantile).replace('.', ',')} de {value} sur les lignes de la période."
    standing = (
        f"Dernière valeur connue de {value} pour chaque valeur de {_said(measure.unit, spec)}, à la fin de la période."
    )
    if isinstance(measure, Latest):
        return f"{standing} {TOTALS[measure.total]}"
    shown = "le niveau médian" if measure.show == "median" else "le nombre d'unités par niveau"
    return f"{standing} Est montré : {shown}, jamais une somme ni une moyenne."


def _said(expression: str, spec: TableSpec) -> str:
    column = spec.column(expression)
    if column is None:
        return f"« {expression} »"
    return f"« {column.description.partition('.')[0].rstrip(' .')} » ({expression})"


def _title(spec: TableSpec) -> str:
    """« Prestations servies (marts.service_delivery) »."""
    return f"{spec.description.partition('.')[0]} ({spec.qualified})"


def _scaled(scale: object) -> str:
    text = f"{scale}".replace(".", ",")
    return "" if text == "1" else f", multipliée par {text}"
