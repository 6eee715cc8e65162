"""(d) One night after another: everything from nothing, then 0.1 % of new rows, then nothing new.

Two projects in a demonstration of their own. What the server shows on the second night is last night's export with some
rows more and some edited.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import orjson

from benchmarks.case import Case, Figures, stopwatch
from benchmarks.place import Place
from benchmarks.setup import sample_settings

HOME = "nightly"
SHARE = 5
"""Submissions per project: one for so many `--rows`, 20,000 for 100,000."""
NEW, EDITED = 0.001, 3


def first(place: Place) -> Figures:
    """The first night: generation is not counted, every stage is."""
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.protect.keys.keyring import Keyring
    from meal_pipelines.sample import generate

    settings = sample_settings(place, HOME)
    rows = 0
    for name, project in load_projects(settings).items():
        rows += generate(project, max(place.rows // SHARE, 50), 1, settings.sample / name).received
    Keyring.create(settings.keyring)
    return _night(place, rows)


def second(place: Place) -> Figures:
    """The night after, with 0.1 % of new rows in each form and a few edited."""
    settings = sample_settings(place, HOME)
    changed = 0
    for project in settings.sample.iterdir():
        for form in (folder for folder in project.iterdir() if folder.name not in ("truth", "corrections")):
            exports = sorted(path for path in form.iterdir() if path.is_dir())
            changed += _a_day_later(exports[-1]) if exports else 0
    return _night(place, changed)


def third(place: Place) -> Figures:
    """A night when nobody sent anything."""
    return _night(place, 0)


def _night(place: Place, rows: int) -> Figures:
    """The nightly job as `meal run` launches it, Python's imports included."""
    from meal_pipelines.orchestrate import launch
    from meal_pipelines.warehouse.connection import Warehouse

    settings = sample_settings(place, HOME)
    with Warehouse.open(settings), stopwatch() as watch:
        outcome = launch(settings)
    if not outcome.succeeded:
        raise RuntimeError("\n".join(f"{asset} : {text}" for asset, text in outcome.failures))
    return Figures(watch.seconds, rows, note=f"{rows} lignes nouvelles ou modifiées" if rows else "rien de nouveau")


def _a_day_later(export: Path) -> int:
    """Change the export as people change a form within a day. Returns how many rows are new or edited."""
    paths = sorted(export.glob("*.json"))
    pages: list[dict[str, Any]] = [orjson.loads(path.read_bytes()) for path in paths]
    last = pages[-1]["results"] or pages[0]["results"]
    if not last:
        return 0
    greatest = max(row["_id"] for row in last)
    count = sum(len(page["results"]) for page in pages)
    sent = [_identified(last[i % len(last)], f"new/{i}") for i in range(max(round(count * NEW), 1))]
    edited = pages[0]["results"][:EDITED]
    pages[0]["results"] = [_identified(row, "edited") for row in edited] + pages[0]["results"][len(edited) :]
    pages[-1]["results"] += [{**row, "_id": greatest + 1 + i} for i, row in enumerate(sent)]
    for path, page in zip(paths, pages, strict=True):
        path.write_bytes(orjson.dumps({**page, "count": count + len(sent)}))
    return len(sent) + len(edited)


def _identified(row: dict[str, Any], why: str) -> dict[str, Any]:
    """The row with the new instance that Kobo gives to an edit, or to a new submission."""
    new = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{row['_uuid']}/{why}"))
    return {**row, "_uuid": new, "meta/instanceID": f"uuid:{new}"}


CASES = (
    Case("nightly.first", "nightly", "première nuit : tout", first, is_reference=True, repeats=1),
    Case("nightly.second", "nightly", "nuit suivante : 0,1 % de nouveau", second, repeats=1),
    Case("nightly.third", "nightly", "nuit sans rien de nouveau", third, repeats=1),
)
