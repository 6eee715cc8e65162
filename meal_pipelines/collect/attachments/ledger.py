"""What `raw.attachment` knows of one form's files, and how it is written. Servers and bytes are not known here.

A row is known by its submission and a keyed hash of the file's name (and of what the server changes when other bytes come
under that name). Its `content` is written before bytes come into the store and taken away after they have left it: what
lies in the store without a row is never ours to guess.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg2.extras import execute_values

from meal_pipelines.collect.source import Attachment
from meal_pipelines.errors import MealError
from meal_pipelines.protect.keys.keyring import Keyring

BATCH = 100
LOCK_WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Due:
    """A submission whose files are to be asked for. version, load_id: its last version, and what brought it."""

    submission_id: str
    version: int
    load_id: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that is at the source and not yet here."""

    submission_id: str
    file_key: bytes = field(repr=False)
    attachment: Attachment = field(repr=False)


class FileLedger:
    """The part of `raw.attachment` that belongs to one form. The caller commits, `lock_*` excepted."""

    def __init__(self, connection: Any, keyring: Keyring, project: str, form: str) -> None:
        self.connection, self.project, self.form = connection, project, form
        self._sealer, self._hash = keyring.sealer(project), keyring.hasher(project, "attachment name")
        self._cursor = connection.cursor()
        self._of_form = {"project": project, "form": form}

    def lock_form(self) -> None:
        """Keep other runs away from this form's files, for as long as the connection lives.

        Raises: MealError when another run holds them.
        """
        deadline = time.monotonic() + LOCK_WAIT_S
        while not self._one(
            "select pg_try_advisory_lock(hashtext('attachments'), hashtext(%(name)s))",
            name=f"{self.project}/{self.form}",
        ):
            if time.monotonic() > deadline:
                raise MealError(
                    f"Les fichiers du formulaire « {self.form} » ({self.project}) sont déjà en cours de collecte par une autre "
                    "exécution. Attendez qu'elle finisse, puis relancez."
                )
            time.sleep(0.05)

    def _one(self, query: str, **values: object) -> Any:
        self._cursor.execute(query, self._of_form | values)
        row = self._cursor.fetchone()
        return row[0] if row else None

    # What is to be asked for ----------------------------------------------------------------------------------

    def find_due(self, limits: str) -> tuple[int, int]:
        """Find the submissions whose files must be asked for; those of deleted ones are expected no more.

        Only what was loaded since `move` is looked at, and what is still wanted. Returns: (about how many files, where to
        move when all was asked for).
        """
        since = self._one(SINCE) or 0
        end = self._one(END) or 0
        self._cursor.execute("drop table if exists due")
        self._cursor.execute(SETTLE_DELETED, self._of_form | {"since": since})
        self._cursor.execute(FIND_DUE, self._of_form | {"since": since, "limits": limits})
        return int(self._one("select coalesce(sum(files), 0) from due")), int(end)

    def move(self, end: int) -> None:
        """Every submission loaded up to `end` has said its files."""
        self._cursor.execute(MOVE, self._of_form | {"end": end})

    def due(self) -> Iterator[list[Due]]:
        """What `find_due` has found, some at a time; commits may stand between."""
        after = ""
        while True:
            self._cursor.execute(
                'select submission_id, version, load_id from due where submission_id collate "C" > %s'
                ' order by submission_id collate "C" limit %s',
                (after, BATCH),
            )
            found = [Due(*row) for row in self._cursor.fetchall()]
            if not found:
                return
            yield found
            after = found[-1].submission_id

    def note(self, due: Due, files: Sequence[Attachment], limits: str) -> list[Wanted]:
        """Write down what the source says of a submission's files. Returns: those to fetch; none once it is erased."""
        self.lock_store(alone=False)
        if self._one(IS_ERASED, submission_id=due.submission_id):
            return []
        keys = [self._hash(f"{file.name}\0{file.edition or ''}".encode()) for file in files]
        names = self._sealer.seal(
            [file.name.encode() for file in files], [self._place(due.submission_id, key) for key in keys]
        )
        rows = [
            (self.project, self.form, due.submission_id, key, "expected", file.is_there, name, due.version, due.load_id)
            for key, name, file in zip(keys, names, files, strict=True)
        ]
        if rows:
            execute_values(self._cursor, NOTE, list({row[3]: row for row in rows}.values()))
        of_submission = self._of_form | {"submission_id": due.submission_id, "limits": limits}
        self._cursor.execute(UNNAMED, of_submission | {"version": due.version, "load": due.load_id, "named": keys})
        self._cursor.execute(WANTED, of_submission)
        wanted = {bytes(row[0]) for row in self._cursor.fetchall()}
        known = dict(zip(keys, files, strict=True))
        return [Wanted(due.submission_id, key, file) for key, file in known.items() if key in wanted]

    def _place(self, submission_id: str, key: bytes) -> str:
        return f"attachment|{self.project}|{self.form}|{submission_id}|{key.hex()}"

    # What became of a file ------------------------------------------------------------------------------------

    def refuse(self, file: Wanted, reason: str, media_type: str | None, limits: str) -> None:
        self._become(file, "refused", reason=reason, media_type=media_type, limits=limits)

    def fail(self, file: Wanted) -> None:
        self._cursor.execute(FAILED, self._of_file(file))

    def lose(self, file: Wanted) -> None:
        """The source has it no more, whatever it said a moment ago."""
        self._cursor.execute(LOST, self._of_file(file))

    def intend(self, file: Wanted, content: bytes) -> bool:
        """Write an address down before bytes come in under it. Returns: False when nobody expects the file any more."""
        self._cursor.execute(INTEND, self._of_file(file) | {"content": content})
        return bool(self._cursor.rowcount)

    def keep(self, file: Wanted, media_type: str | None, size: int, limits: str) -> None:
        """The bytes under the intended address are in the store."""
        self._become(file, "kept", media_type=media_type, bytes=size, limits=limits)

    def _become(self, file: Wanted, state: str, **values: object) -> None:
        given = {"reason": None, "media_type": None, "bytes": None, "limits": None, **values, "state": state}
        self._cursor.execute(BECOME, self._of_file(file) | given)

    def _of_file(self, file: Wanted) -> dict[str, object]:
        return self._of_form | {"submission_id": file.submission_id, "file_key": file.file_key}

    # Addresses ------------------------------------------------------------------------------------------------

    def lock_store(self, *, alone: bool) -> None:
        """Until the end of the transaction: files come in side by side, and leave alone. One lock for a project."""
        mode = "" if alone else "_shared"
        self._cursor.execute(
            f"select pg_advisory_xact_lock{mode}(hashtext('attachment store'), hashtext(%(project)s))", self._of_form
        )

    def unfulfilled(self) -> list[bytes]:
        """Addresses that a killed run wrote down and that no other row has; forgotten here. The caller holds the store."""
        self._cursor.execute(UNFULFILLED, self._of_form)
        found = [bytes(row[0]) for row in self._cursor.fetchall()]
        return self.unreferenced(found)

    def unreferenced(self, contents: Sequence[bytes]) -> list[bytes]:
        """Those that no file of the project has."""
        self._cursor.execute(UNREFERENCED, self._of_form | {"contents": list(contents)})
        return [bytes(row[0]) for row in self._cursor.fetchall()]

    def contents(self) -> set[bytes]:
        """The addresses of every kept file of the project."""
        self._cursor.execute(
            "select distinct content from raw.attachment where project = %(project)s and state = 'kept'", self._of_form
        )
        return {bytes(row[0]) for row in self._cursor.fetchall()}

    def erase(self, submission_ids: Sequence[str] | None) -> tuple[int, int, list[bytes]]:
        """Leave one empty row of each submission. Returns: (submissions, files, addresses that nobody has any more)."""
        which = self._of_form | {"ids": None if submission_ids is None else list(submission_ids)}
        self._cursor.execute(ERASE, which)
        rows = [(row[0], None if row[1] is None else bytes(row[1])) for row in self._cursor.fetchall()]
        self._cursor.execute(TOMBSTONES, which | {"found": [row[0] for row in rows]})
        contents = {content for _, content in rows if content is not None}
        return self._cursor.rowcount, len(rows), self.unreferenced(sorted(contents))

    def erase_named(self, submission_id: str, names: Sequence[str]) -> tuple[int, list[bytes]]:
        """Leave an empty row of each of these files of one submission; the others stay.

        Returns: (files, addresses that nobody has any more).
        """
        of_submission = self._of_form | {"submission_id": submission_id}
        self._cursor.execute(NAMES, of_submission)
        rows = [(bytes(key), bytes(name), content) for key, name, content in self._cursor.fetchall()]
        told = self._sealer.unseal([row[1] for row in rows], [self._place(submission_id, row[0]) for row in rows])
        hit = [row for row, name in zip(rows, told, strict=True) if name.decode() in set(names)]
        # A file that was not listed yet has no row: its name is enough where the source gives files no editions.
        keys = {key for key, _, _ in hit} | {self._hash(f"{name}\0".encode()) for name in names}
        for key in keys:
            self._cursor.execute(ERASE_FILE, of_submission | {"file_key": key})
        return len(hit), self.unreferenced(sorted({bytes(content) for _, _, content in hit if content is not None}))

    def refused(self) -> list[str]:
        """The submissions marked as erased, because their person refuses, whose files are still here."""
        self._cursor.execute(REFUSED, self._of_form)
        return [row[0] for row in self._cursor.fetchall()]

    # Taking out -----------------------------------------------------------------------------------------------

    def kept(self, submission_id: str) -> list[tuple[str, str | None, bytes]]:
        """(name, media type, address) of each kept file of a submission."""
        self._cursor.execute(KEPT, self._of_form | {"submission_id": submission_id})
        rows = [(bytes(key), bytes(name), kind, bytes(content)) for key, name, kind, content in self._cursor.fetchall()]
        names = self._sealer.unseal([row[1] for row in rows], [self._place(submission_id, row[0]) for row in rows])
        return [(name.decode(), kind, content) for name, (_, _, kind, content) in zip(names, rows, strict=True)]


