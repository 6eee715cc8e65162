"""A frozen report is whole when its transaction ends: nothing is added to it afterwards, as nothing in it changes."""

from meal_pipelines.warehouse.migrations import as_owner, run

revision = "0027"
down_revision = "0026"

PARTS = ("reported", "reported_definition", "reported_model", "reported_record", "reported_removal")


def upgrade() -> None:
    as_owner()
    run("""
        create function indicators.refuse_addition() returns trigger language plpgsql as $$
        begin
          if exists (
            select from (select distinct freeze_id from added) as each_one
            join indicators.freeze using (freeze_id) where frozen_at <> transaction_timestamp()
          ) then
            raise exception 'un rapport figé ne se complète pas : figez de nouveau la période, ce sera une nouvelle version'
              using errcode = 'restrict_violation', schema = tg_table_schema, table = tg_table_name;
          end if;
          return null;
        end
        $$
    """)
    for table in PARTS:
        run(f"create trigger never_completed after insert on indicators.{table} referencing new table as added "
            "for each statement execute function indicators.refuse_addition()")  # fmt: skip
