"""How far a form's files are followed: a quiet night looks at what is new and at what is still wanted, not at every row."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    as_owner()
    run("""
        create table raw.attachment_cursor (
          project text not null,
          form text not null,
          load_id bigint not null,
          updated_at timestamptz not null default now(),
          primary key (project, form)
        )
    """)
    run("create index on raw.attachment (project, form) where state in ('expected', 'refused')")
    describe(
        "raw.attachment_cursor",
        "Jusqu'à quelle collecte les fichiers de chaque formulaire ont été demandés.",
        load_id="dernière collecte dont chaque soumission a dit ses fichiers",
    )
