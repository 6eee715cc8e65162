"""Clean one chunk of submissions: open, spread, correct, judge, and pack what stands with what was found.

Writes nothing. Chunks, deltas and publication are in `stage.py`; what makes an answer right is in `judge.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from meal_pipelines.clean.build import REJECTION_COLUMNS, UNKNOWN_COLUMNS, CleanBuild, Found
from meal_pipelines.clean.coded import Rows, spread
from meal_pipelines.clean.corrections import CleaningLog, as_written
from meal_pipelines.clean.extract import RawTable, extract
from meal_pipelines.clean.judge import Judge, Judged, rows_around
from meal_pipelines.clean.reading import Reading
from meal_pipelines.project.questionnaire import MAIN
from meal_pipelines.protect import personal
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.rights.redaction import is_mark
from meal_pipelines.warehouse.copy import NULL, Packed, bytea_column, escape_column, pack
from meal_pipelines.warehouse.tables import TableSpec


class ChunkCleaner:
    """Cleans chunks of one form, each submission by the way its version is read."""

    def __init__(self, build: CleanBuild, keyring: Keyring, log: CleaningLog) -> None:
        import pandera.pandas  # noqa: F401 - a second, before the first chunk rather than during it

        self.build, self.keyring, self.log = build, keyring, log
        self.cleaners: dict[int, Cleaner] = {}

    def __call__(self, rows: list[Any]) -> tuple[list[Packed], Found]:
        """Clean n submissions: rows of (submission_id, version, form_version, submitted_at, state, load_id, payload)."""
        present = [row for row in rows if row[4] == "present"]
        corrected, readings, packed = self.log.by_submission.keys(), self.build.readings, list[Packed]()
        found = Found(
            deleted=len(rows) - len(present),
            absent={row[0] for row in rows if row[4] != "present"} & corrected,
            met={row[0] for row in present} & corrected,
        )
        for reading, part in readings.parted(present) if present else ():
            cleaner = self.cleaners.get(id(reading)) or Cleaner(self.build, self.keyring, self.log, reading)
            self.cleaners[id(reading)] = cleaner
            packed += cleaner.clean(part, found)
            found.not_judged |= cleaner.judge.not_judged
        found.unknown_versions |= readings.unknown
        return packed, found


class Cleaner:
    """Cleans submissions of one form that are read alike; holds what does not change between chunks.

    reading: how the submissions of an old version are read; None for those that are read as today's.
    """

    def __init__(self, build: CleanBuild, keyring: Keyring, log: CleaningLog, reading: Reading | None = None) -> None:
        self.build, self.log, self.reading = build, log, reading
        self.form = build.form if reading is None else reading.form
        self.sealer = keyring.sealer(build.form.project)
        self.duplicate_hash = keyring.hasher(build.form.project, "duplicate")
        self.judge = Judge(self.form)
        self.has_columns = self.form.form.source.sheet is not None

    def clean(self, rows: list[Any], found: Found) -> list[Packed]:
        """Clean n submissions that are there (see above); their rows by table, and those of the rejections."""
        ids = [row[0] for row in rows]
        places = [f"raw|{self.form.project}|{self.form.name}|{row[0]}|{row[1]}" for row in rows]
        payloads = self.sealer.unseal([row[6] for row in rows], places)
        tables = extract(self.form.questionnaire, payloads) if self.reading is None else self.reading.extract(payloads)
        in_words_of_today = as_written if self.reading is None else self.reading.corrected
        found.corrections += self.log.apply(ids, tables, in_words_of_today)
        today = _days(rows, tables[MAIN])
        judged: dict[str, Judged] = {}
        for name, raw in tables.items():
            judged[name] = self.judge.judge(raw, judged, today)
            found.unknown |= {UNKNOWN_COLUMNS} if raw.unknown and self.has_columns else raw.unknown
        self._quarantine(judged)
        found.submissions += len(rows)
        found.quarantined += int((~judged[MAIN].stands).sum())
        refused = self._consent_refused(judged)
        packed = []
        for spec, (name, table) in zip(self.build.specs, judged.items(), strict=True):
            kept = np.flatnonzero(table.stands)
            found.rows[spec.qualified] += len(kept)
            if len(kept):
                packed.append(self._pack(spec, name, table, rows, kept, refused[name]))
        return [*packed, self._pack_faults(judged, rows, found)]

    def _quarantine(self, judged: dict[str, Judged]) -> None:
        """A row of a repeat does not stand when the row around it does not."""
        for table in judged.values():
            if table.raw.table.parent is not None and len(table.raw):
                outer = judged[table.raw.table.parent]
                table.stands &= outer.stands[rows_around(table.raw, outer.raw)]

    def _consent_refused(self, judged: dict[str, Judged]) -> dict[str, np.ndarray[Any, Any]]:
        """For each row, whether the person (or the one who answers for the form) refused that anything be kept."""
        refused: dict[str, np.ndarray[Any, Any]] = {}
        question, _, agreed = (part.strip() for part in (self.form.form.consent or "").partition("="))
        for name, table in judged.items():
            parent = table.raw.table.parent
            rows = np.zeros(len(table.raw), dtype=bool)
            if parent is not None and len(table.raw):
                rows = refused[parent][rows_around(table.raw, judged[parent].raw)]
            asked = table.raw.table.question(question) if question else None
            if asked is not None:
                rows = rows | table.texts[asked.column].test(lambda text: text != agreed)
            refused[name] = rows
        return refused

    def _pack(
        self, spec: TableSpec, name: str, table: Judged, rows: list[Any], kept: Rows, refused: np.ndarray[Any, Any]
    ) -> Packed:
        ids = [row[0] for row in rows]
        system = self._system(name, table, rows, kept)
        system["submission_id"] = spread(escape_column(ids), table.raw.owners[kept])
        data = [system[column.name] for column in spec.columns if column.privacy == "technical"]
        for question in self.form.shown(table.raw.table):
            answers = table.texts[question.column]
            written = _arrays if question.type in ("select_multiple", "rank") else escape_column
            data.append(answers.spread(written(answers.texts), kept))
        data.append(self._personal(spec, table, ids, kept, refused))
        return pack("build", spec.staged, spec.names(), data)

    def _system(self, name: str, table: Judged, rows: list[Any], kept: Rows) -> dict[str, list[str]]:
        """The technical columns, formatted, the identifier of the submission excepted."""
        if name != MAIN:
            indices = [table.raw.repeat_index[row] for row in kept.tolist()]
            parents = [table.raw.parent_index[row] for row in kept.tolist()]
            return {
                "repeat_index": list(map(str, indices)),
                "parent_index": [NULL if parent is None else str(parent) for parent in parents],
            }
        sent = [rows[owner] for owner in table.raw.owners[kept]]
        columns = {
            "version": [str(row[1]) for row in sent],
            "form_version": escape_column([row[2] for row in sent]),
            "submitted_at": [NULL if row[3] is None else row[3].isoformat() for row in sent],
            "load_id": [str(row[5]) for row in sent],
        }
        if self.form.form.duplicates:
            columns["duplicate_key"] = escape_column(self._duplicate_keys(table, kept))
        return columns

    def _duplicate_keys(self, table: Judged, kept: Rows) -> list[str | None]:
        by_name = {question.name: table.texts[question.column] for question in table.raw.table.questions}
        columns = [by_name[name].spread(by_name[name].texts, kept) for name in self.form.form.duplicates]
        return [
            None if None in parts or any(map(is_mark, parts)) else self.duplicate_hash(orjson.dumps(parts))[:16].hex()
            for parts in zip(*columns, strict=True)
        ]

    def _personal(
        self, spec: TableSpec, table: Judged, ids: list[str], kept: Rows, refused: np.ndarray[Any, Any]
    ) -> list[str]:
        """Sealed answers of each row, as one JSON object; nothing for who refused."""
        raw, columns = table.raw, []
        for question in self.form.sealed(raw.table):
            answers = table.texts[question.column]
            columns.append(answers.spread(personal.pieces(question.column, answers.texts), kept))
        if raw.unknown or not columns:
            columns.append(personal.pieces(personal.STRAYS, (raw.strays[row] for row in kept)))
        found = personal.objects(columns)
        has_refused = refused[kept].tolist()
        filled = [position for position, answers in enumerate(found) if answers and not has_refused[position]]
        lines = kept[filled].tolist()
        places = [personal.place(spec.name, ids[raw.owner[row]], raw.repeat_index[row]) for row in lines]
        sealed: list[bytes | None] = [None] * len(kept)
        for position, blob in zip(
            filled, self.sealer.seal([found[position] for position in filled], places), strict=True
        ):
            sealed[position] = blob
        return bytea_column(sealed)

    def _pack_faults(self, judged: dict[str, Judged], rows: list[Any], found: Found) -> Packed:
        lines = []
        for name, table in judged.items():
            for fault in table.faults:
                found.faults[fault.rule, fault.severity] += 1
                owner = rows[table.raw.owner[fault.row]]
                index = str(table.raw.repeat_index[fault.row]) if name != MAIN else "0"
                lines.append(
                    (owner[0], name, index, fault.question, fault.rule, fault.message, fault.severity, str(owner[5]))
                )
        names = [column.name for column in REJECTION_COLUMNS]
        data = [escape_column(list(column)) for column in zip(*lines, strict=True)]
        return pack("build", self.build.rejections, names, data)


def _days(rows: list[Any], main: RawTable) -> np.ndarray[Any, Any]:
    """The day each submission was made, in days since 1970: its own `today`, else the day it was sent."""
    own = next((question.column for question in main.table.questions if question.type == "today"), None)
    days = main.answers[own].values.number if own is not None else np.full(len(rows), np.nan)
    sent = np.array([np.nan if row[3] is None else row[3].timestamp() // 86_400 for row in rows], dtype=float)
    return np.where(np.isnan(days), np.where(np.isnan(sent), np.inf, sent), days)


def _arrays(texts: list[str | None]) -> list[str]:
    """`a b` → PostgreSQL's `{"a","b"}`, formatted once per distinct answer."""
    known: dict[str | None, str | None] = {None: None}
    for text in set(texts):
        if text is not None:
            quoted = (part.replace("\\", "\\\\").replace('"', '\\"') for part in text.split())
            known[text] = "{" + ",".join(f'"{part}"' for part in quoted) + "}"
    return escape_column([known[text] for text in texts])
