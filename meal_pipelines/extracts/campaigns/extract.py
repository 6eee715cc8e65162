"""The annual campaigns: THEMA, Team Europe (Talent Partnerships), AFD; one line per indicator and calendar year.

Their lists, codes and attribution rules are data (`projects/catalogue_*.yaml`), and not public: what nobody has verified is
shown as « à confirmer ». Figures of a year are the year's own, from `indicators`; unique units of two years do not add up.
What becomes of a campaign once it is handed over is `states.py`'s business.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from meal_pipelines.extracts import extract as made
from meal_pipelines.extracts.campaigns.rows import CampaignRow, Year, campaign_row
from meal_pipelines.extracts.campaigns.sheets import RECIPIENTS, Campaign, Recipient, campaign_checks, readme, tables
from meal_pipelines.extracts.declared import declared_in_year
from meal_pipelines.extracts.disclosed import cumulated_until, disclosed
from meal_pipelines.extracts.donor_codes import concerns
from meal_pipelines.extracts.extract import Extract
from meal_pipelines.extracts.standing import standing_notes
from meal_pipelines.extracts.values import (
    Labels,
    Value,
    campaign_year,
    in_year,
    is_complete,
    month_end,
    to_date,
)
from meal_pipelines.project.catalogue import Catalogue
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import DonorCode, Indicator, Logframe
from meal_pipelines.warehouse.outcomes import Behind, read_kept


def write_thema(connection: Any, project: LoadedProject, **given: Any) -> Extract:
    """The THEMA campaign; see `write_campaign`."""
    return write_campaign(connection, project, RECIPIENTS["thema"], **given)


def write_tei(connection: Any, project: LoadedProject, **given: Any) -> Extract:
    """The Team Europe campaign (Talent Partnerships); see `write_campaign`."""
    return write_campaign(connection, project, RECIPIENTS["tei"], **given)


def write_afd(connection: Any, project: LoadedProject, **given: Any) -> Extract:
    """The campaign of AFD's aggregable indicators; see `write_campaign`."""
    return write_campaign(connection, project, RECIPIENTS["afd"], **given)


def write_campaign(
    connection: Any,
    project: LoadedProject,
    recipient: Recipient,
    *,
    cutoff: dt.date,
    out: Path,
    run_id: str | None,
    year: int | None = None,
    behind: Sequence[Behind] = (),
) -> Extract:
    """Publish the recipient's table for one campaign and write `<out>/<project>/<year>/<recipient>.xlsx`.

    One row per (project, campaign year, indicator that the logframe relates to the recipient). A campaign that has been
    frozen or sent is left alone; what changed since is said by its checks.

    Args: connection, psycopg2 as the pipeline, without a transaction of its own: this commits · cutoff, any day of the
    last month of data · year, of the campaign; by default the last calendar year that the data cover to its end · behind: the
    forms of its figures that stand still.
    Returns: the extract; `changed` is False when the content was the same and the file was there, or when the campaign
    is closed.
    Raises: ConfigurationError, without a logframe; TransientError, when the file is open elsewhere: nothing changed.
    """
    reporting_date = month_end(cutoff)
    wanted_year = year or campaign_year(project, reporting_date)
    file = out / project.id / str(wanted_year) / f"{recipient.name}.xlsx"
    with connection.cursor() as cursor:
        made.lock(cursor, recipient.name, project.id)
        campaign = prepared(cursor, project, recipient, wanted_year, reporting_date, behind)
        wanted = made.fingerprint(
            campaign.logframe.model_dump(mode="json"), readme(campaign), [table.records() for table in tables(campaign)]
        )
        current = made.is_current(cursor, recipient.name, project.id, wanted, [file])
    if current or not campaign.is_open:
        connection.commit()  # lets the lock go; nothing was written
        return Extract([file], len(campaign.rows), campaign.checks, changed=False, disclosure=campaign.may_show.check())
    made.publish(
        connection, recipient.name, project.id, wanted=wanted, count=len(campaign.rows), run_id=run_id,
        rows=made.Rows(
            recipient.table, [*CampaignRow.columns(), "run_id"], [[*row.values(), run_id] for row in campaign.rows],
            {"project": project.id, "campaign_year": wanted_year},
        ),
        writers={file: lambda path: write_workbook(campaign, path)},
    )  # fmt: skip
    return Extract([file], len(campaign.rows), campaign.checks, changed=True, disclosure=campaign.may_show.check())


