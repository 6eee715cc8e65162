"""What a form's project says of its files, and whether one may be kept. Judged on bytes as they pass; nothing is opened.

A file's name says nothing of what it is: its first bytes do. What they do not tell (scripts, HTML, SVG, texts) has no type
here and is never kept.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.project.question_types import ATTACHMENTS

HEAD = 8192
"""Bytes looked at to know what a file is: the inner files of an office document come after some thousands."""

WITH_FILES = frozenset({"kobo", "odk"})
"""The kinds of sources that give files."""

Reason = Literal["type", "size", "empty"]


class NotKept(Exception):
    """A file that may not be kept. media_type: what it is, None when its bytes do not tell."""

    def __init__(self, reason: Reason, media_type: str | None) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.media_type = media_type


@dataclass(frozen=True)
class Limits:
    """What may be kept. max_bytes: of clear bytes · types: media types, or `image/*`, `audio/*`, `video/*`."""

    max_bytes: int
    types: tuple[str, ...]

    @classmethod
    def of(cls, form: LoadedForm) -> Limits | None:
        """None when the form's files stay on their server: nobody has decided otherwise in `project.yaml`."""
        declared = form.form.attachments
        if declared is None or not declared.keep:
            return None
        return cls(int(declared.max_mb * 1_000_000), tuple(declared.types))

    def __str__(self) -> str:
        return f"{self.max_bytes / 1_000_000:g} Mo, {', '.join(sorted(self.types))}"

    def allow(self, media_type: str | None) -> bool:
        return media_type is not None and any(fnmatchcase(media_type, pattern) for pattern in self.types)


@dataclass
class Judged:
    """The bytes of one file, let through as long as it may be kept. media_type: known from the first of them on.

    Raises: NotKept, as soon as it may not; the rest is not asked for.
    """

    pieces: Iterator[bytes] = field(repr=False)
    limits: Limits
    media_type: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        head = b""
        while len(head) < HEAD and (piece := next(self.pieces, None)) is not None:
            head += piece
        self.media_type = media_type_of(head)
        if not head:
            raise NotKept("empty", None)
        if not self.limits.allow(self.media_type):
            raise NotKept("type", self.media_type)
        size, passing = 0, head
        while True:
            size += len(passing)
            if size > self.limits.max_bytes:
                raise NotKept("size", self.media_type)
            yield passing
            following = next(self.pieces, None)
            if following is None:
                return
            passing = following

    def close(self) -> None:
        """Leave the rest unread."""
        if isinstance(self.pieces, Generator):
            self.pieces.close()


def media_type_of(head: bytes) -> str | None:
    """What the first bytes of a file say it is."""
    import filetype

    # filetype 1.2 looks for 3GP (older Android phones) four bytes too early.
    if head[4:11] == b"ftyp3gp":
        return "video/3gpp"
    found = filetype.guess(head[:HEAD]) if head else None
    return None if found is None else str(found.mime)


def extension_of(media_type: str | None) -> str:
    """With its point; of what is not known, one that no program opens."""
    import filetype

    if media_type == "video/3gpp":
        return ".3gp"
    return next((f".{kind.extension}" for kind in filetype.types if kind.mime == media_type), ".bin")


def collects_files(project: LoadedProject, form: LoadedForm) -> bool:
    """Whether a form has files to decide about: its questionnaire asks for one, or `project.yaml` speaks of them."""
    if project.project.sources[form.form.source.use].kind not in WITH_FILES:
        return False
    asks = any(question.type in ATTACHMENTS for question in form.questionnaire.questions())
    return asks or form.form.attachments is not None
