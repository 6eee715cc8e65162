"""A frozen report and a closed campaign keep which forms stood still: their files say it, whatever becomes of the forms since."""

from meal_pipelines.warehouse.migrations import as_owner, describe_columns, run

revision = "0043"
down_revision = "0041"

MEANS = "formulaires dont les chiffres sont tirés et qui n'avaient pas pu être mis à jour : formulaire, étape, depuis quand, dernier état"


def upgrade() -> None:
    as_owner()
    run("alter table indicators.freeze add column forms_behind jsonb not null default '[]'")
    run("alter table extracts.campaign add column forms_behind jsonb not null default '[]'")
    describe_columns("indicators.freeze", forms_behind=f"{MEANS}, quand le rapport a été figé")
    describe_columns("extracts.campaign", forms_behind=f"{MEANS}, quand la campagne a été figée")
