"""The suites of `cleaned`, made from the questionnaire and the project: what cleaning must have achieved.

Cleaning empties faulty answers and sets aside the rows that cannot stand, so a critical violation here is a defect of
ours and not of the field. Nothing here judges; `engine.py` does.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from expectations.grain import asked, check_name, day, distinctly, of_grain
from expectations.model import Expectation, Severity, Suite
from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.project.model import Project
from meal_pipelines.project.questionnaire import MAIN, Question, Table
from meal_pipelines.warehouse.tables import TableSpec

if TYPE_CHECKING:
    from meal_pipelines.clean.readings import Readings

NUMERIC = ("integer", "decimal", "range")
SEVERAL = ("select_multiple", "rank")
ALWAYS = ("yes", "true", "true()", "oui")
"""What « required » says when an answer is always needed; anything else is a condition."""

SEALED_NAME = "donnees_personnelles_scellees"
BOUND = re.compile(r"\.\s*(<=|>=|<|>)\s*(?:date\(\s*['\"](\d{4}-\d\d-\d\d)['\"]\s*\)|(-?\d+(?:\.\d+)?))")
EQUALITY = re.compile(r"\$\{\s*([^}\s]+)\s*\}\s*=\s*['\"]([^'\"]*)['\"]")
AND = re.compile(r"\s+and\s+")


def suite_for(
    project: Project, form: LoadedForm, table: Table, spec: TableSpec, readings: Readings | None = None
) -> Suite:
    """What one table of a form must satisfy in `cleaned`.

    Args: table, the form itself or one of its repeats; spec, its table as the warehouse names it; readings, how older
    versions are read: a row is judged by what its version asked. Names and number of the expectations never depend on them.
    """
    found = of_grain(spec)
    if spec.column("submitted_at") is not None:
        sentence = "La date d'envoi de la soumission est renseignée."
        # A server always stamps what it receives; a workbook's date is what somebody typed on the row.
        is_stamped = project.sources[form.form.source.use].kind in ("kobo", "odk")
        severity: Severity = "critical" if is_stamped else "warning"
        found.append(Expectation("submitted_at_renseigne", sentence, "not_null", ("submitted_at",), severity=severity))
    if table.parent is not None:
        found.append(_has_parent(form, table, spec))
    for question in form.shown(table):
        if spec.column(question.column) is not None:
            found += _of_question(project, form, table, question)
    found += _sealed(form, table, spec)
    if readings is not None:
        through = None if table.name == MAIN else replace(spec, name=form.table_of(MAIN)).staged
        found = [_by_its_version(each, form, table, readings, through) for each in found]
    return Suite(spec.qualified, distinctly(found))


def _by_its_version(
    expectation: Expectation, form: LoadedForm, table: Table, readings: Readings, through: str | None
) -> Expectation:
    """The expectation without the rows of versions that asked otherwise, and with the choices that only they had."""
    columns = {question.column: question for question in table.questions}
    meant = [columns[name] for name in expectation.columns if name in columns]
    if expectation.name == SEALED_NAME:
        meant = form.sealed(table)
    parameters = dict(expectation.parameters)
    if expectation.kind == "in_list" and meant:
        kept = readings.accepted(meant[0].list_name or "")
        return replace(expectation, parameters={**parameters, "values": (*parameters["values"], *kept)})
    spared = dict.fromkeys(version for each in meant for version in readings.spared(table.name, each.column))
    if not spared:
        return expectation
    return replace(expectation, parameters={**parameters, "unless_version": tuple(spared), "version_in": through})


def _of_question(project: Project, form: LoadedForm, table: Table, question: Question) -> list[Expectation]:
    found = []
    needed_when = _needed_when(form, table, question)
    if needed_when is not None:
        found.append(_answered(question, needed_when))
    choices = form.questionnaire.choices.get(question.list_name or "", ())
    if question.is_select and choices:
        found.append(_in_list(question, [choice.name for choice in choices]))
    if question.type in NUMERIC:
        bounds = simple_bounds(question.constraint, (int, float))
        if bounds:
            found.append(_between(question, bounds, f"{asked(question)} : {_said(bounds)}."))
    elif question.type == "date":
        found.append(_within_project(project, question))
    return found


def _answered(question: Question, when: dict[str, str]) -> Expectation:
    if when:
        only = " et ".join(f"« {name} » vaut « {value} »" for name, value in when.items())
        sentence = f"{asked(question)} : une réponse obligatoire ne manque jamais quand {only}."
    else:
        sentence = f"{asked(question)} : une réponse obligatoire ne manque jamais."
    parameters = {"when": when} if when else {}
    return Expectation(check_name(question.column, "renseigne"), sentence, "not_null", (question.column,), parameters)


def _in_list(question: Question, names: list[str]) -> Expectation:
    sentence = f"{asked(question)} : les réponses sont dans la liste de choix « {question.list_name} »."
    parameters = {"values": tuple(names), "several": question.type in SEVERAL}
    name = check_name(question.column, "dans_la_liste")
    return Expectation(name, sentence, "in_list", (question.column,), parameters)


def _between(question: Question, bounds: dict[str, Any], sentence: str) -> Expectation:
    name = check_name(question.column, "dans_les_bornes")
    return Expectation(name, sentence, "between", (question.column,), bounds, severity="warning")


def _within_project(project: Project, question: Question) -> Expectation:
    """Within the questionnaire's own dates where it fixes them, else within the project's."""
    bounds = {"min": project.starts_on, "max": project.ends_on, **simple_bounds(question.constraint, dt.date)}
    sentence = f"{asked(question)} : entre le {day(bounds['min'])} et le {day(bounds['max'])}."
    return replace(_between(question, bounds, sentence), name=check_name(question.column, "dans_la_periode"))


def _has_parent(form: LoadedForm, table: Table, spec: TableSpec) -> Expectation:
    """Every row belongs to a row of the form, and a nested one to a row of the repeat around it."""
    parent = replace(spec, name=form.table_of(str(table.parent)))
    is_nested = bool(table.parent)
    return Expectation(
        "ligne_rattachee",
        f"Chaque ligne se rattache à une ligne de « {parent.name} ».",
        "has_parent",
        ("submission_id", "parent_index") if is_nested else ("submission_id",),
        {
            "schema": parent.schema,
            "table": parent.name,
            "candidate": parent.candidate,
            "parent_columns": ("submission_id", "repeat_index") if is_nested else ("submission_id",),
        },
        scope="table",
    )


def _sealed(form: LoadedForm, table: Table, spec: TableSpec) -> list[Expectation]:
    """Where a personal question had to be answered and the person consents, there is something sealed."""
    columns = tuple(column.name for column in spec.columns if column.privacy == "sealed")
    needed = [_needed_when(form, table, question) for question in form.sealed(table)]
    when = min((each for each in needed if each is not None), key=len, default=None)
    if not columns or when is None:
        return []
    name, _, agreed = (part.strip() for part in (form.form.consent or "").partition("="))
    consent = next((question for question in form.shown(table) if question.name == name), None)
    if consent is not None:
        when = {**when, consent.column: agreed}
    # Consent that is given in the form and not in its repeat cannot be read from the repeat's rows.
    is_certain = consent is not None or not name
    sentence = "Les réponses personnelles de qui consent sont présentes, scellées."
    parameters = {"when": when} if when else {}
    severity: Severity = "critical" if is_certain else "warning"
    return [Expectation(SEALED_NAME, sentence, "not_null", columns, parameters, severity)]


def _needed_when(form: LoadedForm, table: Table, question: Question) -> dict[str, str] | None:
    """The answers (by column) with which a question must be answered; empty: always; None: never, or too intricate."""
    if question.required.strip().lower() not in ALWAYS or question.type == "calculate" or form.tolerates(question):
        return None
    shown = {each.name: each for each in form.shown(table) if each.type in ("select_one", "text", "calculate")}
    when: dict[str, str] = {}
    for part in (part for relevant in question.relevant for part in AND.split(relevant.strip())):
        match = EQUALITY.fullmatch(part)
        if match is None or match[1] not in shown:
            return None
        if when.setdefault(shown[match[1]].column, match[2]) != match[2]:
            return None
    return when


def simple_bounds(constraint: str, kind: type | tuple[type, ...]) -> dict[str, Any]:
    """`. >= 5 and . <= 480` → {"min": 5, "max": 480}: the fixed bounds that a constraint sets for certain.

    Other conditions joined by « and » may stand beside them; with « or » nothing is certain. A strict bound adds
    `strict_min` or `strict_max`. kind: what the bounds are, dates or numbers; others are left out.
    """
    if re.search(r"\bor\b", constraint):
        return {}
    bounds: dict[str, Any] = {}
    for part in AND.split(constraint.strip()):
        match = BOUND.fullmatch(part)
        if match is None:
            continue
        sign, date, number = match.groups()
        bound = dt.date.fromisoformat(date) if date else float(number) if "." in number else int(number)
        side = "min" if sign[0] == ">" else "max"
        if side in bounds or not isinstance(bound, kind):
            return {}
        bounds[side] = bound
        if len(sign) == 1:
            bounds[f"strict_{side}"] = True
    return bounds


def _said(bounds: dict[str, Any]) -> str:
    words = []
    if "min" in bounds:
        words.append(f"{'plus de' if bounds.get('strict_min') else 'au moins'} {_figure(bounds['min'])}")
    if "max" in bounds:
        words.append(f"{'moins de' if bounds.get('strict_max') else 'au plus'} {_figure(bounds['max'])}")
    return " et ".join(words)


def _figure(number: float) -> str:
    """1 000,5: with a no-break space between thousands and a decimal comma."""
    return f"{number:,}".replace(",", "\u202f").replace(".", ",")
