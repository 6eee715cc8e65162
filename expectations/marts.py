"""The suites of the marts: written by hand in `marts/<mart>.yaml`, read and judged here.

A mistake in one of those files is refused with its line. Nothing here judges rows; `engine.py` does.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from expectations.model import Expectation, Scope, Severity, Suite
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.files import Lines, read_yaml
from meal_pipelines.project.strict import Identifier, Strict
from meal_pipelines.warehouse.tables import TableSpec

FOLDER = Path(__file__).with_name("marts")

Value = str | bool | int | float


class _Entry(Strict):
    """What every expectation says. when: the rows it is about, by the value of a column."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+$")]
    description: str
    severity: Severity
    mostly: float = Field(default=1.0, ge=0, le=1)

    def scope(self) -> Scope:
        return "rows"

    def judged(self) -> tuple[str, ...]:
        return ()

    def parameters(self) -> dict[str, Any]:
        return {}


class _Rows(_Entry):
    when: dict[str, Value] = Field(default_factory=dict)

    def parameters(self) -> dict[str, Any]:
        return {"when": self.when} if self.when else {}


class _Column(_Rows):
    column: str

    def judged(self) -> tuple[str, ...]:
        return (self.column,)


class NotNull(_Column):
    """The column is filled."""

    kind: Literal["not_null"]


class InList(_Column):
    """The column holds one of `values`, or nothing."""

    kind: Literal["in_list"]
    values: list[Value] = Field(min_length=1)

    def parameters(self) -> dict[str, Any]:
        return {**super().parameters(), "values": tuple(self.values)}


class Between(_Column):
    """The column is within bounds, or empty: from `min` to `max`, or beyond `more_than`; `max: today` for a date."""

    kind: Literal["between"]
    min: int | float | dt.date | None = None
    more_than: int | float | None = None
    max: int | float | dt.date | Literal["today"] | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Between:
        if self.min is None and self.more_than is None and self.max is None:
            raise ValueError("il faut « min », « more_than » ou « max »")
        if self.min is not None and self.more_than is not None:
            raise ValueError("« min » ou « more_than », pas les deux")
        return self

    def parameters(self) -> dict[str, Any]:
        low = self.min if self.more_than is None else self.more_than
        bounds = {name: value for name, value in (("min", low), ("max", self.max)) if value is not None}
        strict = {"strict_min": True} if self.more_than is not None else {}
        return {**super().parameters(), **bounds, **strict}


class Matches(_Column):
    """The column follows `pattern`, a PostgreSQL regular expression, or is empty."""

    kind: Literal["matches"]
    pattern: str

    def parameters(self) -> dict[str, Any]:
        return {**super().parameters(), "pattern": self.pattern}


class NoRowWhere(_Rows):
    """No row satisfies `condition`, an expression over the mart's columns: it says what is wrong."""

    kind: Literal["no_row_where"]
    condition: str

    def parameters(self) -> dict[str, Any]:
        return {**super().parameters(), "condition": self.condition}


class Unique(_Entry):
    """No two rows of the whole mart have the same `columns`."""

    kind: Literal["unique"]
    columns: list[str] = Field(min_length=1)

    def scope(self) -> Scope:
        return "table"

    def judged(self) -> tuple[str, ...]:
        return tuple(self.columns)


class NotEmpty(_Entry):
    """The mart has rows."""

    kind: Literal["not_empty"]

    def scope(self) -> Scope:
        return "table"


Entry = Annotated[
    NotNull | InList | Between | Matches | NoRowWhere | Unique | NotEmpty,
    Field(discriminator="kind"),
]


class MartFile(Strict):
    """One `marts/<mart>.yaml`."""

    mart: Identifier
    expectations: list[Entry] = Field(min_length=1)

    @field_validator("expectations")
    @classmethod
    def _named_once(cls, entries: list[Entry]) -> list[Entry]:
        names = [entry.name for entry in entries]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"plusieurs contrôles s'appellent : {', '.join(twice)}")
        return entries


def suite_for(spec: TableSpec, folder: Path = FOLDER) -> Suite:
    """The suite of one mart.

    Args: spec, the mart as its model declares it: what the file names must be among its columns.
    Raises: ConfigurationError, one line per mistake, each with file, line and key.
    """
    path = folder / f"{spec.name}.yaml"
    if not path.exists():
        raise ConfigurationError(
            f"Le mart « {spec.name} » n'a pas de contrôles : il manque {folder.name}/{path.name}. Écrivez ce fichier."
        )
    file, lines = read_yaml(path, MartFile)
    problems, found = [], []
    if file.mart != spec.name:
        problems.append(f"{lines.at('mart')} : écrivez « mart: {spec.name} », comme le nom du fichier.")
    for position, entry in enumerate(file.expectations):
        problems += _unknown_columns(spec, entry, lines, position)
        found.append(
            Expectation(
                name=entry.name,
                description=" ".join(entry.description.split()),
                kind=entry.kind,
                columns=entry.judged(),
                parameters=_checked(entry, spec, lines, position, problems),
                severity=entry.severity,
                scope=entry.scope(),
                mostly=entry.mostly,
            )
        )
    if problems:
        raise ConfigurationError("\n".join(problems))
    return Suite(spec.qualified, tuple(found))


def _unknown_columns(spec: TableSpec, entry: Entry, lines: Lines, position: int) -> list[str]:
    named = [("column" if isinstance(entry, _Column) else "columns", name) for name in entry.judged()]
    if isinstance(entry, _Rows):
        named += [("when", name) for name in entry.when]
    return [
        f"{lines.at('expectations', position, key)} : la colonne « {name} » n'existe pas dans {spec.qualified}. "
        f"Colonnes : {', '.join(spec.names())}."
        for key, name in named
        if spec.column(name) is None
    ]


def _checked(entry: Entry, spec: TableSpec, lines: Lines, position: int, problems: list[str]) -> dict[str, Any]:
    """The parameters; a condition is read as SQL first, so that only an expression reaches the database."""
    parameters = entry.parameters()
    if isinstance(entry, NoRowWhere):
        from meal_pipelines.indicators.expressions import parse_expression

        try:
            tree = parse_expression(entry.condition, spec, lines.at("expectations", position, "condition"))
        except ConfigurationError as error:
            problems.append(str(error))
        else:
            parameters["condition"] = tree.sql(dialect="postgres")
    return parameters
