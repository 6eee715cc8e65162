"""Annual campaigns of more recipients, each with its table; who closed a campaign, and who received it."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    as_owner()
    run(
        "alter table extracts.thema add column attributed_year numeric, add column attributed_cumulative numeric,"
        " add column declared text"
    )
    describe(
        "extracts.thema",
        "La collecte annuelle THEMA. Une ligne par projet, année de campagne et indicateur.",
        attributed_year="part du destinataire dans la valeur de l'année ; vide pour un taux, un niveau ou un chiffre masqué",
        attributed_cumulative="part du destinataire dans la valeur cumulée",
        attribution_status="statut de la règle, tel que le catalogue le dit",
        declared="totaux déclarés par des partenaires, jamais mêlés aux valeurs comptées",
    )
    run("create table extracts.tei (like extracts.thema including all)")
    run("create table extracts.afd (like extracts.thema including all)")
    describe(
        "extracts.tei",
        "La campagne annuelle de l'Équipe Europe (Talent Partnerships). Une ligne par projet, année et indicateur.",
        code="code vérifié par une personne ; vide : à confirmer",
        attribution_status="statut de la règle, tel que le catalogue le dit",
    )
    describe(
        "extracts.afd",
        "La campagne annuelle des indicateurs agrégeables de l'AFD. Une ligne par projet, année et indicateur.",
        code="code vérifié par une personne ; vide : à confirmer",
        attribution_status="statut de la règle, tel que le catalogue le dit",
    )
    _campaign()


def _campaign() -> None:
    run("""
        create table extracts.campaign (
          project text not null,
          recipient text not null check (recipient in ('thema', 'tei', 'afd')),
          year int not null,
          frozen_by text not null check (btrim(frozen_by) <> ''),
          frozen_at timestamptz not null,
          sent_by text,
          sent_at timestamptz,
          sent_to text,
          primary key (project, recipient, year),
          check ((sent_at is null) = (sent_by is null) and (sent_at is null) = (sent_to is null))
        )
    """)
    describe(
        "extracts.campaign",
        "Les campagnes fermées. Une ligne par projet, destinataire et année.",
        frozen_by="qui l'a figée",
        sent_by="qui l'a envoyée ; vide : pas encore",
        sent_to="à qui",
    )
