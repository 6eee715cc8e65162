"""The figures of the IATI file, and three more recipients whose publications are remembered."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    as_owner()
    _iati()
    run("alter table audit.published_cell drop constraint published_cell_recipient_check")
    run(
        "alter table audit.published_cell add constraint published_cell_recipient_check"
        " check (recipient in ('opsys', 'thema', 'tei', 'afd', 'iati', 'tracking'))"
    )


def _iati() -> None:
    run("""
        create table extracts.iati (
          project text not null,
          period text not null,
          reporting_date date not null,
          position int not null,
          result text not null,
          indicator text not null,
          measure text not null check (measure in ('1', '2', '3', '4', '5')),
          is_ascending boolean not null,
          value_type text not null check (value_type in ('baseline', 'target', 'actual')),
          period_start date not null,
          period_end date not null,
          dimension text,
          category text,
          value numeric,
          value_text text,
          mark text,
          status text not null,
          illustrative boolean not null,
          computed_at timestamptz,
          run_id text,
          written_at timestamptz not null default now(),
          primary key (project, period, position),
          unique nulls not distinct (project, period, indicator, value_type, period_end, dimension, category),
          check ((dimension is null) = (category is null)),
          check (mark is null or value is null)
        )
    """)
    describe(
        "extracts.iati",
        "Les chiffres du fichier IATI. Une ligne par projet, période, indicateur, sorte de valeur, dimension et catégorie.",
        period="mois d'arrêté des données, par exemple 2029-02",
        position="ordre dans le fichier",
        measure="code IATI IndicatorMeasure : 1 unité, 2 pourcentage, 4 ordinale",
        value_type="baseline (référence), target (cible) ou actual (valeur actuelle)",
        dimension="ventilation, telle qu'elle se lit ; vide : total",
        value="dans l'unité de l'indicateur ; vide : pas de chiffre, ou chiffre masqué, jamais zéro",
        value_text="ce que dit une cible qui n'est pas un nombre",
        mark="ce qui remplace un chiffre masqué : la ligne n'est pas dans le fichier",
        status="statut de la référence ou de la cible ; « mesurée » pour une valeur actuelle",
    )
