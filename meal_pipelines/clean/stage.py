"""raw → cleaned, for one form: only what changed since the last time, all of it when the rules changed.

`prepare` builds and leaves the judged-to-be tables in `build`; `publish` puts them in place with their rejections, in
one transaction; `discard` forgets them. What makes an answer right is in `judge.py`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import psycopg2
from psycopg2 import sql

from meal_pipelines.clean.corrections import CleaningLog, Outcome
from meal_pipelines.clean.extract import RawTable, extract
from meal_pipelines.clean.judge import Judge, Judged, rows_around
from meal_pipelines.clean.tables import cleaned_spec
from meal_pipelines.errors import MealError
from meal_pipelines.project.load import LoadedForm, LoadedProject
from meal_pipelines.project.questionnaire import MAIN
from meal_pipelines.protect.keyring import Keyring
from meal_pipelines.warehouse import publish as wap
from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.copy import Writer, bytea_column, escape_column
from meal_pipelines.warehouse.refusals import value_free
from meal_pipelines.warehouse.tables import Column, TableSpec, create_table, short

CHUNK = 10_000
RULES_VERSION = "1"
"""Raised when the code judges differently: every form is then cleaned again."""

REJECTION_COLUMNS = (
    Column("submission_id", "text", ""), Column("repeat", "text", ""), Column("repeat_index", "integer", ""),
    Column("question", "text", ""), Column("rule", "text", ""), Column("message", "text", ""),
    Column("severity", "text", ""), Column("load_id", "bigint", ""),
)  # fmt: skip


@dataclass
class CleanBuild:
    """One form, built and not yet published.

    specs: its tables, main first · whole: built anew, not by a delta · submissions: looked at · quarantined: of them,
    those that do not stand · faults: findings by (rule, severity) · unknown: questions that nobody has declared.
    """

    form: LoadedForm
    specs: list[TableSpec]
    whole: bool
    fingerprint: str
    until: int
    run_id: str | None
    submissions: int = 0
    deleted: int = 0
    quarantined: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    unknown: set[str] = field(default_factory=set)
    not_judged: set[str] = field(default_factory=set)
    corrections: list[Outcome] = field(default_factory=list)

    @property
    def changed(self) -> str:
        """The table in `build` of the submissions that this build replaces."""
        return short(f"cleaned__{self.form.table}__changed")

    @property
    def rejections(self) -> str:
        return short(f"cleaned__{self.form.table}__rejections")


def fingerprint(project: LoadedProject, form: LoadedForm, log: CleaningLog) -> str:
    """Of everything but the submissions that decides what a cleaned table says."""
    return hashlib.sha256(f"{RULES_VERSION}|{project.fingerprint(form)}|{log.fingerprint}".encode()).hexdigest()


def prepare(
    warehouse: Warehouse,
    keyring: Keyring,
    project: LoadedProject,
    form: LoadedForm,
    log: CleaningLog,
    *,
    run_id: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CleanBuild | None:
    """Build the form's cleaned tables in `build`.

    Returns: None when nothing changed since the last build.
    Raises: MealError (a wrong key, a database refusal), never with a value of the data.
    """
    specs = [cleaned_spec(form, table) for table in form.questionnaire.tables.values()]
    build = CleanBuild(form, specs, True, fingerprint(project, form, log), 0, run_id)
    with closing(warehouse.psycopg()) as reader, closing(warehouse.psycopg()) as connection:
        try:
            with connection.cursor() as cursor:
                total = _plan(cursor, build)
                connection.commit()
                if total is None:
                    return None
                _build(build, reader, connection, keyring, log, total, progress)
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
    build: CleanBuild, reader: Any, connection: Any, keyring: Keyring, log: CleaningLog, total: int,
    progress: Callable[[int, int], None] | None,
) -> None:  # fmt: skip
    """Read, clean and write chunk after chunk; one chunk is written while the next is cleaned."""
    cleaner = _Cleaner(build, keyring, log)
    done = 0
    # A whole build sees every submission: what it does not meet is nowhere. A delta only learns of deletions.
    gone = set(log.by_submission) if build.whole else set()
    with Writer(connection) as writer:
        for rows in _chunks(reader, build):
            present = [row for row in rows if row[4] == "present"]
            gone.update(row[0] for row in rows if row[4] != "present")
            gone.difference_update(row[0] for row in present)
            build.deleted += len(rows) - len(present)
            if present:
                cleaner.clean(present, writer)
            done += len(rows)
            if progress is not None:
                progress(done, total)
    connection.commit()
    build.not_judged = cleaner.judge.not_judged
    build.corrections += log.without_submission(sorted(gone & log.by_submission.keys()))


def _chunks(reader: Any, build: CleanBuild) -> Iterator[list[Any]]:
    """The last version of each changed submission, in order, `CHUNK` at a time, over a server-side cursor."""
    query = sql.SQL(LATEST).format(changed=sql.Identifier("build", build.changed))
    with reader.cursor(name="latest_submissions") as cursor:
        cursor.itersize = CHUNK
        cursor.execute(query, {"project": build.form.project, "form": build.form.name, "until": build.until})
        while rows := cursor.fetchmany(CHUNK):
            yield rows


class _Cleaner:
    """Cleans chunks of one form; holds what does not change between chunks."""

    def __init__(self, build: CleanBuild, keyring: Keyring, log: CleaningLog) -> None:
        self.build, self.form, self.log = build, build.form, log
        self.sealer = keyring.sealer(build.form.project)
        self.duplicate_hash = keyring.hasher(build.form.project, "duplicate")
        self.judge = Judge(build.form)

    def clean(self, rows: list[Any], writer: Writer) -> None:
        """Clean n submissions: rows of (submission_id, version, form_version, submitted_at, state, load_id, payload)."""
        ids = [row[0] for row in rows]
        places = [f"raw|{self.form.project}|{self.form.name}|{row[0]}|{row[1]}" for row in rows]
        tables = extract(self.form.questionnaire, self.sealer.unseal([row[6] for row in rows], places))
        self.build.corrections += self.log.apply(ids, tables, self.form.questionnaire)
        today = _days(rows, tables[MAIN])
        judged: dict[str, Judged] = {}
        for name, raw in tables.items():
            judged[name] = self.judge.judge(raw, judged, today)
            self.build.unknown |= raw.unknown
        self._quarantine(judged)
        self.build.submissions += len(rows)
        self.build.quarantined += int((~judged[MAIN].stands).sum())
        refused = self._consent_refused(judged)
        for spec, (name, table) in zip(self.build.specs, judged.items(), strict=True):
            self._write(spec, name, table, rows, refused[name], writer)
        self._write_faults(judged, rows, writer)

    def _quarantine(self, judged: dict[str, Judged]) -> None:
        """A row of a repeat does not stand when the row around it does not."""
        for table in judged.values():
            if table.raw.table.parent is not None and len(table.raw):
                outer = judged[table.raw.table.parent]
                table.stands &= outer.stands[rows_around(table.raw, outer.raw)]

    def _consent_refused(self, judged: dict[str, Judged]) -> dict[str, np.ndarray[Any, Any]]:
        """For each row, whether the person (or the one who answers for the form) refused that anything be kept."""
        refused: dict[str, np.ndarray[Any, Any]] = {}
        question, _, agreed = (part.strip() for part in (self.form.form.consent or "").partition("="))
        for name, table in judged.items():
            parent = table.raw.table.parent
            rows = np.zeros(len(table.raw), dtype=bool)
            if parent is not None and len(table.raw):
                rows = refused[parent][rows_around(table.raw, judged[parent].raw)]
            asked = table.raw.table.question(question) if question else None
            if asked is not None:
                rows = rows | np.array([text != agreed for text in table.texts[asked.column]], dtype=bool)
            refused[name] = rows
        return refused

    def _write(
        self, spec: TableSpec, name: str, table: Judged, rows: list[Any], refused: np.ndarray[Any, Any], writer: Writer
    ) -> None:
        kept = np.flatnonzero(table.stands).tolist()
        if not kept:
            return
        owners = [table.raw.owner[row] for row in kept]
        system = self._system(name, table, rows, kept, owners)
        data = [system[column.name] for column in spec.columns if column.privacy == "technical"]
        for question in self.form.shown(table.raw.table):
            texts = [table.texts[question.column][row] for row in kept]
            data.append(_arrays(texts) if question.type in ("select_multiple", "rank") else escape_column(texts))
        data.append(self._personal(spec, table, rows, kept, owners, refused))
        self.build.rows[spec.qualified] += len(kept)
        writer.copy("build", spec.staged, spec.names(), data)

    def _system(
        self, name: str, table: Judged, rows: list[Any], kept: list[int], owners: list[int]
    ) -> dict[str, list[str]]:
        columns: dict[str, list[str]] = {"submission_id": escape_column([rows[owner][0] for owner in owners])}
        if name != MAIN:
            columns["repeat_index"] = [str(table.raw.repeat_index[row]) for row in kept]
            parents = [table.raw.parent_index[row] for row in kept]
            columns["parent_index"] = ["\\N" if parent is None else str(parent) for parent in parents]
            return columns
        columns["version"] = [str(rows[owner][1]) for owner in owners]
        columns["form_version"] = escape_column([rows[owner][2] for owner in owners])
        stamps = [rows[owner][3] for owner in owners]
        columns["submitted_at"] = ["\\N" if stamp is None else stamp.isoformat() for stamp in stamps]
        columns["load_id"] = [str(rows[owner][5]) for owner in owners]
        if self.form.form.duplicates:
            columns["duplicate_key"] = escape_column(self._duplicate_keys(table, kept))
        return columns

    def _duplicate_keys(self, table: Judged, kept: list[int]) -> list[str | None]:
        by_name = {question.name: question.column for question in table.raw.table.questions}
        columns = [table.texts[by_name[name]] for name in self.form.form.duplicates]
        keys: list[str | None] = []
        for row in kept:
            parts = [column[row] for column in columns]
            keys.append(None if None in parts else self.duplicate_hash(orjson.dumps(parts))[:16].hex())
        return keys

    def _personal(
        self,
        spec: TableSpec,
        table: Judged,
        rows: list[Any],
        kept: list[int],
        owners: list[int],
        refused: np.ndarray[Any, Any],
    ) -> list[str]:
        """Sealed answers of each row, as one JSON object; nothing for who refused."""
        columns = [(question.column, table.texts[question.column]) for question in self.form.sealed(table.raw.table)]
        documents: list[bytes] = []
        filled: list[int] = []
        for position, row in enumerate(kept):
            if refused[row]:
                continue
            answers = {column: texts[row] for column, texts in columns if texts[row] is not None}
            strays = table.raw.strays[row]
            if strays:
                answers["?"] = strays  # type: ignore[assignment]
            if answers:
                documents.append(orjson.dumps(answers))
                filled.append(position)
        places = [
            f"cleaned|{spec.name}|{rows[owners[position]][0]}|{table.raw.repeat_index[kept[position]]}"
            for position in filled
        ]
        sealed: list[bytes | None] = [None] * len(kept)
        for position, blob in zip(filled, self.sealer.seal(documents, places), strict=True):
            sealed[position] = blob
        return bytea_column(sealed)

    def _write_faults(self, judged: dict[str, Judged], rows: list[Any], writer: Writer) -> None:
        lines = []
        for name, table in judged.items():
            for fault in table.faults:
                self.build.faults[fault.rule, fault.severity] += 1
                owner = rows[table.raw.owner[fault.row]]
                index = str(table.raw.repeat_index[fault.row]) if name != MAIN else "0"
                lines.append(
                    (owner[0], name, index, fault.question, fault.rule, fault.message, fault.severity, str(owner[5]))
                )
        if lines:
            names = [column.name for column in REJECTION_COLUMNS]
            writer.copy(
                "build",
                self.build.rejections,
                names,
                [escape_column(list(column)) for column in zip(*lines, strict=True)],
            )


def _days(rows: list[Any], main: RawTable) -> np.ndarray[Any, Any]:
    """The day each submission was made, in days since 1970: its own `today`, else the day it was sent."""
    from meal_pipelines.project.expression import Values

    own = next((question.column for question in main.table.questions if question.type == "today"), None)
    texts = main.answers[own] if own is not None else [None] * len(rows)
    days = Values.of_texts(texts).number
    sent = np.array([np.nan if row[3] is None else row[3].timestamp() // 86_400 for row in rows], dtype=float)
    return np.where(np.isnan(days), np.where(np.isnan(sent), np.inf, sent), days)


def _arrays(texts: list[str | None]) -> list[str]:
    """`a b` → PostgreSQL's `{"a","b"}`, formatted once per distinct answer."""
    known: dict[str | None, str | None] = {None: None}
    for text in set(texts):
        if text is not None:
            quoted = (part.replace("\\", "\\\\").replace('"', '\\"') for part in text.split())
            known[text] = "{" + ",".join(f'"{part}"' for part in quoted) + "}"
    return escape_column([known[text] for text in texts])


