"""Who has a key is found by the key alone: half the indexes to fill, in the order of the keys.

The forms are protected again after this revision, which fills the table.
"""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    as_owner()
    run("drop table vault.person_key")
    run("""
        create table vault.person_key (
          key uuid not null,
          person_id text not null,
          project text not null,
          primary key (key, person_id)
        )
    """)
    run("update quality.build set fingerprint = '' where stage = 'pseudonymised'")
    describe(
        "vault.person_key",
        "Quels pseudonymes ont, ou ont eu, une clé forte (empreinte à clé, propre au projet) : ceux qui en partagent une sont de la "
        "même personne, si vault.identity la leur donne encore.",
    )
