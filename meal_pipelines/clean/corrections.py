"""The cleaning log: what people decided to correct, one line per answer, kept beside the project.

A line applies only when the answer is still the one that was judged wrong; otherwise it is refused, with the reason.
Columns follow the usual cleaning log of humanitarian surveys (REACH, IPA).
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from meal_pipelines.clean.extract import RawTable
from meal_pipelines.errors import ConfigurationError

COLUMNS = ("submission_id", "repeat", "repeat_index", "question", "old_value", "new_value", "issue", "author")
CONCEALED = re.compile(r"[0-9a-f]{24}")
"""A `submission_id` made from a key that would identify somebody."""


@dataclass(frozen=True)
class Correction:
    """One line of the log; `old` and `new` are answers and never leave this module in a message."""

    submission_id: str
    repeat: str
    repeat_index: int
    question: str
    old: str | None = field(repr=False)
    new: str | None = field(repr=False)
    reason: str
    author: str
    line: int


@dataclass(frozen=True)
class Outcome:
    """What became of a line: `applied`, or `refused` and why."""

    correction: Correction
    state: str
    reason: str


def as_written(correction: Correction) -> Correction:
    """The words of today: the line's own, where the form has not changed."""
    return correction


@dataclass(frozen=True)
class CleaningLog:
    """Every correction of one form, by submission."""

    file: str
    fingerprint: str
    by_submission: dict[str, list[Correction]]

    def concealing(self, conceal: Callable[[str], str]) -> CleaningLog:
        """The same log for a form whose rows are known by a hash of their key: people may write either."""
        found: dict[str, list[Correction]] = defaultdict(list)
        for key, corrections in self.by_submission.items():
            shown = key if CONCEALED.fullmatch(key) else conceal(key)
            found[shown] += [replace(correction, submission_id=shown) for correction in corrections]
        return CleaningLog(self.file, self.fingerprint, dict(found))

    def apply(
        self,
        submission_ids: list[str],
        tables: dict[str, RawTable],
        today: Callable[[Correction], Correction] = as_written,
    ) -> list[Outcome]:
        """Correct the answers of a chunk in place; one outcome per line that concerns it.

        today: a line under the names and codes of today, when the chunk is of an older version: people may have written either.
        """
        outcomes = []
        owners = {submission_id: owner for owner, submission_id in enumerate(submission_ids)}
        for submission_id in owners.keys() & self.by_submission.keys():
            for correction in self.by_submission[submission_id]:
                state, reason = self._apply(today(correction), owners[submission_id], tables)
                outcomes.append(Outcome(correction, state, reason))
        return outcomes

    def without_submission(self, submission_ids: Iterable[str]) -> list[Outcome]:
        """The lines about submissions that are not there (any more), refused."""
        reason = "La soumission n'existe pas, ou a été supprimée à la source."
        lines = (line for submission_id in submission_ids for line in self.by_submission.get(submission_id, ()))
        return [Outcome(line, "refused", reason) for line in lines]

    def _apply(self, correction: Correction, owner: int, tables: dict[str, RawTable]) -> tuple[str, str]:
        raw = tables.get(correction.repeat)
        question = raw.table.question(correction.question) if raw is not None else None
        if raw is None or question is None:
            return "refused", "La question ou la répétition n'existe pas dans le questionnaire."
        places = (
            i
            for i, pair in enumerate(zip(raw.owner, raw.repeat_index, strict=True))
            if pair == (owner, correction.repeat_index)
        )
        row = next(places, None)
        if row is None:
            return "refused", "La ligne de cette répétition n'existe plus."
        answers = raw.answers[question.column]
        if answers[row] != correction.old:
            return "refused", "La réponse n'est plus celle que le journal voulait corriger."
        answers[row] = correction.new
        return "applied", correction.reason


