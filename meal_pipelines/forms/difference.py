"""What differs between two versions of a questionnaire, as a person reviews it.

A likeness of names is a suggestion, marked as one; nothing is decided here. Files and servers are elsewhere.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from meal_pipelines.clean.old_rules import squeezed
from meal_pipelines.project.question_types import METADATA
from meal_pipelines.project.questionnaire import MAIN, Question, Questionnaire, french

Kind = Literal["added", "removed", "renamed", "retyped", "rule", "choice", "label"]

LIKE = 0.72
"""How alike two questions of one kind must be to be suggested as one: less brings pairs that have only a word in common."""
RULES = {
    "required": "obligatoire", "relevant": "condition d'affichage", "constraint": "contrainte",
    "calculation": "calcul", "choice_filter": "filtre des choix",
}  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """One thing that differs. question: « repetition/question » · text: what, in French · like: how sure a suggestion is."""

    kind: Kind
    question: str
    text: str
    like: float | None = None


@dataclass
class Comparison:
    """Two versions side by side. renamed, choices: suggested, old to new · removed, added: what remains."""

    differences: list[Difference] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    retyped: dict[str, str] = field(default_factory=dict)
    choices: dict[str, dict[str, str]] = field(default_factory=dict)
    lost_choices: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_same(self) -> bool:
        return not self.differences


def compare(before: Questionnaire, after: Questionnaire) -> Comparison:
    """What `after` changes of `before`: questions, types, rules, choices, wordings by language."""
    found = Comparison()
    old, new = _questions(before), _questions(after)
    gone, come = [key for key in old if key not in new], [key for key in new if key not in old]
    pairs = _alike(before, after, {key: old[key] for key in gone}, {key: new[key] for key in come})
    for key, (other, likeness) in pairs.items():
        found.renamed[key] = other
        text = f"« {key} » ressemble à « {other} » : la même question, renommée ?"
        found.differences.append(Difference("renamed", other, text, likeness))
    found.removed = [key for key in gone if key not in pairs]
    taken = {other for other, _ in pairs.values()}
    found.added = [key for key in come if key not in taken]
    found.differences += [
        Difference("removed", key, f"retirée ({old[key].type}) : « {old[key].label} »") for key in found.removed
    ]
    found.differences += [
        Difference("added", key, f"ajoutée ({new[key].type}) : « {new[key].label} »") for key in found.added
    ]
    for key, question in old.items():
        other = pairs[key][0] if key in pairs else key
        if other in new:
            _compare(found, other, (before, question), (after, new[other]))
    return found


def name_in(question: Question) -> str:
    """« repetition/question », or the name alone for the form itself."""
    return question.name if question.table == MAIN else f"{question.table}/{question.name}"


def _questions(questionnaire: Questionnaire) -> dict[str, Question]:
    found: dict[str, Question] = {}
    for question in questionnaire.questions():
        found.setdefault(name_in(question), question)
    return found


def _alike(
    before: Questionnaire, after: Questionnaire, gone: dict[str, Question], come: dict[str, Question]
) -> dict[str, tuple[str, float]]:
    """The likeliest pairs of a question that is gone and one that came, each question once, the surest first."""
    scores = sorted(
        (
            (_likeness((before, old), (after, new)), old_key, new_key)
            for old_key, old in gone.items()
            for new_key, new in come.items()
            if old.table == new.table
        ),
        reverse=True,
    )
    found: dict[str, tuple[str, float]] = {}
    for score, old_key, new_key in scores:
        if score >= LIKE and old_key not in found and all(new_key != other for other, _ in found.values()):
            found[old_key] = new_key, score
    return found


def _likeness(old: tuple[Questionnaire, Question], new: tuple[Questionnaire, Question]) -> float:
    """From 0 to 1: names, wordings, type and choices."""
    a, b = old[1], new[1]
    names = difflib.SequenceMatcher(None, a.name.lower(), b.name.lower()).ratio()
    shared = [(a.labels[tongue], b.labels[tongue]) for tongue in a.labels.keys() & b.labels.keys()]
    shared = shared or [(french(a.labels), french(b.labels))]
    wordings = max(
        difflib.SequenceMatcher(None, one.lower(), two.lower()).ratio() if one and two else 0 for one, two in shared
    )
    codes = [{choice.name for choice in each.choices.get(q.list_name or "", ())} for each, q in (old, new)]
    is_kin = a.type == b.type and (not codes[0] or bool(codes[0] & codes[1]))
    return max(names, wordings) if is_kin else 0.6 * max(names, wordings)


def _compare(
    found: Comparison, key: str, old: tuple[Questionnaire, Question], new: tuple[Questionnaire, Question]
) -> None:
    (before, a), (after, b) = old, new
    if a.type != b.type:
        found.retyped[key] = a.type
        found.differences.append(Difference("retyped", key, f"type : {a.type} → {b.type}"))
    for attribute, named in RULES.items():
        one, two = _rule(a, attribute), _rule(b, attribute)
        if squeezed(one) != squeezed(two):
            found.differences.append(Difference("rule", key, f"{named} : {one or 'aucune'} → {two or 'aucune'}"))
    # Nobody is shown the label of a metadata question, and an XForm does not hold it.
    for text in () if a.type in METADATA else _labels(a.labels, b.labels):
        found.differences.append(Difference("label", key, f"libellé{text}"))
    if a.is_select and b.is_select and a.list_name and b.list_name:
        _compare_choices(found, key, before, a, after, b)


def _rule(question: Question, attribute: str) -> str:
    value = getattr(question, attribute)
    text = " et ".join(f"({part})" if len(value) > 1 else part for part in value) if isinstance(value, tuple) else value
    words = {"yes": "oui", "true": "oui", "true()": "oui", "no": "", "false": "", "false()": ""}
    return words.get(text.strip().lower(), text.strip()) if attribute == "required" else text.strip()


def _labels(before: dict[str, str], after: dict[str, str]) -> Iterator[str]:
    for language in dict.fromkeys([*before, *after]):
        one, two = before.get(language, ""), after.get(language, "")
        if one != two:
            yield f"{f' [{language}]' if language else ''} : « {one} » → « {two} »"


def _compare_choices(
    found: Comparison, key: str, before: Questionnaire, a: Question, after: Questionnaire, b: Question
) -> None:
    old = {choice.name: choice for choice in before.choices.get(str(a.list_name), ())}
    new = {choice.name: choice for choice in after.choices.get(str(b.list_name), ())}
    gone, come = [code for code in old if code not in new], [code for code in new if code not in old]
    for code in gone:
        wording = french(old[code].labels).lower()
        same = [other for other in come if wording and french(new[other].labels).lower() == wording]
        if same:
            come.remove(same[0])
            found.choices.setdefault(key, {})[code] = same[0]
            text = f"choix « {code} » : même libellé que « {same[0]} », renommé ?"
            found.differences.append(Difference("choice", key, text, 1.0))
        else:
            found.lost_choices.setdefault(key, []).append(code)
            found.differences.append(
                Difference("choice", key, f"choix retiré : « {code} » ({french(old[code].labels)})")
            )
    for code in come:
        found.differences.append(Difference("choice", key, f"choix ajouté : « {code} » ({french(new[code].labels)})"))
    for code in old.keys() & new.keys():
        for text in _labels(old[code].labels, new[code].labels):
            found.differences.append(Difference("label", key, f"libellé du choix « {code} »{text}"))
