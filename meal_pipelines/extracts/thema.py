"""The THEMA extract: one line per indicator and calendar year, for the annual collection of Expertise France.

THEMA's template, codes and attribution rule are not public: what nobody has verified is shown as « à confirmer ».
Figures of a year are the year's own, from `indicators.value`; unique units of two years do not add up.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from meal_pipelines.extracts import extract as made
from meal_pipelines.extracts.disclosed import THEMA, Disclosed, disclosed, known_sexes
from meal_pipelines.extracts.donor_codes import TO_CONFIRM, UNVERIFIED, VERIFIED, is_verified
from meal_pipelines.extracts.extract import Extract
from meal_pipelines.extracts.thema_sheets import Campaign, readme, tables, thema_checks
from meal_pipelines.extracts.values import (
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
from meal_pipelines.project.load import LoadedProject
from meal_pipelines.project.logframe import DonorCode, Indicator, Logframe

NAME = "thema"


@dataclass(frozen=True)
class ThemaRow:
    """One line of `extracts.thema`; fields are its columns.

    code: None until a person has verified it · …_mark: what stands in the place of a figure that is hidden.
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

    @classmethod
    def columns(cls) -> list[str]:
        return [column.name for column in fields(cls)]

    def values(self) -> list[Any]:
        return [getattr(self, name) for name in self.columns()]


def write_thema(
    connection: Any, project: LoadedProject, *, cutoff: dt.date, out: Path, run_id: str | None, year: int | None = None
) -> Extract:
    """Publish `extracts.thema` for one campaign and write `<out>/<project>/<year>/thema.xlsx`.

    One row per (project, campaign year, indicator that the logframe relates to THEMA). A campaign that has been frozen
    or sent is left alone.

    Args: connection, psycopg2 as the pipeline, without a transaction of its own: this commits · cutoff, any day of the
    last month of data · year, of the campaign; by default the last calendar year that the data cover to its end.
    Returns: the extract; `changed` is False when the content was the same and the file was there, or when the campaign
    is closed.
    Raises: ConfigurationError, without a logframe; TransientError, when the file is open elsewhere: nothing changed.
    """
    reporting_date = month_end(cutoff)
    wanted_year = year or campaign_year(project, reporting_date)
    file = out / project.id / str(wanted_year) / "thema.xlsx"
    with connection.cursor() as cursor:
        made.lock(cursor, NAME, project.id)
        campaign = _campaign(cursor, project, wanted_year, reporting_date)
        wanted = made.fingerprint(
            campaign.logframe.model_dump(mode="json"), readme(campaign), [table.records() for table in tables(campaign)]
        )
        current = made.is_current(cursor, NAME, project.id, wanted, [file])
    if current or not campaign.is_open:
        connection.commit()  # lets the lock go; nothing was written
        return Extract([file], len(campaign.rows), campaign.checks, changed=False, disclosure=campaign.may_show.check())
    made.publish(
        connection, NAME, project.id, wanted=wanted, count=len(campaign.rows), run_id=run_id,
        rows=made.Rows(
            "extracts.thema", [*ThemaRow.columns(), "run_id"], [[*row.values(), run_id] for row in campaign.rows],
            {"project": project.id, "campaign_year": wanted_year},
        ),
        writers={file: lambda path: _write_workbook(campaign, path)},
    )  # fmt: skip
    return Extract([file], len(campaign.rows), campaign.checks, changed=True, disclosure=campaign.may_show.check())


def _campaign(cursor: Any, project: LoadedProject, year: int, reporting_date: dt.date) -> Campaign:
    logframe = made.logframe_of(project)
    labels = Labels.read(cursor, logframe)
    until = min(dt.date(year, 12, 31), reporting_date)
    years, cumulated = in_year(cursor, project.id, year), to_date(cursor, project.id, until)
    may_show = disclosed(cursor, project, logframe, THEMA, until=reporting_date, year=year)
    rows = [
        _row(project, logframe, indicator, donor, years.get(indicator.code), cumulated.get(indicator.code), labels,
             may_show, year=year, position=position, complete=is_complete(project, year, reporting_date), until=until)
        for position, (indicator, donor) in enumerate(_related(logframe), 1)
    ]  # fmt: skip
    cursor.execute(
        "select distinct status from extracts.thema where project = %s and campaign_year = %s and status <> 'open'",
        (project.id, year),
    )
    closed = cursor.fetchone()
    checks = thema_checks(rows, year, closed[0] if closed else None)
    return Campaign(project, logframe, year, reporting_date, rows, checks, may_show, is_open=closed is None)


def _related(logframe: Logframe) -> list[tuple[Indicator, DonorCode]]:
    """Indicators that the logframe relates to THEMA, in its order; the others do not concern it."""
    found = []
    for indicator in logframe.indicators:
        donor = indicator.donors.get("thema")
        if donor is not None and donor.mode != "none":
            found.append((indicator, donor))
    return found


def _row(
    project: LoadedProject,
    logframe: Logframe,
    indicator: Indicator,
    donor: DonorCode,
    in_the_year: Value | None,
    cumulated: Value | None,
    labels: Labels,
    may_show: Disclosed,
    *,
    year: int,
    position: int,
    complete: bool,
    until: dt.date,
) -> ThemaRow:
    verified = is_verified(donor)
    share, share_mark = share_of_women(indicator, in_the_year), None
    if in_the_year is not None:
        share_mark = may_show.share(in_the_year, "year") if share is not None else None
        in_the_year = may_show.value(in_the_year, "year")
    if cumulated is not None:
        cumulated = may_show.value(cumulated, "to_date")
    return ThemaRow(
        project=project.id,
        campaign_year=year,
        position=position,
        indicator=indicator.code,
        code=donor.code if verified else None,
        proposed_code=None if verified else donor.code or None,
        code_status=VERIFIED if verified else UNVERIFIED if donor.code else TO_CONFIRM,
        theme=donor.label or None,
        label=indicator.label,
        unit=indicator.unit,
        value_year=in_the_year.value if in_the_year else None,
        value_cumulative=cumulated.value if cumulated else None,
        share_of_women_pct=None if share_mark else share,
        year_start=dt.date(year, 1, 1),
        year_end=dt.date(year, 12, 31),
        cumulative_until=cumulated.period_end if cumulated else None,
        is_year_complete=complete,
        attribution_rule="full",
        attribution_share_pct=Decimal(100),
        attribution_status=TO_CONFIRM,
        status="open",
        confidence=donor.confidence or None,
        verified_on=donor.verified_on,
        verified_by=donor.verified_by,
        illustrative=logframe.illustrative,
        comment=_comment(indicator, in_the_year, cumulated, labels, year=year, complete=complete, until=until),
        value_year_mark=in_the_year.mark if in_the_year else None,
        value_cumulative_mark=cumulated.mark if cumulated else None,
        share_of_women_mark=share_mark,
    )


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


def _write_workbook(campaign: Campaign, path: Path) -> None:
    from meal_pipelines.extracts.workbook import add_readme, add_table, new_workbook, save

    workbook = new_workbook(campaign.title)
    add_readme(workbook, campaign.title, "Collecte annuelle des indicateurs thématiques", readme(campaign))
    for table in tables(campaign):
        add_table(workbook, table)
    save(workbook, path)
