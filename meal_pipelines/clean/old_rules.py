"""What an old version required, when, and of which choices, said of the questions of today.

An old submission is judged with what its own version asked: its conditions read its own answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from meal_pipelines.project.origins import Asked, Origin, Recoded
from meal_pipelines.project.questionnaire import Choice, Question, Questionnaire, Table

NAMED = re.compile(r"\$\{\s*([^}]+?)\s*\}")

Key = tuple[str, str]
"""(table, column) of a question of today."""


@dataclass
class OldRules:
    """olds: for each question of today, the questions of the old version that it comes from."""

    today: Questionnaire
    old: Questionnaire
    origins: Mapping[Key, Origin]
    olds: Mapping[Key, Sequence[Question]]
    _read: dict[str, dict[str, Question]] = field(default_factory=dict)

    def tables(self) -> dict[str, Table]:
        """Today's tables, each question with the rules it had."""
        return {
            name: replace(table, questions=tuple(self._question(question) for question in table.questions))
            for name, table in self.today.tables.items()
        }

    def originals(self) -> dict[str, list[Question]]:
        """By table of today, the old questions that these rules read under their old names; asked for after `tables`."""
        return {table: list(questions.values()) for table, questions in self._read.items()}

    def _question(self, question: Question) -> Question:
        key = (question.table, question.column)
        olds = self.olds[key]
        if not olds:
            return replace(question, required="")
        old = next((each for each in olds if each.required), olds[0])
        rules: dict[str, Any] = {
            "required": self._said(old.required, old),
            "relevant": tuple(self._said(relevant, old) for relevant in old.relevant),
        }
        if isinstance(self.origins[key], Asked) and old.type == question.type:
            rules |= {"constraint": self._said(old.constraint, old), "messages": old.messages}
        return _unless_same(question, replace(question, **rules))

    def _said(self, expression: str, old: Question) -> str:
        """A condition of the old version: the questions it names by their names of today, or by `@` and their old ones."""
        scope = self.old.scope(old.table)

        def name(match: re.Match[str]) -> str:
            meant = scope.get(match[1])
            if meant is None:
                return match[0]
            for key, olds in self.olds.items():
                if list(olds) == [meant] and isinstance(self.origins[key], Asked):
                    today = next(each for each in self.today.tables[key[0]].questions if each.column == key[1])
                    return f"${{{today.name}}}"
            return f"${{{self._original(meant)}}}"

        return NAMED.sub(name, expression)

    def _original(self, meant: Question) -> str:
        """The name under which an old answer is kept beside those of today."""
        alias = f"@{meant.name}"
        table = next((name for name, table in self.today.tables.items() if self._stands_for(table, meant)), "")
        self._read.setdefault(table, {})[alias] = replace(meant, table=table, column=alias)
        return alias

    def _stands_for(self, table: Table, meant: Question) -> bool:
        """Whether rows of the old question's table are rows of this one."""
        olds = (old for key, found in self.olds.items() if key[0] == table.name for old in found)
        return any(old.table == meant.table for old in olds)


def _unless_same(question: Question, made: Question) -> Question:
    """The question as it is when the other says the same in other words: « yes » and « true », spaces."""
    if _plain(question) == _plain(made):
        return question
    return made


def _plain(question: Question) -> tuple[object, ...]:
    words = {"yes": "true", "true()": "true", "oui": "true", "1": "true", "vrai": "true"}
    required = question.required.strip().lower()
    return (
        words.get(required, "" if required in ("no", "false", "false()", "non") else squeezed(question.required)),
        tuple(squeezed(relevant) for relevant in question.relevant),
        squeezed(question.constraint),
    )


def squeezed(expression: str) -> str:
    """An expression without the spaces that say nothing."""
    parts = re.split(r"('[^']*'|\"[^\"]*\")", expression)
    return "".join(part if position % 2 else re.sub(r"\s+", "", part) for position, part in enumerate(parts))


def choices_kept(
    today: Questionnaire,
    origins: Mapping[Key, Origin],
    olds: Mapping[Key, Sequence[Question]],
    old: Questionnaire | None,
) -> dict[str, tuple[Choice, ...]]:
    """Today's lists, with the choices that only the old version had and those that the file maps codes to."""
    lists = dict(today.choices)
    for (table, column), origin in origins.items():
        question = next(each for each in today.tables[table].questions if each.column == column)
        if question.list_name not in lists or not isinstance(origin, (Asked, Recoded)):
            continue
        mapped = origin.rule.values if isinstance(origin, Recoded) else {}
        found = olds[table, column]
        then = old.choices.get(found[0].list_name or "", ()) if old is not None and len(found) == 1 else ()
        known = {choice.name for choice in lists[question.list_name]}
        kept = [choice for choice in then if choice.name not in known and choice.name not in mapped]
        decided = [Choice(code, {}, {}) for code in dict.fromkeys(mapped.values()) if code not in known]
        lists[question.list_name] += (*kept, *decided)
    return lists
