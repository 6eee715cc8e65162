"""The versions of questionnaires that submissions name and nothing describes."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    as_owner()
    run("""
        create table quality.unknown_version (
          project text not null,
          form text not null,
          form_version text not null,
          first_load_id bigint not null,
          primary key (project, form, form_version)
        )
    """)
    describe(
        "quality.unknown_version",
        "Une ligne par version de questionnaire que ni le serveur ni le projet ne décrit : comment elle est lue se suppose.",
        form_version="version, telle que les soumissions la nomment",
        first_load_id="chargement où elle est apparue",
    )
