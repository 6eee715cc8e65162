"""raw → cleaned, for one form: only what changed since the last time, all of it when the rules changed.

`prepare` builds and leaves the judged-to-be tables in `build`; `publish` puts them in place with their rejections, in
one transaction; `discard` forgets them. What makes an answer right is in `judge.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import psycopg2
from psycopg2 import sql

from meal_pipelines.clean.build import REJECTION_COLUMNS, CleanBuild, Found
from meal_pipelines.clean.cleaner import ChunkCleaner
from meal_pipelines.clean.corrections import CleaningLog
from meal_pipelines.clean.findings import record_findings
from meal_pipelines.clean.readings import Readings
from meal_pipelines.clean.tables import cleaned_spec
from meal_pipelines.errors import MealError
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.warehouse import publish as wap
from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.copy import Packed, Writer
from meal_pipelines.warehouse.fetch import in_chunks
from meal_pipelines.warehouse.refusals import value_free
from meal_pipelines.warehouse.tables import create_table
from meal_pipelines.workers import ROWS, Workers, others_for

RULES_VERSION = "2"
"""Raised when the code judges differently: every form is then cleaned again."""


def fingerprint(project: LoadedProject, form: LoadedForm, log: CleaningLog, readings: Readings) -> str:
    """Of everything but the submissions that decides what a cleaned table says."""
    parts = [RULES_VERSION, project.fingerprint(form), log.fingerprint, readings.digest]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def prepare(
    warehouse: Warehouse,
    keyring: Keyring,
    project: LoadedProject,
    form: LoadedForm,
    log: CleaningLog,
    *,
    run_id: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    workers: int = 1,
) -> CleanBuild | None:
    """Build the form's cleaned tables in `build`. workers: processes that may work at once on a large form.

    Returns: None when nothing changed since the last build.
    Raises: MealError (a wrong key, a database refusal), never with a value of the data.
    """
    specs = [cleaned_spec(form, table) for table in form.questionnaire.tables.values()]
    with closing(warehouse.psycopg()) as reader, closing(warehouse.psycopg()) as connection:
        try:
            with connection.cursor() as cursor:
                readings = Readings.read(cursor, form)
                build = CleanBuild(form, specs, True, fingerprint(project, form, log, readings), 0, run_id, readings)
                total = _plan(cursor, build)
                connection.commit()
                if total is None:
                    return None
                make = partial(ChunkCleaner, build, keyring, log)
                with Workers(make, others=others_for(total, workers)) as hands:
                    _build(build, reader, connection, hands, total, progress)
                _conclude(build, log)
                for spec in specs:
                    wap.finish_staging(cursor, spec)
                    wap.show_candidate(cursor, spec, whole=build.whole, changed=build.changed)
                connection.commit()
            return build
        except psycopg2.Error as error:
            refusal: MealError = value_free(error)
        raise refusal


def _plan(cursor: Any, build: CleanBuild) -> int | None:
    """Decide between whole and delta, list the changed submissions, make the staged tables.

    Returns: how many submissions there are to look at; None when there is nothing to do.
    """
    project, form = build.form.project, build.form.name
    cursor.execute("select pg_advisory_xact_lock(hashtext('clean'), hashtext(%s))", (build.form.table,))
    last = wap.last_build(cursor, build.specs[0].qualified)
    build.whole = last is None or last.fingerprint != build.fingerprint
    since = 0 if last is None or build.whole else last.load_id
    cursor.execute(WATERMARK, {"project": project, "form": form})
    build.until = cursor.fetchone()[0]
    if not build.whole and build.until <= since:
        return None
    cursor.execute(sql.SQL("drop table if exists {} cascade").format(sql.Identifier("build", build.changed)))
    cursor.execute(
        sql.SQL("create unlogged table {} as {}").format(sql.Identifier("build", build.changed), sql.SQL(CHANGED)),
        {"project": project, "form": form, "since": since, "until": build.until},
    )
    total = int(cursor.rowcount)
    cursor.execute(
        sql.SQL("alter table {} add primary key (submission_id)").format(sql.Identifier("build", build.changed))
    )
    for spec in build.specs:
        wap.stage(cursor, spec, whole=build.whole)
    cursor.execute(sql.SQL("drop table if exists {}").format(sql.Identifier("build", build.rejections)))
    create_table(cursor, "build", build.rejections, REJECTION_COLUMNS, logged=False)
    return total


def _build(
    build: CleanBuild, reader: Any, connection: Any, hands: Workers[ChunkCleaner], total: int,
    progress: Callable[[int, int], None] | None,
) -> None:  # fmt: skip
    """Read, clean and write chunk after chunk; one chunk is written while the next is cleaned."""
    with Writer(connection) as writer:

        def keep(done: tuple[list[Packed], Found]) -> None:
            packed, found = done
            build.add(found)
            for rows in packed:
                writer.copy(rows)
            if progress is not None:
                progress(build.submissions + build.deleted, total)

        hands.work(_chunks(reader, build), keep)
    connection.commit()


def _conclude(build: CleanBuild, log: CleaningLog) -> None:
    """What only the whole form tells: the same, whoever worked on which chunk."""
    # A whole build sees every submission: what it does not meet is nowhere. A delta only learns of deletions.
    gone = (set(log.by_submission) if build.whole else build.absent) - build.met
    build.corrections += log.without_submission(gone)
    build.corrections.sort(key=lambda outcome: outcome.correction.line)
    build.readings.unknown |= build.unknown_versions


def _chunks(reader: Any, build: CleanBuild) -> Iterator[list[Any]]:
    """The last version of each changed submission, in order, `ROWS` at a time."""
    query = sql.SQL(LATEST).format(changed=sql.Identifier("build", build.changed))
    whose = {"project": build.form.project, "form": build.form.name, "until": build.until}
    return in_chunks(reader, query, whose, size=ROWS)


def publish(warehouse: Warehouse, build: CleanBuild, log: CleaningLog) -> None:
    """Put the judged tables in place, with the rejections and the corrections of the same submissions."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for spec in build.specs:
            wap.publish(cursor, spec, whole=build.whole, changed=build.changed)
            wap.record_build(
                cursor, spec, stage="cleaned", project=build.form.project, form=build.form.name,
                fingerprint=build.fingerprint, load_id=build.until, run_id=build.run_id,
            )  # fmt: skip
        record_findings(cursor, build, log)
        _drop(cursor, build)


