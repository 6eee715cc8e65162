"""The sheets of values of the OPSYS workbook: all on one line each, then their categories one below the other.

Lines are the rows of the extract in their order; what a row holds is decided in `rows.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meal_pipelines.extracts.opsys.content import Content
from meal_pipelines.extracts.opsys.rows import VALUE_TYPES
from meal_pipelines.extracts.table import Column, Table
from meal_pipelines.extracts.values import Labels
from meal_pipelines.extracts.wording import TO_ESTABLISH


def shown_categories(content: Content) -> list[tuple[str, str]]:
    """The categories that have a figure in some line, in reading order: they are the columns of the sheet Valeurs."""
    found: list[tuple[str, str]] = []
    for dimension in content.logframe.dimensions:
        met = {category for row in content.rows for category in row.disaggregation.get(dimension, {})}
        found += [(dimension, category) for category in content.labels.ordered(dimension, met)]
    return found


def _category_column(labels: Labels, shown: Sequence[tuple[str, str]], dimension: str, category: str) -> Column:
    """A lone category must be wide enough for the name of its dimension, which stands above it."""
    group = labels.dimension(dimension)
    alone = sum(name == dimension for name, _ in shown) == 1
    width = max(12.0, len(group) + 3.0) if alone else 12.0
    return Column(f"{dimension}.{category}", labels.category(dimension, category), width, "decimal", group)


def values_table(content: Content) -> Table:
    """Every value on a line, with the figure of each category in a column of its own: for the screen, where it is copied from."""
    categories = shown_categories(content)
    columns = [
        Column("indicator", "Indicateur", 12), Column("value_type", "Type de valeur", 19),
        Column("date", "Date", 11, "date"),
        Column("total", "Total", 12, "decimal"), Column("unit", "Unité", 15, "wrap"),
        Column("label", "Libellé", 40, "wrap"), Column("comment", "Commentaire proposé", 90, "wrap"),
        Column("status", "Statut", 24, "wrap"), Column("evidence", "Preuve (§ du rapport narratif)", 18, "wrap"),
        *(_category_column(content.labels, categories, dimension, category) for dimension, category in categories),
    ]  # fmt: skip
    rows: list[Sequence[Any]] = []
    table = Table(
        "Valeurs", content.title,
        "Total et ventilations dans la même unité. La valeur actuelle est surlignée, ce que déclare un partenaire est en jaune ; "
        "le reste vient du cadre logique. À l'impression, les ventilations sont sur la feuille Ventilations.",
        columns, rows, frozen=4,
    )  # fmt: skip
    for index, row in enumerate(content.rows):
        rows.append((
            row.indicator, VALUE_TYPES[row.value_type], row.value_date,
            row.total if row.total is not None else row.total_text, row.unit, row.label, row.comment, row.status,
            "à indiquer dans OPSYS" if row.value_type == "current" else None,
            *(row.disaggregation.get(dimension, {}).get(category) for dimension, category in categories),
        ))  # fmt: skip
        if row.value_type == "current":
            table.row_tones[index] = "strong"
        if row.declared_source is not None:
            table.row_tones[index] = "caution"
        if row.total_text == TO_ESTABLISH:
            table.cell_tones[index, 3] = "warning"
        if index and content.rows[index - 1].indicator != row.indicator:
            table.breaks.add(index)
    return table


def breakdowns_table(content: Content) -> Table:
    """The same categories, one line per value and category that has a figure, in the order of the columns: for print."""
    columns = [
        Column("indicator", "Indicateur", 12), Column("value_type", "Type de valeur", 19),
        Column("date", "Date", 11, "date"), Column("dimension", "Ventilation", 27, "wrap"),
        Column("category", "Catégorie", 38, "wrap"), Column("value", "Valeur", 12, "decimal"),
        Column("unit", "Unité", 15, "wrap"),
    ]  # fmt: skip
    rows: list[Sequence[Any]] = []
    table = Table(
        "Ventilations", content.title, "Les ventilations de la feuille Valeurs, une par ligne : à imprimer.", columns, rows,
        portrait=True, empty="Aucun chiffre par catégorie.",
    )  # fmt: skip
    categories, last = shown_categories(content), None
    for row in content.rows:
        for dimension, category in categories:
            figure = row.disaggregation.get(dimension, {}).get(category)
            if figure is None:
                continue
            if last not in (None, row.indicator):
                table.breaks.add(len(rows))
            last = row.indicator
            rows.append((
                row.indicator, VALUE_TYPES[row.value_type], row.value_date, content.labels.dimension(dimension),
                content.labels.category(dimension, category), figure, row.unit,
            ))  # fmt: skip
    return table
