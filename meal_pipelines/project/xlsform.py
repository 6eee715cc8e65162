"""Read an XLSForm: what the lines of its sheets mean.

Source: XLSForm specification. Files are opened in `sheets.py`, types are in `question_types.py`; nothing is converted:
that is pyxform's work.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.privacy import CLASSES, PrivacyClass
from meal_pipelines.project.question_types import SELECTS, TYPES, UNANSWERED, spelled
from meal_pipelines.project.questionnaire import MAIN, Choice, Question, Questionnaire, Table
from meal_pipelines.project.sheets import Row, Sheets, read_sheets

CLASS_COLUMN = "meal_class"
"""The column of the survey sheet in which a questionnaire says how private each question is; pyxform leaves it alone."""

RESERVED = {
    "submission_id", "version", "form_version", "submitted_at", "load_id", "repeat_index", "parent_index",
    "person_id", "card_id", "duplicate_key", "personal",
}  # fmt: skip


def read_questionnaire(survey: Path, choices: Path | None = None) -> Questionnaire:
    """Read an XLSForm workbook, or the CSV files of its `survey` and `choices` sheets.

    Raises: ConfigurationError with the file, sheet and line of what cannot be read.
    """
    return questionnaire_of(read_sheets(survey, choices), survey)


def questionnaire_of(sheets: Sheets, file: Path) -> Questionnaire:
    """The questionnaire that these sheets are; `file` names it in messages.

    Raises: as `read_questionnaire`.
    """
    if "survey" not in sheets:
        raise ConfigurationError(
            f"{file.name} : la feuille « survey » manque ; ce n'est pas un XLSForm. Ajoutez-la ou corrigez son nom."
        )
    lists = _choices(sheets.get("choices", []))
    settings = dict(sheets["settings"][0][1]) if sheets.get("settings") else {}
    reader = _Reader(file, lists)
    tables = reader.read(sheets["survey"])
    return Questionnaire(
        file=file,
        title=settings.get("form_title", file.stem),
        form_id=settings.get("form_id", file.stem),
        version=settings.get("version", ""),
        tables=tables,
        choices=lists,
        fingerprint=hashlib.sha256(repr(sorted(sheets.items())).encode()).hexdigest(),
        warnings=tuple(reader.warnings),
        sheets=sheets,
    )


def _translated(cells: dict[str, str], column: str) -> dict[str, str]:
    """`label`, `label::Français (fr)`, `label_french` → the text by language."""
    return {language: text for name, text in cells.items() if (language := _language(name, column)) is not None}


@lru_cache(maxsize=4096)
def _language(name: str, column: str) -> str | None:
    """The language in which a header words a column; empty when it says none, None when it is another column's."""
    if name == column:
        return ""
    if name.startswith(f"{column}::"):
        return name.split("::", 1)[1].strip()
    return (
        name.removeprefix(f"{column}_") if re.fullmatch(rf"{column}_(english|french|arabic|fr|en|ar)", name) else None
    )


def _choices(rows: list[Row]) -> dict[str, tuple[Choice, ...]]:
    lists: dict[str, list[Choice]] = {}
    for _, cells in rows:
        name, code = cells.get("list_name"), cells.get("name")
        if name and code:
            known = {"list_name", "name"}
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
            if not cells.get("type") or cells.get("disabled", "").lower() in ("yes", "true"):
                continue
            word, rest = spelled(cells["type"])
            if word in ("begin_group", "begin_repeat"):
                self._begin(word, line, cells)
            elif word in ("end_group", "end_repeat"):
                self._end(word, line)
            else:
                self._question(word, rest, line, cells)
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
        if word.startswith("begin_loop"):
            raise self._wrong(line, "les boucles (« begin loop ») ne sont pas lues : écrivez un groupe par choix")
        if word not in TYPES:
            raise self._wrong(line, f"le type « {cells['type']} » n'existe pas")
        if word in UNANSWERED:
            return
        name = cells.get("name", "")
        if not name:
            raise self._wrong(line, f"une question « {word} » n'a pas de nom")
        list_name = rest[0] if rest and word in SELECTS else None
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
                privacy=self._class(cells, line, name),
            )
        )

    def _class(self, cells: dict[str, str], line: int, name: str) -> PrivacyClass | None:
        text = cells.get(CLASS_COLUMN, "").lower()
        if not text:
            return None
        for known in CLASSES:
            if text == known:
                return known
        raise self._wrong(
            line, f"« {name} » a pour classe de confidentialité « {text} » ; écrivez dans « {CLASS_COLUMN} » l'un de : "
            f"{', '.join(CLASSES)}"
        )  # fmt: skip

    @property
    def _table(self) -> str:
        return self.stack[-1].table if self.stack else MAIN

    def _relevant(self, cells: dict[str, str]) -> tuple[str, ...]:
        around = tuple(r for opened in self.stack if opened.table == self._table for r in opened.relevant)
        own = cells.get("relevant", "")
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
