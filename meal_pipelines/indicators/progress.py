"""Where a project's indicators stand to date, one line each, for the command line. Reads what was published."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from psycopg2 import extensions

QUERY = """
with standing as (

    select value.*
    from indicators.value
    where
        value.project = %(project)s
        and value.period_kind = 'to_date'
        and value.period = (
            select max(last.period) from indicators.value as last
            where last.project = %(project)s and last.period_kind = 'to_date'
        )

),

-- The total; for an indicator without one, the categories that have targets.
shown as (

    select indicator, disaggregation from standing where disaggregation = '{}'
    union
    select indicator, disaggregation from indicators.target where project = %(project)s

)

select
    definition.indicator,
    definition.label,
    definition.unit,
    shown.disaggregation,
    standing.period,
    standing.value,
    target.period,
    target.target,
    target.label,
    round(100 * standing.value / nullif(target.target, 0), 1),
    definition.illustrative,
    definition.baseline,
    definition.baseline_status
from indicators.definition
left join shown on definition.indicator = shown.indicator
left join standing
    on shown.indicator = standing.indicator and shown.disaggregation = standing.disaggregation
-- The last target that has fallen due; before that, the first to come.
left join lateral (
    select target.period, target.target, target.label
    from indicators.target
    where
        target.project = %(project)s
        and target.indicator = shown.indicator
        and target.disaggregation = shown.disaggregation
    order by
        target.period_end > coalesce(standing.period_end, '-infinity') asc,
        case when target.period_end <= standing.period_end then target.period_end end desc,
        target.period_end asc
    limit 1
) as target on true
where definition.project = %(project)s
order by definition.position asc, cast(shown.disaggregation as text) asc
"""


@dataclass(frozen=True)
class Line:
    """One indicator, or one category of an indicator without a total, to date and beside its target.

    value: None while nothing was measured, which is not zero · percentage: of the target · target_label: « M12 », with
    the logframe's words when it gives no figure · baseline: None while it is to be established (`baseline_status`).
    """

    code: str
    label: str
    unit: str
    disaggregation: dict[str, str]
    period: str | None
    value: Decimal | None
    target_period: str | None
    target: Decimal | None
    target_label: str | None
    percentage: Decimal | None
    illustrative: bool
    baseline: Decimal | None
    baseline_status: str


def summary(connection: extensions.connection, project: str) -> list[Line]:
    """Every indicator of a project, in the logframe's order."""
    with connection.cursor() as cursor:
        cursor.execute(QUERY, {"project": project})
        lines = [Line(row[0], row[1], row[2], row[3] or {}, *row[4:]) for row in cursor.fetchall()]
    connection.rollback()  # only read
    return lines
