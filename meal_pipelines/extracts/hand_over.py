"""Hand a report over: freeze its figures, write its files from the freeze, note that they have left, and tell the pages.

What a freeze keeps is `indicators/reports/freeze.py`'s business; what each file shows, its own module's. The annual campaigns of
a year that is frozen are written again too; they are closed where campaigns are kept, and not here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from meal_pipelines.extracts.campaigns.extract import write_campaign
from meal_pipelines.extracts.campaigns.sheets import RECIPIENTS
from meal_pipelines.extracts.disclosed import IATI, OPSYS, TRACKING, is_open
from meal_pipelines.extracts.donor_codes import is_concerned
from meal_pipelines.extracts.extract import Extract
from meal_pipelines.extracts.iati.extract import write_iati
from meal_pipelines.extracts.opsys.extract import write_opsys
from meal_pipelines.extracts.tracking.extract import write_tracking
from meal_pipelines.extracts.values import label_of
from meal_pipelines.indicators.reports.contributing import marts_of
from meal_pipelines.indicators.reports.freeze import Asked, freeze
from meal_pipelines.indicators.reports.frozen import Freeze, frozen_year
from meal_pipelines.pages import write_pages
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.protect.disclosure import release

WRITERS: dict[str, Callable[..., Extract]] = {OPSYS: write_opsys, IATI: write_iati, TRACKING: write_tracking}


def hand_over(
    connection: Any, project: LoadedProject, asked: Asked, *, out: Path, run_id: str | None = None
) -> tuple[Freeze, list[Path]]:
    """Freeze, then write and release the files of the report's last month, and write the campaigns of a year that is now frozen;
    each in its own transaction. A campaign is released when it is sent.

    Should a file fail, the freeze stands and the next extract of that month is made from it.
    Raises: as `freeze` and the writers do.
    """
    marts = marts_of(project)
    made = freeze(connection, project, marts, asked)
    files = []
    for write in WRITERS.values():
        files += write(connection, project, cutoff=made.period_end, out=out, run_id=run_id).files
    with connection, connection.cursor() as cursor:
        for recipient in WRITERS:
            release(cursor, project.id, recipient, label_of(made.period_end))
    files += write_frozen_campaigns(connection, project, made, out=out, run_id=run_id)
    write_pages(connection, project, {name: mart.spec for name, mart in marts.items()}, out)
    return made, files


def write_frozen_campaigns(
    connection: Any, project: LoadedProject, made: Freeze, *, out: Path, run_id: str | None
) -> list[Path]:
    """The files of the open campaigns whose year this freeze holds; one that is frozen or sent stays as it was handed over."""
    year = made.period_end.year
    with connection, connection.cursor() as cursor:
        of_year = frozen_year(cursor, project.id, year)
        if of_year is None or of_year.freeze_id != made.freeze_id:
            return []
        wanted = [
            recipient
            for name, recipient in RECIPIENTS.items()
            if is_concerned(project, name) and is_open(cursor, name, project.id, year)
        ]
    files = []
    for recipient in wanted:
        files += write_campaign(
            connection, project, recipient, cutoff=made.period_end, out=out, run_id=run_id, year=year
        ).files
    return files