def prepared(
    cursor: Any,
    project: LoadedProject,
    recipient: Recipient,
    year: int,
    reporting_date: dt.date,
    behind: Sequence[Behind] = (),
) -> Campaign:
    """The campaign as the data, or the frozen report of its year, have it; of a closed one, the rows that were handed over.

    behind: the forms of its figures that stand still; of a closed one, those that did when it was closed are told.
    """
    logframe, catalogue = made.logframe_of(project), Catalogue.read(project.folder.parent, recipient.name)
    labels = Labels.read(cursor, logframe)
    may_show = disclosed(cursor, project, logframe, recipient.name, until=reporting_date, year=year)
    until = cumulated_until(year, reporting_date, may_show.frozen)
    years, cumulated = in_year(cursor, project.id, year), to_date(cursor, project.id, until)
    declared = declared_in_year(cursor, project, year, recipient.name)
    about = Year(
        project, logframe, catalogue, labels, may_show, year, is_complete(project, year, reporting_date), until
    )
    rows = [
        campaign_row(
            about, indicator, donor, years.get(indicator.code), cumulated.get(indicator.code),
            declared.get(indicator.code, []), position=position,
        )
        for position, (indicator, donor) in enumerate(_related(logframe, recipient.name), 1)
    ]  # fmt: skip
    handed_over = stored(cursor, recipient, project.id, year)
    closed = next((row.status for row in handed_over if row.status != "open"), None)
    since = [] if closed is None else changed_since(handed_over, years, cumulated)
    rows = rows if closed is None else handed_over
    checks = campaign_checks(recipient, catalogue, logframe, rows, year, closed, since)
    if closed is not None:
        behind = stood_still(cursor, recipient, project.id, year)
    stands_on = until if may_show.frozen is not None else reporting_date
    return Campaign(
        project, recipient, catalogue, logframe, year, stands_on, rows, checks, may_show, is_open=closed is None,
        standing=standing_notes(project, behind, may_show.frozen),
    )  # fmt: skip


def stored(cursor: Any, recipient: Recipient, project: str, year: int) -> list[CampaignRow]:
    """The rows of a campaign as its table holds them."""
    cursor.execute(
        made.select(
            recipient.table, CampaignRow.columns(), "where project = %s and campaign_year = %s order by position"
        ),
        (project, year),
    )
    return [CampaignRow(*row) for row in cursor.fetchall()]


def stood_still(cursor: Any, recipient: Recipient, project: str, year: int) -> list[Behind]:
    """The forms of a campaign's figures that stood still when somebody closed it."""
    cursor.execute(
        "select forms_behind from extracts.campaign where project = %s and recipient = %s and year = %s",
        (project, recipient.name, year),
    )
    row = cursor.fetchone()
    return read_kept(row[0]) if row else []


def changed_since(rows: Sequence[CampaignRow], years: dict[str, Value], cumulated: dict[str, Value]) -> list[str]:
    """What would be said otherwise today: « P2-OC-2 (valeur de l'année) ». Names only; hidden figures are not compared."""
    found = []
    for row in rows:
        now, total = years.get(row.indicator), cumulated.get(row.indicator)
        pairs = (
            ("valeur de l'année", row.value_year, row.value_year_mark, now.value if now else None),
            ("valeur cumulée", row.value_cumulative, row.value_cumulative_mark, total.value if total else None),
        )
        found += [f"{row.indicator} ({what})" for what, old, mark, new in pairs if mark is None and old != new]
    return found


def _related(logframe: Logframe, recipient: str) -> list[tuple[Indicator, DonorCode]]:
    """Indicators that the logframe relates to the recipient, in its order; the others do not concern it."""
    return [
        (indicator, donor)
        for indicator in logframe.indicators
        for name, donor in indicator.donors.items()
        if name == recipient and concerns(indicator, recipient)
    ]


def write_workbook(campaign: Campaign, path: Path) -> None:
    """What the campaign shows, as a file."""
    from meal_pipelines.extracts.workbook import add_readme, add_table, new_workbook, save

    workbook = new_workbook(campaign.title)
    add_readme(workbook, campaign.title, campaign.recipient.purpose, readme(campaign))
    for table in tables(campaign):
        add_table(workbook, table)
    save(workbook, path)
