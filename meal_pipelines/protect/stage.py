"""cleaned → pseudonymised and vault, for one form: names leave, pseudonyms stay.

Only sealed answers pass through Python; shown answers go from table to table inside PostgreSQL. `prepare` builds in
`build`, `publish` puts in place with the identities of the same submissions, `discard` forgets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import psycopg2
from psycopg2 import sql

from meal_pipelines.clean.tables import cleaned_spec
from meal_pipelines.errors import MealError
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.project.questionnaire import MAIN, Table
from meal_pipelines.protect.build import IDENTITY_COLUMNS, Derived, ProtectBuild
from meal_pipelines.protect.deriver import ChunkDeriver
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.persons.linking import Linking, Relinked
from meal_pipelines.protect.rights.restriction import leave_out_inside, restricted
from meal_pipelines.protect.tables import pseudonymised_spec
from meal_pipelines.warehouse import publish as wap
from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.copy import Writer
from meal_pipelines.warehouse.fetch import in_chunks
from meal_pipelines.warehouse.refusals import value_free
from meal_pipelines.warehouse.tables import TableSpec, create_table, identifiers
from meal_pipelines.workers import ROWS, Workers, others_for

PROTECTION_VERSION = "3"
"""Raised when the code normalises, hashes or generalises differently: every form is then protected again."""


def prepare(
    warehouse: Warehouse,
    keyring: Keyring,
    project: LoadedProject,
    form: LoadedForm,
    *,
    run_id: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    workers: int = 1,
) -> ProtectBuild | None:
    """Build the form's pseudonymised tables in `build`; None when its cleaned tables did not change.

    workers: processes that may work at once on a large form.
    Raises: MealError (a wrong key, a database refusal), never with a value of the data.
    """
    specs = [pseudonymised_spec(project, form, table) for table in form.questionnaire.tables.values()]
    build = ProtectBuild(project, form, specs, True, "", 0, run_id)
    with closing(warehouse.psycopg()) as reader, closing(warehouse.psycopg()) as connection:
        try:
            with connection.cursor() as cursor:
                total = _plan(cursor, build)
                connection.commit()
                if total is None:
                    return None
                make = partial(ChunkDeriver, build, keyring, project)
                with Workers(make, others=others_for(total, workers)) as hands:
                    for spec, table in zip(specs, form.questionnaire.tables.values(), strict=True):
                        _derive(build, spec, table, reader, connection, hands, progress)
                        _fill(cursor, build, spec, table)
                connection.commit()
            return build
        except psycopg2.Error as error:
            refusal: MealError = value_free(error)
        raise refusal


def _plan(cursor: Any, build: ProtectBuild) -> int | None:
    """Decide between whole and delta, list the changed submissions, make the staged tables.

    Returns: how many submissions there are to look at; None when there is nothing to do.
    """
    cleaned = wap.last_build(cursor, f"cleaned.{build.form.table}")
    if cleaned is None:
        return None
    build.until = cleaned.load_id
    build.restricted = restricted(cursor, build.form.project)
    parts = [PROTECTION_VERSION, cleaned.fingerprint, *sorted(build.restricted)]
    build.fingerprint = hashlib.sha256("|".join(parts).encode()).hexdigest()
    last = wap.last_build(cursor, build.specs[0].qualified)
    build.whole = last is None or last.fingerprint != build.fingerprint
    since = 0 if last is None or build.whole else last.load_id
    if not build.whole and build.until <= since:
        return None
    for name in (build.changed, build.identities):
        cursor.execute(sql.SQL("drop table if exists {} cascade").format(sql.Identifier("build", name)))
    cursor.execute(
        sql.SQL("create unlogged table {} as {}").format(sql.Identifier("build", build.changed), sql.SQL(CHANGED)),
        {"project": build.form.project, "form": build.form.name, "since": since, "until": build.until},
    )
    total = int(cursor.rowcount)
    cursor.execute(
        sql.SQL("alter table {} add primary key (submission_id)").format(sql.Identifier("build", build.changed))
    )
    create_table(cursor, "build", build.identities, IDENTITY_COLUMNS, logged=False)
    for spec in build.specs:
        wap.stage(cursor, spec, whole=build.whole)
    return total


def _derive(
    build: ProtectBuild, spec: TableSpec, table: Table, reader: Any, connection: Any, hands: Workers[ChunkDeriver],
    progress: Callable[[int, int], None] | None,
) -> None:  # fmt: skip
    """Open each row's sealed answers, and write what may be shown of them and what goes to the vault."""
    deriver = hands.here.derivers[table.name]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("drop table if exists {}").format(sql.Identifier("build", build.derived(spec))))
        create_table(cursor, "build", build.derived(spec), deriver.columns, logged=False)
    with Writer(connection) as writer:

        def keep(done: Derived) -> None:
            build.rows += done.rows
            build.persons += done.persons
            build.without_person += done.without_person
            for rows in done.packed:
                writer.copy(rows)
            if progress is not None:
                progress(build.rows, build.rows)

        hands.work(((table.name, rows) for rows in _chunks(reader, build, table, deriver.on)), keep)
    with connection.cursor() as cursor:
        wap.gather_statistics(cursor, build.derived(spec))


