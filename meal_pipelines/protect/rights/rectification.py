"""Correct one answer of a person at her request: a line in the cleaning log, which `raw` never notices, and how to undo it.

What a line does is in `clean/corrections.py`. The source keeps its own answer until somebody corrects it there too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from meal_pipelines.clean.corrections import Correction, add_line, read_log, take_last_line
from meal_pipelines.clean.extract import extract
from meal_pipelines.clean.readings import Readings
from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.invocation import typed
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.rights.access import Actor, record
from meal_pipelines.warehouse.connection import Warehouse

Place = tuple[str, str, int, str]
"""(submission_id, repeat, repeat_index, question) of one answer; `''` and 0 for the form itself."""


def rectify(
    warehouse: Warehouse, keyring: Keyring, project: LoadedProject, form: LoadedForm, place: Place, new: str | None, log: Path,
    actor: Actor,
) -> None:  # fmt: skip
    """Write that one answer should read `new` (None: empty) from the next run on.

    log: the form's cleaning log. Raises: ConfigurationError, when the questionnaire has no such question; MealError, when the
    submission or the row is not there, or says so already.
    """
    submission_id, repeat, index, question = place
    table = form.questionnaire.tables.get(repeat)
    if table is None or table.question(question) is None:
        raise ConfigurationError(
            f"« {form.name} » n'a pas cette question (« {question} »). {typed('forms lint')} les relit."
        )
    with warehouse.connect() as connection, connection.cursor() as cursor:
        old = _answer(cursor, keyring, form, place)
        for line in read_log(log).by_submission.get(submission_id, ()):
            if (line.repeat, line.repeat_index, line.question) == place[1:] and line.old == old:
                old = line.new
        if old == new:
            raise MealError("La réponse est déjà celle-là : rien n'est écrit.")
        record(cursor, actor, "rectify", project.id, form=form.name, submission_id=submission_id)
    add_line(log, Correction(submission_id, repeat, index, question, old, new, actor.why, actor.who, 0))


def undo(warehouse: Warehouse, project: LoadedProject, form: LoadedForm, place: Place, log: Path, actor: Actor) -> None:
    """Take the last line about one answer out of the cleaning log. Raises: MealError, when there is none."""
    submission_id, repeat, index, question = place
    if not take_last_line(log, submission_id, repeat, index, question):
        raise MealError("Le journal de nettoyage n'a aucune ligne pour cette réponse : rien à annuler.")
    with warehouse.connect() as connection, connection.cursor() as cursor:
        record(cursor, actor, "rectify", project.id, form=form.name, submission_id=submission_id)


def _answer(cursor: Any, keyring: Keyring, form: LoadedForm, place: Place) -> str | None:
    """What `raw` last says, in the words of today's questionnaire."""
    submission_id, repeat, index, question = place
    cursor.execute(LAST, (form.project, form.name, submission_id))
    row = cursor.fetchone()
    if row is None or row[3] != "present" or row[4] is None:
        raise MealError(
            "Cette soumission n'est pas dans l'entrepôt, ou n'est plus à la source. Vérifiez son identifiant."
        )
    at = f"raw|{form.project}|{form.name}|{submission_id}|{row[1]}"
    payloads = keyring.sealer(form.project).unseal([row[4]], [at])
    [(reading, _)] = Readings.read(cursor, form).parted([row])
    tables = extract(form.questionnaire, payloads) if reading is None else reading.extract(payloads)
    raw = tables[repeat]
    asked = raw.table.question(question)
    if index not in raw.repeat_index or asked is None:
        raise MealError(
            "Cette ligne du groupe répété n'existe pas dans la soumission. Vérifiez son rang (à partir de 1)."
        )
    return raw.answers[asked.column][raw.repeat_index.index(index)]


LAST = """
    select submission_id, version, form_version, state, payload from raw.submission
    where project = %s and form = %s and submission_id = %s order by version desc limit 1
"""
