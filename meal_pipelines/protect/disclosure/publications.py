"""What each recipient was shown: the cells of every publication, with the counts behind them, hidden or not.

The table `audit.published_cell` is the memory that differencing is judged by. A publication is a draft, replaced when
it is made again, until it is released: a released one is never forgotten. Who decides is `plan.py`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2.extras import Json, execute_values

from meal_pipelines.protect.disclosure.figures import Key, Offer, cell_of

Publication = tuple[str, str]
"""Recipient and period, for example ("opsys", "2029-02")."""
PRIMARY, SECONDARY = "primary", "secondary"


@dataclass(frozen=True)
class Mark:
    """How a hidden figure is shown, and why it is hidden: itself too small, or needed to keep another hidden."""

    text: str
    reason: str
    threshold: int


@dataclass(frozen=True)
class PublishedCell:
    """One figure of a publication. values: the true counts behind it, never shown · mark: None where it was shown."""

    offer: Offer
    start: dt.date
    end: dt.date
    values: Mapping[Key, float]
    mark: Mark | None
    version: int = 0


def earlier(cursor: Any, project: str, current: Collection[Publication]) -> list[PublishedCell]:
    """Everything that was published or prepared, except the drafts of the publications now being made."""
    return [cell for cell, is_draft in _read(cursor, project) if not is_draft or publication_of(cell) not in current]


def drafts(cursor: Any, project: str, current: Collection[Publication]) -> list[PublishedCell]:
    """The drafts of the publications now being made, as they were last prepared."""
    return [cell for cell, is_draft in _read(cursor, project) if is_draft and publication_of(cell) in current]


def publication_of(cell: PublishedCell) -> Publication:
    return cell.offer.recipient, cell.offer.publication


def record(cursor: Any, project: str, current: Collection[Publication], cells: Iterable[PublishedCell]) -> None:
    """Put new drafts of these publications in the place of the old ones; released versions stay."""
    versions: dict[Publication, int] = {}
    for recipient, publication in sorted(current):
        cursor.execute(
            "delete from audit.published_cell where project = %s and recipient = %s and publication = %s"
            " and released_at is null",
            (project, recipient, publication),
        )
        cursor.execute(
            "select coalesce(max(version), 0) + 1 from audit.published_cell"
            " where project = %s and recipient = %s and publication = %s",
            (project, recipient, publication),
        )
        versions[recipient, publication] = cursor.fetchone()[0]
    rows = [(project, *publication_of(cell), versions[publication_of(cell)], *_row(cell)) for cell in cells]
    execute_values(
        cursor,
        "insert into audit.published_cell (project, recipient, publication, version, indicator, period_kind, period,"
        " period_start, period_end, disaggregation, quantity, units, counts, reason, shown_as, threshold) values %s",
        rows,
        page_size=500,
    )


def release(cursor: Any, project: str, recipient: str, publication: str) -> int:
    """Note that a publication has been handed over: from now on every later one is protected against it, for ever.

    For whoever freezes a report. Returns: how many cells that is; 0 when it was already released or never prepared.
    """
    cursor.execute(
        "update audit.published_cell set released_at = now()"
        " where project = %s and recipient = %s and publication = %s and released_at is null",
        (project, recipient, publication),
    )
    return int(cursor.rowcount)


def _row(cell: PublishedCell) -> Sequence[Any]:
    key, mark = cell.offer.key, cell.mark
    counts = {
        side: [
            {"indicator": at.indicator, "cell": dict(at.cell), "quantity": at.quantity, "value": cell.values[at]}
            for at in keys
        ]
        for side, keys in (("numerator", cell.offer.numerator), ("denominator", cell.offer.denominator))
    }
    return (
        key.indicator, key.kind, key.period, cell.start, cell.end, json.dumps(dict(key.cell), ensure_ascii=False),
        key.quantity, cell.offer.units, Json(counts), mark.reason if mark else None, mark.text if mark else None,
        mark.threshold if mark else None,
    )  # fmt: skip


def _read(cursor: Any, project: str) -> list[tuple[PublishedCell, bool]]:
    cursor.execute(
        "select recipient, publication, indicator, period_kind, period, disaggregation, quantity, units, counts,"
        " period_start, period_end, reason, shown_as, threshold, version, released_at is null from audit.published_cell"
        " where project = %s order by recipient, publication, version, indicator, period_kind, period,"
        " disaggregation::text, quantity",
        (project,),
    )
    found = []
    for (
        recipient,
        publication,
        *named,
        units,
        counts,
        start,
        end,
        reason,
        text,
        threshold,
        version,
        draft,
    ) in cursor.fetchall():
        indicator, kind, period, disaggregation, quantity = named
        key = Key(indicator, kind, period, cell_of(disaggregation), quantity)
        values: dict[Key, float] = {}
        sides: dict[str, tuple[Key, ...]] = {}
        for side in ("numerator", "denominator"):
            keys = []
            for at in counts[side]:
                keys.append(Key(at["indicator"], kind, period, cell_of(at["cell"]), at["quantity"]))
                values[keys[-1]] = float(at["value"])
            sides[side] = tuple(keys)
        offer = Offer(recipient, publication, key, sides["numerator"], sides["denominator"], units)
        mark = Mark(text, reason, threshold) if reason is not None else None
        found.append((PublishedCell(offer, start, end, values, mark, version), draft))
    return found
