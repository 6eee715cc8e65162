"""The lines of an annual campaign: one indicator over one calendar year, with what the recipient's list says of it.

Figures come from `indicators`, as `values.py` reads them; when and where they are written is `extract.py`'s business.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from meal_pipelines.extracts.declared import Declaration
from meal_pipelines.extracts.disclosed import Disclosed, known_sexes
from meal_pipelines.extracts.donor_codes import TO_CONFIRM, UNVERIFIED, VERIFIED, is_verified
from meal_pipelines.extracts.too_few import rule_told
from meal_pipelines.extracts.values import ADDITIVE, SEX, WOMEN, Labels, Value
from meal_pipelines.extracts.wording import NO_TOTAL, NOT_MEASURED, day, measure_sentence, number
from meal_pipelines.project.catalogue import Catalogue
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import DonorCode, Indicator, Logframe


@dataclass(frozen=True)
class Year:
    """What the lines of one campaign have in common. complete: whether the year is over · until: where the cumul stops."""

    project: LoadedProject
    logframe: Logframe
    catalogue: Catalogue
    labels: Labels
    may_show: Disclosed
    year: int
    complete: bool
    until: dt.date


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


def campaign_row(
    about: Year,
    indicator: Indicator,
    donor: DonorCode,
    in_the_year: Value | None,
    cumulated: Value | None,
    declared: Sequence[Declaration],
    *,
    position: int,
) -> CampaignRow:
    """One line, with what is hidden taken out."""
    share, share_mark = share_of_women(indicator, in_the_year), None
    if in_the_year is not None:
        share_mark = about.may_show.share(in_the_year, "year") if share is not None else None
        in_the_year = about.may_show.value(in_the_year, "year")
    if cumulated is not None:
        cumulated = about.may_show.value(cumulated, "to_date")
    part = about.catalogue.attribution_of(donor.code).share_of(about.project.id)
    return CampaignRow(
        **_of_the_list(about, donor),
        project=about.project.id,
        campaign_year=about.year,
        position=position,
        indicator=indicator.code,
        label=indicator.label,
        unit=indicator.unit,
        value_year=in_the_year.value if in_the_year else None,
        value_cumulative=cumulated.value if cumulated else None,
        share_of_women_pct=None if share_mark else share,
        year_start=dt.date(about.year, 1, 1),
        year_end=dt.date(about.year, 12, 31),
        cumulative_until=cumulated.period_end if cumulated else None,
        is_year_complete=about.complete,
        status="open",
        illustrative=about.logframe.illustrative,
        comment=_comment(indicator, in_the_year, cumulated, about),
        value_year_mark=in_the_year.mark if in_the_year else None,
        value_cumulative_mark=cumulated.mark if cumulated else None,
        share_of_women_mark=share_mark,
        attributed_year=_attributed(indicator, in_the_year, part),
        attributed_cumulative=_attributed(indicator, cumulated, part),
        declared=" ; ".join(at.told for at in declared) or None,
    )


def _of_the_list(about: Year, donor: DonorCode) -> dict[str, Any]:
    """The columns that the recipient's list and the logframe's mapping decide."""
    catalogue = about.catalogue
    line, attribution = catalogue.line(donor.code), catalogue.attribution_of(donor.code)
    verified = is_verified(donor) and (line is not None or not catalogue.lines)
    return {
        "code": donor.code if verified else None,
        "proposed_code": None if verified else donor.code or None,
        "code_status": VERIFIED if verified else UNVERIFIED if donor.code else TO_CONFIRM,
        "theme": (line.label if line else donor.label) or None,
        "attribution_rule": attribution.rule,
        "attribution_share_pct": attribution.share_of(about.project.id),
        "attribution_status": attribution.status,
        "confidence": donor.confidence or None,
        "verified_on": donor.verified_on,
        "verified_by": donor.verified_by,
    }


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


def _comment(indicator: Indicator, in_the_year: Value | None, cumulated: Value | None, about: Year) -> str:
    year, labels = about.year, about.labels
    parts = [measure_sentence(indicator.measure), *filter(None, [rule_told(indicator)])]
    if not about.complete:
        parts.append(f"Année en cours : données arrêtées au {day(about.until)}.")
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
