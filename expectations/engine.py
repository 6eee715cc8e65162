"""Judge a table that is under construction by its suite, in PostgreSQL, with Great Expectations.

What comes out are counts. What Great Expectations or PostgreSQL say of a failure, which may quote a value, stays here.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

import psycopg2

from expectations.model import Expectation, Result, Suite
from meal_pipelines.errors import MealError, TransientError
from meal_pipelines.warehouse.refusals import value_free

if TYPE_CHECKING:
    import sqlalchemy
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

    from expectations.great import Source


def judge(url: sqlalchemy.URL | str, suite: Suite, *, staged: str, candidate: str) -> list[Result]:
    """Judge a table before it is published: row rules on `build.<staged>`, table rules on `build.<candidate>`.

    Nothing is written and nothing stays connected; what is judged must be committed, for it is read by a connection of
    its own. Where the staged table is all there will be, name it twice: one pass then does for both. The first call of
    a process takes the seconds that Great Expectations needs to load.

    Returns: one result per expectation, in the suite's order.
    Raises: TransientError, when the database could not be reached or gave up and a later try may succeed.
    """
    tables: dict[str, list[Expectation]] = {}
    for expectation in suite.expectations:
        tables.setdefault(staged if expectation.scope == "rows" else candidate, []).append(expectation)
    found: dict[str, Result] = {}
    with _ONE_AT_A_TIME:
        judgement = _judgement(url)
        try:
            for table, expectations in tables.items():
                found |= judgement.of(table, expectations)
        finally:
            judgement.disconnect()
    return [found[expectation.name] for expectation in suite.expectations]


class _Judgement:
    """A database, as judged from this process; remembers what it refused, without the values."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._refusals: list[MealError] = []

    def note(self, context: sqlalchemy.ExceptionContext) -> None:
        """Keep the reason of a database error and take the values out of it, before GX puts it into its results."""
        original = context.original_exception
        if isinstance(original, psycopg2.Error):
            refusal = value_free(original)
            self._refusals.append(refusal)
            original.args = (str(refusal),)
            if context.sqlalchemy_exception is not None:
                context.sqlalchemy_exception.args = original.args

    def of(self, table: str, expectations: Sequence[Expectation]) -> dict[str, Result]:
        """The results of some expectations on one table, by name."""
        results = self._run(table, expectations)
        broken = [result.expectation for result in results.values() if not result.could_run]
        if len(expectations) > 1:
            # One query counts for all: what broke it is found, and the others judged, one by one.
            for expectation in broken:
                results |= self._run(table, [expectation])
        return results

    def _run(self, table: str, expectations: Sequence[Expectation]) -> dict[str, Result]:
        import sqlalchemy
        from great_expectations.datasource.fluent.interfaces import TestConnectionError

        self._refusals.clear()
        outcomes: dict[str, ExpectationValidationResult] = {}
        try:
            translated = [self._source.translate(expectation) for expectation in expectations]
            for outcome in self._source.validate(table, translated):
                outcomes[_name(outcome)] = outcome
        except (TestConnectionError, sqlalchemy.exc.DBAPIError):
            pass  # the table is not there, or the server is not: the refusals tell which
        transient = next((refusal for refusal in self._refusals if isinstance(refusal, TransientError)), None)
        if transient is not None:
            raise transient
        reason = str(self._refusals[-1]) if self._refusals else ""
        return {each.name: _result(each, outcomes.get(each.name), reason) for each in expectations}

    def disconnect(self) -> None:
        """Close every connection: an open one would keep the embedded server up, or a table locked."""
        for engine in self._source.engines():
            engine.dispose()


def _result(expectation: Expectation, outcome: ExpectationValidationResult | None, reason: str) -> Result:
    """Counts and names of columns, and nothing else of what GX found."""
    found: dict[str, Any] = outcome.result if outcome is not None else {}
    if outcome is None or "observed_value" not in found:
        return Result(expectation, False, False, None, None, reason)
    passed = bool(outcome.success)
    if expectation.kind == "columns":
        return Result(expectation, passed, True, None, None, _difference(found))
    if expectation.kind == "not_empty":
        return Result(expectation, passed, True, None, int(found["observed_value"]))
    return Result(expectation, passed, True, int(found["observed_value"]), int(found["element_count"]))


def _difference(found: dict[str, Any]) -> str:
    mismatched = found.get("details", {}).get("mismatched", {})
    named = (("en trop", mismatched.get("unexpected")), ("manquantes", mismatched.get("missing")))
    return " ; ".join(f"colonnes {label} : {', '.join(sorted(names))}" for label, names in named if names)


def _name(outcome: ExpectationValidationResult) -> str:
    configuration: Any = outcome.expectation_config
    return str(configuration.meta["name"])


_ONE_AT_A_TIME = Lock()
_JUDGEMENTS: dict[str, _Judgement] = {}
"""One per database and process: what Great Expectations needs to know of a database is made once."""


def _judgement(url: sqlalchemy.URL | str) -> _Judgement:
    _quieten()
    import sqlalchemy

    from expectations.great import Source

    address = sqlalchemy.make_url(url)
    key = address.render_as_string(hide_password=False)
    if key not in _JUDGEMENTS:
        refusal: MealError | None = None
        try:
            source = Source(address)
        except ConnectionError:
            refusal = TransientError("La base de données ne répond pas : aucun contrôle n'a pu être fait. Relancez.")
        if refusal is not None:
            raise refusal  # outside the except block: not even __context__ quotes the address
        judgement = _Judgement(source)
        for engine in source.engines():
            sqlalchemy.event.listen(engine, "handle_error", judgement.note)
        _JUDGEMENTS[key] = judgement
    return _JUDGEMENTS[key]


def _quieten() -> None:
    """Load Great Expectations without its usage statistics, its log and its hold on Python's warnings."""
    logger = logging.getLogger("great_expectations")
    if logger.propagate:
        logger.addHandler(logging.NullHandler())
        logger.propagate = False  # its messages quote queries and values
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    shown_by = warnings.showwarning
    import great_expectations  # noqa: F401

    if warnings.showwarning is not shown_by:
        logging.captureWarnings(False)
