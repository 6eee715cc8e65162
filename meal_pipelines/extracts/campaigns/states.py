"""The life of a campaign: open, then frozen, then sent; who did it, when, and to whom. There is no way back.

While it is open it follows the data, night after night. Frozen, it is what somebody has read and will send; sent, it is what
the recipient holds, and every later publication is protected against it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg2 import sql
from psycopg2.extras import Json

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.extracts import extract as made
from meal_pipelines.extracts.campaigns.extract import prepared, write_workbook
from meal_pipelines.extracts.campaigns.sheets import RECIPIENTS, STATUSES, Recipient
from meal_pipelines.extracts.extract import Files
from meal_pipelines.invocation import typed
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.protect.disclosure import release
from meal_pipelines.warehouse.outcomes import Behind


@dataclass(frozen=True)
class State:
    """One campaign. by, at: who closed it last, and when; to: who received it."""

    project: str
    recipient: str
    year: int
    status: str
    lines: int
    by: str | None
    at: dt.datetime | None
    to: str | None

    @property
    def told(self) -> str:
        """« prim2 · THEMA 2028 · envoyée · 12 ligne(s) · par …, le 05/02/2029, à … »."""
        parts = [f"{self.project} · {RECIPIENTS[self.recipient].title} {self.year} · {STATUSES[self.status]}"]
        parts.append(f"{self.lines} ligne(s)")
        if self.by is not None and self.at is not None:
            parts.append(f"par {self.by}, le {self.at:%d/%m/%Y}" + (f", à {self.to}" if self.to else ""))
        return " · ".join(parts)


def recipient_named(name: str) -> Recipient:
    """Raises: ConfigurationError, when it is none of ours."""
    if name not in RECIPIENTS:
        raise ConfigurationError(f"« {name} » n'a pas de campagne : {', '.join(RECIPIENTS)}.")
    return RECIPIENTS[name]


def states(cursor: Any, project: str | None = None) -> list[State]:
    """Every campaign that has a line, of one project or of all, by project, recipient and year."""
    found = []
    for name in RECIPIENTS:
        cursor.execute(
            sql.SQL(
                "select at.project, at.campaign_year, at.status, count(*), coalesce(sent.sent_by, sent.frozen_by),"
                " coalesce(sent.sent_at, sent.frozen_at), sent.sent_to from {} as at left join extracts.campaign as sent"
                " on (sent.project, sent.recipient, sent.year) = (at.project, %(name)s, at.campaign_year)"
                " where %(project)s is null or at.project = %(project)s group by 1, 2, 3, 5, 6, 7"
            ).format(sql.Identifier("extracts", name)),
            {"name": name, "project": project},
        )
        found += [State(row[0], name, *row[1:]) for row in cursor.fetchall()]
    return sorted(found, key=lambda at: (at.project, at.recipient, at.year))


def freeze_campaign(
    connection: Any,
    project: LoadedProject,
    recipient: Recipient,
    year: int,
    *,
    by: str,
    cutoff: dt.date,
    out: Path,
    behind: Sequence[Behind] = (),
) -> Path:
    """Close an open campaign as it stands in its table, and write its file once more. Commits. Returns: the file.

    behind: the forms of its figures that stand still; the file says so from now on.

    Raises: ConfigurationError, when nothing has been prepared, or when it is closed; TransientError, when the file is open.
    """
    return _move(
        connection, project, recipient, year, ("open", "frozen"), by=by, to=None, cutoff=cutoff, out=out, behind=behind
    )


def send_campaign(
    connection: Any,
    project: LoadedProject,
    recipient: Recipient,
    year: int,
    *,
    by: str,
    to: str,
    cutoff: dt.date,
    out: Path,
) -> Path:
    """Note that a frozen campaign has been sent; from now on it counts as known to everybody. Commits. Returns: the file.

    Raises: ConfigurationError, when it has not been frozen, or was sent before; TransientError, when the file is open.
    """
    return _move(connection, project, recipient, year, ("frozen", "sent"), by=by, to=to, cutoff=cutoff, out=out)


def _move(
    connection: Any,
    project: LoadedProject,
    recipient: Recipient,
    year: int,
    step: tuple[str, str],
    *,
    by: str,
    to: str | None,
    cutoff: dt.date,
    out: Path,
    behind: Sequence[Behind] = (),
) -> Path:
    if not by.strip() or (to is not None and not to.strip()):
        raise ConfigurationError("Dites qui (--by) et, pour un envoi, à qui (--to).")
    file = out / project.id / str(year) / f"{recipient.name}.xlsx"
    try:
        with connection.cursor() as cursor:
            made.lock(cursor, recipient.name, project.id)
            _require(cursor, project.id, recipient, year, step[0])
            _note(cursor, project.id, recipient, year, step[1], by, to, behind)
            if step[1] == "sent":
                release(cursor, project.id, recipient.name, str(year))
            campaign = prepared(cursor, project, recipient, year, cutoff)
            with Files({file: lambda path: write_workbook(campaign, path)}) as files:
                files.put_in_place()
            connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return file


def _require(cursor: Any, project: str, recipient: Recipient, year: int, status: str) -> None:
    cursor.execute(
        sql.SQL("select distinct status from {} where project = %s and campaign_year = %s").format(
            sql.Identifier("extracts", recipient.name)
        ),
        (project, year),
    )
    found = [row[0] for row in cursor.fetchall()]
    if not found:
        raise ConfigurationError(
            f"La campagne {recipient.title} {year} de « {project} » n'a pas encore été préparée : lancez {typed('run -s extracts')}."
        )
    if found != [status]:
        raise ConfigurationError(
            f"La campagne {recipient.title} {year} de « {project} » est {STATUSES[found[0]]} : il faut qu'elle soit "
            f"{STATUSES[status]}. Ordre : ouverte, figée, envoyée ; on ne revient pas en arrière."
        )


def _note(
    cursor: Any,
    project: str,
    recipient: Recipient,
    year: int,
    status: str,
    by: str,
    to: str | None,
    behind: Sequence[Behind],
) -> None:
    cursor.execute(
        sql.SQL("update {} set status = %s where project = %s and campaign_year = %s").format(
            sql.Identifier("extracts", recipient.name)
        ),
        (status, project, year),
    )
    named = {"project": project, "recipient": recipient.name, "year": year, "by": by, "to": to}
    if status == "frozen":
        cursor.execute(
            "insert into extracts.campaign (project, recipient, year, frozen_by, frozen_at, forms_behind)"
            " values (%(project)s, %(recipient)s, %(year)s, %(by)s, now(), %(behind)s)",
            named | {"behind": Json([each.kept() for each in behind])},
        )
        return
    cursor.execute(
        "update extracts.campaign set sent_to = %(to)s, sent_by = %(by)s, sent_at = now()"
        " where project = %(project)s and recipient = %(recipient)s and year = %(year)s",
        named,
    )
