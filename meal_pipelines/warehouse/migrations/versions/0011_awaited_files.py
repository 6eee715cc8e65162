"""Which versions were kept before all their files had come: asked for at each load of each form."""

from meal_pipelines.warehouse.migrations import as_owner, run

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    as_owner()
    # The index it replaces held every submission with a file, which in a form with a photo is every submission.
    run("drop index raw.submission_project_form_submission_id_idx")
    run("""
        create index submission_awaiting_idx on raw.submission (project, form, submission_id)
        where attachments > attachments_present
    """)
