"""What a source of submissions must offer; every client (Kobo, ODK Central, workbook) fits this shape.

A source shows what it holds *now*, page after page, in the order of its own keys. It remembers nothing,
compares nothing and writes nothing: versions, deletions and the cursor belong to whoever stores the pages.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import orjson

Order = Literal["numeric", "text"]


@dataclass(frozen=True, slots=True)
class Submission:
    """One submission as the source shows it now; its content never appears in a `repr`.

    submission_id: unique within (project, form), stable through edits (Kobo: `str(_id)`).
    payload: canonical JSON of the whole row, as received. content: canonical JSON of what only an edit
    changes; two sweeps of an untouched submission give the same bytes, so a fingerprint is made from it.
    instance_id: the OpenRosa identity (`uuid:…`), kept as an attribute. form_version: the version that
    the answers were given with. submitted_at, changed_at: ISO 8601 with zone, None when the source is silent.
    """

    submission_id: str
    payload: bytes = field(repr=False)
    content: bytes = field(repr=False)
    instance_id: str | None = None
    form_version: str | None = None
    submitted_at: str | None = None
    changed_at: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Everything the source holds in one interval of its keys, `(after, through]`.

    submissions: in strictly increasing key order. after: the key where the interval opens (None: before
    every key). through: the last key covered, from which a killed sweep resumes; None on the last page,
    which covers everything beyond `after`. server_count: the number of submissions the server says lie
    beyond `after` (this page's and those to come): the total when `after` is None; None when it is silent.
    A submission known earlier whose key lies in the interval and that is not in the page is gone.
    """

    submissions: list[Submission]
    after: str | None
    through: str | None
    server_count: int | None = None


@dataclass(frozen=True, slots=True)
class FormVersion:
    """One deployed version of the questionnaire; `content` is the source's own description of it."""

    form_version: str
    content: dict[str, Any]
    deployed_at: str | None = None


class Source(Protocol):
    """A place where a form's submissions are kept."""

    @property
    def kind(self) -> str:
        """`kobo`, `odk` or `workbook`, as in the project's file."""
        ...

    @property
    def order(self) -> Order:
        """How keys compare: as integers, or as text by code point."""
        ...

    def sweep(self, after: str | None = None) -> Iterator[Page]:
        """Every submission held now, in key order, from just after the key `after`.

        The whole inventory, streamed: memory is bounded by two pages. The last page has `through` None;
        an iterator that ends by an error has not covered what lies beyond the pages it gave.
        Raises: ConfigurationError for what a person must mend, TransientError for what a later try may not meet.
        """
        ...

    def form_versions(self, known: Container[str] = ()) -> Iterator[FormVersion]:
        """The deployed versions of the questionnaire, oldest first, those in `known` left out unread."""
        ...


def canonical(value: object) -> bytes:
    """The one JSON spelling of a value: UTF-8, keys sorted, no spaces."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
