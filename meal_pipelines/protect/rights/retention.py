"""What is older than its form's rule allows: counted, purged in batches, and proved gone.

What a submission leaves behind when it goes is in `form_erasure.py`; the rules are in `project/retention.py`. A frozen report
keeps its figures.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import psycopg2
from psycopg2 import sql

from meal_pipelines.clean.corrections import forget_lines
from meal_pipelines.collect.attachments import FileStore, erase
from meal_pipelines.collect.attachments.erasure import compare_store
from meal_pipelines.collect.sources import concealer
from meal_pipelines.errors import MealError
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.project.retention import Retention, months_after
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.persons.linking import forget, hold
from meal_pipelines.protect.rights.access import Actor, record
from meal_pipelines.protect.rights.erasure import alone, log_folder
from meal_pipelines.protect.rights.form_erasure import FormErasure
from meal_pipelines.protect.rights.redaction import MARK
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.refusals import value_free

BATCH = 1000
"""Submissions erased in one transaction."""
AFTER = "anonyme-%"
"""What an erasure leaves counted has no person any more, and no term."""


@dataclass(frozen=True)
class Due:
    """What is due in one form. months: submissions by month of sending (`2026-03`), in order."""

    project: LoadedProject
    form: LoadedForm
    rule: Retention
    months: dict[str, int]

    @property
    def name(self) -> str:
        return f"{self.form.project}/{self.form.name}"

    @property
    def submissions(self) -> int:
        return sum(self.months.values())

    @property
    def is_held(self) -> bool:
        """Whether nothing is done because nobody has confirmed the rule."""
        return self.rule.is_open


@dataclass(frozen=True)
class Proof:
    """What is left of what should be gone. due: submissions past their term · orphans: rows of other tables, by table, whose
    submission is no more · strangers: sealed files that nothing names."""

    due: int
    orphans: dict[str, int]
    strangers: int

    @property
    def holds(self) -> bool:
        return not (self.due or self.strangers or any(self.orphans.values()))


def find_due(warehouse: Warehouse, project: LoadedProject, today: dt.date | None = None) -> list[Due]:
    """Each form of a project that has a rule, with what is due on that day (today, in the project's time zone)."""
    found = []
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for form in project.forms.values():
            rule = form.form.retention
            if rule is not None:
                cursor.execute(MONTHS, _asked(project, form, rule, today))
                found.append(Due(project, form, rule, dict(cursor.fetchall())))
    return found


def purge(
    settings: Settings,
    warehouse: Warehouse,
    keyring: Keyring,
    due: Due,
    actor: Actor,
    *,
    today: dt.date | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Erase what is due in one form, everywhere. Returns: how many submissions.

    Each batch is a transaction with its line in `audit.access`; interrupted, the next call goes on.
    Raises: MealError, when the rule is not confirmed, or a collection of the form is under way.
    """
    project, form, done = due.project, due.form, 0
    if due.is_held:
        raise MealError(f"{due.name} : la durée de conservation est « à confirmer » ; rien n'est effacé.")
    with alone(warehouse, keyring, project, form):
        for ids in _batches(warehouse, _asked(project, form, due.rule, today)):
            erase(warehouse, keyring, FileStore.of(settings), project.id, form.name, ids)
            _erase_rows(warehouse, keyring, due, ids, actor)
            done += len(ids)
            is_workbook = project.project.sources[form.form.source.use].kind == "workbook"
            path = log_folder(settings, project) / f"{form.name}.csv"
            forget_lines(path, set(ids), {}, concealer(form, keyring) if is_workbook else None, really=True)
            if progress is not None:
                progress(done, due.submissions)
    return done


def _erase_rows(warehouse: Warehouse, keyring: Keyring, due: Due, ids: list[str], actor: Actor) -> None:
    mark = MARK if due.rule.then == "cut_loose" else None
    with closing(warehouse.psycopg()) as connection, connection.cursor() as cursor:
        try:
            hold(cursor, due.form.project)
            erasure = FormErasure(cursor, keyring, due.project, due.form, "retention", mark)
            erasure.submissions(ids)
            forget(cursor, due.project, erasure.persons)
            record(cursor, actor, "retention", due.form.project, form=due.form.name, items=len(ids))
            connection.commit()
            return
        except psycopg2.Error as error:
            refusal: MealError = value_free(error)
        raise refusal


def _batches(warehouse: Warehouse, asked: dict[str, object]) -> Iterator[list[str]]:
    """What is still due, some at a time, until nothing is."""
    while True:
        with warehouse.connect() as connection, connection.cursor() as cursor:
            cursor.execute(IDS, asked | {"count": BATCH})
            ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return
        yield ids


def prove(settings: Settings, warehouse: Warehouse, keyring: Keyring, due: Due, today: dt.date | None = None) -> Proof:
    """Count what is left of what should be gone, in every place, without trusting what the purge said of itself."""
    form = due.form
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(MONTHS, _asked(due.project, form, due.rule, today))
        left = sum(count for _, count in cursor.fetchall())
        orphans = {table: _orphans(cursor, form, table) for table in OF_FORM}
        for schema in ("cleaned", "pseudonymised"):
            for repeat in form.questionnaire.tables:
                name = f"{schema}.{form.table_of(repeat)}"
                cursor.execute("select to_regclass(%s) is not null", (name,))
                if cursor.fetchone() == (True,):
                    orphans[name] = _orphans(cursor, form, name)
    compared = compare_store(warehouse, keyring, FileStore.of(settings), form.project)
    return Proof(left, orphans, compared.strangers)


def _orphans(cursor: Any, form: LoadedForm, table: str) -> int:
    """Rows of a table whose submission is no more in `raw`."""
    mine = OF_FORM.get(table, "true")
    cursor.execute(
        sql.SQL(
            "select count(*) from {table} as t where {mine} and not exists (select 1 from raw.submission as s"
            " where s.project = %(project)s and s.form = %(form)s and s.submission_id = t.submission_id)"
        ).format(table=sql.Identifier(*table.split(".", 1)), mine=sql.SQL(mine)),
        {"project": form.project, "form": form.name, "after": AFTER},
    )
    [(count,)] = cursor.fetchall()
    return int(count)


def _asked(project: LoadedProject, form: LoadedForm, rule: Retention, today: dt.date | None) -> dict[str, object]:
    zone = project.project.timezone
    today = today or dt.datetime.now(ZoneInfo(zone)).date()
    all_due = rule.since == "project_end" and months_after(project.project.ends_on, rule.months) <= today
    return {
        "project": form.project, "form": form.name, "zone": zone, "today": today, "months": rule.months,
        "by_day": rule.since == "submission", "all": all_due, "after": AFTER,
    }  # fmt: skip


MINE = "project = %(project)s and form = %(form)s"
OF_FORM = {
    "vault.identity": MINE,
    "raw.attachment": f"{MINE} and state <> 'erased'",
    "quality.rejection": MINE,
    "indicators.reported_record": "project = %(project)s and submission_id not like %(after)s"
    " and split_part(table_name, '__', 1) = 'pseudonymised.' || %(project)s || '_' || %(form)s",
}
"""The tables of rows by submission, and which of their rows are this form's."""
DUE = f"""
    select submission_id, (coalesce(submitted_at, loaded_at) at time zone %(zone)s)::date as day
    from raw.submission where {MINE} and version = (
        select min(version) from raw.submission as first
        where first.project = %(project)s and first.form = %(form)s and first.submission_id = raw.submission.submission_id
    ) and submission_id not like %(after)s
"""
PAST = "%(all)s or %(by_day)s and (day + make_interval(months => %(months)s))::date <= %(today)s"
MONTHS = f"select to_char(day, 'YYYY-MM') as month, count(*) from ({DUE}) as sent where {PAST} group by 1 order by 1"
IDS = f"select submission_id from ({DUE}) as sent where {PAST} order by submission_id limit %(count)s"
