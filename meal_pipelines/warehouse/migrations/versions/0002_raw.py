"""What was collected: loads, sealed versions of submissions, cursors, questionnaires as the servers gave them."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    as_owner()
    _loads()
    _submissions()
    _cursors()


def _loads() -> None:
    run("""
        create table raw.load (
          load_id bigint generated always as identity primary key,
          project text not null,
          form text not null,
          source text not null,
          started_at timestamptz not null default now(),
          finished_at timestamptz,
          state text not null default 'running' check (state in ('running', 'done', 'failed', 'refused')),
          received bigint not null default 0,
          added bigint not null default 0,
          changed bigint not null default 0,
          removed bigint not null default 0,
          restored bigint not null default 0,
          server_count bigint,
          message text,
          run_id text
        )
    """)
    run("create index on raw.load (project, form, load_id desc)")
    describe(
        "raw.load",
        "Une ligne par collecte d'un formulaire : ce que le serveur a donné et ce qui en a été fait.",
        state="running, done, failed (panne) ou refused (données refusées)",
        received="soumissions reçues, y compris celles déjà connues",
        added="soumissions nouvelles",
        changed="soumissions modifiées depuis la dernière collecte",
        removed="soumissions supprimées sur le serveur",
        restored="soumissions supprimées puis rétablies sur le serveur",
        server_count="nombre de soumissions que le serveur dit avoir",
        message="pourquoi la collecte a échoué ; jamais une valeur des données",
    )


def _submissions() -> None:
    run("""
        create table raw.submission (
          project text not null,
          form text not null,
          submission_id text not null,
          version int not null check (version >= 1),
          instance_id text,
          form_version text,
          submitted_at timestamptz,
          changed_at timestamptz,
          state text not null check (state in ('present', 'deleted')),
          payload bytea,
          fingerprint bytea,
          load_id bigint not null references raw.load,
          loaded_at timestamptz not null default now(),
          primary key (project, form, submission_id, version)
        )
    """)
    run("create index on raw.submission (project, form, load_id)")
    # Sealed bytes do not compress: trying costs time on every row.
    run("alter table raw.submission alter column payload set storage external")
    run("""
        create function raw.refuse_update() returns trigger language plpgsql as $$
        begin
          raise exception 'raw.submission ne se modifie pas : une correction est une nouvelle version'
            using errcode = 'restrict_violation', schema = tg_table_schema, table = tg_table_name;
        end
        $$
    """)
    run("""
        create trigger append_only before update on raw.submission
        for each row execute function raw.refuse_update()
    """)
    describe(
        "raw.submission",
        "Une ligne par version d'une soumission, scellée ; rien n'y est jamais modifié.",
        submission_id="identifiant de la soumission, le même pour toutes ses versions",
        version="1 pour la première version reçue",
        instance_id="identifiant de cette version sur le serveur",
        state="present, ou deleted quand le serveur ne l'a plus",
        payload="la soumission entière, scellée (AES-256-GCM)",
        fingerprint="empreinte à clé du contenu : deux versions égales ont la même",
    )


def _cursors() -> None:
    run("""
        create table raw.cursor (
          project text not null,
          form text not null,
          position jsonb not null,
          load_id bigint references raw.load,
          updated_at timestamptz not null default now(),
          primary key (project, form)
        )
    """)
    run("""
        create table raw.missing (
          load_id bigint not null references raw.load on delete cascade,
          project text not null,
          form text not null,
          submission_id text not null,
          primary key (load_id, submission_id)
        )
    """)
    run("""
        create table raw.form_version (
          project text not null,
          form text not null,
          form_version text not null,
          content jsonb not null,
          first_seen_at timestamptz not null default now(),
          primary key (project, form, form_version)
        )
    """)
    describe("raw.cursor", "Jusqu'où chaque formulaire a été collecté ; avance avec les lignes qu'elle couvre.")
    describe("raw.missing", "Soumissions que le balayage en cours n'a pas retrouvées sur le serveur.")
    describe("raw.form_version", "Chaque version d'un questionnaire, telle que le serveur l'a donnée.")
