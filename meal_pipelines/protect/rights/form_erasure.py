"""Take submissions, or single persons of submissions, out of one form: every table that holds them, in one transaction.

What is to be taken out, and what is left in its place, is decided by the caller (`erasure.py`), who commits; files are
erased there too. What stays is `raw.erased`, which says nothing of who it was.
"""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from psycopg2 import sql

from meal_pipelines.collect.ledger import FORGET_EARLIER
from meal_pipelines.collect.screening import Signs
from meal_pipelines.collect.source import canonical
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.project.question_types import ATTACHMENTS
from meal_pipelines.project.questionnaire import Table
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.rights.redaction import Document, redact, redact_row, rows_in, texts

Why = Literal["request", "withdrawal", "retention"]
Rows = Mapping[str, Collection[tuple[str, int]]]
"""By submission, the (repeat, repeat_index) of the rows to take out; none where only earlier versions name the person."""


@dataclass(frozen=True)
class Version:
    """One version of a submission, opened."""

    submission_id: str
    version: int
    state: str
    document: Document = field(repr=False)


class FormErasure:
    """Erases from one form. mark: what replaces the answers of who stays counted; None: her rows are left out.

    counts: rows taken out, by table · files: by submission, the names of the files that the erased rows gave · persons: the
    pseudonyms that the vault had of them.
    """

    def __init__(
        self, cursor: Any, keyring: Keyring, project: LoadedProject, form: LoadedForm, why: Why, mark: str | None
    ) -> None:
        self.cursor, self.form, self.why, self.mark = cursor, form, why, mark
        self.sealer, self.signs = keyring.sealer(project.id), Signs(keyring, project.id, form.name, project)
        self.counts: Counter[str] = Counter()
        self.files: dict[str, list[str]] = defaultdict(list)
        self.persons: set[str] = set()
        self._of_form = {"project": project.id, "form": form.name}

    def submissions(self, ids: Collection[str]) -> None:
        """Erase whole submissions; who stays counted stays under an identifier that no source knows."""
        if not ids:
            return
        last = self._last(ids)
        load = self._load(len(last))
        self._remember([(self.signs.submission(each), "", 0, None, [], None) for each in sorted(ids)])
        if self.mark is not None:
            self._leave(load, [each for each in last if each.state == "present"])
        for table in ("raw.submission", "raw.missing", "raw.attachment", *KNOWN):
            self._delete(table, OF_FORM + " and submission_id = any(%(ids)s)", ids=list(ids))
        for schema in ("cleaned", "pseudonymised"):
            for table in self.form.questionnaire.tables:
                self._delete_built(schema, table, "submission_id = any(%(ids)s)", ids=list(ids))
        tables = [f"pseudonymised.{self.form.table_of(table)}" for table in self.form.questionnaire.tables]
        self.counts[FROZEN] += cut_loose(self.cursor, self.form.project, tables, ids, ())

    def rows(self, rows: Rows) -> None:
        """Erase persons out of submissions that concern others: their rows, and every earlier version."""
        if not rows:
            return
        last = self._last(rows)
        load = self._load(0)
        for each in last:
            self._take_out(each, rows[each.submission_id])
        self._rewrite(load, [each for each in last if each.state == "present" and rows[each.submission_id]])
        self.cursor.execute(FORGET_EARLIER, self._of_form | {"ids": list(rows)})
        self.counts["raw.submission"] += self.cursor.rowcount
        # Of a submission deleted at the source nothing that was said is needed any more.
        gone = [each.submission_id for each in last if each.state != "present"]
        self.cursor.execute(FORGET_DELETED, self._of_form | {"ids": gone})
        for submission_id, places in rows.items():
            for repeat, index in places:
                self._forget_row(submission_id, repeat, index)

    # What is left ---------------------------------------------------------------------------------------------

    def _remember(self, lines: Iterable[tuple[bytes, str, int, int | None, list[bytes], str | None]]) -> None:
        """What the collection must not bring back."""
        self.cursor.executemany(
            "insert into raw.erased (project, form, submission_key, repeat, position, rows, signs, mark, why)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (project, form, submission_key, repeat, position) do update set"
            " signs = raw.erased.signs || excluded.signs, rows = excluded.rows, mark = excluded.mark",
            [(*self._of_form.values(), *line, self.why) for line in lines],
        )

    def _leave(self, load: int, last: list[Version]) -> None:
        """What stays counted of erased submissions: nothing of it says whose it was, nor which submission."""
        assert self.mark is not None
        for each in last:
            submission_id = f"anonyme-{secrets.token_hex(12)}"
            left = redact(self.form, each.document, mark=self.mark, is_anonymous=True)
            self._insert(load, submission_id, 1, each, left, LEAVE)

    def _take_out(self, version: Version, places: Collection[tuple[str, int]]) -> None:
        """Redact the rows of a document, and remember by what they would be recognised."""
        found: list[tuple[Table, Document]] = []
        for repeat, index in sorted(places):
            table = self.form.questionnaire.tables[repeat]
            rows = rows_in(self.form, version.document, table)
            if index > len(rows):
                continue
            row = rows[index - 1]
            signs = sorted(self.signs.row(version.submission_id, table, row))
            key = self.signs.submission(version.submission_id)
            self._remember([(key, repeat, index, len(rows), signs, self.mark)])
            given = texts(table, row)
            asked = [question.name for question in table.questions if question.type in ATTACHMENTS]
            self.files[version.submission_id] += [given[name] for name in asked if name in given]
            found.append((table, row))
        for table, row in found:
            redact_row(self.form, table, row, self.mark)

    def _rewrite(self, load: int, last: list[Version]) -> None:
        """A new version of each, without who was erased; a source that shows it unchanged adds none."""
        for each in last:
            self._insert(load, each.submission_id, each.version + 1, each, each.document, REWRITE)

    def _insert(
        self, load: int, submission_id: str, version: int, of: Version, document: Document, statement: str
    ) -> None:
        place = f"raw|{self.form.project}|{self.form.name}|{submission_id}|{version}"
        [sealed] = self.sealer.seal([canonical(document)], [place])
        self.cursor.execute(
            statement,
            self._of_form
            | {
                "submission_id": submission_id, "version": version, "load": load, "payload": sealed,
                "of": of.submission_id, "of_version": of.version,
            },
        )  # fmt: skip

    def _load(self, removed: int) -> int:
        self.cursor.execute(LOAD, self._of_form | {"removed": removed})
        load: int = self.cursor.fetchone()[0]
        self.cursor.execute(RECOUNT, self._of_form)
        return load

    # What goes ------------------------------------------------------------------------------------------------

    def _last(self, ids: Collection[str]) -> list[Version]:
        """The last version that says something of each submission, with the state of its very last."""
        self.cursor.execute(LAST, self._of_form | {"ids": list(ids)})
        rows = self.cursor.fetchall()
        places = [f"raw|{self.form.project}|{self.form.name}|{row[0]}|{row[1]}" for row in rows]
        opened = self.sealer.unseal([row[3] for row in rows], places)
        return [
            Version(submission_id, version, state, orjson.loads(payload))
            for (submission_id, version, state, _), payload in zip(rows, opened, strict=True)
        ]

    def _forget_row(self, submission_id: str, repeat: str, index: int) -> None:
        of_row = {"submission_id": submission_id, "repeat": repeat, "index": index}
        where = OF_FORM + " and submission_id = %(submission_id)s and repeat = %(repeat)s and repeat_index = %(index)s"
        for table in KNOWN:
            self._delete(table, where, **of_row)
        inner = [table.name for table in self.form.questionnaire.repeats if table.parent == repeat]
        for schema in ("cleaned", "pseudonymised"):
            own = "submission_id = %(submission_id)s and repeat_index = %(index)s"
            self._delete_built(schema, repeat, own, **of_row)
            for table in inner:
                inside = "submission_id = %(submission_id)s and parent_index = %(index)s"
                self._delete_built(schema, table, inside, **of_row)

    def _delete(self, table: str, where: str, **values: object) -> None:
        schema, _, name = table.partition(".")
        if table == "vault.identity":
            query = "select person_id from vault.identity where person_id is not null and "
            self.cursor.execute(query + where, self._of_form | values)
            self.persons.update(row[0] for row in self.cursor.fetchall())
        statement = sql.SQL("delete from {} where ").format(sql.Identifier(schema, name)) + sql.SQL(where)
        self.cursor.execute(statement, self._of_form | values)
        self.counts[table] += self.cursor.rowcount

    def _delete_built(self, schema: str, table: str, where: str, **values: object) -> None:
        """From a table that the stages build, if it was ever built; what reads it is built again."""
        name = self.form.table_of(table)
        self.cursor.execute("select to_regclass(%s) is not null", (f'"{schema}"."{name}"',))
        if not self.cursor.fetchone()[0]:
            return
        self._delete(f"{schema}.{name}", where, **values)
        if self.cursor.rowcount:
            self.cursor.execute(REBUILT, {"table": f"{schema}.{name}", "count": self.cursor.rowcount})


