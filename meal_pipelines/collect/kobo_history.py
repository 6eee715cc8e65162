"""The history log of a Kobo form: which submissions were edited, reviewed or deleted since a moment.

Seen live on kpi 2.026.27e: additions, edits, reviews and deletions are logged one by one under the first instanceID of the
submission, new versions of the form too; a file that arrives late and a row that comes back are not. Stamps are those of
the server, to the second; entries may be written a little after what they tell.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from meal_pipelines.collect.source import SweepNeeded
from meal_pipelines.collect.transport import Client

HISTORY = "/api/v2/assets/{asset}/history/"

OVERLAP = timedelta(minutes=5)
"""How far back the log is read again: an entry may show after one with a later stamp."""

MOST = 5000
"""Entries beyond which a sweep is the shorter way."""

PAGE_SIZE = 1000
CHANGED, DELETED, ADDED = "modify-submission", "delete-submission", "add-submission"
NEW_FORM = frozenset({"deploy", "redeploy", "replace-form", "update-content", "unarchive"})


@dataclass
class History:
    """What happened since a moment: OpenRosa identities (`uuid:…`) of submissions, and where to read on.

    newest: the stamp of the newest entry, None when the log is empty · seen: entries no older than the overlap, so that
    the next reading passes over them.
    """

    changed: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    is_redeployed: bool = False
    newest: str | None = None
    seen: Counter[str] = field(default_factory=Counter)


def newest_entries(client: Client, asset: str) -> History:
    """Where the log stands: its newest stamp, and what the next reading passes over. One request; nothing is followed."""
    params = {"format": "json", "limit": str(PAGE_SIZE)}
    entries = client.get(HISTORY.format(asset=asset), params, holds="results", kind=list)["results"]
    newest = max((str(entry["date_created"]) for entry in entries), default=None)
    return History(newest=newest, seen=Counter(_key(entry) for entry in entries if _is_after(_earlier(newest), entry)))


def read_history(client: Client, asset: str, since: str | None, seen: dict[str, int]) -> History:
    """What was logged from `OVERLAP` before `since`, but for what is in `seen`.

    Raises: SweepNeeded, when the log says something that only a sweep can follow.
    """
    history, passed = History(newest=since), Counter(seen)
    start = _earlier(since)
    entries = _entries(client, asset, start)
    history.newest = max([since or "", *(str(entry["date_created"]) for entry in entries)]) or None
    horizon = _earlier(history.newest)
    for entry in entries:
        key = _key(entry)
        if _is_after(horizon, entry):
            history.seen[key] += 1
        if passed[key]:
            passed[key] -= 1
            continue
        _note(history, entry)
    return history


def _entries(client: Client, asset: str, start: str | None) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    params = {"format": "json", "limit": str(PAGE_SIZE)}
    if start is not None:
        # Without the quotes the server reads the colons as its own and finds nothing.
        params["q"] = f'date_created__gte:"{start}"'
    while True:
        page = client.get(
            HISTORY.format(asset=asset), {**params, "start": str(len(entries))}, holds="results", kind=list
        )
        entries += page["results"]
        if page.get("next") is None or not page["results"]:
            return entries
        if len(entries) > MOST:
            raise SweepNeeded(f"le journal du formulaire a plus de {MOST} lignes nouvelles")


def _note(history: History, entry: dict[str, Any]) -> None:
    action, root = entry["action"], _root(entry)
    history.is_redeployed |= action in NEW_FORM
    if action not in (CHANGED, DELETED):
        return
    if not root:
        raise SweepNeeded("le journal ne nomme pas toutes les soumissions modifiées")
    (history.changed if action == CHANGED else history.deleted).add(root)


def _root(entry: dict[str, Any]) -> str:
    """The identity under which `raw` knows the submission; empty when the entry is not about one, or does not say."""
    submission = (entry.get("metadata") or {}).get("submission") or {}
    root = str(submission.get("root_uuid") or "")
    return root if not root or root.startswith("uuid:") else f"uuid:{root}"


def _key(entry: dict[str, Any]) -> str:
    return f"{entry['action']}|{_root(entry)}|{entry['date_created']}"


def _is_after(horizon: str | None, entry: dict[str, Any]) -> bool:
    return horizon is None or str(entry["date_created"]) >= horizon


def _earlier(stamp: str | None) -> str | None:
    if stamp is None:
        return None
    return (datetime.fromisoformat(stamp) - OVERLAP).strftime("%Y-%m-%dT%H:%M:%SZ")
