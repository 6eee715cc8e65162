"""What incremental collection adds to `raw`: how a load was made, and the files that submissions announce."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    as_owner()
    run("alter table raw.load add column mode text not null default 'sweep' check (mode in ('sweep', 'changes'))")
    run("alter table raw.load add column present bigint")
    run("alter table raw.submission add column attachments int not null default 0")
    run("alter table raw.submission add column attachments_present int not null default 0")
    run("create index on raw.submission (project, form, submission_id) where attachments > 0")
    describe(
        "raw.load",
        "Une ligne par collecte d'un formulaire : ce que le serveur a donné et ce qui en a été fait.",
        mode="sweep : tout a été relu ; changes : seulement ce que le serveur dit avoir changé",
        present="soumissions présentes dans l'entrepôt à la fin de la collecte",
    )
    describe(
        "raw.submission",
        "Une ligne par version d'une soumission, scellée ; rien n'y est jamais modifié.",
        attachments="fichiers (photos, sons…) que les réponses annoncent",
        attachments_present="ceux que le serveur avait reçus",
    )
