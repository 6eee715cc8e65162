"""Take what is personal out of a submission, leaving a mark where an answer was; what may be shown stays.

A mark tells the stages that follow that the question was answered: no answer is missing, nothing is to be judged, nothing
is to be sealed. Who is to be taken out, and when, is decided elsewhere; nothing here reads or writes a table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.project.question_types import ATTACHMENTS
from meal_pipelines.project.questionnaire import MAIN, Table

Document = dict[str, Any]

MARK = "\N{ERASE TO THE LEFT}"
"""Stands for an answer that was taken out; the pseudonym that replaces the person may follow it."""

LEFT_OUT = "$erased"
"""The one key of a repeat's row that was taken out whole: the rows after it keep their place."""

TECHNICAL = frozenset(
    {
        "_id", "_uuid", "__version__", "_version_", "_submission_time", "formhub/uuid", "meta/instanceID", "meta/rootUuid",
        "__id", "__system/edits", "__system/reviewState", "__system/submissionDate", "__system/status", "__system/version",
        "__system/conflict", "__system/createdAt",
    }
)  # fmt: skip
"""What servers add to tell submissions and their editions apart; the rest (who sent it, where, file names) is not kept."""

MOMENTS = ("start", "end")


def is_mark(answer: str | None) -> bool:
    return answer is not None and answer.startswith(MARK)


def replacement(answer: str) -> str | None:
    """The pseudonym that a mark carries."""
    return answer.removeprefix(MARK) or None


def redact(form: LoadedForm, document: Document, *, mark: str = MARK, is_anonymous: bool = False) -> Document:
    """A submission without anything personal, its repeats included.

    is_anonymous: nothing that tells which submission of the source it was is left either.
    """
    return _redacted(form, form.questionnaire.main, document, mark, frozenset() if is_anonymous else TECHNICAL)


def redact_row(form: LoadedForm, table: Table, row: Document, mark: str | None) -> None:
    """Take what is personal out of one row, in place; all of it when there is no mark to leave."""
    kept = {LEFT_OUT: True} if mark is None else _redacted(form, table, row, mark, TECHNICAL)
    row.clear()
    row.update(kept)


def rows_in(form: LoadedForm, document: Document, table: Table) -> list[Document]:
    """The rows of one table in a submission, in the order by which `repeat_index` counts them."""
    if table.name == MAIN:
        return [document]
    around = rows_in(form, document, form.questionnaire.tables[str(table.parent)])
    return [row for outer in around for row in _inside(outer, table)]


def texts(table: Table, row: Document) -> dict[str, str]:
    """The answers of a row that are texts or numbers, by question name."""
    found: dict[str, str] = {}
    for question in table.questions:
        answer = row.get(question.path, row.get(question.name))
        if isinstance(answer, (str, int, float)) and str(answer).strip():
            found.setdefault(question.name, str(answer).strip())
    return found


def _inside(row: Document, table: Table) -> Iterator[Document]:
    items = row.get(table.path) or row.get(_bare(table))
    if isinstance(items, list):
        yield from (item for item in items if isinstance(item, dict))


def _redacted(form: LoadedForm, table: Table, row: Document, mark: str, technical: frozenset[str]) -> Document:
    questions = {key: question for question in table.questions for key in (question.name, question.path)}
    inner = {
        key: one for one in form.questionnaire.repeats if one.parent == table.name for key in (_bare(one), one.path)
    }
    kept: Document = {}
    for key, answer in row.items():
        question = questions.get(key)
        if question is not None:
            if form.is_sealed(question) or question.type in ATTACHMENTS:
                kept[key] = mark if answer not in (None, "") else answer
            elif technical or question.type not in MOMENTS:
                kept[key] = answer
        elif key in inner and isinstance(answer, list):
            kept[key] = [
                _redacted(form, inner[key], item, mark, technical) for item in answer if isinstance(item, dict)
            ]
        elif key in technical or key == LEFT_OUT:
            kept[key] = answer
    return kept


def _bare(table: Table) -> str:
    return table.path.rsplit("/", 1)[-1]
