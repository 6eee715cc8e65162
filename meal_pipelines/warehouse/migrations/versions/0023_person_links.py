"""Pseudonyms that turned out to be one person's: by what, since when, and what reviewers said. No clear text.

How a person_id changes: a row keeps its own pseudonym in `vault.identity`; what `pseudonymised` shows of it, and with it every
mart and indicator, is `vault.person_link.kept` where the pseudonym is linked, else the pseudonym itself. `vault.person_merge` is
the history of those changes: from `merged_on` to `undone_on` (null: still), the rows of `merged` are shown as `kept`. A restatement
between two moments has merged persons among its causes where a merge began or was undone between them.
"""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    as_owner()
    run("alter table vault.identity add strong uuid[], add weak uuid[], add sent_at timestamptz")
    _keys()
    _links()
    _decisions()


def _keys() -> None:
    run("""
        create table vault.person_key (
          project text not null,
          key uuid not null,
          person_id text not null,
          slot smallint not null,
          primary key (project, key, person_id)
        )
    """)
    run("create index on vault.person_key (project, person_id)")
    describe(
        "vault.person_key",
        "Les clés fortes de chaque pseudonyme (empreintes à clé, propres au projet) : deux pseudonymes qui en partagent une sont "
        "de la même personne.",
        slot="rang de la clé dans « persons.links.strong » de project.yaml",
    )
    describe(
        "vault.identity",
        "Les réponses qui identifient une personne, scellées : illisibles sans le trousseau.",
        person_id="pseudonyme propre de la ligne ; pseudonymised montre celui de la personne (vault.person_link)",
        strong="empreintes des clés fortes, dans l'ordre de project.yaml ; vide où la clé est incomplète",
        weak="empreintes des clés faibles, de même",
        sent_at="envoi de la soumission",
    )


def _links() -> None:
    run("""
        create table vault.person_link (
          project text not null,
          person_id text not null,
          kept text not null,
          because text not null,
          primary key (project, person_id),
          check (person_id <> kept)
        )
    """)
    run("create index on vault.person_link (project, kept)")
    run("""
        create table vault.person_merge (
          merge_id bigint generated always as identity primary key,
          project text not null,
          kept text not null,
          merged text not null,
          because text not null,
          merged_on timestamptz not null default now(),
          run_id text,
          undone_on timestamptz,
          undone_run_id text
        )
    """)
    run("create unique index on vault.person_merge (project, merged) where undone_on is null")
    describe(
        "vault.person_link",
        "Les pseudonymes montrés sous celui d'une autre ligne, parce que les deux sont de la même personne.",
        person_id="pseudonyme propre, comme dans vault.identity",
        kept="pseudonyme montré : celui de l'envoi le plus ancien de la personne",
        because="la clé forte partagée, ou « decision »",
    )
    describe(
        "vault.person_merge",
        "L'histoire des réunions de pseudonymes : de merged_on à undone_on, les lignes de « merged » sont montrées sous « kept ».",
        because="la clé forte partagée, ou « decision »",
        undone_on="vide : la réunion tient toujours",
    )


def _decisions() -> None:
    run("""
        create table vault.person_decision (
          decision_id bigint generated always as identity primary key,
          project text not null,
          one text not null,
          other text not null,
          verdict text not null check (verdict in ('same', 'different', 'later')),
          decided_by text not null check (btrim(decided_by) <> ''),
          decided_at timestamptz not null default now(),
          check (one < other)
        )
    """)
    run("create index on vault.person_decision (project, one, other, decision_id)")
    run("""
        create function vault.refuse_change() returns trigger language plpgsql as $$
        begin
          raise exception 'une décision ne se modifie pas : une nouvelle la remplace' using errcode = 'restrict_violation';
        end
        $$
    """)
    run("""
        create trigger unchanged before update on vault.person_decision
        for each row execute function vault.refuse_change()
    """)
    describe(
        "vault.person_decision",
        "Ce que les relecteur·rices ont dit de paires de pseudonymes ; la dernière décision d'une paire vaut. Ne se modifie pas ; "
        "disparaît avec la personne effacée.",
        verdict="same (même personne), different (deux personnes, jamais réunies) ou later (à revoir : aucune décision)",
    )
