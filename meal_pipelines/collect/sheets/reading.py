"""One received file as submissions: its sheets joined, its rows identified, and a receipt of how it was read.

A file is read whole or not at all: half of one would pass for deletions. Which file wins when two say different things
is decided in `collect/workbook.py`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from meal_pipelines.clean.judge import REQUIRED_WORDS
from meal_pipelines.collect.sheets import days
from meal_pipelines.collect.sheets.answers import Answers
from meal_pipelines.collect.sheets.book import Book, Grid, read_book
from meal_pipelines.collect.sheets.header import Header, Names, find_header
from meal_pipelines.collect.sheets.inbox import InboxFile
from meal_pipelines.collect.sheets.receipt import Receipt, Refused, counted, lines
from meal_pipelines.collect.sheets.rows import Row, read_rows
from meal_pipelines.collect.source import Submission, canonical
from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.project.questionnaire import MAIN, Question

ORIGINAL, PARENT = "$original", "$parent"
"""Keys of ours in a row: what was typed where it was spelled otherwise; the row around. Cleaning reads neither."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A submission, the line it was on, and the lines of its rows in the sheets of repeats, in order."""

    submission: Submission
    line: int
    lines: Mapping[str, list[int]]


@dataclass(frozen=True)
class Reading:
    """What a file gave, nothing when it was refused. sent: by submission · sheets: by table of the questionnaire."""

    receipt: Receipt
    sent: dict[str, Sent] = field(default_factory=dict, repr=False)
    sheets: dict[str, SheetRead] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class SheetRead:
    """One sheet of a file, its header found and its rows read."""

    grid: Grid = field(repr=False)
    header: Header
    rows: list[Row] = field(repr=False)