def _chunks(reader: Any, build: ProtectBuild, table: Table, on: list[tuple[str, str]]) -> Iterator[list[Any]]:
    """(submission_id, repeat_index, personal, days …) of the rows to protect, `ROWS` at a time."""
    live, main = sql.Identifier("cleaned", build.form.table_of(table.name)), sql.Identifier("cleaned", build.form.table)
    index = sql.SQL("0") if table.name == MAIN else sql.SQL("t.repeat_index")
    days = [sql.SQL(", {}::text").format(sql.Identifier(alias, column)) for alias, column in on]
    is_joined = table.name != MAIN and any(alias == "m" for alias, _ in on)
    query = sql.SQL("select t.submission_id, {index}, t.personal{days} from {live} as t{main}{changed}").format(
        index=index,
        days=sql.SQL("").join(days),
        live=live,
        main=sql.SQL(" join {} as m on m.submission_id = t.submission_id").format(main) if is_joined else sql.SQL(""),
        changed=sql.SQL(" join {} as c on c.submission_id = t.submission_id").format(
            sql.Identifier("build", build.changed)
        ),
    )
    return in_chunks(reader, query, size=ROWS)


def _fill(cursor: Any, build: ProtectBuild, spec: TableSpec, table: Table) -> None:
    """Fill the staged table and show what the table would become."""
    _join(cursor, build, spec, table)
    if build.restricted:
        leave_out_inside(cursor, build, spec, table)
    wap.finish_staging(cursor, spec)
    wap.show_candidate(cursor, spec, whole=build.whole, changed=build.changed)


def _join(cursor: Any, build: ProtectBuild, spec: TableSpec, table: Table) -> None:
    """Fill the staged table: shown answers from `cleaned`, beside what was derived."""
    cleaned = cleaned_spec(build.form, table)
    shown = set(cleaned.names())
    columns = [sql.Identifier("t" if name in shown else "d", name) for name in spec.names()]
    on = sql.SQL("d.submission_id = t.submission_id")
    if table.name != MAIN:
        on = sql.SQL("d.submission_id = t.submission_id and d.repeat_index = t.repeat_index")
    derived = sql.Identifier("build", build.derived(spec))
    cursor.execute(
        sql.SQL("insert into {staged} ({names}) select {columns} from {live} as t join {derived} as d on {on}").format(
            staged=sql.Identifier("build", spec.staged),
            names=identifiers(spec.names()),
            columns=sql.SQL(", ").join(columns),
            live=sql.Identifier("cleaned", cleaned.name),
            derived=derived,
            on=on,
        )
    )
    cursor.execute(sql.SQL("drop table {}").format(derived))


def publish(warehouse: Warehouse, build: ProtectBuild) -> Relinked:
    """Put the tables in place, the identities of the same submissions in the vault, and join the pseudonyms of one person.

    Returns: what joining changed, in this form and in the others.
    """
    with warehouse.connect() as connection, connection.cursor() as cursor:
        linking = Linking(cursor, build.project, build.run_id)
        for spec in build.specs:
            wap.publish(cursor, spec, whole=build.whole, changed=build.changed)
            wap.record_build(
                cursor, spec, stage="pseudonymised", project=build.form.project, form=build.form.name,
                fingerprint=build.fingerprint, load_id=build.until, run_id=build.run_id,
            )  # fmt: skip
        whose = {"project": build.form.project, "form": build.form.name}
        before, forget = (TOUCH, FORGET) if build.whole else (TOUCH_CHANGED, FORGET_CHANGED)
        names = {
            "changed": sql.Identifier("build", build.changed),
            "found": sql.Identifier("build", build.identities),
            "cleaned": sql.Identifier("cleaned", build.form.table),
        }
        for statement in (before, forget, KEEP, TOUCH_FOUND):
            cursor.execute(sql.SQL(statement).format(**names), whose)
        done = linking.link()
        _drop(cursor, build)
        return done


def discard(warehouse: Warehouse, build: ProtectBuild) -> None:
    """Forget a condemned build: yesterday's tables stay."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for spec in build.specs:
            wap.discard(cursor, spec)
        _drop(cursor, build)


def _drop(cursor: Any, build: ProtectBuild) -> None:
    for name in (build.changed, build.identities):
        cursor.execute(sql.SQL("drop table if exists {} cascade").format(sql.Identifier("build", name)))


CHANGED = """
    select distinct submission_id from raw.submission
    where project = %(project)s and form = %(form)s and load_id > %(since)s and load_id <= %(until)s
"""
FORGET = "delete from vault.identity where project = %(project)s and form = %(form)s"
FORGET_CHANGED = """
    delete from vault.identity as v using {changed} as c
    where v.project = %(project)s and v.form = %(form)s and v.submission_id = c.submission_id
"""
KEEP = """
    insert into vault.identity (project, form, repeat, submission_id, repeat_index, person_id, strong, weak, sent_at, sealed)
    select %(project)s, %(form)s, f.repeat, f.submission_id, f.repeat_index, f.person_id, f.strong, f.weak, c.submitted_at,
        f.sealed
    from {found} as f join {cleaned} as c using (submission_id)
"""
TOUCH = """
    insert into link_touched select distinct person_id from vault.identity
    where project = %(project)s and form = %(form)s and person_id is not null
"""
TOUCH_CHANGED = """
    insert into link_touched select distinct v.person_id from vault.identity as v join {changed} as c using (submission_id)
    where v.project = %(project)s and v.form = %(form)s and v.person_id is not null
"""
TOUCH_FOUND = "insert into link_touched select distinct person_id from {found}"
