"""The way from the questions of a questionnaire to an indicator, column by column, read from the SQL and the declarations.

Nobody keeps it by hand: marts know what their columns are made of (`warehouse/models.py`), tables of `pseudonymised` which
question each column comes from, and a compiled indicator which columns it reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meal_pipelines.indicators.compile import compile_logframe
from meal_pipelines.indicators.periods import Calendar
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.protect.tables import pseudonymised_spec
from meal_pipelines.warehouse.tables import TableSpec

TECHNICAL = frozenset({"project", "submission_id", "repeat_index"})
"""Columns that tell rows apart and measure nothing."""


@dataclass(frozen=True)
class Question:
    """One question: the form (`prestations`, F-PREST), its path and its French text; no path for what the platform adds."""

    form: str
    code: str
    path: str
    label: str


@dataclass(frozen=True)
class Source:
    """One column of `pseudonymised` (or of a reference table, which has no question)."""

    table: str
    column: str
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class MartColumn:
    """One column of a mart that an indicator reads, with what it is made of."""

    mart: str
    column: str
    description: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Lineage:
    """What an indicator is made of. inputs: the indicators it divides, when it is derived."""

    columns: tuple[MartColumn, ...]
    inputs: tuple[str, ...]

    @property
    def forms(self) -> list[str]:
        """The forms that it is made of, in alphabetical order."""
        questions = (each for column in self.columns for source in column.sources for each in source.questions)
        return sorted({each.form for each in questions})


def lineages(project: LoadedProject, marts: Mapping[str, TableSpec]) -> dict[str, Lineage]:
    """The lineage of every indicator of a project; a derived one has that of what it divides.

    marts: by name, each column with its lineage; what other projects put in them is left out.
    """
    plan = project.project
    queries = compile_logframe(project, marts, Calendar.of(plan.starts_on, plan.ends_on, None))
    tables = {
        spec.qualified: spec
        for form in project.forms.values()
        for spec in (pseudonymised_spec(project, form, table) for table in form.questionnaire.tables.values())
    }
    found: dict[str, Lineage] = {}
    for code, query in queries.items():  # each after those it divides
        columns = [
            _column(project, tables, marts[mart], name)
            for mart, names in query.marts.items()
            for name in names
            if name not in TECHNICAL
        ]
        inherited = [column for each in query.inputs for column in found[each].columns]
        found[code] = Lineage(tuple(dict.fromkeys([*columns, *inherited])), query.inputs)
    return found


def _column(project: LoadedProject, tables: Mapping[str, TableSpec], mart: TableSpec, name: str) -> MartColumn:
    column = mart.column(name)
    assert column is not None, "the logframe is judged before"
    sources = tuple(
        _source(project, tables, table, origin)
        for table, origin in column.sources
        if table in tables or not table.startswith("pseudonymised.")
    )
    return MartColumn(
        mart.name, name, column.description, tuple(sorted(sources, key=lambda source: (source.table, source.column)))
    )


def _source(project: LoadedProject, tables: Mapping[str, TableSpec], table: str, name: str) -> Source:
    spec = tables.get(table)
    column = spec.column(name) if spec is not None else None
    return Source(table, name, tuple(_question(project, *source) for source in (column.sources if column else ())))


def _question(project: LoadedProject, form: str, path: str) -> Question:
    loaded = project.forms[form.partition("/")[2]]
    labels = (
        question.label
        for table in loaded.questionnaire.tables.values()
        for question in table.questions
        if question.path == path
    )
    return Question(loaded.name, loaded.form.code, path, next(labels, path))
