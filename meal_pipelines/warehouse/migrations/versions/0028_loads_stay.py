"""A load that submissions name stays; that it is there is looked at once a page, no longer once a submission.

A foreign key takes a third of PostgreSQL's time for each submission collected (2026-11: 4 of 12 µs). The rows of a page are
written in one transaction with the cursor, whose own foreign key says that the load is there (`collect/ledger.py`).
"""

from meal_pipelines.warehouse.migrations import as_owner, run

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    as_owner()
    run("alter table raw.submission drop constraint submission_load_id_fkey")
    run("""
        create function raw.refuse_orphans() returns trigger language plpgsql as $$
        begin
          if exists (
            select from raw.submission as s
            where s.project = old.project and s.form = old.form and s.load_id = old.load_id
          ) then
            raise exception 'des soumissions renvoient à cette collecte'
              using errcode = 'foreign_key_violation', schema = tg_table_schema, table = tg_table_name;
          end if;
          return case tg_op when 'DELETE' then old else new end;
        end
        $$
    """)
    run("""
        create trigger keeps_submissions before delete or update of load_id, project, form on raw.load
        for each row execute function raw.refuse_orphans()
    """)
