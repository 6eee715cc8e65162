"""(b) From rows already received to tables an analyst may read: ours, dlt's normalise and load, pandas.

Ours opens sealed rows, judges them with pandera, applies the cleaning log, seals again, computes pseudonyms and fills
the vault. The peers flatten the same rows into tables, names and telephones included.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks.case import Case, Figures, stopwatch
from benchmarks.peers import dlt_pipeline, flat, to_sql
from benchmarks.place import PROJECT, SCHEMA, Place, execute, fresh_schema

if TYPE_CHECKING:
    from meal_pipelines.project.loaded import LoadedForm, LoadedProject
    from meal_pipelines.protect.keys.keyring import Keyring
    from meal_pipelines.warehouse.connection import Warehouse

REPEATS = {"beneficiaires": None, "prestations": "personnes"}
"""The repeat of each form, which dlt makes a child table of, and pandas a second frame."""


def ours(place: Place, form: str, *, audited: bool) -> Figures:
    """`cleaned`, `pseudonymised` and the vault, all built anew; with the audit, Great Expectations already loaded."""
    from meal_pipelines.clean import stage as clean
    from meal_pipelines.clean.corrections import read_log
    from meal_pipelines.protect import stage as protect

    project, keyring, log = place.project(), place.keyring(), read_log(Path("none"))
    loaded, workers = project.forms[form], place.settings.workers
    with place.warehouse() as warehouse:
        _collect(place, warehouse, keyring, form)
        forget(warehouse, project, loaded)
        judge = _Audit(warehouse, project, loaded) if audited else None
        import pandera.pandas  # noqa: F401 - loaded once a night, whatever the rows

        with stopwatch() as watch:
            cleaned = clean.prepare(warehouse, keyring, project, loaded, log, workers=workers)
            assert cleaned is not None
            if judge is not None:
                judge.cleaned()
            clean.publish(warehouse, cleaned, log)
            protected = protect.prepare(warehouse, keyring, project, loaded, workers=workers)
            assert protected is not None
            if judge is not None:
                judge.pseudonymised()
            protect.publish(warehouse, protected)
    assert cleaned.submissions == place.count(form), "a submission is missing"
    return Figures(watch.seconds, cleaned.submissions, note=f"{sum(cleaned.faults.values())} défauts trouvés")


def _collect(place: Place, warehouse: Warehouse, keyring: Keyring, form: str) -> None:
    """Bring the generated rows into `raw`, unless they are there."""
    from meal_pipelines.collect.export import ExportedPages
    from meal_pipelines.collect.sync import synchronise

    there = execute(warehouse, f"select count(*) from raw.submission where project = '{PROJECT}' and form = '{form}'")
    if there != place.count(form):
        execute(warehouse, "truncate raw.submission, raw.cursor, raw.missing")
        synchronise(warehouse, keyring, PROJECT, form, ExportedPages(place.pages(form)))
        execute(warehouse, "analyze raw.submission")


def forget(warehouse: Warehouse, project: LoadedProject, form: LoadedForm) -> None:
    """As before the first build."""
    names = [form.table_of(table) for table in form.questionnaire.tables]
    drops = [
        f"drop table if exists {schema}.{name} cascade" for schema in ("cleaned", "pseudonymised") for name in names
    ]
    filled = "quality.build, quality.rejection, quality.correction, vault.identity, vault.person_key, vault.person_link"
    execute(warehouse, *drops, f"truncate {filled}", "checkpoint")


class _Audit:
    """The suites of one form, ready to judge."""

    def __init__(self, warehouse: Warehouse, project: LoadedProject, form: LoadedForm) -> None:
        import great_expectations  # noqa: F401 - 5 s, once per process

        from expectations import cleaned, pseudonymised
        from expectations.engine import judge
        from meal_pipelines.clean.tables import cleaned_spec
        from meal_pipelines.protect.tables import pseudonymised_spec

        self._judge, self._url = judge, warehouse.url().render_as_string(hide_password=False)
        tables = form.questionnaire.tables.values()
        specs = [(table, cleaned_spec(form, table), pseudonymised_spec(project, form, table)) for table in tables]
        self._cleaned = [(one, cleaned.suite_for(project.project, form, table, one)) for table, one, _ in specs]
        self._shown = [(one, pseudonymised.suite_for(project.project, form, table, one)) for table, _, one in specs]

    def cleaned(self) -> None:
        self._run(self._cleaned)

    def pseudonymised(self) -> None:
        self._run(self._shown)

    def _run(self, suites: list[tuple[Any, Any]]) -> None:
        for spec, suite in suites:
            results = self._judge(self._url, suite, staged=spec.staged, candidate=spec.candidate)
            assert all(result.could_run for result in results), "an expectation could not be judged"


def with_dlt(place: Place, form: str, file_format: str | None) -> Figures:
    """Normalise and load, with dlt's own nesting; what was extracted before is not counted."""
    import dlt

    def rows() -> Iterator[list[dict[str, Any]]]:
        for body in place.bodies(form):
            yield orjson.loads(body)["results"]

    with place.warehouse() as warehouse:
        fresh_schema(warehouse)
        pipeline = dlt_pipeline(place, warehouse)
        pipeline.extract(dlt.resource(rows, name=form), loader_file_format=file_format)
        with stopwatch() as watch:
            pipeline.normalize()
            pipeline.load(raise_on_failed_jobs=True)
        return Figures(watch.seconds, _rows(place, warehouse, form))


def with_pandas(place: Place, form: str) -> Figures:
    """From the JSON of the rows, in memory, to flat tables."""
    import pandas as pd

    texts = [orjson.dumps(row) for body in place.bodies(form) for row in orjson.loads(body)["results"]]
    with place.warehouse() as warehouse:
        fresh_schema(warehouse)
        warehouse.engine().connect().close()
        with stopwatch() as watch:
            rows = [json.loads(text) for text in texts]
            repeat, frames = REPEATS[form], []
            if repeat is not None:
                items = [row for row in rows if row.get(repeat)]
                frames.append((f"{form}__{repeat}", pd.json_normalize(items, record_path=repeat, meta=["_id"])))
                rows = [{key: value for key, value in row.items() if key != repeat} for row in rows]
            to_sql(warehouse, [(form, flat(rows)), *frames])
        return Figures(watch.seconds, _rows(place, warehouse, form))


def _rows(place: Place, warehouse: Warehouse, form: str) -> int:
    found = int(execute(warehouse, f"select count(*) from {SCHEMA}.{form}"))
    assert found == place.count(form), "a row is missing"
    return found


def _cases(form: str) -> Iterator[Case]:
    group = f"clean.{form}"
    plain, audited = partial(ours, form=form, audited=False), partial(ours, form=form, audited=True)
    yield Case(f"{group}.ours", group, f"meal : nettoyer, protéger ({form})", plain, is_reference=True)
    yield Case(f"{group}.audited", group, "meal : le même, suites GX comprises", audited)
    dlt_label = "dlt : normalize + load, réglages d'origine"
    yield Case(f"{group}.dlt", group, dlt_label, partial(with_dlt, form=form, file_format=None))
    yield Case(
        f"{group}.dlt_csv",
        group,
        "dlt : normalize + load, CSV et COPY",
        partial(with_dlt, form=form, file_format="csv"),
    )
    yield Case(f"{group}.pandas", group, "pandas : json_normalize + to_sql", partial(with_pandas, form=form))


CASES = tuple(case for form in REPEATS for case in _cases(form))
