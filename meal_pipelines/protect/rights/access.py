"""The log of openings: who saw or removed personal data, as what, why, whose; and whether the log is whole.

One line is written before the first clear value leaves, in a transaction of its own. Each line holds the hash of the one
before, computed in the database (`audit.chain`), so that a line removed or changed shows. What is opened, and how, is not
known here; the pipeline's own cleaning and pseudonymising leave no line.
"""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse.connection import Warehouse

Act = Literal["files", "identity", "export", "rectify", "erase", "restrict", "withdraw", "retention"]
Title = Literal["sera", "dpo", "admin"]
BATCH = 10_000


@dataclass(frozen=True)
class Actor:
    """Somebody who acts: the user of the machine, as what, and why."""

    who: str
    acting_as: Title
    why: str

    @classmethod
    def here(cls, acting_as: Title, why: str) -> Actor:
        """Whoever runs this process. Raises: ConfigurationError when no reason is given."""
        if not why.strip():
            raise ConfigurationError("Écrivez pourquoi : « --why … ». Le motif est gardé dans le journal d'audit.")
        return cls(getpass.getuser(), acting_as, why.strip())


@dataclass(frozen=True)
class Access:
    """One line of the log, without any value of the data. items: files, identities or submissions concerned."""

    access_id: int
    at: datetime
    who: str
    acting_as: str
    what: str
    why: str
    project: str
    form: str | None
    submission_id: str | None
    person_id: str | None
    items: int


def record(
    cursor: Any,
    actor: Actor,
    what: Act,
    project: str,
    *,
    form: str | None = None,
    submission_id: str | None = None,
    person_id: str | None = None,
    items: int = 1,
) -> None:
    """Add a line; part of the caller's transaction, to be committed before anything is shown.

    Writers wait for one another until that commit. Raises: ConfigurationError when no reason is given.
    """
    if not actor.why.strip():
        raise ConfigurationError("Écrivez pourquoi : « --why … ». Le motif est gardé dans le journal d'audit.")
    cursor.execute(
        "insert into audit.access (who, acting_as, what, why, project, form, submission_id, person_id, items)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (actor.who, actor.acting_as, what, actor.why.strip(), project, form, submission_id, person_id, items),
    )


def last_lines(cursor: Any, project: str | None, count: int) -> list[Access]:
    """The last `count` lines, oldest first; of one project, or of all."""
    cursor.execute(
        "select access_id, at, who, acting_as, what, why, project, form, submission_id, person_id, items from audit.access"
        " where %(project)s::text is null or project = %(project)s order by access_id desc limit %(count)s",
        {"project": project, "count": count},
    )
    return [Access(*row) for row in reversed(cursor.fetchall())]


# Whether the log is whole -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mark:
    """A line that was there once: its number and its hash. 0: the log was empty."""

    access_id: int
    hash: bytes


@dataclass(frozen=True)
class Verified:
    """lines: how many follow one another · head: the last of them · faults: what does not fit, in French."""

    lines: int
    head: Mark
    faults: tuple[str, ...]


def verify(warehouse: Warehouse, settings: Settings) -> Verified:
    """Read the whole log, line by line, and compare it with where it stood at the last verification from this machine.

    A log found whole is remembered in `MEAL_HOME/audit_mark.json`, outside the database: a later removal of its last lines, or
    a log written anew from the start, shows by that.
    """
    with warehouse.connect() as connection, connection.cursor() as cursor:
        # The head and the lines of one moment, whoever writes meanwhile.
        connection.set_session(isolation_level="REPEATABLE READ")
        cursor.execute("select access_id, hash from audit.access_head")
        number, digest = cursor.fetchone() or (0, b"")
        head = Mark(number, bytes(digest))
        lines, faults = _follow(_links(connection), head)
        path = settings.home / "audit_mark.json"
        before = _read_mark(path)
        if before is not None:
            cursor.execute("select hash from audit.access where access_id = %s", (before.access_id,))
            row = cursor.fetchone()
            if before.access_id and (row is None or bytes(row[0]) != before.hash):
                faults.append(
                    f"ligne {before.access_id} : vérifiée naguère depuis cette machine, elle n'est plus là ou n'est plus la "
                    "même (la fin du journal a été retirée, ou la base restaurée d'une sauvegarde plus ancienne)."
                )
    if not faults:
        _write_mark(path, head)
    return Verified(lines, head, tuple(faults))


def _links(connection: Any) -> Iterator[tuple[int, bytes, bytes, bytes]]:
    """(number, previous, hash, hash as it should be) of each line, in order."""
    with connection.cursor(name="access_log") as cursor:
        cursor.itersize = BATCH
        cursor.execute(
            "select access_id, previous, hash, audit.hash_of(line) from audit.access as line order by access_id"
        )
        for number, previous, digest, expected in cursor:
            yield number, bytes(previous), bytes(digest), bytes(expected)


def _follow(links: Iterator[tuple[int, bytes, bytes, bytes]], head: Mark) -> tuple[int, list[str]]:
    count, last, faults = 0, Mark(0, b""), []
    for number, previous, digest, expected in links:
        if number != last.access_id + 1:
            faults.append(f"ligne(s) {last.access_id + 1} à {number - 1} : retirée(s).")
        elif last.access_id and previous != last.hash:
            faults.append(f"ligne {number} : ne suit plus la précédente, qui a été changée.")
        if digest != expected:
            faults.append(f"ligne {number} : changée après coup.")
        count, last = count + 1, Mark(number, digest)
    if last.access_id < head.access_id:
        faults.append(f"ligne(s) {last.access_id + 1} à {head.access_id} : retirée(s) à la fin du journal.")
    elif last.access_id and last != head:
        faults.append(f"ligne {last.access_id} : n'est pas la dernière que le journal ait notée.")
    return count, faults


def _read_mark(path: Path) -> Mark | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Mark(int(data["access_id"]), bytes.fromhex(data["hash"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise MealError(
            f"{path} n'est plus lisible : il dit où en était le journal d'audit à la dernière vérification. Restaurez-le de sa "
            "sauvegarde ; à défaut effacez-le, et notez pourquoi."
        ) from None


def _write_mark(path: Path, mark: Mark) -> None:
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"access_id": mark.access_id, "hash": mark.hash.hex()}, file)
    part.replace(path)
