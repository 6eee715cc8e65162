"""Read `dbt_like_sql/`: the SQL files, what the schema.yml beside them declares, and whether the two agree.

Text and YAML only: what a query reads and gives is `model_sql.py`'s business, and building it `models.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.files import Lines, read_yaml
from meal_pipelines.project.strict import Identifier, Strict
from meal_pipelines.warehouse.tables import Column, TableSpec

Layer = Literal["staging", "marts", "seeds"]

TYPE = re.compile(r"[a-z][a-z ]*\d?( ?\(\d+(, ?\d+)?\))?( with(out)? time zone)?(\[\])?")


def _written(text: str) -> str:
    if not text.strip():
        raise ValueError("la description est vide ; écrivez ce que c'est, unité comprise")
    return text.strip()


def _type(text: str) -> str:
    if not TYPE.fullmatch(text):
        raise ValueError(
            "un type PostgreSQL en minuscules est attendu, par exemple text, date, numeric(12, 2) ou text[]"
        )
    return text


Description = Annotated[str, AfterValidator(_written)]


class ColumnMeta(Strict):
    privacy: Literal["open", "sensitive", "pseudonym"]


class ColumnEntry(Strict):
    """One column of a model, as dbt writes it."""

    name: Identifier
    data_type: Annotated[str, AfterValidator(_type)]
    description: Description
    meta: ColumnMeta


class ModelMeta(Strict):
    """owner: the team that answers for it. project: of a staging model. key: the columns that make a row unique."""

    owner: Description
    project: str | None = None
    key: list[str] = Field(default_factory=list)
    source: str | None = None


class ModelEntry(Strict):
    """One model or seed, as dbt writes it."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,50}$")]
    description: Description
    meta: ModelMeta
    columns: Annotated[list[ColumnEntry], Field(min_length=1)]


class SchemaFile(Strict):
    """A schema.yml in dbt's form; `seeds` in the one of the seeds, `models` in the others."""

    version: Literal[2]
    models: list[ModelEntry] = Field(default_factory=list)
    seeds: list[ModelEntry] = Field(default_factory=list)


@dataclass(frozen=True)
class ModelFile:
    """One SQL file (or the CSV of a seed) and what its schema.yml declares."""

    layer: Layer
    path: Path
    entry: ModelEntry
    declared_at: str
    project: str | None = None
    text: str = ""

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def qualified(self) -> str:
        """`staging.<name>` or `marts.<name>`: a seed is read as a mart is."""
        return f"{'staging' if self.layer == 'staging' else 'marts'}.{self.name}"

    @property
    def file(self) -> str:
        """« marts/person.sql », for messages."""
        return f"{self.layer}/{self.path.name}"

    def at(self, line: int) -> str:
        return f"{self.file}, ligne {line}"

    def columns(self) -> tuple[Column, ...]:
        """The declared columns, without their lineage."""
        return tuple(
            Column(column.name, column.data_type, column.description, column.meta.privacy)
            for column in self.entry.columns
        )

    def spec(self) -> TableSpec:
        """The table of a mart or a seed, without lineage."""
        return TableSpec("marts", self.name, self.entry.description, self.columns(), tuple(self.entry.meta.key))


def read_files(folder: Path, layers: Sequence[Layer] = ("staging", "marts", "seeds")) -> list[ModelFile]:
    """Read the files of these layers, in alphabetical order within each.

    Raises: ConfigurationError, one line per mistake, with file and line: a file without its entry or the reverse, a
    name twice, a missing description, a key that is no column.
    """
    if not folder.is_dir():
        raise ConfigurationError(
            f"Le dossier des requêtes n'existe pas : {folder}. Remettez « dbt_like_sql » en place."
        )
    files, problems = [], []
    for layer in layers:
        found, wrong = _read_layer(folder / layer, layer)
        files += found
        problems += wrong
    seen: dict[str, ModelFile] = {}
    for file in files:
        other = seen.setdefault(file.qualified, file)
        if other is not file:
            problems.append(
                f"{file.declared_at} : « {file.qualified} » existe déjà ({other.file}). Renommez l'un des deux."
            )
    if problems:
        raise ConfigurationError("\n".join(problems))
    return files


def _read_layer(folder: Path, layer: Layer) -> tuple[list[ModelFile], list[str]]:
    """The files of one layer, and what is wrong in it."""
    suffix = ".csv" if layer == "seeds" else ".sql"
    paths = {path.stem: path for path in sorted(folder.glob(f"*{suffix}"))}
    declared: dict[str, ModelFile] = {}
    problems: list[str] = []
    for schema in sorted(folder.glob("schema_*.yml" if layer == "staging" else "schema.yml")):
        project = schema.stem.removeprefix("schema_") if layer == "staging" else None
        for entry, where, wrong in _entries(schema, layer, project):
            problems += wrong
            if entry.name in declared:
                first = declared[entry.name].declared_at
                problems.append(f"{where} : « {entry.name} » est déjà déclaré ({first}). Gardez une seule entrée.")
            elif entry.name not in paths:
                problems.append(
                    f"{where} : le fichier {layer}/{entry.name}{suffix} n'existe pas. Créez-le ou retirez l'entrée."
                )
            else:
                path = paths[entry.name]
                declared[entry.name] = ModelFile(layer, path, entry, where, project, _text(path, layer))
    for name, path in paths.items():
        if not any(name == file.name for file in declared.values()):
            expected = f"schema_{name.partition('_')[0]}….yml" if layer == "staging" else "schema.yml"
            problems.append(
                f"{layer}/{path.name} n'a pas d'entrée dans {layer}/{expected}. "
                "Déclarez-le avec sa description et ses colonnes."
            )
    return [declared[name] for name in sorted(declared)], problems


def _entries(schema: Path, layer: Layer, project: str | None) -> Iterator[tuple[ModelEntry, str, list[str]]]:
    """The entries of one schema.yml, where each stands, and what it says that contradicts itself."""
    content, lines = read_yaml(schema, SchemaFile)
    group = "seeds" if layer == "seeds" else "models"
    misplaced = content.models if layer == "seeds" else content.seeds
    if misplaced:
        raise ConfigurationError(
            f"{lines.at('models' if layer == 'seeds' else 'seeds')} : ici, la liste s'appelle « {group} »."
        )
    for index, entry in enumerate(getattr(content, group)):
        where = lines.at(group, index, "name")
        yield entry, where, list(_contradictions(entry, lines, (group, index), project))


def _contradictions(entry: ModelEntry, lines: Lines, at: tuple[Any, ...], project: str | None) -> Iterator[str]:
    names = [column.name for column in entry.columns]
    for index, name in enumerate(names):
        if name in names[:index]:
            where = lines.at(*at, "columns", index, "name")
            yield f"{where} : la colonne « {name} » est déclarée deux fois. Gardez-en une."
    for name in entry.meta.key:
        if name not in names:
            yield f"{lines.at(*at, 'meta', 'key')} : « {name} » de la clé n'est pas une colonne de « {entry.name} »."
    if project is None:
        return
    if entry.meta.project != project:
        yield f"{lines.at(*at, 'meta')} : écrivez « project: {project} », le projet que nomme ce fichier."
    if not entry.name.startswith(f"{project}_"):
        yield f"{lines.at(*at, 'name')} : le nom doit commencer par « {project}_ ». Renommez « {entry.name} »."


def _text(path: Path, layer: Layer) -> str:
    if layer == "seeds":
        return ""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"{layer}/{path.name} n'est pas en UTF-8. Enregistrez-le en UTF-8, puis relancez."
        ) from None
