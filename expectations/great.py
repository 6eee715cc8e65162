"""How Great Expectations (GX) is used here: our expectations said in its terms, and its one context of this process.

Importing this module imports GX, which takes seconds: only `engine.py` does, inside a function. Rows are judged by a GX
expectation of ours in place of GX's own column expectations: each of those costs about 10 ms of Python and reads the
catalogue; a condition costs 1 ms, and all the conditions of a suite are counted in one pass over the table (measured
with GX 1.24.1 in November 2026).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

import great_expectations as gx
import sqlalchemy as sa
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.core.expect_table_columns_to_match_set import ExpectTableColumnsToMatchSet
from great_expectations.expectations.core.expect_table_row_count_to_be_between import ExpectTableRowCountToBeBetween
from great_expectations.expectations.core.unexpected_rows_expectation import UnexpectedRowsExpectation
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.expectation import Expectation as GxExpectation
from great_expectations.expectations.metrics.metric_provider import metric_partial
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import ValidationDependencies

from expectations.conditions import failing, orphans, repeated
from expectations.model import Expectation

SAFE_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
"""Counts only: every other format quotes values."""


class FailingRows(TableMetricProvider):
    """How many rows satisfy a condition; an aggregate, so that GX counts all of a suite's in one query."""

    metric_name = "table.failing_rows"
    value_keys = ("condition",)

    @metric_partial(
        engine=SqlAlchemyExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
        domain_type=MetricDomainTypes.TABLE,
    )
    def _sqlalchemy(
        cls,
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        condition = sa.literal_column(metric_value_kwargs["condition"], sa.Boolean)
        return sa.func.count().filter(condition), metric_domain_kwargs, {}


class ExpectNoRowWhere(BatchExpectation):
    """No row satisfies `condition`, or at most a share of 1 - `mostly`."""

    condition: str
    mostly: float = 1.0
    success_keys: ClassVar[tuple[str, ...]] = ("condition", "mostly")

    def get_validation_dependencies(
        self, execution_engine: Any = None, runtime_configuration: dict[str, Any] | None = None
    ) -> ValidationDependencies:
        return _metrics(self.batch_id, "table.failing_rows", {"condition": self.condition})

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        return _counted(metrics["table.failing_rows"], metrics["table.row_count"], self.mostly)


class ExpectNoRowFrom(UnexpectedRowsExpectation):
    """`unexpected_rows_query` finds no row, or few; unlike GX's, it counts the rows and never fetches them."""

    mostly: float = 1.0
    success_keys: ClassVar[tuple[str, ...]] = ("unexpected_rows_query", "mostly")

    def get_validation_dependencies(
        self, execution_engine: Any = None, runtime_configuration: dict[str, Any] | None = None
    ) -> ValidationDependencies:
        query = {"unexpected_rows_query": self.unexpected_rows_query}
        return _metrics(self.batch_id, "unexpected_rows_query.row_count", query)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        return _counted(metrics["unexpected_rows_query.row_count"], metrics["table.row_count"], self.mostly)


def _metrics(batch_id: str | None, name: str, parameters: dict[str, Any]) -> ValidationDependencies:
    """A count and the number of rows, asked for directly: GX's own way of asking takes half the time of a judgement."""
    domain = {"batch_id": batch_id}
    metrics = {
        name: MetricConfiguration(name, domain, parameters),
        "table.row_count": MetricConfiguration("table.row_count", domain, {}),
    }
    return ValidationDependencies(metrics, dict(SAFE_RESULT_FORMAT))


def _counted(failing_rows: int, rows: int, mostly: float) -> dict[str, Any]:
    within = failing_rows <= (1 - mostly) * rows
    return {"success": within, "result": {"observed_value": failing_rows, "element_count": rows}}


class Source:
    """One database as GX sees it: a datasource on the schema `build`, and the tables it has met there."""

    def __init__(self, url: sa.URL) -> None:
        options = " ".join([*sa.make_url(url).normalized_query.get("options", ()), "-csearch_path=build"])
        connection = url.set(query={**url.query, "options": options}).render_as_string(hide_password=False)
        settings: dict[str, Any] = {"connection_string": connection, "kwargs": {"hide_parameters": True}}
        with warnings.catch_warnings():
            # `add_postgres` is what GX would rather have, but it refuses the URL of a socket.
            warnings.simplefilter("ignore")
            name = f"warehouse_{len(_context().data_sources.all())}"
            self._datasource: SQLDatasource = _context().data_sources.add_sql(name, **settings)
        self._batches: dict[str, BatchDefinition[Any]] = {}

    def engines(self) -> list[sa.Engine]:
        """The connection pools GX works with."""
        execution: Any = self._datasource.get_execution_engine()
        return [self._datasource.get_engine(), execution.engine]

    def has_in_build(self, name: str) -> bool:
        """Whether the schema `build` has a table or view of this name."""
        return bool(sa.inspect(self._datasource.get_engine()).has_table(name, schema="build"))

    def validate(self, table: str, expectations: Sequence[GxExpectation]) -> list[ExpectationValidationResult]:
        """Judge the table or view `build.<table>`; the name of each result is in its expectation's `meta`."""
        if table not in self._batches:
            asset = self._datasource.add_table_asset(name=table, table_name=table)
            self._batches[table] = asset.add_batch_definition_whole_table("whole")
        suite = gx.ExpectationSuite(name=table, expectations=list(expectations))
        return self._batches[table].get_batch().validate(suite, result_format=SAFE_RESULT_FORMAT).results

    def translate(self, expectation: Expectation) -> GxExpectation:
        """The GX expectation that judges what ours says."""
        common: dict[str, Any] = {"meta": {"name": expectation.name}, "severity": expectation.severity}
        if expectation.kind == "columns":
            return ExpectTableColumnsToMatchSet(column_set=list(expectation.columns), exact_match=True, **common)
        if expectation.kind == "not_empty":
            return ExpectTableRowCountToBeBetween(min_value=1, **common)
        common["mostly"] = expectation.mostly
        if expectation.kind == "unique":
            return ExpectNoRowFrom(unexpected_rows_query=repeated(expectation.columns), **common)
        if expectation.kind == "has_parent":
            parent = expectation.parameters
            judged_too = self.has_in_build(parent["candidate"])
            place = ("build", parent["candidate"]) if judged_too else (parent["schema"], parent["table"])
            return ExpectNoRowFrom(unexpected_rows_query=orphans(expectation, *place), **common)
        return ExpectNoRowWhere(condition=failing(expectation), **common)


@lru_cache(maxsize=1)
def _context() -> EphemeralDataContext:
    """In memory only: no stores, no Data Docs (they write values to files), no progress bars."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context
