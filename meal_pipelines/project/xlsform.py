"""Read an XLSForm: a workbook (.xlsx, .xls) or the CSV files of its sheets.

Source: XLSForm specification. Converts nothing: deploying a form is pyxform's work.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.questionnaire import MAIN, Choice, Question, Questionnaire, Table

METADATA = {
    "start",
    "end",
    "today",
    "deviceid",
    "username",
    "simserial",
    "subscriberid",
    "phonenumber",
    "email",
    "audit",
}
UNANSWERED = {"note", "audit", "start-geopoint", "background-audio", "trigger"}
ATTACHMENTS = {"image", "audio", "video", "file"}
TYPES = (
    {"text", "integer", "decimal", "range", "date", "time", "dateTime", "calculate", "hidden", "barcode", "acknowledge"}
    | {"select_one", "select_multiple", "rank", "select_one_from_file", "select_multiple_from_file"}
    | {"geopoint", "geotrace", "geoshape", "csv-external", "xml-external"}
    | METADATA
    | UNANSWERED
    | ATTACHMENTS
)
ALIASES = {
    "int": "integer",
    "string": "text",
    "datetime": "dateTime",
    "photo": "image",
    "gps": "geopoint",
    "location": "geopoint",
    "select1": "select_one",
    "select_all_that_apply": "select_multiple",
    "trigger": "acknowledge",
    "begin_loop": "begin_repeat",
    "end_loop": "end_repeat",
}
RESERVED = {
    "submission_id", "version", "form_version", "submitted_at", "load_id", "repeat_index", "parent_index",
    "person_id", "duplicate_key", "personal",
}  # fmt: skip


def read_questionnaire(survey: Path, choices: Path | None = None) -> Questionnaire:
    """Read an XLSForm workbook, or the CSV files of its `survey` and `choices` sheets.

    Raises: ConfigurationError with the file, sheet and line of what cannot be read.
    """
    sheets = _csv_sheets(survey, choices) if choices is not None else _workbook_sheets(survey)
    if "survey" not in sheets:
        raise ConfigurationError(
            f"{survey.name} : la feuille « survey » manque ; ce n'est pas un XLSForm. Ajoutez-la ou corrigez son nom."
        )
    lists = _choices(sheets.get("choices", []))
    settings = dict(sheets["settings"][0][1]) if sheets.get("settings") else {}
    reader = _Reader(survey, lists)
    tables = reader.read(sheets["survey"])
    return Questionnaire(
        file=survey,
        title=settings.get("form_title", survey.stem),
        form_id=settings.get("form_id", survey.stem),
        version=settings.get("version", ""),
        tables=tables,
        choices=lists,
        fingerprint=hashlib.sha256(repr(sorted(sheets.items())).encode()).hexdigest(),
        warnings=tuple(reader.warnings),
    )


Row = tuple[int, dict[str, str]]


def _workbook_sheets(path: Path) -> dict[str, list[Row]]:
    from python_calamine import CalamineError, CalamineWorkbook

    if not path.is_file():
        raise ConfigurationError(f"Questionnaire introuvable : {path}. Corrigez « questionnaire ».")
    try:
        workbook = CalamineWorkbook.from_path(path)
    except (CalamineError, OSError, ValueError):
        raise ConfigurationError(
            f"{path.name} n'est pas un classeur lisible (XLSX ou XLS). Enregistrez-le à nouveau depuis Excel."
        ) from None
    with workbook:
        return {
            name.strip().lower(): _rows(workbook.get_sheet_by_name(name).to_python(skip_empty_area=False))
            for name in workbook.sheet_names
            if name.strip().lower() in ("survey", "choices", "settings")
        }


def _csv_sheets(survey: Path, choices: Path) -> dict[str, list[Row]]:
    sheets: dict[str, list[Row]] = {}
    for name, path in (("survey", survey), ("choices", choices)):
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                sheets[name] = _rows([list(row) for row in csv.reader(file)])
        except (FileNotFoundError, UnicodeDecodeError):
            raise ConfigurationError(f"Questionnaire illisible : {path}. Il faut un CSV en UTF-8.") from None
    return sheets


def _rows(cells: Sequence[Sequence[object]]) -> list[Row]:
    """(line, cells by header) for every line that says something; lines count from 1 as a spreadsheet shows them."""
    if not cells:
        return []
    header = [_text(cell) for cell in cells[0]]
    rows = []
    for line, row in enumerate(cells[1:], start=2):
        named = {name: _text(cell) for name, cell in zip(header, row, strict=False) if name and _text(cell)}
        if named:
            rows.append((line, named))
    return rows


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(cell).strip()


def _translated(cells: dict[str, str], column: str) -> dict[str, str]:
    """`label`, `label::Français (fr)`, `label_french` → the text by language."""
    found: dict[str, str] = {}
    for name, text in cells.items():
        if name == column:
            found[""] = text
        elif name.startswith(f"{column}::"):
            found[name.split("::", 1)[1].strip()] = text
        elif re.fullmatch(rf"{column}_(english|french|arabic|fr|en|ar)", name):
            found[name.removeprefix(f"{column}_")] = text
    return found


def _choices(rows: list[Row]) -> dict[str, tuple[Choice, ...]]:
    lists: dict[str, list[Choice]] = {}
    for _, cells in rows:
        name, code = cells.get("list_name") or cells.get("list name"), cells.get("name") or cells.get("value")
        if name and code:
            known = {"list_name", "list name", "name", "value"}
            attributes = {key: text for key, text in cells.items() if key not in known and not key.startswith("label")}
            lists.setdefault(name, []).append(Choice(code, _translated(cells, "label"), attributes))
    return {name: tuple(choices) for name, choices in lists.items()}


@dataclass
class _Open:
    """A group or a repeat that has begun and not ended yet."""

    kind: str
    name: str
    table: str
    relevant: tuple[str, ...]
    line: int


class _Reader:
    """Walks the survey sheet once, keeping the groups and repeats that are open."""

    def __init__(self, file: Path, lists: dict[str, tuple[Choice, ...]]) -> None:
        self.file, self.lists = file, lists
        self.stack: list[_Open] = []
        self.tables: dict[str, Table] = {MAIN: Table(MAIN, "", None, {}, (), "", ())}
        self.found: dict[str, list[Question]] = {MAIN: []}
        self.columns: dict[str, set[str]] = {MAIN: set(RESERVED)}
        self.warnings: list[str] = []

    def read(self, rows: list[Row]) -> dict[str, Table]:
        for line, cells in rows:
            kind = re.sub(r"^(begin|end)[ _]", r"\1_", cells.get("type", "").strip())
            if not kind or cells.get("disabled", "").lower() in ("yes", "true"):
                continue
            word, _, rest = (
                kind.replace("select one", "select_one").replace("select multiple", "select_multiple").partition(" ")
            )
            word = ALIASES.get(word, word)
            if word in ("begin_group", "begin_repeat"):
                self._begin(word, line, cells)
            elif word in ("end_group", "end_repeat"):
                self._end(word, line)
            else:
                self._question(word, rest.split(), line, cells)
        if self.stack:
            raise self._wrong(self.stack[-1].line, f"« {self.stack[-1].name} » commence et ne finit jamais")
        return {
            name: Table(t.name, t.path, t.parent, t.labels, t.relevant, t.repeat_count, tuple(self.found[name]))
            for name, t in self.tables.items()
        }

    def _begin(self, word: str, line: int, cells: dict[str, str]) -> None:
        name = cells.get("name") or f"groupe_{line}"
        relevant = self._relevant(cells)
        table = self._table
        if word == "begin_repeat":
            parent, table = table, name.lower()
            if table in self.tables:
                raise self._wrong(line, f"deux répétitions s'appellent « {name} »")
            path = "/".join([*(opened.name for opened in self.stack), name])
            count = cells.get("repeat_count", "")
            self.tables[table] = Table(table, path, parent, _translated(cells, "label"), relevant, count, ())
            self.found[table], self.columns[table] = [], set(RESERVED)
            relevant = ()
        self.stack.append(_Open(word.removeprefix("begin_"), name, table, relevant, line))

    def _end(self, word: str, line: int) -> None:
        kind = word.removeprefix("end_")
        if not self.stack or self.stack[-1].kind != kind:
            raise self._wrong(line, f"« {word} » ne ferme rien qui soit ouvert")
        self.stack.pop()

    def _question(self, word: str, rest: list[str], line: int, cells: dict[str, str]) -> None:
        if word not in TYPES:
            raise self._wrong(line, f"le type « {cells['type']} » n'existe pas")
        if word in UNANSWERED:
            return
        name = cells.get("name", "")
        if not name:
            raise self._wrong(line, f"une question « {word} » n'a pas de nom")
        list_name = rest[0] if rest and word in ("select_one", "select_multiple", "rank") else None
        if list_name and not self.lists:
            raise self._wrong(
                line, f"« {name} » choisit dans « {list_name} », et la feuille « choices » manque ou est vide"
            )
        if list_name and list_name not in self.lists:
            self.warnings.append(
                f"{self.file.name}, feuille « survey », ligne {line} : la liste de choix « {list_name} » n'est pas dans "
                f"la feuille « choices » ; les réponses à « {name} » ne sont comparées à aucune liste."
            )
            list_name = None
        if list_name and rest[-1] == "or_other" and all(c.name != "other" for c in self.lists[list_name]):
            self.lists[list_name] += (Choice("other", {"": "Autre"}, {}),)
        self.found[self._table].append(
            Question(
                name=name,
                type=word,
                path="/".join([*(opened.name for opened in self.stack), name]),
                table=self._table,
                column=self._column(name),
                line=line,
                list_name=list_name,
                labels=_translated(cells, "label"),
                hints=_translated(cells, "hint"),
                messages=_translated(cells, "constraint_message"),
                required=cells.get("required", ""),
                relevant=self._relevant(cells),
                constraint=cells.get("constraint", ""),
                calculation=cells.get("calculation", ""),
                choice_filter=cells.get("choice_filter", ""),
                appearance=cells.get("appearance", ""),
                default=cells.get("default", ""),
            )
        )

    @property
    def _table(self) -> str:
        return self.stack[-1].table if self.stack else MAIN

    def _relevant(self, cells: dict[str, str]) -> tuple[str, ...]:
        around = tuple(r for opened in self.stack if opened.table == self._table for r in opened.relevant)
        own = cells.get("relevant") or cells.get("relevance") or ""
        return (*dict.fromkeys(around), own) if own else tuple(dict.fromkeys(around))

    def _column(self, name: str) -> str:
        """A column name that is free in its table and fits PostgreSQL's 63 bytes."""
        taken = self.columns[self._table]
        groups = [opened.name for opened in self.stack if opened.table == self._table]
        for candidate in (name.lower(), f"q_{name.lower()}", "__".join([*groups, name]).lower()):
            if len(candidate) > 60:
                candidate = candidate[:51] + "_" + hashlib.sha256(candidate.encode()).hexdigest()[:8]
            if candidate not in taken:
                taken.add(candidate)
                return candidate
        raise ConfigurationError(f"{self.file.name} : la question « {name} » est posée plus d'une fois. Renommez-la.")

    def _wrong(self, line: int, what: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self.file.name}, feuille « survey », ligne {line} : {what}. Corrigez le questionnaire, puis relancez."
        )
