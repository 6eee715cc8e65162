"""Whether the answers that `sample.yaml` leads to are answers that the questionnaire accepts."""

from __future__ import annotations

import numpy as np

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.expression import parse
from meal_pipelines.project.questionnaire import Question, Questionnaire
from meal_pipelines.sample.answers import YES, Answering
from meal_pipelines.sample.filling import Filling, Truths


def refused(questionnaire: Questionnaire, question: Question, filling: Filling) -> Truths:
    """For each row, whether the questionnaire refuses the answer: out of bounds, missing, not asked."""
    column = filling.columns[question.name]
    answered = np.array([text is not None for text in column.tolist()], dtype=bool)
    relevant = filling.relevant(question.relevant)
    bad = answered & ~relevant
    if question.required in YES:
        bad |= relevant & ~answered
    if question.constraint:
        bad |= answered & ~np.asarray(parse(question.constraint).holds(filling.scope(column)), dtype=bool)
    if question.list_name:
        names = {choice.name for choice in questionnaire.choices[question.list_name]}
        unknown = [text is not None and not names.issuperset(text.split()) for text in column.tolist()]
        bad |= np.array(unknown, dtype=bool)
    return bad


def check_answers(answering: Answering, fillings: dict[str, Filling]) -> None:
    """Judge one block of a form.

    Raises: ConfigurationError, naming each question whose answers its questionnaire refuses.
    """
    questionnaire = answering.loaded.questionnaire
    wrong = [
        question.name
        for name, table in questionnaire.tables.items()
        for question in table.questions
        if refused(questionnaire, question, fillings[name]).any()
    ]
    if wrong:
        raise ConfigurationError(
            f"sample.yaml, formulaire « {answering.name} » : le questionnaire refuse des réponses générées pour "
            f"{', '.join(f'« {name} »' for name in wrong)}. Corrigez leurs distributions d'après ses contraintes."
        )
