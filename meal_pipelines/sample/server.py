"""Submissions as KoboToolbox shows them, page after page, before and after people edited and deleted some.

Row shape: kpi 2.026.27e, seen live on 2026-11-23. An edit keeps `_id` and `_submission_time`, and gives a new `_uuid`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.project.questionnaire import MAIN, Table
from meal_pipelines.sample.calendar import Calendar, stamp_texts
from meal_pipelines.sample.chance import Chance, Integers
from meal_pipelines.sample.defects import NAMED, Written
from meal_pipelines.sample.filling import Filling
from meal_pipelines.sample.model import FormSample
from meal_pipelines.sample.schedule import Block

PAGE = 1000
"""Rows in a page: the most Kobo serves since 2026-03-09."""
FIRST, LAST = "1-premier-export", "2-dernier-export"


class Rows:
    """Makes the rows of one form."""

    def __init__(
        self, loaded: LoadedForm, form: FormSample, chance: Chance, calendar: Calendar, second_version: int
    ) -> None:
        self.loaded, self.form, self.chance, self.calendar, self.name = loaded, form, chance, calendar, loaded.name
        self.asset = f"a{chance.code(f'{self.name}/asset', 21)}"
        self.versions = [f"v{chance.code(f'{self.name}/version/{number}', 21)}" for number in (1, 2)]
        self.changes_on = calendar.first_day(second_version)
        self.formhub = self._uuids("formhub", np.zeros(1, dtype=np.int64))[0].replace("-", "")
        self.first_id = 1000 + int(chance.below(f"{self.name}/first-id", np.zeros(1, dtype=np.uint64), 900_000)[0])
        self.safe = self._safe_questions()

    def ids(self, numbers: Integers) -> list[int]:
        """Increasing, with gaps, as several forms share one sequence."""
        gaps = self.chance.below(f"{self.name}/id", numbers.astype(np.uint64), 7)
        ids: list[int] = (self.first_id + numbers * 7 + gaps).tolist()
        return ids

    def rows(
        self, block: Block, fillings: dict[str, Filling], written: Written, edited: set[int]
    ) -> list[dict[str, Any]]:
        """The final rows of a block; `edited`: their places."""
        answers = nested(self.loaded, fillings, written)
        sent = stamp_texts(block.sent, -1).tolist()
        second = (block.sent >= self.changes_on).tolist()
        first_uuids, new_uuids = self._uuids("uuid", block.numbers), self._uuids("uuid/edited", block.numbers)
        extra = self._new_answers(block)
        gps = self._points(fillings[MAIN], written)
        rows = []
        for place, (identifier, answer) in enumerate(zip(self.ids(block.numbers), answers, strict=True)):
            if extra and second[place]:
                answer.update({name: texts[place] for name, texts in extra.items()})
            root = first_uuids[place]
            uuid = new_uuids[place] if place in edited else root
            row = {"_id": identifier, "formhub/uuid": self.formhub, **answer}
            row["__version__"] = self.versions[1 if second[place] or place in edited else 0]
            row["meta/instanceID"] = f"uuid:{uuid}"
            if place in edited:
                row["meta/deprecatedID"] = f"uuid:{root}"
            row["_xform_id_string"], row["_uuid"], row["meta/rootUuid"] = self.asset, uuid, f"uuid:{root}"
            row["_attachments"], row["_status"], row["_geolocation"] = [], "submitted_via_web", gps[place]
            row["_submission_time"], row["_validation_status"], row["_submitted_by"] = sent[place], {}, "collecte"
            rows.append(row)
        return rows

    def before_edit(self, row: dict[str, Any], place: int, block: Block, draws: dict[str, Any]) -> dict[str, Any]:
        """The row as it was before its edit: its first uuid and version, and one answer that was another one."""
        root = row["meta/rootUuid"]
        before = {key: value for key, value in row.items() if key != "meta/deprecatedID"}
        before.update({"meta/instanceID": root, "_uuid": root.removeprefix("uuid:")})
        before["__version__"] = self.versions[1 if block.sent[place] >= self.changes_on else 0]
        for path, others in draws.items():
            if path in before and others[place] is not None and others[place] != before[path]:
                before[path] = others[place]
                break
        return before

    def unclassified(self, block: Block) -> int:
        """How many answers a block has to the second version's new questions."""
        return int((block.sent >= self.changes_on).sum()) * len(self.form.new_question)

    def _new_answers(self, block: Block) -> dict[str, list[str]]:
        return {
            name: [texts[place] for place in self.chance.below(f"{self.name}/{name}", block.keys, len(texts)).tolist()]
            for name, texts in self.form.new_question.items()
        }

    def _uuids(self, label: str, numbers: Integers) -> list[str]:
        keys = numbers.astype(np.uint64)
        high, low = self.chance.bits(f"{self.name}/{label}/1", keys), self.chance.bits(f"{self.name}/{label}/2", keys)
        words = (f"{a:016x}{b:016x}" for a, b in zip(high.tolist(), low.tolist(), strict=True))
        return [f"{w[:8]}-{w[8:12]}-4{w[13:16]}-a{w[17:20]}-{w[20:]}" for w in words]

    def _points(self, main: Filling, written: Written) -> list[list[float | None]]:
        question = next((q for q in self.loaded.questionnaire.main.questions if q.type == "geopoint"), None)
        if question is None:
            return [[None, None]] * main.size
        texts = written.column(MAIN, main, question.name).tolist()
        return [[None, None] if text is None else _point(text) for text in texts]

    def _safe_questions(self) -> list[str]:
        """Questions of the form itself whose answer can change alone."""
        table = self.loaded.questionnaire.main
        named = {
            name
            for each in self.loaded.questionnaire.tables.values()
            for question in each.questions
            for source in (
                *each.relevant,
                *question.relevant,
                question.constraint,
                question.calculation,
                question.choice_filter,
            )
            for name in NAMED.findall(source)
        }
        return [
            question.name
            for question in table.questions
            if (question.type in ("integer", "decimal") or (question.type == "select_one" and question.list_name))
            and question.name not in named
            and not question.choice_filter
            and question.name not in self.loaded.form.duplicates
            and self.loaded.class_of(question) in ("open", "sensitive")
        ]


