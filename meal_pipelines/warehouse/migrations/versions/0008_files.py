"""The files that partners send, and what became of each."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    as_owner()
    run("""
        create table raw.file (
          project text not null,
          form text not null,
          file text not null,
          digest text not null,
          bytes bigint not null,
          modified_at timestamptz not null,
          sheet text,
          rows bigint not null,
          state text not null check (state in ('read', 'refused')),
          message text,
          notes jsonb not null default '[]',
          accepted_at timestamptz,
          load_id bigint references raw.load on delete set null,
          first_read_at timestamptz not null default now(),
          last_read_at timestamptz not null default now(),
          primary key (project, form, file, digest)
        )
    """)
    describe(
        "raw.file",
        "Une ligne par contenu reçu d'un fichier de partenaire : ce qui en a été lu, ou pourquoi il a été refusé.",
        file="nom du fichier dans le dossier des classeurs",
        digest="empreinte SHA-256 du contenu ; vide quand il n'a pas pu être lu",
        modified_at="date d'écriture du fichier : le plus récent l'emporte",
        rows="soumissions lues",
        state="read, ou refused : rien n'en a été lu",
        message="pourquoi il a été refusé ; jamais une valeur des données",
        notes="comment il a été lu : totaux laissés, lignes masquées, colonnes inconnues…",
        accepted_at="date d'écriture qu'il avait la dernière fois qu'il a été lu en entier",
        load_id="dernière collecte qui l'a lu",
    )
