"""The rules of a good form, as the house asks for them: two languages, conditions that mean something, no dead ends.

What makes a form impossible to read is refused by `project/xlsform.py` already; nothing here reads a file.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from meal_pipelines.project.expression import UnsupportedExpression, parse
from meal_pipelines.project.question_types import METADATA, PARTS, UNANSWERED, spelled
from meal_pipelines.project.questionnaire import Question, Questionnaire
from meal_pipelines.project.xlsform import RESERVED

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
NAMED = re.compile(r"\$\{\s*([^}]+?)\s*\}")
FILTER = re.compile(r"\s*(\w+)\s*=\s*\$\{\s*([\w.-]+)\s*\}\s*|\s*\$\{\s*([\w.-]+)\s*\}\s*=\s*(\w+)\s*")
LANGUAGES = {"français": ("fr", "français", "french"), "arabe": ("ar", "arab", "العربية")}
SILENT = (METADATA | UNANSWERED | {"calculate", "hidden"}) - {"note"}
"""Types that show nothing to a person."""
ALWAYS = ("yes", "true", "true()", "oui", "1")


@dataclass(frozen=True)
class Remark:
    """One thing to mend (error) or to think about (warning). sheet, row: where, when one place can be named."""

    level: Literal["error", "warning"]
    sheet: str
    row: int | None
    text: str

    def __str__(self) -> str:
        place = f"feuille « {self.sheet} »" if self.sheet else ""
        place += f", ligne {self.row}" if self.row else ""
        return f"{place} : {self.text}" if place else self.text


def remarks(questionnaire: Questionnaire) -> list[Remark]:
    """Everything these rules find, in the order of the sheets."""
    found = [*_wordings(questionnaire), *_names(questionnaire), *_conditions(questionnaire), *_lists(questionnaire)]
    found += _cascades(questionnaire)
    return sorted(found, key=lambda remark: (remark.sheet != "survey", remark.row or 0))


def _wordings(questionnaire: Questionnaire) -> Iterator[Remark]:
    """A label in French and in Arabic for whatever is shown; a message for whatever may be refused."""
    for sheet in ("survey", "choices"):
        for line, cells in questionnaire.sheets.get(sheet, []):
            kind = spelled(cells.get("type", ""))[0] if sheet == "survey" else "choice"
            if not kind or kind in SILENT or kind.startswith("end_") or cells.get("disabled") == "yes":
                continue
            missing = [tongue for tongue in LANGUAGES if not _has(cells, "label", tongue)]
            if kind not in PARTS or any(name.startswith("label") for name in cells):
                for tongue in missing:
                    yield Remark("warning", sheet, line, f"« {cells.get('name', '')} » n'a pas de libellé en {tongue}.")
            if cells.get("constraint"):
                for tongue in LANGUAGES:
                    if not _has(cells, "constraint_message", tongue):
                        text = (
                            f"« {cells.get('name', '')} » a une contrainte et pas de message en {tongue} pour la dire."
                        )
                        yield Remark("warning", sheet, line, text)


def _has(cells: dict[str, str], column: str, tongue: str) -> bool:
    """Whether a column is filled in a language; one without a language is taken for French."""
    if tongue == "français" and column in cells:
        return True
    languages = [name.split("::", 1)[1].lower() for name in cells if name.startswith(f"{column}::")]
    return any(
        language.startswith(word) or f"({word})" in language for language in languages for word in LANGUAGES[tongue]
    )


def _names(questionnaire: Questionnaire) -> Iterator[Remark]:
    spellings: dict[str, list[Question]] = defaultdict(list)
    for question in questionnaire.questions():
        spellings[f"{question.table}/{question.name.lower()}"].append(question)
        if question.name.lower() in RESERVED:
            text = f"« {question.name} » est un nom de l'entrepôt : la colonne s'appellera « {question.column} ». Préférez un autre nom."
            yield Remark("warning", "survey", question.line, text)
        if not NAME.fullmatch(question.name):
            text = f"« {question.name} » : un nom commence par une lettre et n'a ni espace ni accent."
            yield Remark("error", "survey", question.line, text)
        elif len(question.name) > 60:
            yield Remark(
                "warning",
                "survey",
                question.line,
                f"« {question.name} » : au-delà de 60 lettres, la colonne est abrégée.",
            )
    for found in spellings.values():
        for question in found[1:]:
            text = f"« {question.name} » est déjà le nom d'une question (ligne {found[0].line}), à la casse ou au groupe près."
            yield Remark("warning", "survey", question.line, text)


def _conditions(questionnaire: Questionnaire) -> Iterator[Remark]:
    """Conditions that name what does not exist or comes later, that cannot be evaluated, or that say nothing."""
    for question in questionnaire.questions():
        scope = questionnaire.scope(question.table)
        written = {
            "relevant": question.relevant,
            "constraint": (question.constraint,),
            "calculation": (question.calculation,),
        }
        for column, expressions in written.items():
            for expression in filter(None, expressions):
                for name in dict.fromkeys(NAMED.findall(expression)):
                    yield from _named(question, column, name, scope)
                if column != "calculation":
                    yield from _understood(question, column, expression)
        required = question.required.strip().lower()
        if required in ALWAYS and question.type in SILENT:
            text = (
                f"« {question.name} » ({question.type}) est obligatoire, et personne n'y répond : retirez « required »."
            )
            yield Remark("warning", "survey", question.line, text)
        if question.constraint and not re.search(r"(?<![\w.])\.(?![\w.])", question.constraint):
            text = f"« {question.name} » : la contrainte ne regarde pas la réponse elle-même (« . »)."
            yield Remark("warning", "survey", question.line, text)


def _named(question: Question, column: str, name: str, scope: dict[str, Question]) -> Iterator[Remark]:
    meant = scope.get(name)
    if meant is None:
        text = f"« {question.name} », colonne « {column} » : la question « {name} » n'existe pas à cet endroit."
        yield Remark("error" if column != "calculation" else "warning", "survey", question.line, text)
    elif column == "relevant" and meant.line > question.line:
        text = f"« {question.name} » dépend de « {name} », posée plus loin (ligne {meant.line}) : elle ne s'affichera pas à temps."
        yield Remark("warning", "survey", question.line, text)
    elif column == "relevant" and meant == question:
        text = f"« {question.name} » dépend de sa propre réponse : elle ne s'affichera jamais."
        yield Remark("error", "survey", question.line, text)


def _understood(question: Question, column: str, expression: str) -> Iterator[Remark]:
    try:
        parse(expression)
    except UnsupportedExpression as error:
        text = f"« {question.name} », colonne « {column} » : la condition ne sera pas évaluée au nettoyage ({error})."
        yield Remark("warning", "survey", question.line, text)


def _lists(questionnaire: Questionnaire) -> Iterator[Remark]:
    """Lists that no question uses, choices that stand twice."""
    used = {question.list_name for question in questionnaire.questions()}
    first: dict[str, int] = {}
    met: dict[tuple[str, str], int] = {}
    for line, cells in questionnaire.sheets.get("choices", []):
        name, code = cells.get("list_name", ""), cells.get("name", "")
        first.setdefault(name, line)
        if name and code and (name, code) in met:
            text = f"le choix « {code} » est déjà dans « {name} » (ligne {met[name, code]}) : on ne saura pas lequel a été répondu."
            yield Remark("error", "choices", line, text)
        if any(space in code for space in " \t"):
            yield Remark(
                "error",
                "choices",
                line,
                f"le code « {code} » contient une espace : dans un choix multiple, il en ferait deux.",
            )
        met.setdefault((name, code), line)
    for name, line in first.items():
        if name and name not in used:
            yield Remark("warning", "choices", line, f"la liste « {name} » n'est utilisée par aucune question.")


def _cascades(questionnaire: Questionnaire) -> Iterator[Remark]:
    """A choice of the question above that leaves nothing to choose below; a choice below that nothing leads to."""
    for question in questionnaire.questions():
        match = FILTER.fullmatch(question.choice_filter) if question.choice_filter else None
        if match is None or question.list_name is None:
            continue
        column, above = match[1] or match[4], questionnaire.scope(question.table).get(match[2] or match[3])
        if above is None or above.list_name is None:
            continue
        codes = [choice.name for choice in questionnaire.choices.get(above.list_name, ())]
        below = questionnaire.choices.get(question.list_name, ())
        led = {choice.attributes.get(column, "") for choice in below}
        empty = [code for code in codes if code not in led]
        if empty:
            text = f"« {question.name} » n'offre aucun choix quand « {above.name} » vaut {_some(empty)}."
            yield Remark("warning", "survey", question.line, text)
        lost = [choice.name for choice in below if choice.attributes.get(column, "") not in codes]
        if lost:
            text = f"« {question.name} » : rien ne mène à {_some(lost)} (colonne « {column} » de la liste « {question.list_name} »)."
            yield Remark("warning", "survey", question.line, text)


def _some(codes: list[str]) -> str:
    shown = ", ".join(f"« {code} »" for code in codes[:5])
    return shown if len(codes) <= 5 else f"{shown} … ({len(codes)} en tout)"