def cut_loose(
    cursor: Any, project: str, tables: Collection[str], submissions: Collection[str], persons: Collection[str]
) -> int:
    """Let frozen reports keep their totals without these persons, nor whoever is in these submissions of these tables.

    Each becomes one that nobody can compute, the same in every frozen report of the project. Returns: rows changed.
    """
    cursor.execute(CUT_LOOSE, (project, list(tables), list(submissions), list(persons)))
    return int(cursor.fetchone()[0])


FROZEN = "indicators.reported_record"
CUT_LOOSE = "select indicators.cut_loose(%s, %s::text[], %s::text[], %s::text[])"
KNOWN = ("quality.rejection", "quality.correction", "vault.identity")
"""The tables that tell of rows by form, submission and place."""

OF_FORM = "project = %(project)s and form = %(form)s"
LAST = """
    select distinct on (s.submission_id) s.submission_id, s.version, last.state, s.payload
    from raw.submission as s
    join (
        select distinct on (submission_id) submission_id, state from raw.submission
        where project = %(project)s and form = %(form)s and submission_id = any(%(ids)s)
        order by submission_id, version desc
    ) as last using (submission_id)
    where project = %(project)s and form = %(form)s and payload is not null order by s.submission_id, s.version desc
"""
LOAD = """
    insert into raw.load (project, form, source, mode, state, removed, finished_at)
    values (%(project)s, %(form)s, 'erasure', 'changes', 'done', %(removed)s, now()) returning load_id
"""
RECOUNT = """
    update raw.cursor set position = jsonb_set(position, '{present}', 'null') where project = %(project)s and form = %(form)s
"""
LEAVE = """
    insert into raw.submission (project, form, submission_id, version, form_version, submitted_at, state, payload, load_id)
    select project, form, %(submission_id)s, %(version)s, form_version, date_trunc('day', submitted_at), 'present',
        %(payload)s, %(load)s
    from raw.submission
    where project = %(project)s and form = %(form)s and submission_id = %(of)s and version = %(of_version)s
"""
REWRITE = """
    insert into raw.submission (project, form, submission_id, version, instance_id, form_version, submitted_at, changed_at,
        state, payload, fingerprint, attachments, attachments_present, load_id)
    select project, form, submission_id, %(version)s, instance_id, form_version, submitted_at, changed_at, 'present',
        %(payload)s, fingerprint, attachments, attachments_present, %(load)s
    from raw.submission
    where project = %(project)s and form = %(form)s and submission_id = %(of)s and version = %(of_version)s
"""
FORGET_DELETED = """
    with deleted as (
        delete from raw.submission
        where project = %(project)s and form = %(form)s and submission_id = any(%(ids)s) and payload is not null
        returning *
    )
    insert into raw.submission (project, form, submission_id, version, form_version, submitted_at, changed_at, state, load_id,
        loaded_at, attachments, attachments_present, fingerprint)
    select project, form, submission_id, version, form_version, submitted_at, changed_at, state, load_id, loaded_at, 0, 0,
        fingerprint
    from deleted
"""
REBUILT = """
    update quality.build set build_no = build_no + 1, rows = greatest(rows - %(count)s, 0), built_at = now()
    where table_name = %(table)s
"""
