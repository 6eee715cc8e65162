"""How each stage of each form last went: which forms stand still, since when, and from when what is published of them is."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    as_owner()
    run("""
        create table quality.stage_outcome (
          project text not null,
          form text not null,
          stage text not null check (stage in ('raw', 'cleaned', 'pseudonymised')),
          succeeded_at timestamptz,
          failing_since timestamptz,
          run_id text,
          primary key (project, form, stage)
        )
    """)
    # What was published before this revision is from a day that is known.
    run("""
        insert into quality.stage_outcome (project, form, stage, succeeded_at)
        select project, form, 'raw', max(finished_at) from raw.load where state = 'done' group by project, form
        union all
        select project, form, stage, max(built_at) from quality.build
        where stage in ('cleaned', 'pseudonymised') and project is not null and form is not null group by project, form, stage
    """)
    describe(
        "quality.stage_outcome",
        "Comment s'est passée, la dernière fois, chaque étape de chaque formulaire. Grain : une étape d'un formulaire.",
        stage="raw (collecte), cleaned (nettoyage) ou pseudonymised (pseudonymisation).",
        succeeded_at="Sa dernière réussite, que quelque chose ait changé ou non ; vide si elle n'a jamais réussi.",
        failing_since="Son premier échec depuis cette réussite ; vide si elle a réussi la dernière fois.",
        run_id="L'exécution qui l'a dit.",
    )
