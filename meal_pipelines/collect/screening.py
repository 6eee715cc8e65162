"""What may be kept of a submission that a source shows: nothing of what was erased, nothing personal of who refuses.

Called by the ledger before anything is sealed. How answers are taken out is in `protect/rights/redaction.py`; what erases and
leaves `raw.erased` behind, in `protect/rights/erasure.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from meal_pipelines.collect.source import Submission, canonical
from meal_pipelines.errors import MealError
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.project.questionnaire import MAIN, Table
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.persons.pseudonyms import Pseudonymiser
from meal_pipelines.protect.rights.redaction import MARK, Document, redact, redact_row, rows_in, texts


@dataclass(frozen=True)
class ErasedRow:
    """A person taken out of a submission that concerns others. position: from 1 · rows: how many there were · mark: what
    replaces the answers, None when the row is left out · signs: what the row is recognised by when it is shown again."""

    repeat: str
    position: int
    rows: int
    signs: frozenset[bytes]
    mark: str | None


@dataclass(frozen=True, slots=True)
class Screened:
    """What may be kept of one submission. has_refused: the whole of it comes from somebody who refuses."""

    submission: Submission
    has_refused: bool = False


class Signs:
    """Keyed hashes by which what was erased is recognised when a source shows it again, and by nothing else."""

    def __init__(self, keyring: Keyring, project: str, form: str, loaded: LoadedProject | None = None) -> None:
        self._hash, self._form = keyring.hasher(project, "erased"), form
        persons = loaded.project.persons if loaded is not None else None
        self._persons = Pseudonymiser(persons, keyring.hasher(project, "person")) if persons is not None else None

    def submission(self, submission_id: str) -> bytes:
        return self._hash(f"{self._form}|{submission_id}".encode())

    def row(self, submission_id: str, table: Table, row: Document) -> frozenset[bytes]:
        """Of one row of one submission: by all it says, and by each key that it completes."""
        told = [canonical(row).decode()]
        if self._persons is not None:
            told += self._persons.every_id(texts(table, row))
        return frozenset(self._hash(f"{self._form}|{submission_id}|{table.name}|{each}".encode()) for each in told)


class Screen:
    """Decides, for one form, what may be kept of each submission; `read` first.

    loaded: the project; without it nothing is known of consent, and persons erased from repeats are an error.
    """

    def __init__(self, keyring: Keyring, project: str, form: str, loaded: LoadedProject | None = None) -> None:
        self._of_form = {"project": project, "form": form}
        self._form: LoadedForm | None = loaded.forms.get(form) if loaded is not None else None
        self._signs = Signs(keyring, project, form, loaded)
        self._erased: set[bytes] = set()
        self._rows: dict[bytes, list[ErasedRow]] = {}
        self._consent = _Consent.of(self._form) if self._form is not None else None

    def read(self, cursor: Any) -> None:
        """Learn what was erased. Raises: MealError, when that cannot be heeded."""
        cursor.execute(ERASED, self._of_form)
        rows: dict[bytes, list[ErasedRow]] = defaultdict(list)
        for key, repeat, position, count, signs, mark in cursor.fetchall():
            if position == 0:
                self._erased.add(bytes(key))
            else:
                rows[bytes(key)].append(ErasedRow(repeat, position, count, frozenset(map(bytes, signs)), mark))
        self._rows = dict(rows)
        if self._rows and self._form is None:
            raise MealError("Des personnes sont effacées de ce formulaire : il ne se collecte qu'avec son projet.")

    def erased(self, submission_ids: Iterable[str]) -> dict[str, bytes]:
        """Those of these submissions that were erased, with their keys in `raw.erased`."""
        if not self._erased:
            return {}
        keys = {submission_id: self._signs.submission(submission_id) for submission_id in submission_ids}
        return {submission_id: key for submission_id, key in keys.items() if key in self._erased}

    def all_kept(self, submissions: Sequence[Submission]) -> tuple[Sequence[Submission], list[str]]:
        """What may be kept of each of these submissions, and the ids of those whose person refuses."""
        if not self._rows and self._consent is None:
            return submissions, []
        screened = [self.kept(submission) for submission in submissions]
        refused = [each.submission.submission_id for each in screened if each.has_refused]
        return [each.submission for each in screened], refused

    def kept(self, submission: Submission) -> Screened:
        """What may be kept of a submission; itself, nearly always."""
        rows = self._rows.get(self._signs.submission(submission.submission_id), []) if self._rows else []
        if not rows and (self._consent is None or not self._consent.may_be_refused(submission.payload)):
            return Screened(submission)
        assert self._form is not None
        document = orjson.loads(submission.payload)
        before = canonical(document)
        self._take_out(submission.submission_id, document, rows)
        has_refused = False
        if self._consent is not None:
            document, has_refused = self._consent.heeded(document)
        if canonical(document) == before:
            return Screened(submission)
        kept = msgspec.structs.replace(submission, payload=canonical(document))
        if has_refused:
            kept = msgspec.structs.replace(kept, attachments=0, attachments_present=0)
        return Screened(kept, has_refused)

    def _take_out(self, submission_id: str, document: Document, erased: Sequence[ErasedRow]) -> None:
        """Redact the rows of erased persons: those recognised; else, when no row is fewer, the one in that place."""
        assert self._form is not None
        found: list[tuple[Table, Document, str | None]] = []
        taken: set[int] = set()
        for each in erased:
            table = self._form.questionnaire.tables.get(each.repeat)
            if table is None:
                raise MealError(
                    f"Une personne est effacée de « {each.repeat} », une répétition que le questionnaire n'a plus. "
                    "Remettez-la dans le questionnaire, ou supprimez la soumission à la source."
                )
            rows = rows_in(self._form, document, table)
            hits = [row for row in rows if each.signs & self._signs.row(submission_id, table, row)]
            if not hits and each.rows <= len(rows):
                hits = [rows[each.position - 1]]
            found += [(table, row, each.mark) for row in hits if id(row) not in taken]
            taken |= {id(row) for row in hits}
        for table, row, mark in found:
            redact_row(self._form, table, row, mark)


class _Consent:
    """What a form asks for consent, and which answers refuse it: only one of today's choices does, never a missing one."""

    def __init__(self, form: LoadedForm, name: str, refusals: frozenset[str]) -> None:
        self._form, self._name, self._refusals = form, name, refusals
        self._tokens = [text.encode() for text in refusals]
        tables = form.questionnaire.tables.values()
        self._table = next(table for table in tables if table.question(name) is not None)

    @classmethod
    def of(cls, form: LoadedForm) -> _Consent | None:
        name, _, answer = (part.strip() for part in (form.form.refusal or form.form.consent or "").partition("="))
        question = next((each for each in form.questionnaire.questions() if each.name == name), None)
        if question is None:
            return None
        choices = {choice.name for choice in form.questionnaire.choices.get(question.list_name or "", ())}
        refusals = frozenset({answer} if form.form.refusal else choices - {answer})
        return cls(form, name, refusals) if refusals else None

    def may_be_refused(self, payload: bytes) -> bool:
        """Whether it is worth looking into a payload."""
        return any(token in payload for token in self._tokens)

    def heeded(self, document: Document) -> tuple[Document, bool]:
        """The submission without what is personal of those who refuse; and whether all of it is somebody's who does."""
        refusing = [row for row in rows_in(self._form, document, self._table) if self._refuses(row)]
        if self._table.name == MAIN:
            return (redact(self._form, document), True) if refusing else (document, False)
        for row in refusing:
            redact_row(self._form, self._table, row, MARK)
        return document, False

    def _refuses(self, row: Document) -> bool:
        return texts(self._table, row).get(self._name) in self._refusals


ERASED = """
    select submission_key, repeat, position, rows, signs, mark from raw.erased
    where project = %(project)s and form = %(form)s
"""
