"""The answers of an old version under the questions of today: renamed, cut, joined and recoded, column by column.

Each distinct answer is worked out once. What cannot be made for certain is not guessed: the answer stays as it was given,
and the row is told why it cannot be read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from meal_pipelines.clean.extract import RawTable, Unreadable
from meal_pipelines.clean.parse import decimal
from meal_pipelines.project.form_versions import Merge, Retype, Split
from meal_pipelines.project.origins import Asked, Joined, Origin, Part, Recoded

Texts = list[str | None]


@dataclass(frozen=True)
class Answers:
    """A column of answers, and by row why some could not be made (in French, without the answer)."""

    texts: Texts
    unreadable: dict[int, Unreadable] = field(default_factory=dict)


def answers_of(origin: Origin, raw: RawTable, columns: Mapping[str, str], version: str) -> Answers:
    """The answers to a question of today, for the n rows of one table of one version.

    columns: under which name each question of the old version was extracted.
    """
    match origin:
        case None:
            return Answers([None] * len(raw))
        case Asked(name):
            return Answers(raw.answers[columns[name]].rows())
        case Part(of, rule, position):
            return _cut(answers_of(of, raw, columns, version), rule, position, version)
        case Joined(of, rule):
            return _joined([answers_of(each, raw, columns, version) for each in of], rule, version)
        case Recoded(of, rule, is_several):
            found = answers_of(of, raw, columns, version)
            known = _once(found.texts, _recoding(rule, is_several))
            texts = [text if row in found.unreadable else known[text] for row, text in enumerate(found.texts)]
            return Answers(texts, found.unreadable)


def recoded(origin: Origin, text: str | None) -> str | None:
    """One answer of then as one of today; one that is of today already stays."""
    if text is None or not isinstance(origin, Recoded):
        return text
    return _recoding(origin.rule, origin.is_several)(str(recoded(origin.of, text)))


def _once(texts: Texts, make: Callable[[str], str | None]) -> dict[str | None, str | None]:
    """What is made of each distinct answer."""
    return {None: None} | {text: make(text) for text in set(texts) if text is not None}


def _cut(answers: Answers, rule: Split, position: int, version: str) -> Answers:
    known = {text: rule.parts(text) for text in set(answers.texts) if text is not None}
    why = (
        f"La réponse donnée avec la version « {version} » du questionnaire ne se partage pas de façon certaine entre "
        f"{_listed(rule.into)}. Corrigez chaque partie par le journal de nettoyage."
    )
    texts, unreadable = list(answers.texts), dict(answers.unreadable)
    for row, text in enumerate(answers.texts):
        if text is None or row in answers.unreadable:
            continue
        parts = known[text]
        if parts is None:
            unreadable[row] = Unreadable("split", why, text)
        else:
            texts[row] = parts[position] or None
    return Answers(texts, unreadable)


def _joined(parts: Sequence[Answers], rule: Merge, version: str) -> Answers:
    """Joined where every part that must be there is; a part of an answer is not the answer."""
    why = (
        f"Une partie de la réponse manque : avec la version « {version} » du questionnaire elle était donnée en "
        f"{_listed(rule.of)}. Corrigez-la à la source ou par le journal de nettoyage."
    )
    needed = [name not in rule.optional for name in rule.of]
    texts: Texts = []
    unreadable: dict[int, Unreadable] = {}
    for answers in parts:
        unreadable |= answers.unreadable
    for row, given in enumerate(zip(*(answers.texts for answers in parts), strict=True)):
        text = rule.separator.join(part for part in given if part is not None) or None
        texts.append(text)
        is_whole = all(part is not None for part, is_needed in zip(given, needed, strict=True) if is_needed)
        if text is not None and not is_whole and row not in unreadable:
            unreadable[row] = Unreadable("merge", why, text)
    return Answers(texts, unreadable)


def _recoding(rule: Retype, is_several: bool) -> Callable[[str], str]:
    """What one answer becomes; one that the rule does not know stays as it is, for the type to judge."""

    def made(text: str) -> str:
        if rule.values:
            if is_several:
                return " ".join(dict.fromkeys(rule.values.get(part, part) for part in text.split()))
            if text in rule.values:
                return rule.values[text]
        if rule.factor is not None:
            return _scaled(text, rule.factor)
        return _dated(text, rule.format) if rule.format is not None else text

    return made


def _scaled(text: str, factor: Decimal) -> str:
    number = decimal(text)
    if number is None:
        return text
    scaled = format(Decimal(number) * factor, "f")
    return scaled.rstrip("0").rstrip(".") if "." in scaled else scaled


def _dated(text: str, written: str) -> str:
    try:
        return dt.datetime.strptime(text, written).date().isoformat()
    except ValueError:
        return text


def _listed(names: Sequence[str]) -> str:
    return " et ".join(f"« {name} »" for name in names)
