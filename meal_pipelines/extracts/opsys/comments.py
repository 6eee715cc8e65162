"""The comment that OPSYS demands under each value, proposed from what the logframe says and what was counted.

A comment says how the value came about, over how many units, how complete, and what it does not say.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

from meal_pipelines.extracts.declared import Declaration
from meal_pipelines.extracts.too_few import rule_told
from meal_pipelines.extracts.values import UNKNOWN, Labels, Value, by_dimension, milestone
from meal_pipelines.extracts.wording import NOT_MEASURED, day, measure_sentence, number, sentence
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator, Target


def current_comment(
    project: LoadedProject, indicator: Indicator, value: Value | None, labels: Labels, reporting_date: dt.date
) -> str:
    """How the current value was made; when there is none, that it is missing and not zero."""
    if value is None or not value.is_measured:
        start = f"Valeur {NOT_MEASURED}e au {day(reporting_date)} : la case reste vide, ce qui ne veut pas dire zéro."
        return _join(start, method(indicator), data(project, indicator))
    since = value.period_start or project.project.starts_on
    kind = indicator.measure.kind
    if kind in ("latest", "score"):
        start = f"Dernière valeur connue au {day(value.period_end)}."
    else:
        cumulated = "Valeur cumulée" if indicator.cumulative else "Valeur calculée sur les données"
        start = f"{cumulated} du {day(since)} au {day(value.period_end)}."
    return _join(
        start, method(indicator), _size(indicator, value), completeness(indicator, value, labels),
        rule_told(indicator), data(project, indicator), _limits(indicator),
    )  # fmt: skip


def baseline_comment(
    project: LoadedProject, indicator: Indicator, categories: Mapping[str, Mapping[str, Decimal]], labels: Labels
) -> str:
    """Where the baseline stands; a missing one is not zero."""
    baseline = indicator.baseline
    if baseline.value is None and not categories:
        start = f"Pas de valeur de référence au {day(baseline.date)} : case laissée vide, ce qui ne veut pas dire zéro."
    else:
        start = f"Valeur de référence au {day(baseline.date)}."
    late = ""
    if baseline.date and baseline.date > project.project.starts_on:
        late = f"Date postérieure au démarrage du projet ({day(project.project.starts_on)}) : à justifier."
    return _join(
        start, f"Statut : {baseline.status.strip().rstrip('.')}.", late, _listed(categories, labels), method(indicator),
        _limits(indicator),
    )  # fmt: skip


def target_comment(
    project: LoadedProject,
    indicator: Indicator,
    target: Target,
    categories: Mapping[str, Mapping[str, Decimal]],
    labels: Labels,
) -> str:
    """What the target means: at which milestone, cumulated or not, with what status."""
    start = f"Cible à la fin du mois {target.month} du projet ({day(milestone(project, target))})."
    sense = "Cumulée depuis le démarrage." if indicator.cumulative else "Niveau à atteindre à cette date, non cumulé."
    relative = ""
    if target.text:
        relative = f"Le cadre logique l'exprime ainsi : {target.text.strip().rstrip('.')} (par rapport à la référence)."
    return _join(start, sense, relative, _listed(categories, labels), f"Statut : {target.status}.", method(indicator))


def declared_comment(one: Declaration) -> str:
    """Who declares the total, over what, and where it may be said in OPSYS, which has one current value and no second."""
    return (
        f"Total {one.origin}, {one.over}. À citer dans le commentaire de la valeur actuelle, avec sa source ; à ne pas saisir "
        "comme valeur actuelle et à ne pas y ajouter : les mêmes personnes peuvent être dans les deux."
    )


def method(indicator: Indicator) -> str:
    """The logframe's own rule, after what the measure says by itself."""
    own = sentence(indicator.calculation)
    general = measure_sentence(indicator.measure)
    return f"Mode de calcul : {general[0].lower()}{general[1:]} {own}".strip()


def data(project: LoadedProject, indicator: Indicator) -> str:
    names = []
    for name in indicator.forms:
        loaded = project.forms.get(name)
        names.append(f"{loaded.form.label} ({loaded.form.code})" if loaded else name)
    forms = f"Données : {', '.join(names)}." if names else ""
    verification = sentence(indicator.verification)
    return _join(forms, f"Vérification : {verification}" if verification else "")


def completeness(indicator: Indicator, value: Value, labels: Labels) -> str:
    """The share of counted units whose category is known, for each dimension; empty when units were not counted."""
    parts = []
    for dimension in indicator.disaggregations:
        share = known_share(value, dimension)
        if share is not None:
            parts.append(f"{labels.dimension(dimension).lower()} {number(share)} %")
    return f"Complétude des ventilations : {' ; '.join(parts)}." if parts else ""


def known_share(value: Value, dimension: str) -> Decimal | None:
    """In percent, 100 at most: a unit met in two categories is counted in each."""
    cells = value.cells.get(dimension, {})
    counted = [cell.units for category, cell in cells.items() if category != UNKNOWN and cell.units is not None]
    if not value.units or not counted:
        return None
    unknown = cells[UNKNOWN].units if UNKNOWN in cells else None
    known = value.units - unknown if unknown is not None else min(sum(counted), value.units)
    return max(Decimal(0), 100 * Decimal(known) / value.units)


def _size(indicator: Indicator, value: Value) -> str:
    if value.is_size_hidden:
        return "Effectif : non communiqué (petit effectif)."
    if indicator.measure.kind in ("ratio", "ratio_of", "derived") and value.denominator is not None:
        over = f"{number(value.numerator)} sur {number(value.denominator)}" if value.numerator is not None else ""
        return f"Effectif : n = {number(value.denominator)}{f' ({over})' if over else ''}."
    units = value.units
    if units is None and (dimension := by_dimension(indicator)):
        counted = [cell.units for cell in value.cells.get(dimension, {}).values() if cell.units is not None]
        units = sum(counted) if counted else None
    return f"Effectif : n = {number(units)}." if units is not None else "Effectif : non connu."


def _listed(categories: Mapping[str, Mapping[str, Decimal]], labels: Labels) -> str:
    """« Oriental : 1 ; Souss-Massa : 2 » for a value that is given by category only."""
    parts = [
        f"{labels.category(dimension, category)} : {number(figures[category])}"
        for dimension, figures in categories.items()
        for category in figures
    ]
    return f"Par catégorie, sans total : {' ; '.join(parts)}." if parts else ""


def _limits(indicator: Indicator) -> str:
    limits = sentence(indicator.limits)
    return f"Limites : {limits}" if limits else ""


def _join(*parts: str) -> str:
    return " ".join(part for part in parts if part)
