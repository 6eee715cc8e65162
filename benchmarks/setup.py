"""What is made before anything is measured: the warehouse, its keys, and the generated submissions.

Runs in a process of its own, like a case: the process that measures the others stays small.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks.case import Figures, stopwatch
from benchmarks.place import PAGE, Place

if TYPE_CHECKING:
    from meal_pipelines.settings import Settings

FORMS = ("beneficiaires", "prestations")
SHARE = 2.2
"""Generated rows for one row of each of the two forms, which are 51 and 47 % of the sample."""


def prepare(place: Place) -> Figures:
    """Make the warehouse, and let the pipeline's role do what peers and measurements need."""
    from meal_pipelines.protect.keyring import Keyring
    from meal_pipelines.warehouse.cluster import Cluster

    settings = place.settings
    Keyring.create(settings.keyring)
    with stopwatch() as watch, place.warehouse(), closing(Cluster(settings.home).connect(database="meal")) as server:
        server.cursor().execute("grant create on database meal to meal_pipeline; grant pg_checkpoint to meal_pipeline")
    return Figures(watch.seconds, 0)


def generate(place: Place) -> Figures:
    """Write exactly `rows` submissions of each form (fewer of the second only if the sample has no more)."""
    from meal_pipelines.sample import generate as generate_sample

    made = place.folder / "sample"
    with stopwatch() as watch:
        generate_sample(place.project(), max(round(place.rows * SHARE), 100), 1, made)
        for form in FORMS:
            last = max(path for path in (made / form).iterdir() if path.is_dir())
            _cut(last, place.pages(form), place.rows)
    shutil.rmtree(made)
    return Figures(watch.seconds, sum(place.count(form) for form in FORMS))


def _cut(source: Path, target: Path, rows: int) -> None:
    """Copy the first `rows` rows of an export, page by page."""
    target.mkdir(parents=True)
    copied = 0
    for path in sorted(source.glob("*.json")):
        if copied >= rows:
            break
        page: dict[str, Any] = orjson.loads(path.read_bytes())
        page["results"] = page["results"][: rows - copied]
        copied += len(page["results"])
        (target / path.name).write_bytes(orjson.dumps(page))
    assert copied > rows - PAGE, "the sample has too few rows of this form"
    (target / "count").write_text(str(copied))


def sample_settings(place: Place, home: str) -> Settings:
    """The settings of a demonstration in the folder `home`."""
    from meal_pipelines.settings import Settings

    return Settings.load(environ=place.variables(home), demo=True)
