"""French words and numbers shared by the extracts: levels, measures, kinds of value, dates, amounts."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal

from meal_pipelines.project.measures import Measure

LEVELS = {"impact": "Impact", "outcome": "Effet", "output": "Produit"}
MEASURES = {
    "count_unique": "Nombre d'unités différentes",
    "sum": "Somme",
    "ratio": "Rapport",
    "ratio_of": "Rapport de deux dénombrements",
    "survey_ratio": "Part estimée par enquête",
    "mean": "Moyenne",
    "median": "Médiane",
    "quantile": "Quantile",
    "latest": "Dernière valeur connue",
    "score": "Niveau sur une échelle",
    "derived": "Rapport de deux indicateurs",
    "sql": "Requête propre au projet",
}
TO_ESTABLISH = "à établir"
NO_TOTAL = "pas de total"
NOT_MEASURED = "non mesuré"
ILLUSTRATIVE = "Valeurs de référence et cibles illustratives : à remplacer par celles du cadre logique contractuel."
INTERNAL = "Usage interne : pour ce destinataire, project.yaml demande de ne pas masquer les petits effectifs."
MASKED = "Effectif masqué"


def half_up(value: Decimal | int, digits: int = 0) -> Decimal:
    """Rounded as a spreadsheet shows it: 62,5 is 63. `round` of Python says 62, and two files would differ."""
    return Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def number(value: Decimal | int) -> str:
    """`2 431,5`, with the no-break space that French groups thousands by, and at most one decimal."""
    rounded = half_up(value, 1)
    text = f"{rounded:,.0f}" if rounded == rounded.to_integral_value() else f"{rounded:,.1f}"
    return text.replace(",", "\u00a0").replace(".", ",")


def signed(value: Decimal) -> str:
    """« +3 », « −2,55 »: two decimals at most."""
    text = f"{abs(half_up(value, 2)):,.2f}".rstrip("0").rstrip(".")
    return ("−" if value < 0 else "+") + text.replace(",", "\u00a0").replace(".", ",")


def beside_difference(value: Decimal) -> str:
    """« 72,35 »: two decimals at most, as `signed`, so that the figures on both sides of a difference give it."""
    return signed(value).removeprefix("+")


def day(value: dt.date | None) -> str:
    return f"{value:%d/%m/%Y}" if value else "date non précisée"


def sentence(text: str) -> str:
    """The text with a capital and one full stop; empty when it says nothing (« À compléter »)."""
    text = " ".join(text.split()).rstrip(" .;")
    if is_placeholder(text):
        return ""
    return f"{text[0].upper()}{text[1:]}."


def is_placeholder(text: str | None) -> bool:
    """« À compléter » and its kind count as nothing."""
    bare = (text or "").strip().strip(".…-–—[]()« »").lower()
    return not bare or bare.startswith(("à compléter", "a compléter", "a completer", "todo", "xxx"))


def measure_sentence(measure: Measure) -> str:
    """How a value is made, said from its measure alone, so that no value is ever without an explanation."""
    texts = {
        "count_unique": "Chaque unité compte une seule fois sur toute la période",
        "sum": "Somme des enregistrements validés de la période",
        "ratio": "Numérateur sur dénominateur, redivisés à chaque niveau de ventilation",
        "ratio_of": "Rapport de deux dénombrements, redivisés à chaque niveau de ventilation",
        "survey_ratio": "Part estimée par enquête parmi les personnes qui ont répondu, avec son intervalle à 95 %",
        "mean": "Moyenne des enregistrements de la période, jamais une moyenne de moyennes",
        "median": "Médiane des enregistrements de la période, jamais une moyenne de médianes",
        "quantile": "Quantile des enregistrements de la période, jamais une moyenne de quantiles",
        "latest": "Dernière valeur connue de chaque unité à la date indiquée, jamais une somme de périodes",
        "score": "Dernier niveau connu de chaque unité sur une échelle ordonnée, jamais additionné ni moyenné",
        "derived": "Rapport de deux valeurs calculées, jamais saisi",
        "sql": "Requête propre au projet, dans un fichier à côté du cadre logique",
    }
    return texts[measure.kind] + "."
