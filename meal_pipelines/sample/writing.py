"""Write one form: its blocks of submissions to its files, the truth beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from meal_pipelines.project.expression import UnsupportedExpression
from meal_pipelines.project.model import Rule
from meal_pipelines.project.questionnaire import MAIN
from meal_pipelines.sample.answers import CLOCK, Answering
from meal_pipelines.sample.chance import Integers
from meal_pipelines.sample.check import check_answers
from meal_pipelines.sample.corrections import Corrections
from meal_pipelines.sample.defects import NAMED, Defect, Spoiling, Written
from meal_pipelines.sample.filling import Filling, Truths
from meal_pipelines.sample.record import FormCounts, Identities, Lines, Met
from meal_pipelines.sample.schedule import BLOCK, Block
from meal_pipelines.sample.server import FIRST, LAST, Pages, Rows
from meal_pipelines.sample.workbook import Workbooks

TYPED: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "decimal": float,
    "range": float,
    "select_multiple": str.split,
    "rank": str.split,
}


class Writer:
    """Writes one form, as pages or as workbooks, with its truth, its counts and its corrections."""

    def __init__(
        self,
        answering: Answering,
        spoiling: Spoiling,
        folder: Path,
        identities: Identities,
        met: Met,
        *,
        is_workbook: bool,
    ) -> None:
        self.answering, self.spoiling, self.loaded = answering, spoiling, answering.loaded
        self.form, self.name, self.chance = answering.form, answering.name, answering.chance
        self.folder, self.identities, self.met, self.is_workbook = folder, identities, met, is_workbook
        self.counts = FormCounts()
        self.asked = [
            (table.name, [(q.name, TYPED.get(q.type)) for q in table.questions if q.type not in CLOCK])
            for table in self.loaded.questionnaire.tables.values()
        ]

    def write(self, progress: Callable[[int], None]) -> FormCounts:
        """Everything there is of this form, block by block."""
        self.corrections = Corrections(self.folder / "corrections" / f"{self.name}.csv")
        with Lines(self.folder / "truth" / f"{self.name}.jsonl") as truth:
            try:
                for block in self._files():
                    progress(len(block[0].keys))
                    truth.write(self._truth(*block))
            finally:
                self.corrections.close()
        self.counts.corrections, self.counts.corrections_refused = self.corrections.applied, self.corrections.refused
        self.counts.unique_persons = len(self.met)
        return self.counts

    def _files(self) -> Iterator[tuple[Block, dict[str, Filling], Written, list[str], Truths, Truths]]:
        """(block, true answers, answers written, ids, deleted, edited), once the block is in the files."""
        yield from self._workbook() if self.is_workbook else self._pages()

    def _blocks(self) -> Iterator[tuple[Block, dict[str, Filling], Written]]:
        for block in self.answering.schedule.blocks():
            fillings = self.answering.fill(block)
            if block.numbers[0] == 0:
                check_answers(self.answering, fillings)
            for filling in fillings.values():
                self.identities.note(filling)
            yield block, fillings, self.spoiling.spoil(fillings)

    def _workbook(self) -> Iterator[tuple[Block, dict[str, Filling], Written, list[str], Truths, Truths]]:
        source = self.loaded.form.source
        questions = self.loaded.questionnaire.main.questions
        books = Workbooks(self.folder / self.name, self.name, source.sheet or self.name, questions)
        for block, fillings, written in self._blocks():
            main = fillings[MAIN]
            columns = [written.column(MAIN, main, question.name).tolist() for question in questions]
            books.add(zip(*columns, strict=True))
            keys = zip(*(main.columns[name].tolist() for name in source.key), strict=True)
            nothing = np.zeros(main.size, dtype=bool)
            yield block, fillings, written, ["/".join(key) for key in keys], nothing, nothing
        books.close()

    def _pages(self) -> Iterator[tuple[Block, dict[str, Filling], Written, list[str], Truths, Truths]]:
        sample, rows = self.answering.sample, self.answering.schedule.rows
        made = Rows(self.loaded, self.form, self.chance, self.answering.drawing.calendar, sample.second_version)
        cut = int(rows * sample.first_export)
        starts = range(0, cut, BLOCK)
        deleted_count = sum(int(self._deleted(np.arange(s, min(s + BLOCK, cut)), cut).sum()) for s in starts)
        first = Pages(self.folder / self.name / FIRST, cut, made.asset)
        last = Pages(self.folder / self.name / LAST, rows - deleted_count, made.asset)
        for block, fillings, written in self._blocks():
            deleted = self._deleted(block.numbers, cut)
            edited = ~deleted & (block.numbers < cut) & self._drawn("edited", block.numbers, self.form.edited)
            places = np.flatnonzero(edited).tolist()
            final = made.rows(block, fillings, written, set(places))
            texts = [orjson.dumps(row) for row in final]
            last.add([text for text, gone in zip(texts, deleted.tolist(), strict=True) if not gone])
            others = self._others(fillings[MAIN], made.safe) if places else {}
            for place in places:
                texts[place] = orjson.dumps(made.before_edit(final[place], place, block, others))
            early = int((block.numbers < cut).sum())
            first.add(texts[:early])
            self.counts.first_export += early
            self.counts.unclassified_answers += made.unclassified(block)
            yield block, fillings, written, [str(row["_id"]) for row in final], deleted, edited
        first.close()
        last.close()

    def _deleted(self, numbers: Integers, cut: int) -> Truths:
        return (numbers < cut) & self._drawn("deleted", numbers, self.form.deleted)

    def _drawn(self, what: str, numbers: Integers, share: float) -> Truths:
        return np.asarray(self.chance.uniform(f"{self.name}/{what}", numbers.astype(np.uint64)) < share, dtype=bool)

    def _others(self, main: Filling, names: list[str]) -> dict[str, Any]:
        """Other answers that the same questions could have had, by path."""
        turned = main.keys ^ np.uint64(1 << 63)
        return {
            ask.question.path: ask.draw(main, turned)
            for ask in self.answering.tables[MAIN]
            if ask.question.name in names and ask.question.name not in main.fixed
        }

    def _truth(
        self,
        block: Block,
        fillings: dict[str, Filling],
        written: Written,
        ids: list[str],
        deleted: Truths,
        edited: Truths,
    ) -> list[dict[str, Any]]:
        main = fillings[MAIN]
        answers = self._typed(fillings)
        violations = self._violations(fillings)
        gone, changed = deleted.tolist(), edited.tolist()
        for place, defect in sorted(written.defects.items()):
            if not gone[place]:
                defect.corrected = self.corrections.offer(ids[place], defect)
        lines = []
        for place, copied in enumerate(block.copies.tolist()):
            defect_here = written.defects.get(place)
            lines.append(
                {
                    "submission_id": ids[place],
                    "state": "deleted" if gone[place] else "present",
                    "edited": changed[place],
                    "duplicate_of": ids[copied - int(block.numbers[0])] if copied >= 0 else None,
                    "answers": answers[place],
                    "defects": [_told(defect_here)] if defect_here else [],
                    "rules": violations.get(place, []),
                }
            )
        self._count(block, fillings, written, deleted, edited, violations)
        assert main.size == len(lines)
        return lines

    def _typed(self, fillings: dict[str, Filling]) -> list[dict[str, Any]]:
        made: dict[str, list[dict[str, Any]]] = {}
        for name, asked in self.asked:
            filling = fillings[name]
            columns = [_typed(filling.columns[q].tolist(), make) for q, make in asked]
            names = [q for q, _ in asked]
            rows = zip(*columns, strict=True) if columns else iter([()] * filling.size)
            made[name] = [{q: value for q, value in zip(names, row, strict=True) if value is not None} for row in rows]
            for row, person in zip(made[name], filling.persons.tolist(), strict=True):
                if person >= 0:
                    row["_person"] = self.answering.people.name(person)
        for table in reversed(self.loaded.questionnaire.repeats):
            for parent, item in zip(fillings[table.name].rows_in_parent.tolist(), made[table.name], strict=True):
                made[str(table.parent)][parent].setdefault(table.name, []).append(item)
        return made[MAIN]

    def _violations(self, fillings: dict[str, Filling]) -> dict[int, list[dict[str, Any]]]:
        """Rules of the project that true answers break, judged where every question they name is answered."""
        found: dict[int, list[dict[str, Any]]] = {}
        for rule in self.loaded.form.rules:
            filling = fillings[rule.repeat or MAIN]
            submissions = filling.submissions
            broken = np.flatnonzero(~_holds(rule, filling))
            for row in broken.tolist():
                place, index = row, 0
                if rule.repeat:
                    place = int(submissions[row])
                    index = 1 + int((submissions[:row] == place).sum())
                broken_here = {"rule": rule.name, "severity": rule.severity, "repeat_index": index}
                found.setdefault(place, []).append(broken_here)
        return found

    def _count(
        self,
        block: Block,
        fillings: dict[str, Filling],
        written: Written,
        deleted: Truths,
        edited: Truths,
        violations: dict[int, Any],
    ) -> None:
        counts, gone = self.counts, deleted.tolist()
        counts.received += len(gone)
        counts.deleted += int(deleted.sum())
        counts.present += len(gone) - int(deleted.sum())
        counts.edited += int(edited.sum())
        counts.duplicates += int(((block.copies >= 0) & ~deleted).sum())
        counts.unusual_spellings += written.spellings
        lost: dict[str, Truths] = {MAIN: deleted.copy()}
        for name in list(fillings)[1:]:
            lost[name] = np.zeros(fillings[name].size, dtype=bool)
            counts.repeat_rows[name] += int((~deleted[fillings[name].submissions]).sum())
        for place, defect in written.defects.items():
            if gone[place] or defect.corrected:
                continue
            counts.by_rule[f"{defect.question}:{defect.kind}"] += 1
            counts.blanked_answers += defect.expected == "blanked"
            if defect.expected == "rejected":
                lost[defect.table][defect.row] = True
                if defect.table == MAIN:
                    counts.rejected_submissions += 1
                else:
                    counts.rejected_repeat_rows[defect.table] += 1
        for place, broken in violations.items():
            for rule in broken if not lost[MAIN][place] else []:
                counts.rule_violations[rule["rule"]] += 1
        for name, filling in fillings.items():
            if name != MAIN:
                parent = str(self.loaded.questionnaire.tables[name].parent)
                lost[name] |= lost[parent][filling.rows_in_parent]
            self.met.add(filling.persons[~lost[name]])


def _typed(texts: list[Any], make: Callable[[str], Any] | None) -> list[Any]:
    return texts if make is None else [None if text is None else make(text) for text in texts]


def _told(defect: Defect) -> dict[str, Any]:
    return {
        "question": defect.question,
        "kind": defect.kind,
        "repeat": defect.table,
        "repeat_index": defect.repeat_index,
        "expected": "none" if defect.corrected else defect.expected,
        "corrected": defect.corrected,
    }


def _holds(rule: Rule, filling: Filling) -> Truths:
    names = set(NAMED.findall(rule.check))
    try:
        holds = filling.holds(rule.check)
    except UnsupportedExpression:
        return np.ones(filling.size, dtype=bool)
    answered = np.ones(filling.size, dtype=bool)
    for name in names:
        answered &= np.asarray(filling.values(name).text != "", dtype=bool)
    return np.asarray(holds | ~answered, dtype=bool)