class FileReader:
    """Reads the files of one form. conceal: makes a row's id from its key, when the key would identify somebody."""

    def __init__(self, form: LoadedForm, conceal: Callable[[str], str] | None = None) -> None:
        self.form, self.source, self.questionnaire = form, form.form.source, form.questionnaire
        self.key = tuple(self.source.key)
        self.conceal = conceal or (lambda key: key)
        self._is_older = False
        headers = self._wordings()
        self.names = {MAIN: Names(self.questionnaire.main.questions, headers)}
        for name, repeat in self.source.repeats.items():
            parent = self._parent(repeat.parent)
            wordings = {PARENT: [repeat.parent, *self._key_wordings()], **headers}
            self.names[name] = Names([parent, *self.questionnaire.tables[name].questions], wordings)

    def read(self, file: InboxFile, content: bytes) -> Reading:
        """The submissions of a file; a refusal is in the receipt."""
        receipt = Receipt(file.name, file.modified_at, file.size, hashlib.sha256(content).hexdigest())
        try:
            return self._read(file, content, receipt)
        except Refused as refusal:
            receipt.refused, receipt.rows = str(refusal), 0
            return Reading(receipt)

    def _read(self, file: InboxFile, content: bytes, receipt: Receipt) -> Reading:
        wanted = {MAIN: str(self.source.sheet)}
        wanted |= {name: repeat.sheet for name, repeat in self.source.repeats.items()}
        book = read_book(file.name, content, list(wanted.values()), self.names[MAIN].likeness)
        version = self._stamped_version(book, receipt)
        if book.remark is not None:
            receipt.notes.append(book.remark)
        if book.hidden_sheets:
            receipt.notes.append(counted(book.hidden_sheets, "feuille masquée non lue", "feuilles masquées non lues"))
        # A template of before lacks the columns that came since: cleaning judges its rows by what it asked.
        self._is_older = bool(book.stamp) and version not in (None, self.form.own_version)
        main = self._sheet(file, book, MAIN, wanted[MAIN], self.key, receipt)
        receipt.sheet = main.grid.sheet
        sheets = {name: self._sheet(file, book, name, wanted[name], (PARENT,), receipt) for name in self.source.repeats}
        children = {name: _by_parent(sheet.rows) for name, sheet in sheets.items()}
        sent = self._submissions(file, main, children, version, receipt)
        receipt.rows = len(sent)
        return Reading(receipt, sent, {MAIN: main, **sheets})

    def _sheet(
        self, file: InboxFile, book: Book, table: str, sheet: str, key: Sequence[str], receipt: Receipt
    ) -> SheetRead:
        grid, names = book.grids[sheet], self.names[table]
        header = find_header(file.name, grid, names, self._required(table), key)
        answers = Answers(self.questionnaire, since_1904=grid.parts.since_1904, key=tuple(key))
        return SheetRead(grid, header, read_rows(file.name, grid, header, names, answers, key, receipt))

    def _wordings(self) -> dict[str, list[str]]:
        """Older wordings of headers, and the names that questions had before, unless another question has them now."""
        taken = {question.name for question in self.questionnaire.questions()}
        found = {name: list(texts) for name, texts in self.source.headers.items()}
        for name, older in self.form.versions.older_names().items():
            found[name] = [*found.get(name, []), *(each for each in older if each not in taken)]
        return found

    def _required(self, table: str) -> list[str]:
        """The questions that a file must have a column for; of an older template, none but the key's."""
        if self._is_older:
            return []
        return [
            question.name
            for question in self.questionnaire.tables[table].questions
            if question.required.lower() in REQUIRED_WORDS
            and question.type != "calculate"
            and not self.form.tolerates(question)
        ]

    # The version of the template ------------------------------------------------------------------------------

    def _stamped_version(self, book: Book, receipt: Receipt) -> str | None:
        """The version that the file was made for, by its stamp; a file of another form is refused."""
        current, stamp = self.form.own_version, book.stamp
        if not stamp:
            return self.questionnaire.version or None
        if (stamp.get("project"), stamp.get("form")) != (self.form.project, self.form.name):
            raise Refused(
                f"{book.file} : ce classeur est fait pour le formulaire « {stamp.get('form')} » du projet "
                f"« {stamp.get('project')} », et se trouve parmi ceux de « {self.form.name} » ({self.form.project}). "
                f"Déposez-le à sa place. Rien n'en a été lu."
            )
        version = stamp.get("version") or current
        if version != current:
            receipt.notes.append(f"modèle de la version {version}, le questionnaire est à la version {current}")
        return version

    # Submissions ----------------------------------------------------------------------------------------------

    def _submissions(
        self, file: InboxFile, main: SheetRead, children: Mapping[str, dict[str, list[Row]]], version: str | None,
        receipt: Receipt,
    ) -> dict[str, Sent]:  # fmt: skip
        found: dict[str, Sent] = {}
        same: list[int] = []
        different: dict[int, set[int]] = defaultdict(set)
        for row in main.rows:
            key = "/".join(row.answers[name] for name in self.key)
            document: dict[str, Any] = _document(row)
            for name, by_parent in children.items():
                if key in by_parent:
                    document[name] = [_document(child) for child in by_parent[key]]
            submission = Submission(
                submission_id=self.conceal(key),
                payload=canonical(document),
                instance_id=f"{file.name}#{row.line}",
                form_version=version,
                submitted_at=self._day_of_sending(row.answers),
            )
            places = {name: [child.line for child in by_parent.get(key, ())] for name, by_parent in children.items()}
            first = found.setdefault(submission.submission_id, Sent(submission, row.line, places))
            if first.line != row.line:
                if says_the_same(first.submission.payload, submission.payload):
                    same.append(row.line)
                else:
                    different[first.line] |= {first.line, row.line}
        if different:
            labels = " + ".join(f"« {self.names[MAIN].questions[name].label} »" for name in self.key)
            raise Refused(
                f"{file.name}, feuille « {main.grid.sheet} » : plusieurs lignes ont la même valeur sous {labels} et des "
                f"réponses différentes ({' ; '.join(lines(each) for each in different.values())}). Gardez celle qui est juste, "
                f"ou corrigez la clé, puis déposez le fichier à nouveau. Rien n'a été lu de ce fichier."
            )
        if same:
            receipt.notes.append(f"lignes en double, identiques, lues une fois ({lines(same)})")
        self._refuse_orphans(file, found, main, children)
        return found

    def _day_of_sending(self, answers: Mapping[str, str]) -> str | None:
        """The day of sending at noon, so that no time zone moves it, when that question is answered with a date."""
        day = days.day(answers.get(self.source.submitted_at or "", ""))
        return None if day is None else f"{day}T12:00:00+00:00"

    # Repeats --------------------------------------------------------------------------------------------------

    def _refuse_orphans(
        self, file: InboxFile, found: Mapping[str, Sent], main: SheetRead, children: Mapping[str, dict[str, list[Row]]]
    ) -> None:
        for name, by_parent in children.items():
            orphans = [row.line for key, rows in by_parent.items() if self.conceal(key) not in found for row in rows]
            if orphans:
                raise Refused(
                    f"{file.name}, feuille « {self.source.repeats[name].sheet} », {lines(orphans)} : aucune ligne de la "
                    f"feuille « {main.grid.sheet} » n'a cette clé. Complétez l'une ou l'autre feuille, puis déposez le fichier "
                    f"à nouveau. Rien n'a été lu de ce fichier."
                )

    def _parent(self, header: str) -> Question:
        """The column that names the row around, read as the key that it repeats."""
        main = self.questionnaire.main
        question = main.question(self.key[0]) if len(self.key) == 1 else None
        if question is None:
            question = Question(PARENT, "text", PARENT, MAIN, PARENT, 0, labels={"": header})
        return replace(question, name=PARENT, path=PARENT)

    def _key_wordings(self) -> list[str]:
        question = self.questionnaire.main.question(self.key[0]) if len(self.key) == 1 else None
        return [question.name, *self.source.headers.get(question.name, [])] if question is not None else []


def _by_parent(rows: list[Row]) -> dict[str, list[Row]]:
    """The rows of a repeat by the key of the row they belong to."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        row.originals.pop(PARENT, None)
        found[row.answers.pop(PARENT)].append(row)
    return found


def _document(row: Row) -> dict[str, Any]:
    return {**row.answers, ORIGINAL: row.originals} if row.originals else dict(row.answers)


def says_the_same(before: bytes, after: bytes) -> bool:
    """Whether two payloads give the same answers, however they were typed."""
    return bool(_answers(orjson.loads(before)) == _answers(orjson.loads(after)))


def _answers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _answers(each) for key, each in value.items() if key != ORIGINAL}
    return [_answers(each) for each in value] if isinstance(value, list) else value
