"""Judge a project's values before they are published: what must hold of any indicators, whatever they measure.

Counts only, never a value. What is particular to a project belongs to its expectations.
"""

from __future__ import annotations

from psycopg2 import extensions, sql

from meal_pipelines.indicators.compile import entry_of
from meal_pipelines.indicators.computation import Computation
from meal_pipelines.project.measures import Latest

CHECKS = {
    "lignes_uniques": "Une seule ligne par indicateur, période et ventilation.",
    "periodes_completes": "Chaque indicateur a un total pour chaque période commencée.",
    "sommes_coherentes": "Les catégories d'une somme s'additionnent à son total, « inconnu » compris.",
    "uniques_coherents": "Aucune catégorie ne dépasse le total d'unités uniques, et le cumul ne baisse jamais.",
}
"""Name of each check → what it says, in French."""

QUERIES = {
    "lignes_uniques": """
        select count(*) from (
            select 1 from {values} where indicator = any(%(codes)s)
            group by indicator, period_kind, period, disaggregation having count(*) > 1
        ) as twice
    """,
    "periodes_completes": """
        select count(*) from unnest(%(with_total)s::text[]) as expected (indicator)
        where %(periods)s <> (
            select count(*) from {values} as measured
            where measured.indicator = expected.indicator and measured.disaggregation = '{{}}'
        )
    """,
    "sommes_coherentes": """
        select count(*) from {values} as total
        inner join (
            select
                indicator,
                period_kind,
                period,
                array(select jsonb_object_keys(disaggregation)) as dimensions,
                sum(value) as value
            from {values}
            where indicator = any(%(sums)s) and disaggregation <> '{{}}'
            group by indicator, period_kind, period, dimensions
        ) as parts using (indicator, period_kind, period)
        where total.disaggregation = '{{}}' and coalesce(parts.value, 0) <> coalesce(total.value, 0)
    """,
    "uniques_coherents": """
        select count(*) from (
            select
                indicator,
                value,
                period_kind = 'to_date' and value < lag(value) over (
                    partition by indicator, period_kind, disaggregation order by period_end
                ) as falls,
                max(value) filter (where disaggregation = '{{}}') over (
                    partition by indicator, period_kind, period
                ) as total
            from {values}
            where indicator = any(%(uniques)s)
        ) as counted
        where falls or value > total
    """,
}
"""Each counts what is wrong."""


def audit(connection: extensions.connection, computation: Computation) -> dict[str, tuple[bool, str]]:
    """Every check of `CHECKS`: whether it passes, and a French sentence with a count."""
    kinds = {code: query.kind for code, query in computation.queries.items()}
    parameters = {
        "codes": list(kinds),
        "with_total": [code for code in kinds if _has_total(computation, code)],
        "periods": len(computation.calendar.periods),
        "sums": [code for code, kind in kinds.items() if kind == "sum"],
        "uniques": [code for code, kind in kinds.items() if kind == "count_unique"],
    }
    values = sql.Identifier("build", computation.table.candidate)
    found = {}
    with connection.cursor() as cursor:
        for name, description in CHECKS.items():
            cursor.execute(sql.SQL(QUERIES[name]).format(values=values), parameters)
            row = cursor.fetchone()
            wrong = int(row[0]) if row else 0
            told = description if wrong == 0 else f"{description} Ce n'est pas le cas {wrong} fois."
            found[name] = (wrong == 0, told)
    connection.rollback()  # only read
    return found


def _has_total(computation: Computation, code: str) -> bool:
    measure = entry_of(computation.project, code).measure
    return not isinstance(measure, Latest) or measure.total != "none"
