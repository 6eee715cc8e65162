"""Follow every column of a query to the table columns it is made of, and refuse those that no table has.

Works on a tree that sqlglot has qualified (every column names its table, every `*` is written out), one query at a
time; `models.py` joins the queries' lineages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.warehouse.model_files import ModelFile

DIALECT = "postgres"

Origin = tuple[str, str]
"""(table, column), the table as the warehouse names it."""


class QualifiedQuery:
    """A qualified query: every column names its table, every `*` is written out."""

    def __init__(self, file: ModelFile, tree: exp.Query, tables: Mapping[str, Sequence[str]]) -> None:
        self._file, self._tables = file, tables
        self._scopes = traverse_scope(tree)
        self._root = self._scopes[-1]
        self._outputs: dict[tuple[int, int, bool], frozenset[Origin]] = {}
        self._scope_of = {id(scope.expression): scope for scope in self._scopes}
        # Asked for every column: the tree does not remember them.
        self._names_of = {
            id(scope): scope.expression.named_selects
            for scope in self._scopes
            if isinstance(scope.expression, exp.Query)
        }
        self._visible_of: dict[int, dict[str, exp.Table | Scope]] = {}

    def check_columns(self) -> None:
        """Raises: ConfigurationError, naming the first column that no table read here has."""
        for scope in self._scopes:
            for row in scope.table_columns:
                raise ConfigurationError(
                    f"{self._at(row)} : « {row.name} » désigne ici une ligne entière, avec toutes ses colonnes. "
                    "Écrivez les colonnes voulues."
                )
            for column in scope.columns:
                self._check(column, scope)

    def origins(self, *, copied: bool = False) -> dict[str, frozenset[Origin]]:
        """By column, what it is made of; copied: only that whose values it repeats as they are, codes of a list say."""
        names = self._names(self._root) or ()
        return {name: self._output(self._root, index, copied) for index, name in enumerate(names)}

    def _check(self, column: exp.Column, scope: Scope) -> None:
        visible, table, name = self._visible(scope), column.table, column.name
        start = f"{self._at(column)} : la colonne « {column.sql(dialect=DIALECT)} »"
        if table and table not in visible:
            raise ConfigurationError(f"{start} : « {table} » n'est pas lu ici. Lus ici : {', '.join(visible)}.")
        candidates = {found: self._names(visible[found]) for found in ([table] if table else visible)}
        holders = [found for found, known in candidates.items() if known and name in known]
        if len(holders) > 1:
            raise ConfigurationError(
                f"{start} est dans {' et '.join(holders)}. Écrivez laquelle, par exemple {holders[0]}.{name}."
            )
        if (holders and table) or None in candidates.values():
            return
        places = " ni ".join(f"dans « {found} »" for found in candidates)
        listed = "".join(f" Colonnes de {found} : {', '.join(known or ())}." for found, known in candidates.items())
        raise ConfigurationError(f"{start} n'existe pas {places}.{listed}")

    def _at(self, column: exp.Column | exp.TableColumn) -> str:
        return self._file.at(column.this.meta.get("line", 1))

    def _visible(self, scope: Scope) -> dict[str, exp.Table | Scope]:
        """What a column of this scope may name: its own tables, and those around a correlated subquery."""
        if id(scope) not in self._visible_of:
            around = scope.parent if scope.can_be_correlated else None
            own = {name: source for name, (_, source) in scope.selected_sources.items()}
            self._visible_of[id(scope)] = {**(self._visible(around) if around else {}), **own}
        return self._visible_of[id(scope)]

    def _names(self, source: exp.Table | Scope) -> Sequence[str] | None:
        """The columns of something read; None when only PostgreSQL knows them (a function, an absent project)."""
        if isinstance(source, exp.Table):
            return self._tables.get(f"{source.db}.{source.name}")
        return self._names_of.get(id(source))

    def _output(self, scope: Scope, index: int, copied: bool = False) -> frozenset[Origin]:
        """Where the values of one output column come from."""
        key = (id(scope), index, copied)
        if key not in self._outputs:
            self._outputs[key] = frozenset()  # what a recursive query finds of itself
            if scope.set_operation_scopes:
                found = [self._output(side, index, copied) for side in scope.set_operation_scopes]
            else:
                selects = scope.expression.selects if isinstance(scope.expression, exp.Query) else []
                trace = self._copied_from if copied else self._made_of
                found = [trace(selects[index], scope)] if index < len(selects) else []
            self._outputs[key] = frozenset().union(*found)
        return self._outputs[key]

    def _copied_from(self, expression: exp.Expr, scope: Scope) -> frozenset[Origin]:
        """What a value repeats: a column, the first that is known of several, what a case chooses; constants aside.

        Nothing as soon as a part is computed.
        """
        match expression:
            case exp.Column():
                return self._from(expression, scope, copied=True)
            case exp.Coalesce():
                parts = [expression.this, *expression.expressions]
            case exp.Case():
                parts = [*(branch.args["true"] for branch in expression.args["ifs"]), expression.args.get("default")]
            case exp.Alias() | exp.Paren() | exp.Cast():
                parts = [expression.this]
            case _:
                parts = []
        found = [
            self._copied_from(part, scope) for part in parts if part is not None and part.find(exp.Column, exp.Query)
        ]
        return frozenset().union(*found) if all(found) else frozenset()

    def _made_of(self, expression: exp.Expr, scope: Scope) -> frozenset[Origin]:
        found: set[Origin] = set()
        for node in expression.walk(prune=lambda node: isinstance(node, exp.Query | exp.Window)):
            if isinstance(node, exp.Column):
                found |= self._from(node, scope)
            elif isinstance(node, exp.Window):
                # What partitions or sorts is an origin only of a rank, which is made of nothing else.
                of_value = self._made_of(node.this, scope)
                found |= of_value or frozenset().union(
                    *(self._made_of(part, scope) for part in node.iter_expressions() if part is not node.this)
                )
            elif isinstance(node, exp.Query):
                inner = self._scope_of.get(id(node.unnest()))
                if inner is not None:
                    found = found.union(*(self._output(inner, index) for index in range(len(node.selects))))
        return frozenset(found)

    def _from(self, column: exp.Column, scope: Scope, *, copied: bool = False) -> frozenset[Origin]:
        source = self._visible(scope).get(column.table)
        if source is None:
            return frozenset()
        if isinstance(source, exp.Table):
            if isinstance(source.this, exp.Identifier):
                return frozenset({(f"{source.db}.{source.name}", column.name)})
            return frozenset() if copied else self._made_of(source.this, scope)
        names = self._names(source)
        if names is None:
            return frozenset() if copied else self._made_of(source.expression, source)
        return self._output(source, list(names).index(column.name), copied) if column.name in names else frozenset()
