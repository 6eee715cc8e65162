"""A key may be retired, and a sealed payload may be sealed anew: the one change that `raw.submission` allows."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    as_owner()
    run("alter table audit.key add column retired_at timestamptz")
    describe(
        "audit.key",
        "Les clés qui ont servi, reconnues à leur valeur de contrôle ; la clé elle-même n'est jamais ici.",
        retired_at="depuis quand plus rien n'est scellé avec elle",
    )
    run("""
        create or replace function raw.refuse_update() returns trigger language plpgsql as $$
        declare
          before raw.submission;
        begin
          -- The rotation of keys: the same row, its payload of the same length under a key of another number.
          if octet_length(old.payload) = octet_length(new.payload) and get_byte(old.payload, 0) <> get_byte(new.payload, 0) then
            before := new;
            before.payload := old.payload;
            if before is not distinct from old then
              return new;
            end if;
          end if;
          raise exception 'raw.submission ne se modifie pas : une correction est une nouvelle version'
            using errcode = 'restrict_violation', schema = tg_table_schema, table = tg_table_name;
        end
        $$
    """)
    describe(
        "raw.submission",
        "Une ligne par version d'une soumission, scellée ; rien n'y est modifié, sauf la clé qui scelle.",
    )
