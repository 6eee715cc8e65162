"""What is handed to donors: OPSYS values per reporting date and THEMA lines per campaign."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    as_owner()
    _opsys()
    _thema()


def _opsys() -> None:
    # The checks are the audit: rows are staged in a copy of this table, constraints included, before they come here.
    run("""
        create table extracts.opsys (
          project text not null,
          period text not null,
          reporting_date date not null,
          position int not null,
          result text not null,
          result_level text not null,
          indicator text not null,
          label text not null,
          measure text not null,
          unit text not null,
          dimensions text[] not null default '{}',
          value_type text not null check (
            value_type in ('baseline', 'intermediate_target', 'final_target', 'current')
          ),
          value_date date,
          total numeric,
          total_text text,
          disaggregation jsonb not null default '{}',
          units bigint,
          comment text not null check (btrim(comment) <> '' and comment !~* '^\\s*à compléter'),
          source_of_data text,
          source_status text not null,
          status text not null,
          framework text,
          framework_version text,
          code text,
          code_label text,
          mode text not null,
          confidence text,
          code_status text not null check (code_status in ('vérifié', 'non vérifié', 'sans objet')),
          verified_on date,
          verified_by text,
          logframe_version text not null,
          computed_at timestamptz,
          run_id text,
          written_at timestamptz not null default now(),
          primary key (project, period, position),
          unique nulls not distinct (project, period, indicator, value_type, value_date),
          check (code_status <> 'vérifié' or (code is not null and verified_on is not null and verified_by is not null))
        )
    """)
    describe(
        "extracts.opsys",
        "Les valeurs à recopier dans OPSYS. Une ligne par projet, période, indicateur, type de valeur et date.",
        period="mois d'arrêté des données, par exemple 2029-02",
        reporting_date="dernier jour de ce mois",
        position="ordre de saisie",
        measure="mode de calcul : count_unique, sum, ratio, median, latest ou derived",
        dimensions="ventilations déclarées pour l'indicateur",
        value_type="baseline (référence), intermediate_target, final_target (cibles) ou current (valeur actuelle)",
        value_date="date de la valeur ; vide quand le cadre logique n'en donne pas",
        total="dans l'unité de l'indicateur ; vide : à établir, sans objet ou sans total, jamais zéro",
        total_text="ce qui s'affiche sans nombre : « à établir », « pas de total », « non mesuré », cible en lettres",
        disaggregation='ventilations dans la même unité : {"sex": {"F": 12, "H": 9}} ; inconnu : non précisé',
        units="effectif de la valeur actuelle (n)",
        comment="commentaire proposé : comment la valeur est calculée, effectif, complétude, limites",
        source_status="si le choix de source figure dans la liste, et si cette liste est vérifiée",
        status="statut de la référence ou de la cible dans le cadre logique ; « mesurée » pour une valeur actuelle",
        code="code du référentiel, tel qu'il est déclaré ; n'est officiel que si code_status vaut « vérifié »",
        mode="custom (propre au projet), predefined, matched, candidate ou none",
        verified_on="quand une personne a vérifié le code sur la source officielle",
        verified_by="qui l'a vérifié",
        computed_at="quand la valeur actuelle a été calculée",
    )


def _thema() -> None:
    run("""
        create table extracts.thema (
          project text not null,
          campaign_year int not null,
          position int not null,
          indicator text not null,
          code text,
          proposed_code text,
          code_status text not null check (code_status in ('vérifié', 'non vérifié', 'à confirmer')),
          theme text,
          label text not null,
          unit text not null,
          value_year numeric,
          value_cumulative numeric,
          share_of_women_pct numeric check (share_of_women_pct between 0 and 100),
          year_start date,
          year_end date,
          cumulative_until date,
          is_year_complete boolean not null,
          attribution_rule text not null default 'full' check (attribution_rule in ('full', 'pro_rata')),
          attribution_share_pct numeric not null default 100 check (
            attribution_share_pct > 0 and attribution_share_pct <= 100
          ),
          attribution_status text not null default 'à confirmer',
          status text not null default 'open' check (status in ('open', 'frozen', 'sent')),
          confidence text,
          verified_on date,
          verified_by text,
          illustrative boolean not null,
          comment text not null,
          run_id text,
          written_at timestamptz not null default now(),
          primary key (project, campaign_year, indicator),
          check ((code is not null) = (code_status = 'vérifié')),
          check (code is null or (verified_on is not null and verified_by is not null))
        )
    """)
    describe(
        "extracts.thema",
        "La collecte annuelle THEMA. Une ligne par projet, année de campagne et indicateur.",
        campaign_year="année civile de la campagne",
        code="code THEMA vérifié par une personne ; vide : à confirmer",
        proposed_code="code pressenti, non vérifié : à ne pas présenter comme officiel",
        theme="thème pressenti dans le cadre logique",
        value_year="valeur de l'année civile ; les unités uniques de deux années ne s'additionnent pas",
        value_cumulative="valeur depuis le démarrage, au dernier mois de l'année compris dans les données",
        share_of_women_pct="femmes, en % des unités de l'année de sexe connu ; vide pour un taux ou une médiane",
        cumulative_until="fin de la période de la valeur cumulée",
        is_year_complete="faux : ni l'année ni le projet ne sont finis à l'arrêté des données",
        attribution_rule="full : tout est attribué ; pro_rata : selon la part du bailleur",
        attribution_status="la règle de cofinancement de THEMA n'est pas connue : à confirmer",
        status="open (en cours), frozen (figée) ou sent (envoyée)",
    )
