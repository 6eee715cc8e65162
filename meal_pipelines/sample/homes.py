"""Where people live: each in one place of one area, and met there, but for the few who are met elsewhere in the area.

A person's home is a function of the person's number: numbers come in cycles, and each place has its share of every cycle, so
that those who live in a place, among the people known at a moment, are counted without being looked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.sample.chance import Chance, Integers, Keys
from meal_pipelines.sample.filling import Column, Filling
from meal_pipelines.sample.model import Distribution, Home

CYCLE = 200
"""Numbers after which homes repeat: the smallest place has one in 200 people."""


class Homes:
    """All homes of one project. weights: of each (area, place)."""

    def __init__(self, chance: Chance, how: Home, weights: Mapping[tuple[str, str], float]) -> None:
        self.chance, self.how = chance, how
        order = np.argsort(chance.bits("person/home", np.arange(CYCLE, dtype=np.uint64)), kind="stable")
        lives = np.repeat(np.arange(len(weights)), _shared(list(weights.values())))[order]
        areas, places = (np.array(names, dtype=object)[lives] for names in zip(*weights, strict=True))
        self._of: dict[str, Column] = {how.area: areas, how.place: places}
        self._groups: list[Integers] = []
        self._named: dict[tuple[str, object], int] = {}
        for question, column in self._of.items():
            for name in dict.fromkeys(column.tolist()):
                self._named[question, name] = len(self._groups)
                self._groups.append(np.flatnonzero(column == name))

    def answers(self, question: str, numbers: Integers) -> Column:
        """The place, or the area, where the people of these numbers live."""
        found: Column = self._of[question][numbers % CYCLE]
        return found

    def around(self, label: str, filling: Filling, keys: Keys) -> list[Integers]:
        """For each row, the group that is met first and the one otherwise: of the place where it is, then of the area.

        Nothing where the form does not say where it is. In a share of its submissions, people come from the whole area.
        """
        areas = [self._named.get((self.how.area, name), -1) for name in filling.column(self.how.area).tolist()]
        if all(group < 0 for group in areas):
            return []
        places = [self._named.get((self.how.place, name), -1) for name in filling.column(self.how.place).tolist()]
        whole, near = np.array(areas, dtype=np.int64), np.array(places, dtype=np.int64)
        away = self.chance.uniform(f"{label}/away", keys) < self.how.away
        return [np.where(away | (near < 0), whole, near), whole]

    def count(self, who: Integers, low: Integers, high: Integers) -> Integers:
        """How many of these groups have a number from `low` to below `high`."""
        counts = np.zeros(len(who), dtype=np.int64)
        for rows, slots in self._rows(who):
            counts[rows] = _rank(slots, high[rows]) - _rank(slots, low[rows])
        return counts

    def numbers(self, who: Integers, low: Integers, places: Integers) -> Integers:
        """The number of the member at this place, counted from `low`, of each group."""
        found = np.zeros(len(who), dtype=np.int64)
        for rows, slots in self._rows(who):
            ranks = _rank(slots, low[rows]) + places[rows]
            found[rows] = ranks // len(slots) * CYCLE + slots[ranks % len(slots)]
        return found

    def _rows(self, who: Integers) -> list[tuple[Integers, Integers]]:
        """The rows of each group, and its numbers within a cycle; none for what is no group."""
        return [(np.flatnonzero(who == group), self._groups[group]) for group in np.unique(who).tolist() if group >= 0]


def home_weights(
    project: LoadedProject, how: Home, attributes: Mapping[str, Distribution]
) -> dict[tuple[str, str], float]:
    """Of each (area, place) in the list of the first form that asks for the place: the area's share, by its places' weights.

    Raises: ConfigurationError, where no place with a weight lies in an area with one, or there are more than `CYCLE`.
    """
    areas, places = ((attributes[name].weights if name in attributes else None) or {} for name in (how.area, how.place))
    lies: list[tuple[str, str]] = []
    for loaded in project.forms.values():
        question = loaded.questionnaire.main.question(how.place)
        if question is not None and question.choice_filter:
            column = question.choice_filter.partition("=")[0].strip()
            listed = loaded.questionnaire.choices[str(question.list_name)]
            lies = [
                (c.attributes[column], c.name) for c in listed if areas.get(c.attributes[column]) and places.get(c.name)
            ]
            break
    if not 0 < len(lies) <= CYCLE:
        raise ConfigurationError(
            f"sample.yaml, « home » : « {how.area} » et « {how.place} » doivent être des attributs avec des poids, et la liste "
            f"de « {how.place} » dépendre de « {how.area} » (1 à {CYCLE} lieux). Complétez « attributes »."
        )
    inside: dict[str, float] = defaultdict(float)
    for area, place in lies:
        inside[area] += places[place]
    return {(area, place): areas[area] * places[place] / inside[area] for area, place in lies}


def _rank(slots: Integers, numbers: Integers) -> Integers:
    """How many of a group come before these numbers."""
    return numbers // CYCLE * len(slots) + np.searchsorted(slots, numbers % CYCLE)


def _shared(weights: Sequence[float]) -> Integers:
    """The cycle, shared by weight; everybody who has any has at least one."""
    exact = np.array(weights) / sum(weights) * (CYCLE - len(weights))
    whole = 1 + exact.astype(np.int64)
    first = np.argsort(-(exact % 1), kind="stable")[: CYCLE - int(whole.sum())]
    whole[first] += 1
    return whole