def discard(warehouse: Warehouse, build: CleanBuild) -> None:
    """Forget a condemned build: yesterday's tables stay."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for spec in build.specs:
            wap.discard(cursor, spec)
        _drop(cursor, build)


def _drop(cursor: Any, build: CleanBuild) -> None:
    for name in (build.changed, build.rejections):
        cursor.execute(sql.SQL("drop table if exists {} cascade").format(sql.Identifier("build", name)))


WATERMARK = """
    select coalesce(max(l.load_id), 0) from raw.load as l
    where l.project = %(project)s and l.form = %(form)s and l.load_id < coalesce(
        (select min(load_id) from raw.load where project = %(project)s and form = %(form)s and state = 'running'),
        9223372036854775807)
    and case when l.source = 'erasure' then exists (
        select from raw.submission as s where s.project = l.project and s.form = l.form and s.load_id = l.load_id
    ) else l.added + l.changed + l.removed + l.restored > 0 end
"""
"""The last load that brought something; an erasure leaves versions of its own, or none."""
CHANGED = """
    select distinct submission_id from raw.submission
    where project = %(project)s and form = %(form)s and load_id > %(since)s and load_id <= %(until)s
"""
LATEST = """
    select distinct on (s.submission_id) s.submission_id, s.version, s.form_version, s.submitted_at, s.state, s.load_id, s.payload
    from raw.submission as s join {changed} as c on c.submission_id = s.submission_id
    where s.project = %(project)s and s.form = %(form)s and s.load_id <= %(until)s
    order by s.submission_id, s.version desc
"""
