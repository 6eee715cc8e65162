"""What a build found, kept in `quality`: rejections, corrections, questions nobody declared; names and counts, no answers."""

from __future__ import annotations

from typing import Any

from psycopg2 import sql

from meal_pipelines.clean.build import CleanBuild
from meal_pipelines.clean.corrections import CleaningLog
from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.warehouse.connection import Warehouse


def record_findings(cursor: Any, build: CleanBuild, log: CleaningLog) -> None:
    """Bring `quality` level with what this build found; part of the transaction that publishes its tables."""
    names = {"changed": sql.Identifier("build", build.changed), "found": sql.Identifier("build", build.rejections)}
    whose = {"project": build.form.project, "form": build.form.name}
    for statement in (RESOLVE, REJECT):
        cursor.execute(sql.SQL(statement).format(**names), whose)
    _note_unknown(cursor, build)
    forget = "delete from quality.correction where project = %(project)s and form = %(form)s"
    cursor.execute(sql.SQL(forget if build.whole else FORGET_CORRECTIONS).format(**names), whose)
    for outcome in build.corrections:
        line = outcome.correction
        cursor.execute(
            "insert into quality.correction (project, form, submission_id, repeat, repeat_index, question, action, state,"
            " reason, author, file, line, recorded_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now())",
            (
                build.form.project, build.form.name, line.submission_id, line.repeat, line.repeat_index, line.question,
                "change_response" if line.new is not None else "blank_response", outcome.state, outcome.reason,
                line.author, log.file, line.line,
            ),
        )  # fmt: skip


def _note_unknown(cursor: Any, build: CleanBuild) -> None:
    """Remember the questions nobody declared and the versions that nothing describes; a whole build, which sees all, forgets."""
    whose = (build.form.project, build.form.name)
    if build.whole:
        cursor.execute("delete from quality.unknown_question where project = %s and form = %s", whose)
    cursor.executemany(
        "insert into quality.unknown_question (project, form, question, first_load_id) values (%s, %s, %s, %s)"
        " on conflict do nothing",
        [(*whose, question, build.until) for question in sorted(build.unknown)],
    )
    if build.whole:
        cursor.execute("delete from quality.unknown_version where project = %s and form = %s", whose)
    cursor.executemany(
        "insert into quality.unknown_version (project, form, form_version, first_load_id) values (%s, %s, %s, %s)"
        " on conflict do nothing",
        [(*whose, version, build.until) for version in sorted(build.readings.unknown)],
    )


def unknown_questions(warehouse: Warehouse, form: LoadedForm) -> list[str]:
    """The questions received so far that the form's questionnaire does not have, in alphabetical order."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select question from quality.unknown_question where project = %s and form = %s order by question",
            (form.project, form.name),
        )
        return [row[0] for row in cursor.fetchall()]


def unknown_versions(warehouse: Warehouse, form: LoadedForm) -> list[str]:
    """The versions met so far that nothing described, in alphabetical order."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select form_version from quality.unknown_version where project = %s and form = %s order by form_version",
            (form.project, form.name),
        )
        return [row[0] for row in cursor.fetchall()]


SAME = """
    r.project = %(project)s and r.form = %(form)s and f.submission_id = r.submission_id and f.repeat = r.repeat
    and f.repeat_index = r.repeat_index and f.question = r.question and f.rule = r.rule
"""
RESOLVE = (
    """
    update quality.rejection as r set state = 'resolved'
    where r.project = %(project)s and r.form = %(form)s and r.state = 'open'
        and exists (select 1 from {changed} as c where c.submission_id = r.submission_id)
        and not exists (select 1 from {found} as f where """
    + SAME
    + ")"
)
REJECT = (
    """
    insert into quality.rejection
        (project, form, submission_id, repeat, repeat_index, question, rule, message, severity, load_id, state)
    select %(project)s, %(form)s, f.submission_id, f.repeat, f.repeat_index, f.question, f.rule, f.message, f.severity,
        f.load_id, 'open'
    from {found} as f
    where not exists (select 1 from quality.rejection as r where r.state = 'open' and """
    + SAME
    + ")"
)
FORGET_CORRECTIONS = """
    delete from quality.correction as q using {changed} as c
    where q.project = %(project)s and q.form = %(form)s and q.submission_id = c.submission_id
"""
