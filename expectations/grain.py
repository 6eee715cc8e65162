"""What the tables of a form have in common: their grain, and how their expectations are named and worded.

What is particular to a stage is in `cleaned.py` and `pseudonymised.py`.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import replace

from expectations.model import Expectation
from meal_pipelines.project.questionnaire import Question
from meal_pipelines.warehouse.tables import TableSpec

KEY_COLUMNS = {
    "submission_id": "Chaque ligne porte l'identifiant de sa soumission.",
    "repeat_index": "Chaque ligne porte son rang dans la répétition.",
}
LONGEST_LABEL = 90


def of_grain(spec: TableSpec) -> list[Expectation]:
    """Its key is complete and unique, and the table is not empty."""
    found = []
    for name in spec.key:
        sentence = KEY_COLUMNS.get(name, f"« {name} » est renseigné.")
        found.append(Expectation(check_name(name, "renseigne"), sentence, "not_null", (name,)))
    of_form = "Une soumission n'apparaît qu'une fois."
    of_repeat = "Une ligne de la répétition n'apparaît qu'une fois dans sa soumission."
    sentence = of_form if spec.key == ("submission_id",) else of_repeat
    found.append(Expectation("cle_unique", sentence, "unique", spec.key, scope="table"))
    sentence = "La table a au moins une ligne."
    found.append(Expectation("table_non_vide", sentence, "not_empty", severity="warning", scope="table"))
    return found


def check_name(*parts: str) -> str:
    """A name that Dagster accepts: no accents, and `_` for whatever is not a letter or a digit."""
    plain = unicodedata.normalize("NFKD", "_".join(parts)).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")


def asked(question: Question) -> str:
    """« Sexe » (sexe): how a sentence names a question."""
    label = " ".join(question.label.split())
    if len(label) > LONGEST_LABEL:
        label = label[: LONGEST_LABEL - 1].rstrip() + "…"
    return f"« {label} » ({question.name})"


def day(date: dt.date) -> str:
    """01/03/2026, as French writes it in figures."""
    return f"{date:%d/%m/%Y}"


def distinctly(expectations: list[Expectation]) -> tuple[Expectation, ...]:
    """The same expectations; where two names fell together (`âge`, `age`), the later ones are numbered."""
    seen: dict[str, int] = {}
    found = []
    for expectation in expectations:
        times = seen[expectation.name] = seen.get(expectation.name, 0) + 1
        found.append(expectation if times == 1 else replace(expectation, name=f"{expectation.name}_{times}"))
    return tuple(found)
