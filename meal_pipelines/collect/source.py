"""What a source of submissions must offer; every client (Kobo, ODK Central, workbook) fits this shape.

A source shows what it holds *now*, page after page, in the order of its own keys; some can also say what changed since
a mark they gave. It remembers nothing, compares nothing and writes nothing: versions, deletions and the cursor belong to
whoever stores the pages (`sync.py`).

A new source is one module: a subclass of `Source` that says `kind` and `order` and gives `sweep`. The other methods have
an honest default (« I cannot say »), and are worth writing when the server can do better.
`docs/new_source.md` has a template and the tests that any source is put through.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import msgspec
import orjson

from meal_pipelines.errors import MealError

Order = Literal["numeric", "text", "submitted"]

Mark = dict[str, Any]
"""Where a source stood at some moment, in the source's own words; kept as JSON."""


class Submission(msgspec.Struct, frozen=True, gc=False):
    """One submission as the source shows it now; neither answers nor identities appear in its `repr`.

    submission_id: unique within (project, form), stable through edits (Kobo: `str(_id)`).
    payload: JSON of the whole row, in the source's own bytes where it can be.
    instance_id: the OpenRosa identity (`uuid:…`), kept as an attribute. form_version: the version that
    the answers were given with. submitted_at, changed_at: ISO 8601 with zone, None when the source is silent.
    attachments: the files that its answers name · attachments_present: those that have reached the server.
    """

    submission_id: str
    payload: bytes
    instance_id: str | None = None
    form_version: str | None = None
    submitted_at: str | None = None
    changed_at: str | None = None
    attachments: int = 0
    attachments_present: int = 0

    def __repr__(self) -> str:
        return f"Submission({self.submission_id!r})"


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
class Delta:
    """A part of what may have happened at the source since a mark.

    submissions: as they are now, whole, in any order; one that has not changed does no harm, nor does one that comes
    twice. gone: the ids of those that the source says it holds no more; none of them is in `submissions`.
    gone_instances: the same, by `instance_id`, for a source that names them so.
    mark, total: on the last delta only: where the next `changes` starts, and how many submissions the source holds now,
    all of them; by that number whoever stores the deltas knows that nothing was missed.
    is_redeployed: the questionnaire may have a new version.
    """

    submissions: list[Submission]
    gone: Sequence[str] = ()
    mark: Mark | None = None
    total: int | None = None
    is_redeployed: bool = False
    gone_instances: Sequence[str] = ()


class SweepNeeded(Exception):
    """A source cannot say what changed since a mark: only a sweep can tell. The text says why, in French, without data."""


@dataclass(frozen=True, slots=True)
class FormVersion:
    """One deployed version of the questionnaire; `content` is the source's own description of it."""

    form_version: str
    content: dict[str, Any]
    deployed_at: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file of a submission. Its name may say who it shows: it is sealed wherever it is kept.

    address: all that the source needs to give its bytes, in the source's own words. size: bytes, None when unknown.
    is_there: False while the answers name it and the server has not received it. edition: what the source changes when
    other bytes come under the same name; None when it does not tell.
    """

    name: str = field(repr=False)
    address: str = field(repr=False)
    media_type: str | None = None
    size: int | None = None
    is_there: bool = True
    edition: str | None = field(default=None, repr=False)


class FileGone(MealError):
    """A file, or its submission, is not at the source any more."""


class Source(ABC):
    """A place where a form's submissions are kept.

    kind: `kobo`, `odk`, `workbook` or `export`, as in the project's file · order: how keys compare: as integers, or as
    text by code point · says_arrival: `submitted_at` is when a submission reached the source. Every method raises
    ConfigurationError for what a person must mend and TransientError for what a later try may not meet.
    """

    kind: ClassVar[str]
    order: ClassVar[Order]
    says_arrival: ClassVar[bool] = False

    @abstractmethod
    def sweep(self, after: str | None = None) -> Iterator[Page]:
        """Every submission held now, in key order, from just after the key `after`.

        The whole inventory, streamed: memory is bounded by two pages. The last page has `through` None;
        an iterator that ends by an error has not covered what lies beyond the pages it gave.
        """

    def is_same(self, before: bytes, after: bytes) -> bool:
        """Whether two payloads of one submission say the same; asked only when their bytes differ.

        A server that changes its own keys, or their order, has not edited 200,000 submissions.
        """
        return before == after

    def completed(self, submissions: Sequence[Submission]) -> Sequence[Submission]:
        """The same submissions with what the source gives only one by one, without those that are gone meanwhile.

        Asked for those about to be kept as new versions, and for no others; versions are told apart without it.
        """
        return submissions

    def mark(self) -> Mark | None:
        """Where the source stands now, for `changes` later; None when this source cannot say what changed."""
        return None

    def changes(self, since: Mark, awaiting: Sequence[str] = ()) -> Iterator[Delta]:
        """What may have happened since a mark; the last delta has a new mark and the total.

        awaiting: submissions whose files were not all there, to be looked at again.
        Raises: SweepNeeded when only a sweep can tell (a right withdrawn, a mark too old).
        """
        raise SweepNeeded("la source ne dit pas ce qui a changé")

    def remarks(self) -> list[str]:
        """What a person should know of the last reading, in French; counts and names of forms only."""
        return []

    def form_versions(self, known: Container[str] = ()) -> Iterator[FormVersion]:
        """The deployed versions of the questionnaire, oldest first, those in `known` left out unread."""
        return iter(())

    def attachments(self, submission_ids: Sequence[str]) -> Iterator[tuple[str, list[Attachment]]]:
        """The files of each submission that still exists, with its id."""
        return iter(())

    def read_attachment(self, submission_id: str, attachment: Attachment) -> Iterator[bytes]:
        """The bytes of one file, in pieces.

        Raises: FileGone, when it is not there any more.
        """
        raise NotImplementedError(f"a source of kind {self.kind} has no attachments")


def canonical(value: object) -> bytes:
    """The one JSON spelling of a value: UTF-8, keys sorted, no spaces."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
