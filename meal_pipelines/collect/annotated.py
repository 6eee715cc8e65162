"""The answer to a partner: a copy of the file they sent, with what has to be corrected marked in it.

The copy holds the personal data of the file itself: it is made only when an officer asks for it, for nobody else to read
(mode 600), and nothing of the warehouse is added but the sentences of the checks.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from meal_pipelines.collect.received import Received
from meal_pipelines.collect.sheets.inbox import InboxFile
from meal_pipelines.collect.sheets.marks import Mark, marked
from meal_pipelines.collect.sheets.reading import FileReader, Reading, says_the_same
from meal_pipelines.collect.sheets.receipt import counted
from meal_pipelines.collect.sources import concealer
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.project.questionnaire import MAIN
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.warehouse.connection import Warehouse


@dataclass(frozen=True)
class Annotated:
    """What was written. marks: things to correct · rows: lines they are on · stale: lines that say something else than
    what the warehouse holds now, corrected since or not collected yet, and that are not marked."""

    path: Path
    marks: int
    rows: int
    stale: int


def annotate(warehouse: Warehouse, keyring: Keyring, form: LoadedForm, file: Path, folder: Path) -> Annotated:
    """Write `<file>_annoté.xlsx` in a folder.

    Raises: ConfigurationError when there is no such file, or when it is refused (there is no row to mark then).
    """
    if not file.is_file():
        raise ConfigurationError(f"Fichier introuvable : {file}. Donnez le chemin du classeur reçu.")
    content, seen = file.read_bytes(), file.stat()
    listed = InboxFile(datetime.fromtimestamp(seen.st_mtime, UTC), file.name, seen.st_size, str(file))
    reading = FileReader(form, concealer(form, keyring)).read(listed, content)
    if reading.receipt.refused is not None:
        raise ConfigurationError(f"{reading.receipt.refused} Aucune copie annotée n'a été écrite.")
    current = _current(Received(warehouse, keyring, form.project, form.name), reading)
    marks = list(_marks(form, reading, current, _findings(warehouse, form, current)))
    stale = len(reading.sent) - len(current)
    note = f"{form.form.label} – {file.name} : {counted(len(marks), 'point', 'points')} à corriger ou à vérifier"
    if stale:
        note += f" ; {counted(stale, 'ligne corrigée depuis ou pas encore collectée', 'lignes corrigées depuis ou pas encore collectées')}"
    path = folder / f"{file.stem.removesuffix('_annoté')}_annoté.xlsx"
    _write(path, marked(content, list(reading.sheets.values()), marks, note))
    return Annotated(path, len(marks), len({(mark.sheet, mark.line) for mark in marks}), stale)


def _current(received: Received, reading: Reading) -> set[str]:
    """The submissions of the file that `raw` holds as the file says them."""
    return {
        row.submission_id
        for row in received.rows(None)
        if row.submission_id in reading.sent
        and says_the_same(row.opened().payload, reading.sent[row.submission_id].submission.payload)
    }


@dataclass(frozen=True)
class _Finding:
    """One open rejection."""

    submission_id: str
    repeat: str
    index: int
    question: str
    message: str
    severity: str


def _findings(warehouse: Warehouse, form: LoadedForm, submissions: Iterable[str]) -> list[_Finding]:
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select submission_id, repeat, repeat_index, coalesce(question, ''), message, severity from quality.rejection"
            " where project = %s and form = %s and state = 'open' and submission_id = any(%s) order by rejection_id",
            (form.project, form.name, sorted(submissions)),
        )
        return [_Finding(*row) for row in cursor.fetchall()]


def _marks(form: LoadedForm, reading: Reading, current: set[str], findings: Iterable[_Finding]) -> Iterator[Mark]:
    """Where each finding is in the file; one on a question without a column is on its line."""
    places: dict[str, dict[str, int]] = defaultdict(dict)
    for table, read in reading.sheets.items():
        places[table] = {name: place for place, name in read.header.columns.items()}
    for finding in findings:
        sent = reading.sent[finding.submission_id]
        table, line = MAIN, sent.line
        if finding.repeat != MAIN:
            children = sent.lines.get(finding.repeat, [])
            if not 0 < finding.index <= len(children):
                continue
            table, line = finding.repeat, children[finding.index - 1]
        label = _label(form, table, finding.question)
        yield Mark(
            reading.sheets[table].grid.sheet,
            line,
            places[table].get(finding.question),
            finding.severity,
            f"{label} : {finding.message}" if label else finding.message,
        )


def _label(form: LoadedForm, table: str, name: str) -> str:
    question = form.questionnaire.tables[table].question(name)
    return question.label if question is not None else ""


def _write(path: Path, content: bytes) -> None:
    """For its owner only, from its first byte on."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