def read_log(path: Path) -> CleaningLog:
    """Read one form's cleaning log (CSV, UTF-8, commas or the semicolons of a French Excel); no file means no correction.

    Raises: ConfigurationError with the file and the line of what is not a correction.
    """
    if not path.exists():
        return CleaningLog(path.name, "", {})
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path.name} n'est pas en UTF-8. Enregistrez-le en « CSV UTF-8 ».") from None
    header = text.partition("\n")[0]
    delimiter = ";" if header.count(";") > header.count(",") else ","
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
    missing = [name for name in ("submission_id", "question", "old_value", "new_value") if rows and name not in rows[0]]
    if missing:
        raise ConfigurationError(
            f"{path.name} : il manque la colonne « {missing[0]} ». Colonnes : {', '.join(COLUMNS)}."
        )
    found: dict[str, list[Correction]] = defaultdict(list)
    for line, row in enumerate(rows, start=2):
        index = (row.get("repeat_index") or "0").strip()
        if not index.isdigit():
            raise ConfigurationError(f"{path.name}, ligne {line} : « repeat_index » doit être un nombre entier.")
        submission_id = (row["submission_id"] or "").strip()
        found[submission_id].append(
            Correction(
                submission_id=submission_id,
                repeat=(row.get("repeat") or "").strip(),
                repeat_index=int(index),
                question=(row["question"] or "").strip(),
                old=(row["old_value"] or "").strip() or None,
                new=(row["new_value"] or "").strip() or None,
                reason=(row.get("issue") or "").strip(),
                author=(row.get("author") or "").strip(),
                line=line,
            )
        )
    return CleaningLog(path.name, hashlib.sha256(content).hexdigest(), dict(found))


def forget_lines(
    path: Path,
    submissions: Collection[str],
    rows: Mapping[str, Collection[tuple[str, int]]],
    conceal: Callable[[str], str] | None = None,
    *,
    really: bool,
) -> int:
    """Take the lines about these submissions, and about these (repeat, rank) of others, out of a form's log.

    A line holds the answers it corrects. really: otherwise lines are only counted. Returns: how many.
    """
    if not path.exists():
        return 0
    log = read_log(path)
    if conceal is not None:
        log = log.concealing(conceal)
    gone = {
        line.line
        for key, lines in log.by_submission.items()
        for line in lines
        if key in submissions or (line.repeat, line.repeat_index) in rows.get(key, ())
    }
    if gone and really:
        rows_written, delimiter = _written(path)
        _write(path, [row for line, row in enumerate(rows_written, start=1) if line not in gone], delimiter)
    return len(gone)


def add_line(path: Path, correction: Correction) -> None:
    """Add a line at the end of a form's log, which is made if need be, for its owner's eyes only."""
    rows, delimiter = _written(path) if path.exists() else ([list(COLUMNS)], ",")
    values = {
        "submission_id": correction.submission_id, "repeat": correction.repeat,
        "repeat_index": str(correction.repeat_index or ""), "question": correction.question,
        "old_value": correction.old or "", "new_value": correction.new or "", "issue": correction.reason,
        "author": correction.author,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, [*rows, [values.get(name, "") for name in rows[0]]], delimiter)


def take_last_line(path: Path, submission_id: str, repeat: str, repeat_index: int, question: str) -> bool:
    """Take the last line about one answer out of a form's log. Returns: whether there was one."""
    lines = read_log(path).by_submission.get(submission_id, ())
    place = (repeat, repeat_index, question)
    about = [line.line for line in lines if (line.repeat, line.repeat_index, line.question) == place]
    if about:
        rows, delimiter = _written(path)
        _write(path, [row for line, row in enumerate(rows, start=1) if line != about[-1]], delimiter)
    return bool(about)


def _written(path: Path) -> tuple[list[list[str]], str]:
    """The lines of a log as they stand, header included, and what separates their fields."""
    text = path.read_text(encoding="utf-8-sig")
    header = text.partition("\n")[0]
    delimiter = ";" if header.count(";") > header.count(",") else ","
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)), delimiter


def _write(path: Path, rows: list[list[str]], delimiter: str) -> None:
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    part.replace(path)
