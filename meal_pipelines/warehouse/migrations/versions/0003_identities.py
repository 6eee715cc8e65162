"""Sealed identities, for the data-protection officer, and the keys that sealed them (never the keys themselves)."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    as_owner()
    run("""
        create table vault.identity (
          project text not null,
          form text not null,
          repeat text not null default '',
          submission_id text not null,
          repeat_index int not null default 0,
          person_id text,
          sealed bytea not null,
          updated_at timestamptz not null default now(),
          primary key (project, form, repeat, submission_id, repeat_index)
        )
    """)
    run("create index on vault.identity (project, person_id)")
    run("""
        create table audit.key (
          key_id text primary key,
          purpose text not null,
          check_value bytea not null,
          first_used_at timestamptz not null default now()
        )
    """)
    describe(
        "vault.identity",
        "Les réponses qui identifient une personne, scellées : illisibles sans le trousseau.",
        repeat="groupe répété d'où vient la ligne ; vide pour le formulaire lui-même",
        repeat_index="rang dans le groupe répété ; 0 pour le formulaire lui-même",
        person_id="pseudonyme, le même que dans pseudonymised",
    )
    describe(
        "audit.key",
        "Les clés qui ont servi, reconnues à leur valeur de contrôle ; la clé elle-même n'est jamais ici.",
        check_value="permet de vérifier qu'un trousseau est le bon",
    )
