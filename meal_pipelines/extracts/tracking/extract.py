"""The tracking workbook (« tableau de suivi ») of one project at one reporting date: where each indicator stands.

Values and trends come from `indicators` (or from the frozen report), baselines and targets from the logframe. What
is judged here is the distance to the next milestone, as one word; how it looks is `sheet.py`'s business.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from meal_pipelines.extracts import extract as made
from meal_pipelines.extracts.declared import Declaration, declared_to_date
from meal_pipelines.extracts.disclosed import QUARTERS, TRACKING, disclosed
from meal_pipelines.extracts.extract import Check, Extract
from meal_pipelines.extracts.opsys.rows import baseline_text
from meal_pipelines.extracts.standing import standing_notes
from meal_pipelines.extracts.too_few import is_too_few
from meal_pipelines.extracts.tracking.lines import (
    DECLARED,
    LATE,
    NO_TARGET,
    NO_VALUE,
    ON_TRACK,
    TOO_FEW,
    WATCH,
    Line,
    Tracking,
)
from meal_pipelines.extracts.tracking.sheet import write_tracking_workbook
from meal_pipelines.extracts.values import (
    Labels,
    Value,
    by_dimension,
    campaign_year,
    in_quarters,
    label_of,
    milestone,
    month_end,
    quarters,
    to_date,
)
from meal_pipelines.extracts.wording import MASKED, NOT_MEASURED, day
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator, Target
from meal_pipelines.protect.disclosure import HIDDEN
from meal_pipelines.warehouse.outcomes import Behind

NAME = "tracking"
ON_TRACK_FROM, WATCH_FROM = Decimal("0.90"), Decimal("0.60")
"""Shares of what is expected by the reporting date."""
TRENDS = {"hausse": "▲ hausse", "baisse": "▼ baisse", "stable": "► stable"}


def write_tracking(
    connection: Any,
    project: LoadedProject,
    *,
    cutoff: dt.date,
    out: Path,
    run_id: str | None,
    behind: Sequence[Behind] = (),
) -> Extract:
    """Write `<out>/<project>/<period>/tableau_de_suivi.xlsx`; there is no table, its figures are in `indicators`.

    Args: connection, psycopg2 as the pipeline, without a transaction of its own: this commits · cutoff, any day of the
    last month of data · behind: the forms of its figures that stand still.
    Returns: the extract; rows is the number of lines, `changed` is False when nothing new was to be shown.
    Raises: ConfigurationError, without a logframe; TransientError, when the file is open elsewhere: nothing changed.
    """
    reporting_date = month_end(cutoff)
    file = out / project.id / label_of(reporting_date) / "tableau_de_suivi.xlsx"
    with connection.cursor() as cursor:
        made.lock(cursor, NAME, project.id)
        tracking = _tracking(cursor, project, reporting_date, behind)
        wanted = made.fingerprint(
            project.project.name, project.project.dates_status, tracking.logframe.model_dump(mode="json"),
            reporting_date, [asdict(line) for line in tracking.lines], tracking.may_show.notes,
            tracking.may_show.frozen_notes, tracking.standing,
        )  # fmt: skip
        current = made.is_current(cursor, NAME, project.id, wanted, [file])
    if current:
        connection.commit()  # lets the lock go; nothing was written
        return Extract(
            [file], len(tracking.lines), tracking.checks, changed=False, disclosure=tracking.may_show.check()
        )
    made.publish(
        connection, NAME, project.id, wanted=wanted, count=len(tracking.lines), run_id=run_id, rows=None,
        writers={file: lambda path: write_tracking_workbook(tracking, path)},
    )  # fmt: skip
    return Extract([file], len(tracking.lines), tracking.checks, changed=True, disclosure=tracking.may_show.check())


def _tracking(cursor: Any, project: LoadedProject, reporting_date: dt.date, behind: Sequence[Behind]) -> Tracking:
    logframe = made.logframe_of(project)
    labels = Labels.read(cursor, logframe)
    spans = quarters(reporting_date, QUARTERS)
    year = campaign_year(project, reporting_date)
    may_show = disclosed(cursor, project, logframe, TRACKING, until=reporting_date, year=year)
    values = may_show.values(to_date(cursor, project.id, reporting_date), "to_date")
    found = in_quarters(cursor, project.id, spans[0][1], spans[-1][1], reported_on=reporting_date)
    quarterly = {name: may_show.value(value, "quarter") for name, value in found.items()}
    declared = declared_to_date(cursor, project, reporting_date, TRACKING)
    lines: list[Line] = []
    for result in logframe.results:
        for indicator in logframe.indicators:
            if indicator.result == result.code:
                of_quarters = [quarterly.get((indicator.code, end)) for _, end in spans]
                value = values.get(indicator.code)
                lines += _lines(project, indicator, value, of_quarters, labels, reporting_date)
                lines += [_declared(indicator, one, len(spans)) for one in declared.get(indicator.code, [])]
    return Tracking(
        project, logframe, reporting_date, spans, lines, _checks(lines, values, reporting_date), may_show,
        standing_notes(project, behind, may_show.frozen),
    )  # fmt: skip


def _lines(
    project: LoadedProject,
    indicator: Indicator,
    value: Value | None,
    quarterly: list[Value | None],
    labels: Labels,
    reporting_date: dt.date,
) -> list[Line]:
    """One line, or one for each category that the logframe gives a baseline or a target."""
    dimension = by_dimension(indicator)
    given = {code for target in indicator.targets for code in target.by} | set(indicator.baseline.by)
    if not given or dimension is None:
        trend = quarterly[-1].trend if quarterly[-1] else None
        series = [at.shown if at else None for at in quarterly]
        return [_line(project, indicator, None, None, value.shown if value else None, series, trend, reporting_date)]
    found = []
    for code in labels.ordered(dimension, given):
        series = [_cell(at, dimension, code) for at in quarterly]
        now = _cell(value, dimension, code)
        category = labels.category(dimension, code)
        found.append(_line(project, indicator, code, category, now, series, _direction(series), reporting_date))
    return found


def _line(
    project: LoadedProject,
    indicator: Indicator,
    code: str | None,
    category: str | None,
    figure: Decimal | str | None,
    series: list[Decimal | str | None],
    trend: str | None,
    reporting_date: dt.date,
) -> Line:
    mark, value = (figure, None) if isinstance(figure, str) else (None, figure)
    targets = sorted(indicator.targets, key=lambda target: target.month)
    due = [target for target in targets if milestone(project, target) >= reporting_date]
    upcoming = due[0] if due else targets[-1] if targets else None
    final = targets[-1] if targets else None
    baseline = indicator.baseline.by.get(code) if code else indicator.baseline.value
    expected = _expected(project, indicator, code, upcoming, reporting_date)
    return Line(
        result=indicator.result,
        indicator=indicator.code,
        label=indicator.label,
        unit=indicator.unit,
        category=category,
        baseline=baseline,
        baseline_text=baseline_text(indicator.baseline.status) if baseline is None else None,
        baseline_status=indicator.baseline.status,
        value=value,
        mark=mark,
        next_date=milestone(project, upcoming) if upcoming else None,
        next_target=_figure(upcoming, code),
        next_text=upcoming.text if upcoming else None,
        next_pct=_percentage(value, _figure(upcoming, code)),
        final_target=_figure(final, code),
        final_text=final.text if final else None,
        final_pct=_percentage(value, _figure(final, code)),
        situation=_masked(mark) if mark else _situation(indicator, value, expected),
        trend=HIDDEN
        if any(isinstance(at, str) and not is_too_few(at) for at in series[-2:])
        else TRENDS.get(trend or ""),
        targets={at.month: figure if (figure := _figure(at, code)) is not None else at.text for at in targets},
        quarterly=series,
    )


def _masked(mark: str) -> str:
    return TOO_FEW if is_too_few(mark) else MASKED


def _declared(indicator: Indicator, one: Declaration, quarter_count: int) -> Line:
    return Line(
        result=indicator.result, indicator=indicator.code, label=indicator.label, unit=indicator.unit, category=None,
        baseline=None, baseline_text=None, baseline_status="total d'un partenaire, non additionné", value=one.value,
        mark=one.mark, next_date=None, next_target=None, next_text=None, next_pct=None, final_target=None, final_text=None,
        final_pct=None, situation=DECLARED, trend=None, targets={}, quarterly=[None] * quarter_count,
        declared=f"{one.origin}, {one.over}",
    )  # fmt: skip


def _expected(
    project: LoadedProject, indicator: Indicator, code: str | None, upcoming: Target | None, reporting_date: dt.date
) -> Decimal | None:
    """What should be reached by now: for a cumulated indicator on the line between two milestones, else the target."""
    goal = _figure(upcoming, code)
    if goal is None or upcoming is None or not indicator.cumulative:
        return goal
    end = milestone(project, upcoming)
    start, base = project.project.starts_on, indicator.baseline.value or Decimal(0)
    for target in sorted(indicator.targets, key=lambda target: target.month):
        figure = _figure(target, code)
        if target.month < upcoming.month and figure is not None:
            start, base = milestone(project, target), figure
    if reporting_date >= end:
        return goal
    return base + (goal - base) * Decimal((reporting_date - start).days) / Decimal((end - start).days)


def _situation(indicator: Indicator, value: Decimal | None, expected: Decimal | None) -> str:
    if value is None:
        return NO_VALUE
    if expected is None:
        return NO_TARGET
    reached, wanted = (value, expected) if indicator.direction == "asc" else (expected, value)
    if wanted <= 0:
        return ON_TRACK
    share = reached / wanted
    return ON_TRACK if share >= ON_TRACK_FROM else WATCH if share >= WATCH_FROM else LATE


def _figure(target: Target | None, code: str | None) -> Decimal | None:
    if target is None:
        return None
    return target.by.get(code) if code else target.value


def _percentage(value: Decimal | None, target: Decimal | None) -> Decimal | None:
    return 100 * value / target if value is not None and target else None


def _cell(value: Value | None, dimension: str, code: str) -> Decimal | str | None:
    cell = value.cells.get(dimension, {}).get(code) if value else None
    return cell.shown if cell else None


def _direction(series: list[Decimal | str | None]) -> str | None:
    """The trend of a category between the last two quarters: the view tells it of totals, read here of one cell."""
    before, now = series[-2], series[-1]
    if before is None or now is None or isinstance(before, str) or isinstance(now, str):
        return None
    return "hausse" if now > before else "baisse" if now < before else "stable"


def _checks(lines: list[Line], values: Mapping[str, Value], reporting_date: dt.date) -> list[Check]:
    stale = [code for code, value in values.items() if value.period_end != reporting_date]
    missing = [line.indicator for line in lines if line.value is None and line.mark is None]
    late = [line.indicator for line in lines if line.situation == LATE]

    def named(codes: list[str]) -> str:
        return ", ".join(dict.fromkeys(codes))

    return [
        Check(
            "valeurs_a_jour", f"Valeurs arrêtées au {day(reporting_date)}", not stale if values else None,
            f"Arrêtées à une autre date, relancez le calcul : {named(stale)}." if stale
            else "Toutes sont à cette date.",
        ),
        Check(
            "valeurs_presentes", "Une valeur pour chaque indicateur", not missing,
            f"Indicateur {NOT_MEASURED} : {named(missing)}." if missing else "Chaque indicateur a une valeur.",
        ),
        Check(
            "indicateurs_en_retard", "Aucun indicateur n'est en retard sur sa trajectoire", not late,
            f"En retard : {named(late)}." if late else "Aucun retard.",
        ),
    ]  # fmt: skip
