"""The annual campaigns: THEMA, Team Europe (Talent Partnerships), AFD; one line per indicator and calendar year.

Their lists, codes and attribution rules are data (`projects/catalogue_*.yaml`), and not public: what nobody has verified is
shown as « à confirmer ». Figures of a year are the year's own, from `indicators`; unique units of two years do not add up.
What becomes of a campaign once it is handed over is `campaign_states.py`'s business.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from meal_pipelines.extracts import extract as made
from meal_pipelines.extracts.campaign_sheets import RECIPIENTS, Campaign, Recipient, campaign_checks, readme, tables
from meal_pipelines.extracts.declared import Declaration, declared_in_year
from meal_pipelines.extracts.disclosed import Disclosed, concerns, disclosed, known_sexes
from meal_pipelines.extracts.donor_codes import TO_CONFIRM, UNVERIFIED, VERIFIED, is_verified
from meal_pipelines.extracts.extract import Extract
from meal_pipelines.extracts.values import (
    ADDITIVE,
    SEX,
    WOMEN,
    Labels,
    Value,
    campaign_year,
    in_year,
    is_complete,
    month_end,
    to_date,
)
from meal_pipelines.extracts.wording import NO_TOTAL, NOT_MEASURED, day, measure_sentence, number
from meal_pipelines.project.catalogue import Catalogue
from meal_pipelines.project.load import LoadedProject
from meal_pipelines.project.logframe import DonorCode, Indicator, Logframe


@dataclass(frozen=True)
class CampaignRow:
    """One line of a campaign's table; fields are its columns.

    code: None until a person has verified it · …_mark: what stands in the place of a figure that is hidden · attributed_…:
    the recipient's part of a figure that can be shared, under the rule of its list · declared: what partners say, beside.
    """

    project: str
    campaign_year: int
    position: int
    indicator: str
    code: str | None
    proposed_code: str | None
    code_status: str
    theme: str | None
    label: str
    unit: str
    value_year: Decimal | None
    value_cumulative: Decimal | None
    share_of_women_pct: Decimal | None
    year_start: dt.date
    year_end: dt.date
    cumulative_until: dt.date | None
    is_year_complete: bool
    attribution_rule: str
    attribution_share_pct: Decimal
    attribution_status: str
    status: str
    confidence: str | None
    verified_on: dt.date | None
    verified_by: str | None
    illustrative: bool
    comment: str
    value_year_mark: str | None
    value_cumulative_mark: str | None
    share_of_women_mark: str | None
    attributed_year: Decimal | None = None
    attributed_cumulative: Decimal | None = None
    declared: str | None = None

    @classmethod
    def columns(cls) -> list[str]:
        return [column.name for column in fields(cls)]

    def values(self) -> list[Any]:
        return [getattr(self, name) for name in self.columns()]


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
) -> Extract:
    """Publish the recipient's table for one campaign and write `<out>/<project>/<year>/<recipient>.xlsx`.

    One row per (project, campaign year, indicator that the logframe relates to the recipient). A campaign that has been
    frozen or sent is left alone; what changed since is said by its checks.

    Args: connection, psycopg2 as the pipeline, without a transaction of its own: this commits · cutoff, any day of the
    last month of data · year, of the campaign; by default the last calendar year that the data cover to its end.
    Returns: the extract; `changed` is False when the content was the same and the file was there, or when the campaign
    is closed.
    Raises: ConfigurationError, without a logframe; TransientError, when the file is open elsewhere: nothing changed.
    """
    reporting_date = month_end(cutoff)
    wanted_year = year or campaign_year(project, reporting_date)
    file = out / project.id / str(wanted_year) / f"{recipient.name}.xlsx"
    with connection.cursor() as cursor:
        made.lock(cursor, recipient.name, project.id)
        campaign = prepared(cursor, project, recipient, wanted_year, reporting_date)
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


def prepared(cursor: Any, project: LoadedProject, recipient: Recipient, year: int, reporting_date: dt.date) -> Campaign:
    """The campaign as the data have it today; of a closed one, the rows are those that were handed over."""
    logframe, catalogue = made.logframe_of(project), Catalogue.read(project.folder.parent, recipient.name)
    labels = Labels.read(cursor, logframe)
    until = min(dt.date(year, 12, 31), reporting_date)
    years, cumulated = in_year(cursor, project.id, year), to_date(cursor, project.id, until)
    may_show = disclosed(cursor, project, logframe, recipient.name, until=reporting_date, year=year)
    declared = declared_in_year(
        cursor, project.id, year, logframe.indicators, project.project.disclosure, recipient.name
    )
    rows = [
        _row(project, logframe, indicator, donor, years.get(indicator.code), cumulated.get(indicator.code), labels,
             may_show, catalogue, declared.get(indicator.code, []), year=year, position=position,
             complete=is_complete(project, year, reporting_date), until=until)
        for position, (indicator, donor) in enumerate(_related(logframe, recipient.name), 1)
    ]  # fmt: skip
    handed_over = stored(cursor, recipient, project.id, year)
    closed = next((row.status for row in handed_over if row.status != "open"), None)
    since = [] if closed is None else changed_since(handed_over, years, cumulated)
    rows = rows if closed is None else handed_over
    checks = campaign_checks(recipient, catalogue, logframe, rows, year, closed, since)
    return Campaign(
        project, recipient, catalogue, logframe, year, reporting_date, rows, checks, may_show, is_open=closed is None
    )


def stored(cursor: Any, recipient: Recipient, project: str, year: int) -> list[CampaignRow]:
    """The rows of a campaign as its table holds them."""
    cursor.execute(
        made.select(
            recipient.table, CampaignRow.columns(), "where project = %s and campaign_year = %s order by position"
        ),
        (project, year),
    )
    return [CampaignRow(*row) for row in cursor.fetchall()]


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


def _row(
    project: LoadedProject,
    logframe: Logframe,
    indicator: Indicator,
    donor: DonorCode,
    in_the_year: Value | None,
    cumulated: Value | None,
    labels: Labels,
    may_show: Disclosed,
    catalogue: Catalogue,
    declared: Sequence[Declaration],
    *,
    year: int,
    position: int,
    complete: bool,
    until: dt.date,
) -> CampaignRow:
    line, attribution = catalogue.line(donor.code), catalogue.attribution_of(donor.code)
    verified = is_verified(donor) and (line is not None or not catalogue.lines)
    part = attribution.share_of(project.id)
    share, share_mark = share_of_women(indicator, in_the_year), None
    if in_the_year is not None:
        share_mark = may_show.share(in_the_year, "year") if share is not None else None
        in_the_year = may_show.value(in_the_year, "year")
    if cumulated is not None:
        cumulated = may_show.value(cumulated, "to_date")
    return CampaignRow(
        project=project.id,
        campaign_year=year,
        position=position,
        indicator=indicator.code,
        code=donor.code if verified else None,
        proposed_code=None if verified else donor.code or None,
        code_status=VERIFIED if verified else UNVERIFIED if donor.code else TO_CONFIRM,
        theme=(line.label if line else donor.label) or None,
        label=indicator.label,
        unit=indicator.unit,
        value_year=in_the_year.value if in_the_year else None,
        value_cumulative=cumulated.value if cumulated else None,
        share_of_women_pct=None if share_mark else share,
        year_start=dt.date(year, 1, 1),
        year_end=dt.date(year, 12, 31),
        cumulative_until=cumulated.period_end if cumulated else None,
        is_year_complete=complete,
        attribution_rule=attribution.rule,
        attribution_share_pct=part,
        attribution_status=attribution.status,
        status="open",
        confidence=donor.confidence or None,
        verified_on=donor.verified_on,
        verified_by=donor.verified_by,
        illustrative=logframe.illustrative,
        comment=_comment(indicator, in_the_year, cumulated, labels, year=year, complete=complete, until=until),
        value_year_mark=in_the_year.mark if in_the_year else None,
        value_cumulative_mark=cumulated.mark if cumulated else None,
        share_of_women_mark=share_mark,
        attributed_year=_attributed(indicator, in_the_year, part),
        attributed_cumulative=_attributed(indicator, cumulated, part),
        declared=" ; ".join(at.told for at in declared) or None,
    )


def _attributed(indicator: Indicator, value: Value | None, share: Decimal) -> Decimal | None:
    """The recipient's part, to two decimals; None for a rate or a level, which cannot be shared, and where it is hidden."""
    if value is None or value.value is None or indicator.measure.kind not in ADDITIVE:
        return None
    return round(value.value * share / 100, 2)


