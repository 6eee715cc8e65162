"""Partner workbooks as a source: an inbox of files that people fill in, one row per submission.

The header is matched with the questionnaire's names or labels, whatever their case and accents; a row sent again in a
later file replaces the earlier one. Exports of a server are in `export.py`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from meal_pipelines.clean.parse import date
from meal_pipelines.collect.export import PAGE_SIZE, read_sheets, row_key
from meal_pipelines.collect.source import Order, Page, Source, Submission, canonical
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.questionnaire import Questionnaire


@dataclass(frozen=True)
class PartnerWorkbooks(Source):
    """The files of one form: `pattern` inside `folder`, in alphabetical order.

    key: the questions that identify a row · submitted_at: the question whose date stands for the day of sending ·
    conceal: makes the row's id from its key, when the key would identify somebody.
    """

    folder: Path
    pattern: str
    sheet: str
    key: tuple[str, ...]
    questionnaire: Questionnaire
    submitted_at: str | None = None
    conceal: Callable[[str], str] | None = None
    kind: ClassVar[str] = "workbook"
    order: ClassVar[Order] = "text"

    def sweep(self, after: str | None = None) -> Iterator[Page]:
        """Every row of every file; a key met again replaces what an earlier file said.

        Raises: ConfigurationError when there is no file, no such sheet, or no key on a row.
        """
        if not self.folder.is_dir():
            raise ConfigurationError(f"Le dossier des classeurs n'existe pas : {self.folder}. Corrigez la source.")
        files = sorted(path for path in self.folder.glob(self.pattern) if not path.name.startswith("~$"))
        if not files:
            raise ConfigurationError(
                f"Aucun classeur « {self.pattern} » dans {self.folder}. Déposez-y le fichier du partenaire, puis relancez."
            )
        found: dict[str, Submission] = {}
        for file in files:
            for submission in self._read(file):
                found[submission.submission_id] = submission
        keys = [key for key in sorted(found) if after is None or key > after]
        for start in range(0, len(keys), PAGE_SIZE):
            page = keys[start : start + PAGE_SIZE]
            yield Page([found[key] for key in page], after, page[-1], len(keys) if start == 0 else None)
            after = page[-1]
        yield Page([], after, None)

    def _read(self, file: Path) -> Iterator[Submission]:
        rows = read_sheets(file, [self.sheet])[self.sheet]
        names = self._names({header for row in rows for header in row})
        for line, row in enumerate(rows, start=2):
            answers = {names.get(header, header): text for header, text in row.items()}
            key = row_key(answers, self.key, file, self.sheet)
            payload = canonical(answers)
            yield Submission(
                submission_id=key if self.conceal is None else self.conceal(key),
                payload=payload,
                instance_id=f"{file.name}#{line}",
                form_version=self.questionnaire.version or None,
                submitted_at=self._stamp(answers),
            )

    def _stamp(self, answers: dict[str, str]) -> str | None:
        """The day of sending at noon, when that question is answered with a date."""
        day = date(answers.get(self.submitted_at or "", ""))
        return None if day is None else f"{day}T12:00:00+00:00"

    def _names(self, headers: set[str]) -> dict[str, str]:
        """The question that each header stands for: its name, or one of its labels."""
        known: dict[str, str] = {}
        for question in self.questionnaire.main.questions:
            for text in (question.name, *question.labels.values()):
                known.setdefault(_bare(text), question.name)
        return {header: known[_bare(header)] for header in headers if _bare(header) in known}


def _bare(text: str) -> str:
    """Without case, accents, mandatory stars or doubled spaces."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(plain.replace("*", " ").split())
