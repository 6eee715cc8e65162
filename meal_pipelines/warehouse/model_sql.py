"""What the SQL of a model reads, gives and is made of: read from its syntax tree, and nothing else.

One SELECT at a time. Positions are kept so that a refusal names its line, and so that a staging query is put into a
mart's text as it was written. No database here; dependencies between models are `models.py`'s business.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.warehouse.lineage import DIALECT, Origin, QualifiedQuery
from meal_pipelines.warehouse.model_files import ModelFile

WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into, exp.Create, exp.Command, exp.Lock)


@dataclass(frozen=True)
class Reference:
    """One place where a query names a table: `start` and `end` are offsets in its text."""

    table: str
    start: int
    end: int
    line: int
    has_alias: bool


@dataclass(frozen=True)
class Query:
    """The SELECT of one model.

    references: where it reads tables, CTEs aside · origins: for each column it gives, the table columns whose values
    it is made of (what only filters, joins or sorts is no origin) · copies: those whose values it repeats as they are.
    """

    text: str
    references: tuple[Reference, ...]
    origins: dict[str, frozenset[Origin]]
    copies: dict[str, frozenset[Origin]]

    @property
    def reads(self) -> set[str]:
        return {reference.table for reference in self.references}


def read_query(file: ModelFile, relations: Mapping[str, Sequence[str]], *, tables_known: bool = True) -> Query:
    """Read and judge the SELECT of one file.

    relations: the columns of every table it may read, by qualified name.
    tables_known: False when the project's tables are not there to be compared with.
    Raises: ConfigurationError, when it is not one SELECT, reads what its layer may not, names an unknown table or
    column, or does not give the declared columns in their order.
    """
    tree, text = _parse(file)
    try:
        scopes = traverse_scope(tree)
        references = tuple(sorted(_references(file, scopes), key=lambda reference: reference.start))
        _check_stars(file, scopes)
        for reference in references:
            if tables_known and reference.table not in relations:
                raise _unknown_table(file, reference, relations)
        known = {r.table: relations[r.table] for r in references if r.table in relations}
        qualified = qualify(
            tree, dialect=DIALECT, schema=_schema(known), quote_identifiers=False, validate_qualify_columns=False,
            allow_partial_qualification=True,
        )  # fmt: skip
        reading = QualifiedQuery(file, qualified, known)
        reading.check_columns()
    except OptimizeError as error:
        raise ConfigurationError(f"{file.file} : la requête n'est pas comprise ({error}). Corrigez-la.") from None
    _check_names(file, qualified.named_selects)
    return Query(text, references, reading.origins(), reading.origins(copied=True))


def inline(query: Query, ctes: Mapping[str, str], output: Sequence[str]) -> str:
    """The query with these tables replaced by queries: `ctes` is their SQL by qualified name.

    Each text stays as its author wrote it, comments included.
    """
    parts, position = [], 0
    for reference in query.references:
        if reference.table in ctes:
            alias = "" if reference.has_alias else f" as {_quoted(reference.table.partition('.')[2])}"
            parts += [query.text[position : reference.start], _quoted(reference.table), alias]
            position = reference.end
    body = "".join([*parts, query.text[position:]])
    if not ctes:
        return body
    heads = ",\n".join(f"{_quoted(name)} as (\n{text}\n)" for name, text in ctes.items())
    columns = ", ".join(map(_quoted, output))
    return f"with\n{heads}\nselect {columns} from (\n{body}\n) as composed"


def empty_select(file: ModelFile) -> str:
    """A query that gives the declared columns, typed, and no row."""
    columns = [
        exp.cast(exp.null(), column.data_type, dialect=DIALECT).as_(column.name) for column in file.entry.columns
    ]
    return exp.select(*columns).where(exp.false()).sql(dialect=DIALECT).lower()


def _parse(file: ModelFile) -> tuple[exp.Select | exp.SetOperation, str]:
    text = file.text.rstrip().removesuffix(";").rstrip()
    try:
        statements = sqlglot.parse(text, read=DIALECT)
    except ParseError as error:
        found = error.errors[0] if error.errors else {}
        near = f" près de « {found['highlight']} »" if found.get("highlight") else ""
        raise ConfigurationError(
            f"{file.at(found.get('line') or 1)} : SQL mal formé{near}. Vérifiez les virgules et les parenthèses."
        ) from None
    if len(statements) != 1:
        raise ConfigurationError(f"{file.file} : un seul SELECT par fichier, et aucun « ; » à l'intérieur.")
    tree = statements[0]
    if not isinstance(tree, exp.Select | exp.SetOperation) or tree.find(*WRITES):
        raise ConfigurationError(f"{file.file} : seul un SELECT est permis, qui ne fait que lire.")
    return tree, text


def _references(file: ModelFile, scopes: Sequence[Scope]) -> Iterator[Reference]:
    for scope in scopes:
        for table in scope.tables:
            name = table.this
            if isinstance(scope.sources.get(table.alias_or_name), Scope) or not isinstance(name, exp.Identifier):
                continue
            schema = table.args.get("db")
            line = name.meta.get("line", 1)
            qualified = f"{schema.name}.{name.name}" if schema else name.name
            if schema is None or not _permitted(file, qualified):
                raise ConfigurationError(f"{file.at(line)} : {_rule(file)} « {qualified} » n'en est pas.")
            yield Reference(qualified, schema.meta["start"], name.meta["end"] + 1, line, bool(table.alias))


def _permitted(file: ModelFile, table: str) -> bool:
    if file.layer == "staging":
        return table.startswith(f"pseudonymised.{file.project}_")
    return table.startswith(("staging.", "marts."))


def _rule(file: ModelFile) -> str:
    if file.layer == "staging":
        return f"ce fichier ne lit que les tables « pseudonymised.{file.project}_… »."
    return "une table de « marts » ne lit que « staging.… » et « marts.… »."


def _unknown_table(file: ModelFile, reference: Reference, relations: Mapping[str, Sequence[str]]) -> ConfigurationError:
    start = f"pseudonymised.{file.project}_" if file.project else reference.table.partition(".")[0] + "."
    known = ", ".join(sorted(name for name in relations if name.startswith(start))) or "aucune"
    return ConfigurationError(
        f"{file.at(reference.line)} : la table « {reference.table} » n'existe pas. Connues : {known}."
    )


def _check_stars(file: ModelFile, scopes: Sequence[Scope]) -> None:
    """`select *` from a table would let in whatever column its form gains; from a CTE of the file it is harmless."""
    for scope in scopes:
        if not isinstance(scope.expression, exp.Select):
            continue
        for projection in scope.expression.expressions:
            if not projection.is_star:
                continue
            of = projection.table if isinstance(projection, exp.Column) else None
            for name, (_, source) in scope.selected_sources.items():
                if of in (None, name) and isinstance(source, exp.Table):
                    star = projection.find(exp.Star)
                    line = star.meta.get("line", 1) if star else 1
                    raise ConfigurationError(
                        f"{file.at(line)} : « * » n'est permis que d'un bloc « with » de ce fichier. "
                        f"Écrivez les colonnes lues dans « {source.sql(dialect=DIALECT)} »."
                    )


def _check_names(file: ModelFile, given: Sequence[str]) -> None:
    declared = [column.name for column in file.entry.columns]
    if list(given) == declared:
        return
    missing = [name for name in declared if name not in given]
    undeclared = [name for name in given if name not in declared]
    if missing:
        difference = f"le SELECT ne donne pas « {', '.join(missing)} »"
    elif undeclared:
        difference = f"« {', '.join(undeclared)} » n'est pas déclaré"
    elif len(given) > len(declared):
        difference = "le SELECT donne deux fois une colonne"
    else:
        difference = f"l'ordre du SELECT est « {', '.join(given)} »"
    raise ConfigurationError(
        f"{file.file} et {file.declared_at} ne disent pas les mêmes colonnes : {difference}. "
        "Mêmes noms, même ordre : corrigez l'un des deux."
    )


def _schema(tables: Mapping[str, Collection[str]]) -> MappingSchema:
    nested: dict[str, object] = {}
    for table, columns in tables.items():
        schema, _, name = table.partition(".")
        # Names alone are compared here; PostgreSQL judges the types.
        nested.setdefault(schema, {})[name] = dict.fromkeys(columns, "text")  # type: ignore[index]
    return MappingSchema(nested, dialect=DIALECT, normalize=False)


def _quoted(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(dialect=DIALECT)
