"""The audit between writing and publishing: run the suites, keep their results, tell Dagster.

Suites and the engine that judges are in `expectations/`; here their results become asset checks, in French, with counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import dagster as dg
from psycopg2.extras import execute_values

from expectations.engine import judge
from expectations.model import Expectation, Result, Suite
from meal_pipelines.warehouse.tables import TableSpec
from resources import Platform

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


@dataclass(frozen=True)
class Audited:
    """One table and its suite; `prefix` tells the checks of a repeat from those of its form."""

    spec: TableSpec
    suite: Suite
    prefix: str = ""

    def name(self, expectation: Expectation) -> str:
        return f"{self.prefix}__{expectation.name}" if self.prefix else expectation.name


@dataclass(frozen=True)
class Verdict:
    """One check as Dagster and `quality.check_result` hold it."""

    table: str
    name: str
    description: str
    severity: str
    passed: bool
    could_run: bool = True
    failing: int | None = None
    checked: int | None = None

    @property
    def condemns(self) -> bool:
        """A critical expectation that is not met, or could not be judged, keeps the table from being published."""
        return self.severity == "critical" and not self.passed


def check_specs(key: dg.AssetKey, audited: Sequence[Audited]) -> list[dg.AssetCheckSpec]:
    """One Dagster check per expectation; critical ones block what is downstream."""
    return [
        dg.AssetCheckSpec(
            name=item.name(expectation),
            asset=key,
            description=f"{expectation.description} ({item.spec.qualified})",
            blocking=expectation.severity == "critical",
            metadata={"gravité": "bloquant" if expectation.severity == "critical" else "avertissement"},
        )
        for item in audited
        for expectation in item.suite.expectations
    ]


def audit(platform: Platform, audited: Iterable[Audited], *, whole: bool) -> list[Verdict]:
    """Judge the staged tables; one verdict per expectation, in the suites' order.

    whole: the staged rows are all that the tables will hold, so rules of rows and rules of tables read the same.
    """
    verdicts = []
    for item in audited:
        url = platform.warehouse.url().render_as_string(hide_password=False)
        candidate = item.spec.staged if whole else item.spec.candidate
        for result in judge(url, item.suite, staged=item.spec.staged, candidate=candidate):
            verdicts.append(_verdict(item, result))
    return verdicts


def _verdict(item: Audited, result: Result) -> Verdict:
    expectation = result.expectation
    return Verdict(
        table=item.spec.qualified,
        name=item.name(expectation),
        description=expectation.description,
        severity=expectation.severity,
        passed=result.passed and result.could_run,
        could_run=result.could_run,
        failing=result.failing_rows,
        checked=result.checked_rows,
    )


def keep(
    platform: Platform, stage: str, project: str | None, form: str | None, verdicts: Sequence[Verdict], run_id: str
) -> None:
    """Write the verdicts to the check history: the current ones of their tables, unless these were condemned."""
    is_current = condemned(verdicts) is None
    with platform.warehouse.connect() as connection, connection.cursor() as cursor:
        tables = list({verdict.table for verdict in verdicts})
        if is_current:
            cursor.execute(
                "update quality.check_result set is_current = false where is_current and table_name = any(%s)",
                (tables,),
            )
        execute_values(
            cursor,
            "insert into quality.check_result (stage, project, form, table_name, check_name, description, severity, passed,"
            " could_run, failing_rows, checked_rows, evaluated_at, run_id, is_current) values %s",
            [
                (
                    stage,
                    project,
                    form,
                    v.table,
                    v.name,
                    v.description,
                    v.severity,
                    v.passed,
                    v.could_run,
                    v.failing,
                    v.checked,
                    run_id,
                    is_current,
                )
                for v in verdicts
            ],
            template="(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now(), %s, %s)",
        )


def previous(platform: Platform, tables: Sequence[str]) -> list[Verdict]:
    """The verdicts of the tables as they stand: nothing changed, so nothing is judged again."""
    with platform.warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select table_name, check_name, description, severity, passed, could_run, failing_rows, checked_rows"
            " from quality.check_result where is_current and table_name = any(%s) order by check_id",
            (list(tables),),
        )
        return [Verdict(*row) for row in cursor.fetchall()]


def results(
    key: dg.AssetKey, verdicts: Iterable[Verdict], specs: Iterable[dg.AssetCheckSpec], *, unchanged: bool = False
) -> Iterator[dg.AssetCheckResult]:
    """The verdicts as Dagster's evaluations, one for each declared check."""
    by_name = {verdict.name: verdict for verdict in verdicts}
    for spec in specs:
        verdict = by_name.get(spec.name)
        if verdict is None:
            # Never judged yet: the table has not been built once.
            yield dg.AssetCheckResult(
                passed=True, asset_key=key, check_name=spec.name, severity=WARN, description="Rien à contrôler encore."
            )
            continue
        counts = {"lignes en défaut": verdict.failing, "lignes contrôlées": verdict.checked}
        yield dg.AssetCheckResult(
            passed=verdict.passed,
            asset_key=key,
            check_name=verdict.name,
            severity=ERROR if verdict.severity == "critical" else WARN,
            description=_sentence(verdict, unchanged=unchanged),
            metadata={name: count for name, count in counts.items() if count is not None},
        )


def _sentence(verdict: Verdict, *, unchanged: bool) -> str:
    if not verdict.could_run:
        return "Contrôle impossible : il n'a pas pu être évalué. Rien n'a été publié si ce contrôle est bloquant."
    if unchanged:
        return f"{verdict.description} Rien n'a changé depuis la dernière évaluation."
    if verdict.passed or verdict.failing is None:
        return verdict.description
    return f"Non respecté : {verdict.description} {verdict.failing} ligne(s) en défaut."


def condemned(verdicts: Iterable[Verdict]) -> str | None:
    """Why a build must not be published; None when it may."""
    faults = [verdict for verdict in verdicts if verdict.condemns]
    if not faults:
        return None
    lines = [
        f"« {verdict.name} » ({verdict.table}) : {verdict.failing if verdict.failing is not None else '?'} ligne(s) en défaut"
        for verdict in faults[:5]
    ]
    return (
        f"{len(faults)} contrôle(s) bloquant(s) en échec : {' ; '.join(lines)}. Rien n'a été publié : les tables d'hier restent "
        f"en place et ce qui en dépend n'est pas calculé. Corrigez à la source ou dans le journal de nettoyage, puis relancez."
    )
