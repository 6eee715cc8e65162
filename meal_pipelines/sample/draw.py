"""How one question is answered: a choice by its weights, a number or a date within its constraint, a text, a code.

Each draw is made once per question, then called with block after block; it gives text, as a server keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.questionnaire import Choice, Question
from meal_pipelines.sample.calendar import Calendar, day_texts, stamp_texts
from meal_pipelines.sample.chance import Chance, Floats, Integers, Keys, cumulative
from meal_pipelines.sample.filling import Column, Filling
from meal_pipelines.sample.model import Distribution, Elsewhere
from meal_pipelines.sample.numbers import clauses, limits, number_texts, shape, triangular

Draw = Callable[[Filling, Keys], Column]
FILTER = re.compile(r"^(\w+)\s*=\s*\$\{(\w+)\}$")
SENTENCES = ["Rien à signaler.", "Entretien mené en darija.", "À revoir au prochain passage.", "Pièces vues."]


class Choosing:
    """Draws places in a choice list: one cumulative distribution per circumstance (month, other answers)."""

    def __init__(self, choices: Sequence[Choice], how: Distribution, choice_filter: str = "") -> None:
        self.choices, self.how = choices, how
        self.parents = [_filter(part) for part in choice_filter.split(" and ")] if choice_filter else []
        self.names = np.array([choice.name for choice in choices] + [None], dtype=object)
        self.circumstances = [*([how.by] if how.by else []), *(question for _, question in self.parents)]
        self.phases = sorted(how.from_month)
        self._groups: dict[tuple[object, ...], int] = {}
        self._bounds = np.zeros(0)
        self._places = np.zeros(0, dtype=np.int64)

    def places(self, shares: Floats, circumstances: list[Column], months: Integers | None) -> Integers:
        """For each row a place in the list; the last place + 1 when nothing can be chosen."""
        if not circumstances and months is None:
            group = np.zeros(len(shares)) + self._group(())
        else:
            phases = [] if months is None else [np.searchsorted(self.phases, months, side="right")]
            group = np.array([self._group(row) for row in zip(*phases, *circumstances, strict=True)], dtype=np.float64)
        return self._places[np.searchsorted(self._bounds, group + shares, side="right")]

    def _group(self, row: tuple[object, ...]) -> int:
        found = self._groups.get(row)
        return self._add(row) if found is None else found

    def _add(self, row: tuple[object, ...]) -> int:
        number = self._groups[row] = len(self._groups)
        rest = list(row)
        phase = int(str(rest.pop(0))) if self.phases else 0
        by = rest.pop(0) if self.how.by else None
        weights = self.how.cases.get(str(by), self.how.weights)
        if phase:
            weights = self.how.from_month[self.phases[phase - 1]]
        fitting = [
            place
            for place, choice in enumerate(self.choices)
            if all(choice.attributes.get(key) == rest[i] for i, (key, _) in enumerate(self.parents))
        ]
        given = [self._weight(self.choices[place].name, weights) for place in fitting]
        if not fitting:
            fitting, given = [len(self.choices)], [1.0]
        elif not any(given):
            given = [1.0] * len(given)
        self._bounds = np.concatenate([self._bounds, number + cumulative(given)])
        self._places = np.concatenate([self._places, np.array(fitting, dtype=np.int64)])
        return number

    @staticmethod
    def _weight(name: str, weights: dict[str, float] | None) -> float:
        return 1.0 if weights is None else weights.get(name, weights.get("*", 0.0))


def _filter(part: str) -> tuple[str, str]:
    match = FILTER.match(part.strip())
    if match is None:
        raise ConfigurationError(
            f"Le générateur ne sait pas suivre le filtre de choix « {part.strip()} ». "
            "Écrivez-le « colonne = ${question} » dans le questionnaire."
        )
    return match[1], match[2]


class Drawing:
    """Makes the draws of a project's questions. told: what another form last answered by these days."""

    def __init__(self, chance: Chance, calendar: Calendar, told: Callable[[str, str, Floats], Column]) -> None:
        self.chance, self.calendar, self.told = chance, calendar, told

    def draw(self, label: str, question: Question, how: Distribution, choices: Sequence[Choice] | None) -> Draw:
        """The draw that fits the question's type; `label` keeps its chance apart from that of others."""
        if how.pattern is not None:
            return self._pattern(how.pattern)
        if how.of is not None and not (how.range or how.ranges):
            return self._elsewhere(how.of)
        if question.is_select and choices:
            choosing = Choosing(choices, how, question.choice_filter)
            return self._many(label, choosing, how) if question.type != "select_one" else self._one(label, choosing)
        if how.age_weights:
            return self._birth_year(label, how)
        if question.type in ("integer", "decimal", "range") or how.range or how.ranges:
            return self._number(label, question, how)
        if question.type in ("date", "dateTime"):
            return self._date(label, question, how)
        if question.type == "geopoint":
            return self._point(label, how)
        texts = np.array(how.texts or SENTENCES, dtype=object)
        return lambda filling, keys: texts[self.chance.below(label, keys, len(texts))]

    def _one(self, label: str, choosing: Choosing) -> Draw:
        def draw(filling: Filling, keys: Keys) -> Column:
            others = [filling.column(name) for name in choosing.circumstances]
            months = self.calendar.month(filling.event) if choosing.phases else None
            names: Column = choosing.names[choosing.places(self.chance.uniform(label, keys), others, months)]
            return names

        return draw

    def _many(self, label: str, choosing: Choosing, how: Distribution) -> Draw:
        least, most = how.selected

        def draw(filling: Filling, keys: Keys) -> Column:
            others = [filling.column(name) for name in choosing.circumstances]
            months = self.calendar.month(filling.event) if choosing.phases else None
            drawn = [choosing.places(self.chance.uniform(f"{label}/{i}", keys), others, months) for i in range(most)]
            counts = least + self.chance.below(f"{label}/count", keys, most - least + 1)
            found = []
            for row, count in zip(np.stack(drawn, axis=1).tolist(), counts.tolist(), strict=True):
                places = sorted(set(row[:count]))
                found.append(
                    " ".join(str(choosing.names[place]) for place in places if place < len(choosing.choices)) or None
                )
            return np.array(found, dtype=object)

        return draw

    def _birth_year(self, label: str, how: Distribution) -> Draw:
        usual = _ages(how.age_weights or {})
        special = {answer: _ages(weights) for answer, weights in how.cases.items()}
        year = int(str(np.datetime64(self.calendar.first, "D"))[:4])

        def draw(filling: Filling, keys: Keys) -> Column:
            answers = filling.column(how.by).tolist() if how.by else [None] * filling.size
            tables = [special.get(str(answer), usual) for answer in answers]
            shares = self.chance.uniform(label, keys).tolist()
            bands = [
                int(np.searchsorted(one[2], share, side="right")) for one, share in zip(tables, shares, strict=True)
            ]
            lows = np.array([one[0][band] for one, band in zip(tables, bands, strict=True)])
            highs = np.array([one[1][band] for one, band in zip(tables, bands, strict=True)])
            inside = self.chance.uniform(f"{label}/age", keys)
            age = lows + (inside * (highs - lows + 1)).astype(np.int64)
            return np.array([str(value) for value in (year - age).tolist()], dtype=object)

        return draw

    def _number(self, label: str, question: Question, how: Distribution) -> Draw:
        bounds = clauses(question.constraint)
        whole = question.type == "integer"
        gap = 1.0 if whole else 10.0**-how.decimals
        default = how.range or [1.0, 100.0]
        whole_of = self._elsewhere(how.of) if how.of else None

        def draw(filling: Filling, keys: Keys) -> Column:
            low, high = limits(filling, bounds, gap)
            shapes = np.array([shape(default)] * filling.size)
            if how.by:
                ranges = {key: shape(value) for key, value in how.ranges.items()}
                shapes = np.array([ranges.get(answer, shape(default)) for answer in filling.column(how.by)])
            if how.range is None and not how.ranges and not np.isinf(low).any() and not np.isinf(high).any():
                shapes = np.stack([low, (low + high) / 2, high], axis=1)
            values = triangular(self.chance.uniform(label, keys), shapes)
            if whole_of is not None:
                values = values * whole_of(filling, keys).astype(float)
            if how.times:
                values = values * filling.numbers_of(f"${{{how.times}}}")
            if how.plus:
                values = values + filling.numbers_of(f"${{{how.plus}}}")
            if how.step:
                values = np.round(values / how.step) * how.step
            return number_texts(np.clip(values, low, high), 0 if whole else how.decimals)

        return draw

    def _elsewhere(self, of: Elsewhere) -> Draw:
        def days(filling: Filling) -> Integers | int:
            if isinstance(of.after_days, int):
                return of.after_days
            return np.array([of.after_days.get(str(answer), 0) for answer in filling.column(str(of.by)).tolist()])

        def draw(filling: Filling, keys: Keys) -> Column:
            return self.told(of.form, of.question, (filling.event - days(filling)).astype(float))

        return draw

    def _date(self, label: str, question: Question, how: Distribution) -> Draw:
        bounds = clauses(question.constraint)

        def draw(filling: Filling, keys: Keys) -> Column:
            days = filling.event.astype(float)
            for other, (least, most) in how.after.items():
                start = filling.numbers_of(f"${{{other}}}")
                start = np.where(np.isnan(start), days, start)
                days = start + least + self.chance.below(label, keys, most - least + 1)
                days = np.minimum(days, self.calendar.last - 1)
            days = np.clip(days, *limits(filling, bounds, 1.0))
            texts = day_texts(days.astype(np.int64))
            if question.type == "date":
                return texts
            return np.array([f"{text}.000+01:00" for text in stamp_texts(days + 0.4)], dtype=object)

        return draw

    def _point(self, label: str, how: Distribution) -> Draw:
        default = how.box or (27.7, -13.0, 35.9, -1.0)

        def draw(filling: Filling, keys: Keys) -> Column:
            boxes = np.array([default] * filling.size)
            if how.by:
                boxes = np.array([how.boxes.get(str(answer), default) for answer in filling.column(how.by)])
            up, right = self.chance.uniform(f"{label}/lat", keys), self.chance.uniform(f"{label}/lon", keys)
            lat = boxes[:, 0] + up * (boxes[:, 2] - boxes[:, 0])
            lon = boxes[:, 1] + right * (boxes[:, 3] - boxes[:, 1])
            return np.array(
                [f"{y:.6f} {x:.6f} 0 4.5" for y, x in zip(lat.tolist(), lon.tolist(), strict=True)], dtype=object
            )

        return draw

    def _pattern(self, pattern: str) -> Draw:
        def draw(filling: Filling, keys: Keys) -> Column:
            days = day_texts(filling.event)
            letters = [
                chr(65 + i // 676 % 26) + chr(65 + i // 26 % 26) + chr(65 + i % 26)
                for i in (keys // np.uint64(100_000)).tolist()
            ]
            return np.array(
                [
                    pattern.format(
                        n=n, n5=n % 100_000, abc=abc, card=card_number(n), year=int(day[:4]), month=int(day[5:7])
                    )
                    for n, abc, day in zip(keys.tolist(), letters, days, strict=True)
                ],
                dtype=object,
            )

        return draw


def card_number(n: int) -> str:
    """The number of the n-th card: eight digits in no visible order, and two that check them (ISO 7064, MOD 97-10)."""
    serial = (n * 61_803_399 + 27_182_818) % 100_000_000
    return f"{serial:08d}{98 - serial * 100 % 97:02d}"


def _ages(weights: dict[str, float]) -> tuple[list[int], list[int], Floats]:
    """(youngest, oldest) of each band, and the share of people up to it."""
    lows = [int(band.rstrip("+").split("-")[0]) for band in weights]
    highs = [int(band.partition("-")[2] or 85) for band in weights]
    return lows, highs, cumulative(list(weights.values()))