def share_of_women(indicator: Indicator, value: Value | None) -> Decimal | None:
    """In percent of the units whose sex is known; None for a rate or a median, without `sex`, or with nobody known."""
    known = known_sexes(indicator, value) if value is not None else []
    if value is None or not known:
        return None
    figures = {category: value.cells[SEX][category].value or Decimal(0) for category in known}
    return round(100 * figures.get(WOMEN, Decimal(0)) / sum(figures.values()), 1)


def _comment(
    indicator: Indicator,
    in_the_year: Value | None,
    cumulated: Value | None,
    labels: Labels,
    *,
    year: int,
    complete: bool,
    until: dt.date,
) -> str:
    parts = [measure_sentence(indicator.measure)]
    if not complete:
        parts.append(f"Année en cours : données arrêtées au {day(until)}.")
    if in_the_year is None or not in_the_year.is_measured:
        parts.append(f"Valeur {year} : {NOT_MEASURED}e, ce qui ne veut pas dire zéro.")
    elif in_the_year.shown is None:
        parts.append(f"Valeur {year}, {NO_TOTAL} : {_listed(in_the_year, labels)}.")
    if cumulated is not None and cumulated.shown is None and cumulated.is_measured:
        parts.append(f"Au {day(cumulated.period_end)} : {_listed(cumulated, labels)}.")
    if indicator.measure.kind == "count_unique":
        parts.append("Une même unité compte dans chaque année où elle apparaît : les années ne s'additionnent pas.")
    return " ".join(parts)


def _listed(value: Value, labels: Labels) -> str:
    """« Oriental 1 ; Souss-Massa 3 » for a measure that has no total."""
    parts = []
    for dimension, cells in value.cells.items():
        for category in labels.ordered(dimension, cells):
            figure = cells[category].shown
            if figure is not None:
                text = figure if isinstance(figure, str) else number(figure)
                parts.append(f"{labels.category(dimension, category)} {text}")
    return " ; ".join(parts)


def write_workbook(campaign: Campaign, path: Path) -> None:
    """What the campaign shows, as a file."""
    from meal_pipelines.extracts.workbook import add_readme, add_table, new_workbook, save

    workbook = new_workbook(campaign.title)
    add_readme(workbook, campaign.title, campaign.recipient.purpose, readme(campaign))
    for table in tables(campaign):
        add_table(workbook, table)
    save(workbook, path)
