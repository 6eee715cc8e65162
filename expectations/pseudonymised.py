"""The suites of `pseudonymised`: nothing that names a person is there, and what stands for it has its agreed form.

Choice lists and bounds were judged once, in `cleaned`.
"""

from __future__ import annotations

from decimal import Decimal

from expectations.grain import asked, check_name, distinctly, of_grain
from expectations.model import Expectation, Suite
from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.project.model import Project
from meal_pipelines.project.questionnaire import Question, Table
from meal_pipelines.warehouse.tables import TableSpec

PERSON_ID = "^[0-9a-f]{32}$"
PROVINCE_CODE = r"^\d{2}\.\d{3}$"
"""HCP 2024: region and province, as in 02.411."""

KNOWN_PERSONS = 0.8
"""Share of rows below which missing pseudonyms are worth a look; some people refuse, or have no telephone."""


def suite_for(project: Project, form: LoadedForm, table: Table, spec: TableSpec) -> Suite:
    """What one table of a form must satisfy in `pseudonymised`."""
    found = [*of_grain(spec), _only_permitted(form, table, spec)]
    for question in table.questions:
        found += _generalised(project, form, question, spec)
    if spec.column("person_id") is not None:
        found += _pseudonym()
    return Suite(spec.qualified, distinctly(found))


def permitted_columns(form: LoadedForm, table: Table, spec: TableSpec) -> tuple[str, ...]:
    """The columns that the form's privacy classes let through, whatever the spec says."""
    coarser = {_column(form, question) for question in table.questions}
    sealed = {question.column for question in form.sealed(table)} - coarser
    return tuple(column.name for column in spec.columns if column.name not in sealed and column.privacy != "sealed")


def _only_permitted(form: LoadedForm, table: Table, spec: TableSpec) -> Expectation:
    """Judged on the staged table: that one, and not the candidate view, is what a whole build publishes."""
    return Expectation(
        "colonnes_permises",
        "La table a les colonnes prévues et elles seules : aucune réponse identifiante, en texte libre ou sans classe.",
        "columns",
        permitted_columns(form, table, spec),
    )


def _column(form: LoadedForm, question: Question) -> str | None:
    generalisation = form.generalisation(question)
    return generalisation.column(question.column) if generalisation is not None else None


def _generalised(project: Project, form: LoadedForm, question: Question, spec: TableSpec) -> list[Expectation]:
    generalisation, column = form.generalisation(question), _column(form, question)
    if generalisation is None or column is None or spec.column(column) is None:
        return []
    if generalisation.to == "age_band" and project.age_bands:
        sentence = f"{asked(question)} : seulement les tranches d'âge du projet ({', '.join(project.age_bands)})."
        values = {"values": tuple(project.age_bands)}
        return [Expectation(check_name(column, "du_projet"), sentence, "in_list", (column,), values)]
    if generalisation.to == "province":
        sentence = f"{asked(question)} : seulement un code HCP de province (02.411 par exemple), jamais la commune."
        return [Expectation(check_name(column, "code_hcp"), sentence, "matches", (column,), {"pattern": PROVINCE_CODE})]
    if generalisation.to == "band":
        sentence = (
            f"{asked(question)} : seulement les tranches prévues ({', '.join(generalisation.bands)}), jamais le nombre."
        )
        values = {"values": generalisation.bands}
        return [Expectation(check_name(column, "en_tranches"), sentence, "in_list", (column,), values)]
    if generalisation.step is not None:
        sentence = f"{asked(question)} : une position arrondie à {generalisation.step} degré près, jamais le lieu même."
        pattern = _coordinates(generalisation.step)
        return [Expectation(check_name(column, "arrondie"), sentence, "matches", (column,), {"pattern": pattern})]
    return []


def _coordinates(step: Decimal) -> str:
    """Latitude and longitude with no more decimals than the step has."""
    decimals = max(0, -int(step.as_tuple().exponent))
    number = rf"-?\d{{1,3}}\.\d{{{decimals}}}" if decimals else r"-?\d{1,3}"
    return f"^{number} {number}$"


def _pseudonym() -> list[Expectation]:
    sentence = "Un pseudonyme est une suite de 32 chiffres hexadécimaux, jamais une réponse en clair."
    form = Expectation("person_id_forme", sentence, "matches", ("person_id",), {"pattern": PERSON_ID})
    sentence = f"Au moins {KNOWN_PERSONS:.0%} des lignes désignent une personne.".replace("%", "\u202f%")
    known = Expectation(
        "person_id_connu", sentence, "not_null", ("person_id",), {}, "warning", scope="table", mostly=KNOWN_PERSONS
    )
    return [form, known]
