"""The files that submissions name: what became of each, and who took files out in clear."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    as_owner()
    _attachments()
    _accesses()


def _attachments() -> None:
    run("""
        create table raw.attachment (
          project text not null,
          form text not null,
          submission_id text not null,
          file_key bytea not null,
          state text not null check (state in ('expected', 'kept', 'refused', 'gone', 'erased')),
          is_at_source boolean not null,
          reason text check (reason in ('type', 'size', 'empty', 'failed')),
          name bytea,
          media_type text,
          content bytea,
          bytes bigint,
          limits text,
          tries int not null default 0,
          version int not null,
          load_id bigint references raw.load on delete set null,
          first_seen_at timestamptz not null default now(),
          changed_at timestamptz not null default now(),
          primary key (project, form, submission_id, file_key),
          check (state <> 'kept' or content is not null),
          check (state <> 'erased' or coalesce(name, content) is null)
        )
    """)
    run("create index on raw.attachment (project, content) where content is not null")
    describe(
        "raw.attachment",
        "Une ligne par fichier (photo, son…) que nomme une soumission : ce qu'il en est advenu. Les octets, scellés, sont hors "
        "de la base, dans MEAL_HOME/attachments ou à l'adresse MEAL_ATTACHMENTS.",
        file_key="empreinte à clé du nom du fichier ; vide sur la ligne qui reste d'une soumission effacée",
        state="expected (attendu), kept (gardé), refused (refusé), gone (disparu avant d'être reçu) ou erased (effacé)",
        is_at_source="le serveur a ce fichier, et une soumission présente le nomme",
        reason="refusé pour son type ou sa taille, ou parce qu'il est vide ; failed : la dernière lecture a échoué",
        name="nom du fichier, scellé",
        media_type="ce que disent les premiers octets, quel que soit le nom",
        content="adresse des octets : leur empreinte à clé ; deux fichiers égaux n'en ont qu'une",
        bytes="taille du fichier scellé, arrondie à 64 Kio pour ne pas trahir le fichier",
        limits="les limites selon lesquelles il a été jugé",
        tries="lectures qui ont échoué depuis la dernière réussie, ou refus de suite",
        version="dernière version de la soumission pour laquelle le serveur a dit ses fichiers",
        load_id="collecte qui a apporté cette version",
    )


def _accesses() -> None:
    run("""
        create table audit.file_access (
          access_id bigint generated always as identity primary key,
          at timestamptz not null default now(),
          who text not null,
          why text not null,
          project text not null,
          form text not null,
          submission_id text not null,
          files int not null
        )
    """)
    run("""
        create function audit.refuse_change() returns trigger language plpgsql as $$
        begin
          raise exception 'le journal ne se modifie pas'
            using errcode = 'restrict_violation', schema = tg_table_schema, table = tg_table_name;
        end
        $$
    """)
    run("""
        create trigger append_only before update or delete on audit.file_access
        for each row execute function audit.refuse_change()
    """)
    describe(
        "audit.file_access",
        "Une ligne par sortie en clair des fichiers d'une soumission ; rien n'y est modifié ni retiré.",
        who="usager de la machine",
        why="motif donné par cet usager",
        files="nombre de fichiers sortis",
    )
