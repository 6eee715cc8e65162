"""Confidence intervals of survey ratios beside the values; values that partners declare, in a table of their own."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    as_owner()
    _intervals()
    _declared()


def _intervals() -> None:
    run("alter table indicators.value add column ci_low numeric, add column ci_high numeric")
    run("""
        comment on column indicators.value.ci_low is
        'Borne basse de l''intervalle de confiance à 95 % ; vide hors enquête.'
    """)
    run("""
        comment on column indicators.value.ci_high is
        'Borne haute de l''intervalle de confiance à 95 % ; vide hors enquête.'
    """)


def _declared() -> None:
    run("""
        create table indicators.declared (
          project text not null,
          indicator text not null,
          period_kind text not null check (
            period_kind in ('month', 'quarter', 'semester', 'year', 'project_year', 'to_date')
          ),
          period text not null,
          period_start date not null,
          period_end date not null,
          disaggregation jsonb not null default '{}',
          value numeric not null,
          units bigint,
          method text not null,
          source text not null,
          declared_by text,
          received_on date not null,
          primary key (project, indicator, period_kind, period, disaggregation, source)
        )
    """)
    describe(
        "indicators.declared",
        "Ce que des partenaires ne donnent qu'en agrégats : une ligne par indicateur, période, ventilation et source. "
        "Statut « déclaré » : jamais mêlé aux valeurs comptées (indicators.value).",
        disaggregation="ventilation ; {} pour le total",
        value="la valeur telle que le partenaire l'a donnée",
        units="nombre d'unités derrière la valeur, quand le partenaire le dit",
        method="comment le partenaire a évité les doubles comptes",
        source="l'organisme qui déclare",
        declared_by="la fonction de qui déclare, jamais un nom",
        received_on="jour où la déclaration a été reçue",
    )
