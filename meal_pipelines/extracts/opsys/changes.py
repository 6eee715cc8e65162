"""What differs from the previous extract of the same project: lines added, changed, removed, and why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from meal_pipelines.extracts.opsys.rows import OpsysRow
from meal_pipelines.extracts.values import Labels
from meal_pipelines.extracts.wording import day

ADDED, CHANGED, REMOVED = "Ajout", "Modification", "Suppression"
DECLARED_ANEW = "Déclarations reçues ou corrigées depuis"
DEFINITION = {
    "label": "Libellé",
    "unit": "Unité",
    "measure": "Mode de calcul",
    "dimensions": "Ventilations",
    "mode": "Type d'indicateur",
    "framework": "Référentiel",
    "framework_version": "Version du référentiel",
    "code": "Code",
    "code_status": "Statut du code",
}
"""What belongs to the indicator, not to one of its values; OPSYS lets some of it be altered only by encoding anew."""
Key = tuple[str, str, dt.date | None, str | None]


@dataclass(frozen=True)
class Previous:
    """The last extract before this period: its lines as the table holds them."""

    period: str
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class Change:
    """One difference. value_type is empty where the definition of the indicator changed."""

    kind: str
    indicator: str
    value_type: str
    value_date: dt.date | None
    what: str
    old: Any
    new: Any
    reason: str

    @property
    def difference(self) -> Decimal | None:
        if isinstance(self.old, Decimal) and isinstance(self.new, Decimal):
            return self.new - self.old
        return None


def previous_extract(cursor: Any, project: str, period: str) -> Previous | None:
    """The extract of the nearest earlier reporting period; None for a first one."""
    cursor.execute("select max(period) from extracts.opsys where project = %s and period < %s", (project, period))
    earlier = cursor.fetchone()[0]
    if earlier is None:
        return None
    cursor.execute(
        "select indicator, value_type, value_date, total, total_text, disaggregation, status, label, unit, measure,"
        " dimensions, mode, framework, framework_version, code, code_status, logframe_version,"
        " declared_source from extracts.opsys where project = %s and period = %s order by position",
        (project, earlier),
    )
    names = [column.name for column in cursor.description]
    return Previous(earlier, [dict(zip(names, row, strict=True)) for row in cursor.fetchall()])


def changes(previous: Previous | None, rows: Sequence[OpsysRow], labels: Labels) -> list[Change]:
    """Differences in the order of the sheet, removed lines last; none for a first extract."""
    if previous is None:
        return []
    before = {
        _key(row["indicator"], row["value_type"], row["value_date"], row["declared_source"]): row
        for row in previous.rows
    }
    after = {_key(row.indicator, row.value_type, row.value_date, row.declared_source): row for row in rows}
    found: list[Change] = []
    for code in dict.fromkeys(row.indicator for row in rows):
        found += _definition(previous, [row for row in rows if row.indicator == code])
    for key, row in after.items():
        old = before.get(key)
        if old is None:
            reason = _reason(previous, row.value_type, row.logframe_version)
            shown = row.total if row.total is not None else row.total_text
            found.append(Change(ADDED, row.indicator, row.value_type, row.value_date, "Total", None, shown, reason))
        else:
            found += _figures(previous, old, row, labels)
    version = rows[0].logframe_version if rows else ""
    for key, old in before.items():
        if key not in after:
            shown = old["total"] if old["total"] is not None else old["total_text"]
            reason = _reason(previous, old["value_type"], version)
            found.append(
                Change(REMOVED, old["indicator"], old["value_type"], old["value_date"], "Total", shown, None, reason)
            )
    return found


def _key(indicator: str, value_type: str, date: dt.date | None, source: str | None) -> Key:
    """Current and declared values are the same line at every reporting date; a target belongs to its milestone."""
    return indicator, value_type, date if value_type.endswith("target") else None, source


def _definition(previous: Previous, rows: Sequence[OpsysRow]) -> Iterator[Change]:
    new = rows[0]
    old = next((row for row in previous.rows if row["indicator"] == new.indicator), None)
    if old is None:
        return
    for name, what in DEFINITION.items():
        before, now = _text(old[name]), _text(getattr(new, name))
        if before != now:
            reason = _logframe_reason(previous, new.logframe_version)
            yield Change(CHANGED, new.indicator, "", None, what, before, now, reason)


def _figures(previous: Previous, old: Mapping[str, Any], new: OpsysRow, labels: Labels) -> Iterator[Change]:
    if new.value_type == "current":
        reason = f"Nouvelles données : arrêtées au {day(new.value_date)}, au lieu du {day(old['value_date'])}"
    else:
        reason = _reason(previous, new.value_type, new.logframe_version)

    def change(what: str, before: Any, now: Any) -> Change:
        return Change(CHANGED, new.indicator, new.value_type, new.value_date, what, before, now, reason)

    if (old["total"], old["total_text"]) != (new.total, new.total_text):
        yield change(
            "Total",
            old["total"] if old["total"] is not None else old["total_text"],
            new.total if new.total is not None else new.total_text,
        )
    if new.value_type in ("baseline", "declared") and old["value_date"] != new.value_date:
        yield change("Date", old["value_date"], new.value_date)
    if old["status"] != new.status:
        yield change("Statut", old["status"], new.status)
    for dimension in dict.fromkeys([*old["disaggregation"], *new.disaggregation]):
        before = {key: _figure(figure) for key, figure in old["disaggregation"].get(dimension, {}).items()}
        now = new.disaggregation.get(dimension, {})
        for category in labels.ordered(dimension, {*before, *now}):
            if before.get(category) != now.get(category):
                yield change(labels.pair(dimension, category), before.get(category), now.get(category))


def _reason(previous: Previous, value_type: str, version: str) -> str:
    return DECLARED_ANEW if value_type == "declared" else _logframe_reason(previous, version)


def _logframe_reason(previous: Previous, version: str) -> str:
    old = previous.rows[0]["logframe_version"] if previous.rows else ""
    if old != version:
        return f"Cadre logique : version « {version} », au lieu de « {old} »"
    return f"Cadre logique modifié sans changer de version (« {version} ») : à justifier"


def _text(value: Any) -> str | None:
    return ", ".join(value) if isinstance(value, list) else value


def _figure(value: Any) -> Decimal | str | None:
    """A figure as a number; the mark of a hidden one as it is."""
    return value if value is None or isinstance(value, str) else Decimal(str(value))
