"""What is made before anything is measured: the warehouse, its keys, and the generated submissions.

Runs in a process of its own, like a case: the process that measures the others stays small.
"""

from __future__ import annotations

import shutil
import uuid
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks.case import Figures, stopwatch
from benchmarks.place import Place

if TYPE_CHECKING:
    from meal_pipelines.settings import Settings

FORMS = ("beneficiaires", "prestations")
SHARE = 2.2
"""Generated rows for one row of each of the two forms, which are 51 and 47 % of the sample."""

MOST = 100_000
"""Submissions of a form that are generated; beyond, they come again under other identities."""


def prepare(place: Place) -> Figures:
    """Make the warehouse, and let the pipeline's role do what peers and measurements need."""
    from meal_pipelines.protect.keys.keyring import Keyring
    from meal_pipelines.warehouse.cluster import Cluster

    settings = place.settings
    Keyring.create(settings.keyring)
    with stopwatch() as watch, place.warehouse(), closing(Cluster(settings.home).connect(database="meal")) as server:
        server.cursor().execute("grant create on database meal to meal_pipeline; grant pg_checkpoint to meal_pipeline")
    return Figures(watch.seconds, 0)


def generate(place: Place) -> Figures:
    """Write exactly `rows` submissions of each form."""
    from meal_pipelines.sample import generate as generate_sample

    made = place.folder / "sample"
    with stopwatch() as watch:
        generate_sample(place.project(), max(round(min(place.rows, MOST) * SHARE), 100), 1, made)
        for form in FORMS:
            last = max(path for path in (made / form).iterdir() if path.is_dir())
            _cut(last, place.pages(form), place.rows)
    shutil.rmtree(made)
    return Figures(watch.seconds, sum(place.count(form) for form in FORMS))


def _cut(source: Path, target: Path, rows: int) -> None:
    """Copy the first `rows` rows of an export, page by page, from its beginning again when it has no more."""
    target.mkdir(parents=True)
    paths = sorted(source.glob("*.json"))
    last = max(row["_id"] for path in paths for row in orjson.loads(path.read_bytes())["results"])
    copied = 0
    for number in count():
        turn, place = divmod(number, len(paths))
        page: dict[str, Any] = orjson.loads(paths[place].read_bytes())
        page["results"] = [_again(row, turn, turn * (last + 1)) for row in page["results"][: rows - copied]]
        copied += len(page["results"])
        (target / f"page-{number:06}.json").write_bytes(orjson.dumps(page))
        if copied >= rows:
            break
    (target / "count").write_text(str(copied))


def _again(row: dict[str, Any], turn: int, beyond: int) -> dict[str, Any]:
    """The same answers, sent by somebody else: with the `_id` so much further on, and other names for its instance."""
    if not turn:
        return row
    instance = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{row['_uuid']}/{turn}"))
    named = {"_uuid": instance, "meta/instanceID": f"uuid:{instance}", "meta/rootUuid": f"uuid:{instance}"}
    return {**row, **named, "_id": row["_id"] + beyond}


def sample_settings(place: Place, home: str) -> Settings:
    """The settings of a demonstration in the folder `home`."""
    from meal_pipelines.settings import Settings

    return Settings.load(environ=place.variables(home), demo=True)
