"""Exported files as a source: the pages of Kobo's API saved to disk, or a workbook with its linked repeats.

A folder of pages holds rows in the same shape as the server's answers. A workbook export has one sheet for the form and
one for each repeat, linked by a key. Partner workbooks, which people fill in by hand, are in `workbook.py`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from meal_pipelines.clean.parse import date_time
from meal_pipelines.collect.answer import Malformed
from meal_pipelines.collect.kobo_rows import DataPage, compared, read_page
from meal_pipelines.collect.received import FileSource, Received
from meal_pipelines.collect.sheets.book import sheets_told
from meal_pipelines.collect.sheets.receipt import Receipt, counted, lines
from meal_pipelines.collect.source import Order, Page, Source, Submission, canonical
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.model import RepeatSheet

PAGE_SIZE = 1000


@dataclass(frozen=True)
class ExportedPages(Source):
    """A folder of `*.json` files, each a page as the Kobo API gives it, in increasing `_id`."""

    folder: Path
    kind: ClassVar[str] = "export"
    order: ClassVar[Order] = "numeric"

    def sweep(self, after: str | None = None) -> Iterator[Page]:
        """Every row of the folder; the files are read one at a time, `page-10` after `page-9`.

        Raises: ConfigurationError naming the file that is not such a page, or whose rows are out of order.
        """
        last = start = int(after) if after is not None else None
        highest: int | None = None
        for path in sorted(self.folder.glob("*.json"), key=_natural):
            page = self._page(path)
            for key in page.keys:
                if type(key) is not int:
                    raise ConfigurationError(
                        f"{path.name} : une ligne n'a pas de « _id » ; ce n'est pas un export de Kobo."
                    )
                if highest is not None and key <= highest:
                    raise ConfigurationError(
                        f"{path.name} : les lignes ne se suivent pas par « _id » croissant, au sein du fichier ou après le "
                        f"précédent. Exportez à nouveau le formulaire, trié par « _id »."
                    )
                highest = key
            submissions = (
                page.submissions if start is None else [s for s in page.submissions if int(s.submission_id) > start]
            )
            if submissions:
                yield Page(submissions, _text(last), submissions[-1].submission_id)
                last = int(submissions[-1].submission_id)
        yield Page([], _text(last), None)

    def is_same(self, before: bytes, after: bytes) -> bool:
        """As for the server that the pages come from."""
        return compared(before) == compared(after)

    def _page(self, path: Path) -> DataPage:
        try:
            return read_page(path.read_bytes())
        except Malformed:
            raise ConfigurationError(
                f"{path} n'est pas une page d'export lisible. Exportez à nouveau le formulaire."
            ) from None


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sorts the numbers in a file's name as numbers."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", path.name)]


def _text(key: int | None) -> str | None:
    return None if key is None else str(key)


@dataclass
class ExportedWorkbook(FileSource):
    """A workbook export: a sheet of submissions, and one sheet per repeat linked by `parent`.

    key: the columns that identify a submission · repeats: by name of the repeat in the questionnaire · duplicate_choices:
    (list, code) of the questionnaire's choices that stand there more than once, to be told with the rest.
    """

    file: Path
    sheet: str
    key: tuple[str, ...]
    repeats: Mapping[str, RepeatSheet] = field(default_factory=dict)
    submitted_at: str | None = None
    duplicate_choices: tuple[tuple[str, str], ...] = ()
    received: Received | None = None
    receipts: list[Receipt] = field(default_factory=list, init=False)
    kind: ClassVar[str] = "export"
    order: ClassVar[Order] = "text"

    def sweep(self, after: str | None = None) -> Iterator[Page]:
        """Every submission of the workbook with its repeats inside; the workbook is held in memory.

        A row of a repeat that belongs to no submission is told, and is not kept: it has no place.
        Raises: ConfigurationError when the file, a sheet or the key's column is missing, or when a key comes twice.
        """
        content = read_file(self.file)
        modified_at = dt.datetime.fromtimestamp(self.file.stat().st_mtime, dt.UTC)
        receipt = Receipt(self.file.name, modified_at, len(content), hashlib.sha256(content).hexdigest(), self.sheet)
        self.receipts = [receipt]
        try:
            found = {submission.submission_id: submission for submission in self._submissions(content, receipt)}
        except ConfigurationError as refusal:
            receipt.refused = str(refusal)
            raise
        receipt.rows = len(found)
        keys = [key for key in sorted(found) if after is None or key > after]
        for start in range(0, len(keys), PAGE_SIZE):
            page = keys[start : start + PAGE_SIZE]
            yield Page([found[key] for key in page], after, page[-1], len(keys) if start == 0 else None)
            after = page[-1]
        yield Page([], after, None)

    def remarks(self) -> list[str]:
        return [receipt.trouble for receipt in self.receipts if receipt.trouble is not None]

    def _submissions(self, content: bytes, receipt: Receipt) -> Iterator[Submission]:
        names = [self.sheet, *(repeat.sheet for repeat in self.repeats.values())]
        sheets = read_sheets(self.file, content, names)
        children = {name: self._by_parent(repeat, sheets[repeat.sheet]) for name, repeat in self.repeats.items()}
        seen: set[str] = set()
        for row in sheets[self.sheet]:
            key = row_key(row.cells, self.key, self.file, self.sheet)
            if key in seen:
                raise ConfigurationError(
                    f"{self.file.name}, feuille « {self.sheet} » : une même clé ({', '.join(self.key)}) désigne deux lignes."
                )
            seen.add(key)
            answers: dict[str, Any] = {name: cell for name, cell in row.cells.items() if name}
            for name, by_parent in children.items():
                if key in by_parent:
                    answers[name] = [child.cells for child in by_parent[key]]
            stamp = date_time(row.cells.get(self.submitted_at or "", ""))
            yield Submission(key, canonical(answers), submitted_at=stamp)
        self._tell(receipt, children, seen)

    def _by_parent(self, repeat: RepeatSheet, rows: list[ExportedRow]) -> dict[str, list[ExportedRow]]:
        grouped: dict[str, list[ExportedRow]] = {}
        for row in rows:
            grouped.setdefault(row_key(row.cells, (repeat.parent,), self.file, repeat.sheet), []).append(row)
        return grouped

    def _tell(self, receipt: Receipt, children: Mapping[str, dict[str, list[ExportedRow]]], seen: set[str]) -> None:
        for name, by_parent in children.items():
            sheet = self.repeats[name].sheet
            orphans = [row.line for key, rows in by_parent.items() if key not in seen for row in rows]
            total = sum(len(rows) for rows in by_parent.values())
            receipt.notes.append(f"feuille « {sheet} » : {counted(total, 'ligne', 'lignes')}")
            if orphans:
                receipt.warnings.append(
                    f"feuille « {sheet} », {counted(len(orphans), 'ligne orpheline laissée', 'lignes orphelines laissées')} "
                    f"({lines(orphans)}) : leur « {self.repeats[name].parent} » n'est pas dans la feuille « {self.sheet} »"
                )
        if self.duplicate_choices:
            named = ", ".join(f"« {code} » dans « {name} »" for name, code in self.duplicate_choices)
            receipt.warnings.append(f"choix en double dans le questionnaire : {named}")


@dataclass(frozen=True, slots=True)
class ExportedRow:
    """The cells of one line that say something, as text by header; line: as a spreadsheet counts."""

    line: int
    cells: dict[str, str] = field(repr=False)


def read_file(file: Path) -> bytes:
    """Raises: ConfigurationError when there is no such file."""
    if not file.is_file():
        raise ConfigurationError(f"Classeur introuvable : {file}. Corrigez le chemin de la source.")
    return file.read_bytes()


def read_sheets(file: Path, content: bytes, names: list[str]) -> dict[str, list[ExportedRow]]:
    """The rows of some sheets, under the header of the first line.

    Raises: ConfigurationError when the file is not a workbook or a sheet is missing.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    except (CalamineError, OSError, ValueError):
        raise ConfigurationError(
            f"{file.name} n'est pas un classeur lisible. Enregistrez-le à nouveau en XLSX."
        ) from None
    with workbook:
        missing = [name for name in names if name not in workbook.sheet_names]
        if missing:
            raise ConfigurationError(
                f"{file.name} : la feuille « {missing[0]} » manque ({sheets_told(workbook.sheet_names)}). "
                f"Rien n'a été lu. Renommez la feuille ou corrigez la configuration."
            )
        return {name: _rows(workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)) for name in names}


def _rows(cells: list[list[Any]]) -> list[ExportedRow]:
    if not cells:
        return []
    header = [cell_text(cell) for cell in cells[0]]
    rows = []
    for line, row in enumerate(cells[1:], start=2):
        said = {name: text for name, cell in zip(header, row, strict=False) if (text := cell_text(cell))}
        if said:
            rows.append(ExportedRow(line, said))
    return rows


def cell_text(cell: Any) -> str:
    """A cell as people read it: whole numbers without decimals, dates in ISO form."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat()
    if isinstance(cell, (dt.date, dt.time)):
        return cell.isoformat()
    return str(cell).strip()


def row_key(row: Mapping[str, str], key: tuple[str, ...], file: Path, sheet: str) -> str:
    """The text that identifies a row; several columns are joined by « / »."""
    missing = [name for name in key if not row.get(name)]
    if missing:
        raise ConfigurationError(
            f"{file.name}, feuille « {sheet} » : la colonne « {missing[0]} », qui identifie les lignes, manque ou est vide "
            f"sur au moins une ligne. Rien n'a été lu. Complétez-la, puis relancez."
        )
    return "/".join(row[name] for name in key)
