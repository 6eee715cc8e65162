"""The drop-down lists of a template: labels on a hidden sheet, those of a cascade side by side with what they depend on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from meal_pipelines.collect.sheets.answers import cascade
from meal_pipelines.collect.sheets.book import LISTS_SHEET
from meal_pipelines.collect.template.columns import Column, Language, wording
from meal_pipelines.extracts.workbook import put
from meal_pipelines.project.questionnaire import Choice, Question, Questionnaire


@dataclass(frozen=True)
class Lists:
    """Writes each list once on the hidden sheet, and gives the formula by which a cell offers it."""

    sheet: Worksheet
    questionnaire: Questionnaire
    language: Language
    written: dict[str, str]

    @classmethod
    def on(cls, sheet: Worksheet, questionnaire: Questionnaire, language: Language) -> Lists:
        return cls(sheet, questionnaire, language, {})

    def formula(self, question: Question, columns: Mapping[str, Column], row: int) -> str:
        """What the cells of a question offer. columns: by question, for cascades · row: the first line of data."""
        narrowed = cascade(question)
        if narrowed is not None and narrowed[1] in columns:
            around = columns[narrowed[1]]
            if around.question.list_name in self.questionnaire.choices:
                return self._narrowed(question, narrowed[0], around, row)
        return self._whole(str(question.list_name))

    def labels(self, list_name: str) -> list[str]:
        """The choices of a list as they are offered, in its order."""
        choices = self._distinct(list_name)
        counts = Counter(self._label(choice) for choice in choices)
        return [self._label(choice, twice=counts[self._label(choice)] > 1) for choice in choices]

    def _whole(self, list_name: str) -> str:
        if list_name not in self.written:
            column = get_column_letter(self.sheet.max_column + 1)
            labels = self.labels(list_name)
            for line, label in enumerate(labels, start=1):
                put(self.sheet[f"{column}{line}"], label)
            self.written[list_name] = f"'{LISTS_SHEET}'!${column}$1:${column}${len(labels)}"
        return self.written[list_name]

    def _narrowed(self, question: Question, attribute: str, around: Column, row: int) -> str:
        """The labels that go with the answer beside: both columns of the hidden sheet are in the order of the latter."""
        place = f"{question.list_name}|{around.question.list_name}"
        if place not in self.written:
            pairs = self._pairs(str(question.list_name), attribute, str(around.question.list_name))
            first = self.sheet.max_column + 1
            letters = get_column_letter(first), get_column_letter(first + 1)
            for line, pair in enumerate(pairs, start=1):
                for letter, text in zip(letters, pair, strict=True):
                    put(self.sheet[f"{letter}{line}"], text)
            self.written[place] = "|".join((*letters, str(len(pairs))))
        above, below, last = self.written[place].split("|")
        keys, beside = f"'{LISTS_SHEET}'!${above}$1:${above}${last}", f"${get_column_letter(around.place)}{row}"
        return f"OFFSET('{LISTS_SHEET}'!${below}$1,MATCH({beside},{keys},0)-1,0,COUNTIF({keys},{beside}),1)"

    def _pairs(self, list_name: str, attribute: str, parent_list: str) -> list[tuple[str, str]]:
        pairs = []
        for parent in self._distinct(parent_list):
            [label] = [
                text
                for text, choice in zip(self.labels(parent_list), self._distinct(parent_list), strict=True)
                if choice is parent
            ]
            here = [choice for choice in self._distinct(list_name) if choice.attributes.get(attribute) == parent.name]
            counts = Counter(self._label(choice) for choice in here)
            pairs += [(label, self._label(choice, twice=counts[self._label(choice)] > 1)) for choice in here]
        return pairs

    def _distinct(self, list_name: str) -> list[Choice]:
        return list({choice.name: choice for choice in reversed(self.questionnaire.choices[list_name])}.values())[::-1]

    def _label(self, choice: Choice, *, twice: bool = False) -> str:
        label = wording(choice.labels, self.language) or wording(choice.labels, "fr") or choice.name
        return f"{label} [{choice.name}]" if twice else label