OF_FORM = "project = %(project)s and form = %(form)s"
OF_FILE = f"{OF_FORM} and submission_id = %(submission_id)s and file_key = %(file_key)s"
TO_FETCH = """
    state in ('expected', 'refused') and is_at_source
        and (state = 'expected' or limits <> %(limits)s or reason <> 'size' and tries < 2)
"""
"""A refusal for what a file is takes a second night: the page of a proxy, under 200, is no file either."""
SINCE = f"select load_id from raw.attachment_cursor where {OF_FORM}"
END = f"""
    select coalesce(min(load_id) filter (where state = 'running') - 1, max(load_id)) from raw.load where {OF_FORM}
"""
"""A load that is still running (or was killed) may have pages to come under its number."""
MOVE = """
    insert into raw.attachment_cursor (project, form, load_id) values (%(project)s, %(form)s, %(end)s)
    on conflict (project, form) do update set load_id = excluded.load_id, updated_at = now()
        where raw.attachment_cursor.load_id < excluded.load_id
"""
SETTLE_DELETED = """
    update raw.attachment as a set is_at_source = false, changed_at = now(),
        state = case when a.state = 'expected' then 'gone' else a.state end
    from raw.submission as d
    where d.project = %(project)s and d.form = %(form)s and d.load_id > %(since)s and d.state = 'deleted'
        and a.project = d.project and a.form = d.form and a.submission_id = d.submission_id
        and (a.is_at_source or a.state = 'expected')
        and not exists (select 1 from raw.submission as s where s.project = d.project and s.form = d.form
            and s.submission_id = d.submission_id and s.version > d.version)
"""
FIND_DUE = f"""
    create temporary table due as
    with candidate as (
        select submission_id from raw.submission as s where {OF_FORM} and load_id > %(since)s
            and (attachments > 0 or exists (select 1 from raw.attachment as a where a.project = s.project
                and a.form = s.form and a.submission_id = s.submission_id))
        union
        select submission_id from raw.attachment where {OF_FORM} and ({TO_FETCH})
    ), last as (
        select candidate.submission_id, s.version, s.state, s.load_id, s.attachments_present
        from candidate cross join lateral (
            select * from raw.submission as s
            where {OF_FORM} and s.submission_id = candidate.submission_id order by version desc limit 1
        ) as s
    ), known as (
        select submission_id, max(version) as version, bool_or(state = 'erased' and file_key = '') as erased,
            bool_or({TO_FETCH}) as wanted
        from raw.attachment join candidate using (submission_id) where {OF_FORM} group by submission_id
    )
    select submission_id, last.version, load_id, greatest(attachments_present, 1) as files
    from last left join known using (submission_id)
    where state = 'present' and erased is not true
        and (wanted or last.version > known.version or known.version is null and attachments_present > 0)
"""
IS_ERASED = f"select true from raw.attachment where {OF_FORM} and submission_id = %(submission_id)s and state = 'erased' and file_key = ''"
NOTE = """
    insert into raw.attachment
        (project, form, submission_id, file_key, state, is_at_source, name, version, load_id) values %s
    on conflict (project, form, submission_id, file_key) do update set is_at_source = excluded.is_at_source,
        state = case when raw.attachment.state = 'gone' then 'expected' else raw.attachment.state end,
        version = excluded.version, load_id = excluded.load_id,
        changed_at = case when raw.attachment.is_at_source = excluded.is_at_source and raw.attachment.state <> 'gone'
            then raw.attachment.changed_at else now() end
"""
UNNAMED = f"""
    update raw.attachment set is_at_source = false, version = %(version)s, load_id = %(load)s,
        state = case when state = 'expected' then 'gone' else state end,
        changed_at = case when is_at_source or state = 'expected' then now() else changed_at end
    where {OF_FORM} and submission_id = %(submission_id)s and not file_key = any(%(named)s::bytea[]) and state <> 'erased'
"""
WANTED = f"""
    select file_key from raw.attachment where {OF_FORM} and submission_id = %(submission_id)s and ({TO_FETCH})
"""
BECOME = f"""
    update raw.attachment set state = %(state)s, reason = %(reason)s, media_type = %(media_type)s, bytes = %(bytes)s,
        limits = %(limits)s, tries = case when %(state)s = 'refused' and state = 'refused' then tries + 1
            when %(state)s = 'refused' then 1 else 0 end, changed_at = now()
    where {OF_FILE} and state in ('expected', 'refused')
"""
FAILED = f"update raw.attachment set reason = 'failed', tries = tries + 1, changed_at = now() where {OF_FILE}"
LOST = f"update raw.attachment set is_at_source = false, changed_at = now() where {OF_FILE}"
INTEND = f"update raw.attachment set content = %(content)s where {OF_FILE} and state in ('expected', 'refused')"
UNFULFILLED = f"""
    with unfulfilled as (
        select ctid as row, content from raw.attachment where {OF_FORM} and state <> 'kept' and content is not null for update
    )
    update raw.attachment as a set content = null from unfulfilled as u where a.ctid = u.row returning u.content
"""
UNREFERENCED = """
    select content from unnest(%(contents)s::bytea[]) as asked(content)
    where not exists (select 1 from raw.attachment as a where a.project = %(project)s and a.content = asked.content)
"""
ERASE = f"""
    delete from raw.attachment where {OF_FORM} and state <> 'erased'
        and (%(ids)s::text[] is null or submission_id = any(%(ids)s::text[]))
    returning submission_id, content
"""
TOMBSTONES = f"""
    insert into raw.attachment (project, form, submission_id, file_key, state, is_at_source, version)
    select %(project)s, %(form)s, submission_id, '', 'erased', false, 0 from (
        select unnest(coalesce(%(ids)s::text[], %(found)s::text[])) as submission_id
        union
        select submission_id from raw.submission where {OF_FORM} and %(ids)s::text[] is null and attachments > 0
    ) as erased
    on conflict do nothing
"""
NAMES = f"""
    select file_key, name, content from raw.attachment
    where {OF_FORM} and submission_id = %(submission_id)s and name is not null
"""
ERASE_FILE = """
    insert into raw.attachment (project, form, submission_id, file_key, state, is_at_source, version)
    values (%(project)s, %(form)s, %(submission_id)s, %(file_key)s, 'erased', false, 0)
    on conflict (project, form, submission_id, file_key) do update set state = 'erased', is_at_source = false, reason = null,
        name = null, media_type = null, content = null, bytes = null, limits = null, changed_at = now()
"""
REFUSED = f"""
    select submission_id from raw.attachment where {OF_FORM}
    group by submission_id having bool_or(state = 'erased' and file_key = '') and bool_or(state <> 'erased')
"""
KEPT = f"""
    select file_key, name, media_type, content from raw.attachment
    where {OF_FORM} and submission_id = %(submission_id)s and state = 'kept' order by first_seen_at, file_key
"""
