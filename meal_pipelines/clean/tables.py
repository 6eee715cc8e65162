"""The tables of `cleaned`: what stands in clear, what is sealed, under which name and type."""

from __future__ import annotations

from meal_pipelines.clean.parse import type_of
from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.project.questionnaire import MAIN, Question, Table
from meal_pipelines.warehouse.tables import Column, Privacy, TableSpec

SUBMISSION = Column("submission_id", "text", "Identifiant de la soumission à sa source", "technical", required=True)
INDEX = Column(
    "repeat_index", "integer", "Rang de la ligne dans sa soumission, à partir de 1", "technical", required=True
)
PARENT = Column("parent_index", "integer", "Rang de la ligne englobante, pour une répétition emboîtée", "technical")
VERSION = Column("version", "integer", "Version de la soumission, à partir de 1", "technical", required=True)
FORM_VERSION = Column("form_version", "text", "Version du questionnaire avec laquelle on a répondu", "technical")
SUBMITTED = Column("submitted_at", "timestamptz", "Moment de l'envoi (UTC)", "technical")
LOAD = Column("load_id", "bigint", "Chargement qui a apporté cette version", "technical", required=True)
DUPLICATE = Column("duplicate_key", "text", "Empreinte commune aux soumissions envoyées deux fois", "technical")
PERSONAL = Column("personal", "bytea", "Réponses personnelles, scellées (illisibles sans la clé)", "sealed")


def system_columns(form: LoadedForm, table: Table) -> list[Column]:
    """The columns that come before the answers."""
    if table.name != MAIN:
        return [SUBMISSION, INDEX, PARENT]
    duplicate = [DUPLICATE] if form.form.duplicates else []
    return [SUBMISSION, VERSION, FORM_VERSION, SUBMITTED, LOAD, *duplicate]


def answer_column(form: LoadedForm, question: Question) -> Column:
    """The column of a question that stands in clear."""
    privacy: Privacy = "sensitive" if form.class_of(question) == "sensitive" else "open"
    source = (f"{form.project}/{form.name}", question.path)
    return Column(question.column, type_of(question), question.label, privacy, sources=(source,))


def cleaned_spec(form: LoadedForm, table: Table) -> TableSpec:
    """One row per submission, or per row of a repeat: the table as it is published in `cleaned`."""
    is_main = table.name == MAIN
    grain = "Une ligne par soumission retenue." if is_main else f"Une ligne par élément de « {table.name} »."
    answers = [answer_column(form, question) for question in form.shown(table)]
    return TableSpec(
        schema="cleaned",
        name=form.table_of(table.name),
        description=f"{form.form.label} ({form.form.code}) : réponses typées et corrigées. {grain}",
        columns=(*system_columns(form, table), *answers, PERSONAL),
        key=("submission_id",) if is_main else ("submission_id", "repeat_index"),
    )