def publish(warehouse: Warehouse, build: CleanBuild, log: CleaningLog) -> None:
    """Put the judged tables in place, with the rejections and the corrections of the same submissions."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for spec in build.specs:
            wap.publish(cursor, spec, whole=build.whole, changed=build.changed)
            wap.record_build(
                cursor, spec, stage="cleaned", project=build.form.project, form=build.form.name,
                fingerprint=build.fingerprint, load_id=build.until, run_id=build.run_id,
            )  # fmt: skip
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
        _drop(cursor, build)


def _note_unknown(cursor: Any, build: CleanBuild) -> None:
    """Remember the questions nobody declared; a whole build has seen every answer, so it also forgets."""
    whose = (build.form.project, build.form.name)
    if build.whole:
        cursor.execute("delete from quality.unknown_question where project = %s and form = %s", whose)
    cursor.executemany(
        "insert into quality.unknown_question (project, form, question, first_load_id) values (%s, %s, %s, %s)"
        " on conflict do nothing",
        [(*whose, question, build.until) for question in sorted(build.unknown)],
    )


def unknown_questions(warehouse: Warehouse, form: LoadedForm) -> list[str]:
    """The questions received so far that the form's questionnaire does not have, in alphabetical order."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select question from quality.unknown_question where project = %s and form = %s order by question",
            (form.project, form.name),
        )
        return [row[0] for row in cursor.fetchall()]


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
    select coalesce(max(load_id), 0) from raw.submission
    where project = %(project)s and form = %(form)s and load_id < coalesce(
        (select min(load_id) from raw.load where project = %(project)s and form = %(form)s and state = 'running'),
        9223372036854775807)
"""
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
