"""The tables of `pseudonymised`: the shown answers, the pseudonym, and what quasi-identifiers became."""

from __future__ import annotations

from meal_pipelines.clean.tables import answer_column, system_columns
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.project.questionnaire import MAIN, Question, Table
from meal_pipelines.warehouse.tables import Column, TableSpec

TYPES = {"age_band": "text", "province": "text", "month": "date", "year": "integer", "rounded": "text", "band": "text"}
WORDS = {
    "age_band": "tranche d'âge",
    "province": "province (code HCP)",
    "month": "mois",
    "year": "année",
    "rounded": "latitude et longitude arrondies",
    "band": "tranche",
}


def pseudonymised_spec(project: LoadedProject, form: LoadedForm, table: Table) -> TableSpec:
    """One row per submission, or per row of a repeat: the table as analysts read it."""
    is_main = table.name == MAIN
    grain = "Une ligne par soumission." if is_main else f"Une ligne par élément de « {table.name} »."
    return TableSpec(
        schema="pseudonymised",
        name=form.table_of(table.name),
        description=f"{form.form.label} ({form.form.code}), sans rien qui nomme une personne. {grain}",
        columns=(
            *system_columns(form, table),
            *derived_columns(project, form, table),
            *(answer_column(form, question) for question in form.shown(table)),
        ),
        key=("submission_id",) if is_main else ("submission_id", "repeat_index"),
        project=form.project,
    )


def derived_columns(project: LoadedProject, form: LoadedForm, table: Table) -> list[Column]:
    """What is computed from sealed answers: the pseudonym, then each generalisation."""
    source = f"{form.project}/{form.name}"
    columns = []
    keys = project.person_tables(form).get(table.name)
    if keys:
        names = {name for key in keys for name in key}
        paths = tuple((source, question.path) for question in table.questions if question.name in names)
        columns.append(Column("person_id", "text", "Pseudonyme stable de la personne", "pseudonym", sources=paths))
    card = card_question(project, table)
    if card is not None:
        said = "Pseudonyme de la carte ou du dossier présenté"
        columns.append(Column("card_id", "text", said, "pseudonym", sources=((source, card.path),)))
    for question, column in generalised(form, table):
        generalisation = form.generalisation(question)
        assert generalisation is not None
        columns.append(
            Column(
                column,
                TYPES[generalisation.to],
                f"{question.label} : {WORDS[generalisation.to]}",
                "sensitive",
                sources=((source, question.path),),
            )
        )
    return columns


def card_question(project: LoadedProject, table: Table) -> Question | None:
    """The question by which a person registered before is recognised in this table."""
    persons = project.project.persons
    return table.question(persons.known_by) if persons is not None and persons.known_by else None


def generalised(form: LoadedForm, table: Table) -> list[tuple[Question, str]]:
    """The quasi-identifiers of a table that are shown coarser, each with the name of its column."""
    found = []
    for question in table.questions:
        generalisation = form.generalisation(question)
        column = generalisation.column(question.column) if generalisation is not None else None
        if column is not None:
            found.append((question, column))
    return found
