"""The logframe's definitions, values and targets, and how far each value is on the way to its target."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    as_owner()
    _definitions()
    _values()
    _targets()
    _progress()


def _definitions() -> None:
    run("""
        create table indicators.definition (
          project text not null,
          indicator text not null,
          position int not null,
          label text not null,
          unit text,
          level text,
          result text,
          result_label text,
          aggregation text,
          direction text,
          cumulative boolean,
          baseline numeric,
          baseline_status text,
          baseline_date date,
          illustrative boolean not null default false,
          method text,
          source_forms text,
          formula_sql text,
          limits text,
          primary key (project, indicator)
        )
    """)
    describe(
        "indicators.definition",
        "Le cadre logique : une ligne par indicateur, avec sa méthode et la requête qui le calcule.",
        position="rang dans le cadre logique",
        baseline="valeur de référence",
        illustrative="vrai : référence ou cible d'exemple, à remplacer par celle du projet",
        source_forms="formulaires d'où viennent les données",
        formula_sql="requête exécutée",
        limits="ce que l'indicateur ne dit pas",
    )


def _values() -> None:
    run("""
        create table indicators.value (
          project text not null,
          indicator text not null,
          period_kind text not null check (
            period_kind in ('month', 'quarter', 'semester', 'year', 'project_year', 'to_date')
          ),
          period text not null,
          period_start date,
          period_end date,
          disaggregation jsonb not null default '{}',
          numerator numeric,
          denominator numeric,
          value numeric,
          units bigint,
          computed_at timestamptz not null default now(),
          run_id text,
          primary key (project, indicator, period_kind, period, disaggregation)
        )
    """)
    describe(
        "indicators.value",
        "Une ligne par indicateur, période et ventilation. Le total a la ventilation {}.",
        period="par exemple 2026-S1",
        disaggregation='par exemple {"sexe": "f"} ; {} pour le total',
        units="nombre d'unités comptées (personnes, actes …)",
    )


def _targets() -> None:
    run("""
        create table indicators.target (
          project text not null,
          indicator text not null,
          period_kind text not null check (
            period_kind in ('month', 'quarter', 'semester', 'year', 'project_year', 'to_date')
          ),
          period text not null,
          period_end date,
          disaggregation jsonb not null default '{}',
          target numeric,
          status text,
          label text,
          primary key (project, indicator, period_kind, period, disaggregation)
        )
    """)
    describe("indicators.target", "Les cibles du cadre logique, par période et ventilation.")


def _progress() -> None:
    run("""
        create view indicators.progress as
        with measured as (
          select
            value.*,
            lag(value.value) over (
              partition by project, indicator, period_kind, disaggregation order by period_end, period
            ) as previous_value
          from indicators.value
        )
        select
          measured.project,
          measured.indicator,
          definition.position,
          definition.label,
          definition.unit,
          definition.direction,
          measured.period_kind,
          measured.period,
          measured.period_start,
          measured.period_end,
          measured.disaggregation,
          measured.numerator,
          measured.denominator,
          measured.value,
          measured.previous_value,
          target.target,
          target.status as target_status,
          target.label as target_label,
          round(100 * measured.value / nullif(target.target, 0), 2) as percentage,
          case
            when measured.value > measured.previous_value then 'hausse'
            when measured.value < measured.previous_value then 'baisse'
            when measured.value = measured.previous_value then 'stable'
          end as trend,
          measured.computed_at,
          measured.run_id
        from measured
        left join indicators.target using (project, indicator, period_kind, period, disaggregation)
        left join indicators.definition using (project, indicator)
    """)
    describe(
        "indicators.progress",
        "Où en est chaque valeur : sa cible, le pourcentage atteint et la tendance depuis la période précédente.",
        kind="view",
        percentage="valeur en pourcentage de la cible ; vide sans cible ou avec une cible nulle",
        trend="hausse, baisse ou stable par rapport à la période précédente de même durée",
        direction="sens souhaité de l'indicateur",
    )
