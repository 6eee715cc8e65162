"""Which cell of an indicator a person means: dimensions and categories, by their codes or by the words people read.

What stands in a cell is `trace.py`'s and `compute.py`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.indicators import opening
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Dimension, Indicator

LISTED = 20
"""Categories that a refusal lists; there are hundreds of communes."""


def named_cell(cursor: Any, project: LoadedProject, indicator: Indicator, asked: Mapping[str, str]) -> dict[str, str]:
    """The codes of a cell that is asked for by codes or labels: {"Sexe": "Femmes"} is {"sex": "F"}.

    A category exists when the logframe lists it or when a published value of the indicator has it, in any period.
    Raises: ConfigurationError, for a breakdown or a category that the indicator does not have, with those it has.
    """
    assert project.logframe is not None
    dimensions = project.logframe.dimensions
    codes = {_folded(each.label): name for name, each in dimensions.items()}
    cell = {name if name in dimensions else codes.get(_folded(name), name): text for name, text in asked.items()}
    if tuple(sorted(cell)) not in opening.groupings(indicator):
        known = " ; ".join(
            " et ".join(f"{dimensions[name].label} ({name})" for name in grouping)
            for grouping in opening.groupings(indicator) if grouping
        )  # fmt: skip
        raise ConfigurationError(
            f"{indicator.code} n'est pas ventilé par « {', '.join(sorted(asked))} ». Ventilations : {known or 'aucune'}."
        )
    return {
        name: _category(cursor, project.id, indicator.code, (name, dimensions[name]), text)
        for name, text in sorted(cell.items())
    }


def _category(cursor: Any, project: str, code: str, dimension: tuple[str, Dimension], text: str) -> str:
    name, said = dimension
    cursor.execute(
        "select distinct disaggregation ->> %s from indicators.value where project = %s and indicator = %s"
        " and disaggregation ? %s order by 1",
        (name, project, code, name),
    )
    published = [category for (category,) in cursor.fetchall()]
    known = dict.fromkeys([*said.values, *published, opening.UNKNOWN])
    if text in known:
        return text
    for category, label in said.values.items():
        if _folded(label) == _folded(text):
            return category
    shown = [f"{each} ({said.values[each]})" if each in said.values else each for each in known]
    more = f" … et {len(shown) - LISTED} autres" if len(shown) > LISTED else ""
    raise ConfigurationError(
        f"« {text} » n'est pas une catégorie de « {said.label} » ({name}). Catégories : {', '.join(shown[:LISTED])}{more}."
    )


def _folded(text: str) -> str:
    return text.strip().casefold()
