"""What the loopback ODK Central holds: forms and their versions, submissions and their editions, lists of entities."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]

MESSAGES = {
    400.18: "The OData filter expression you provided could not be parsed.",
    401.2: "Could not authenticate with the provided credentials.",
    403.1: "The authentication you provided does not have rights to perform that action.",
    404.1: "Could not find the resource you were looking for.",
    501.1: "The requested feature using $orderby and $skiptoken together is not supported by this server.",
}


class Problem(Exception):
    """A refusal as ODK Central spells it."""

    def __init__(self, code: float, message: str = "", details: Row | None = None) -> None:
        super().__init__(code)
        body: Row = {"message": message or MESSAGES[code], "code": code}
        self.body = body if details is None else {**body, "details": details}
        self.status = int(code)


@dataclass
class Published:
    """One published version of a form. fields: path, name, type … of each question and group, in order."""

    version: str
    fields: list[Row]
    at: datetime
    key_id: int | None = None
    xform: str = ""
    workbook: bytes = b""


@dataclass
class Edition:
    """One version of a submission: its answers, nested, as the texts of its XML."""

    instance_id: str
    answers: Row
    form_version: str
    at: datetime
    names_itself: bool = True


@dataclass
class Stored:
    """A submission (or an entity): editions, oldest first; files that its newest edition names, None until received."""

    serial: int
    root: str
    created: datetime
    editions: list[Edition]
    files: dict[str, bytes | None] = field(default_factory=dict)
    updated: datetime | None = None
    deleted: datetime | None = None
    review: str | None = None
    is_encrypted: bool = False
    touched: int = 0


@dataclass
class Form:
    """A form and its submissions, or a list of entities (`fields` of its one version are its properties)."""

    project: int
    name: str
    created: datetime
    published: list[Published] = field(default_factory=list)
    stored: dict[str, Stored] = field(default_factory=dict)
    state: str = "open"
    is_shared: bool = True
    is_entities: bool = False

    @property
    def current(self) -> Published:
        return self.published[-1]


def stamp(moment: datetime | None) -> str | None:
    """As JavaScript shows it: milliseconds, the rest cut off."""
    if moment is None:
        return None
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
