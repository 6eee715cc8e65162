"""The OPSYS extract of one project at one reporting date: a table, a workbook to copy from, and the same as JSON.

No import format of OPSYS is public, so a person types what the workbook shows. Values of earlier reporting dates stay
in `extracts.opsys`, and are what « Ecarts » compares with.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from meal_pipelines.extracts import extract as made
from meal_pipelines.extracts.declared import declared_to_date
from meal_pipelines.extracts.disclosed import OPSYS, disclosed
from meal_pipelines.extracts.extract import Extract
from meal_pipelines.extracts.opsys.changes import changes, previous_extract
from meal_pipelines.extracts.opsys.checks import opsys_checks
from meal_pipelines.extracts.opsys.content import Content
from meal_pipelines.extracts.opsys.rows import OpsysRow, opsys_rows
from meal_pipelines.extracts.opsys.sheets import readme, tables
from meal_pipelines.extracts.opsys.sources import Sources
from meal_pipelines.extracts.standing import standing_notes
from meal_pipelines.extracts.values import Labels, Value, campaign_year, label_of, month_end, to_date
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.warehouse.outcomes import Behind

NAME = "opsys"


def write_opsys(
    connection: Any,
    project: LoadedProject,
    *,
    cutoff: dt.date,
    out: Path,
    run_id: str | None,
    behind: Sequence[Behind] = (),
) -> Extract:
    """Publish `extracts.opsys` for one reporting period and write `<out>/<project>/<period>/opsys.xlsx` and `.json`.

    One row per (project, period, indicator, value type, date, source that declares), in the unit of the indicator.

    Args: connection, psycopg2 as the pipeline, without a transaction of its own: this commits · cutoff, any day of the
    last month of data; the period is that month (`2029-02`) and values are those known at its end · behind: the forms of its figures
    that stand still.
    Returns: the extract; `changed` is False when the content was the same and no file was missing.
    Raises: ConfigurationError, without a logframe; TransientError, when a file is open elsewhere: nothing has changed.
    """
    reporting_date = month_end(cutoff)
    folder = out / project.id / label_of(reporting_date)
    workbook, document = folder / "opsys.xlsx", folder / "opsys.json"
    with connection.cursor() as cursor:
        made.lock(cursor, NAME, project.id)
        content = _content(cursor, project, reporting_date, behind)
        wanted = made.fingerprint(
            content.logframe.model_dump(mode="json"), readme(content), [table.records() for table in tables(content)]
        )
        current = made.is_current(cursor, NAME, project.id, wanted, [workbook, document])
    if current:
        connection.commit()  # lets the lock go; nothing was written
        return Extract(
            [workbook, document], len(content.rows), content.checks, changed=False, disclosure=content.may_show.check()
        )
    made.publish(
        connection, NAME, project.id, wanted=wanted, count=len(content.rows), run_id=run_id,
        rows=made.Rows(
            "extracts.opsys", [*OpsysRow.columns(), "run_id"], [[*row.values(), run_id] for row in content.rows],
            {"project": project.id, "period": content.period},
        ),
        writers={
            workbook: lambda path: _write_workbook(content, path),
            document: lambda path: _write_document(content, path),
        },
    )  # fmt: skip
    return Extract(
        [workbook, document], len(content.rows), content.checks, changed=True, disclosure=content.may_show.check()
    )


def _content(cursor: Any, project: LoadedProject, reporting_date: dt.date, behind: Sequence[Behind]) -> Content:
    logframe = made.logframe_of(project)
    period, sources, labels = label_of(reporting_date), Sources.read(project), Labels.read(cursor, logframe)
    measured = to_date(cursor, project.id, reporting_date)
    year = campaign_year(project, reporting_date)
    may_show = disclosed(cursor, project, logframe, OPSYS, until=reporting_date, year=year)

    declared = declared_to_date(cursor, project, reporting_date, OPSYS)

    def lines(values: dict[str, Value]) -> list[OpsysRow]:
        return opsys_rows(
            project, logframe, values, declared, labels, sources, period=period, reporting_date=reporting_date
        )

    rows = lines(may_show.values(measured, "to_date"))
    previous = previous_extract(cursor, project.id, period)
    checks = opsys_checks(project, logframe, lines(measured), previous, sources, reporting_date)
    found = changes(previous, rows, labels)
    return Content(
        project, logframe, period, reporting_date, rows, checks, found, previous, labels, sources, may_show,
        standing_notes(project, behind, may_show.frozen),
    )  # fmt: skip


def _write_workbook(content: Content, path: Path) -> None:
    from meal_pipelines.extracts.workbook import add_readme, add_table, new_workbook, save

    workbook = new_workbook(content.title)
    add_readme(workbook, content.title, "Aide à la saisie dans OPSYS", readme(content))
    for table in tables(content):
        add_table(workbook, table)
    save(workbook, path)


def _write_document(content: Content, path: Path) -> None:
    """The same content as the workbook, one list of objects per sheet; a missing figure is null."""
    document: dict[str, Any] = {
        "projet": content.project.id,
        "periode": content.period,
        "cadre_logique": content.logframe.version,
        "illustratif": content.logframe.illustrative,
        "lisez_moi": {name.rstrip(" !"): texts for name, texts in readme(content).items()},
    }
    document |= {table.sheet.lower(): table.records() for table in tables(content)}
    path.write_text(json.dumps(document, default=made.plain, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