def nested(loaded: LoadedForm, fillings: dict[str, Filling], written: Written) -> list[dict[str, Any]]:
    """The answers by path, unanswered ones absent, items of a repeat in a list under its path."""
    tables = list(loaded.questionnaire.tables.values())
    made: dict[str, list[dict[str, Any]]] = {}
    for table in tables:
        made[table.name] = _flat(table, fillings[table.name], written)
    for table in reversed(tables[1:]):
        parents = made[str(table.parent)]
        for parent, item in zip(fillings[table.name].rows_in_parent.tolist(), made[table.name], strict=True):
            parents[parent].setdefault(table.path, []).append(item)
    return made[MAIN]


def _point(text: str) -> list[float | None]:
    try:
        return [float(part) for part in text.split()[:2]]
    except ValueError:
        return [None, None]


def _flat(table: Table, filling: Filling, written: Written) -> list[dict[str, Any]]:
    paths = [question.path for question in table.questions]
    columns = [written.column(table.name, filling, question.name).tolist() for question in table.questions]
    if not columns:
        return [{} for _ in range(filling.size)]
    rows = zip(*columns, strict=True)
    return [{path: answer for path, answer in zip(paths, row, strict=True) if answer is not None} for row in rows]


class Pages:
    """The pages of one export, each written as soon as it is full."""

    def __init__(self, folder: Path, count: int, asset: str) -> None:
        self.folder, self.count, self.asset = folder, count, asset
        self.folder.mkdir(parents=True, exist_ok=True)
        for page in self.folder.glob("page-*.json"):  # of an earlier, longer sample
            page.unlink()
        self._rows: list[bytes] = []
        self._pages = 0
        self._started = False

    def add(self, rows: Sequence[bytes]) -> None:
        self._rows += rows
        while len(self._rows) >= PAGE:
            self._write(self._rows[:PAGE])
            self._rows = self._rows[PAGE:]

    def close(self) -> None:
        if self._rows or not self._pages:
            self._write(self._rows)
        self._rows = []

    def _write(self, rows: list[bytes]) -> None:
        self._pages += 1
        done = self._pages * PAGE
        address = f"https://kobo.example/api/v2/assets/{self.asset}/data/?format=json&limit={PAGE}&start="
        following = f"{address}{done}" if done < self.count else None
        previous = f"{address}{done - 2 * PAGE}" if self._pages > 1 else None
        head = orjson.dumps({"count": self.count, "next": following, "previous": previous})
        page = head[:-1] + b',"results":[' + b",".join(rows) + b"]}"
        (self.folder / f"page-{self._pages:05d}.json").write_bytes(page)
