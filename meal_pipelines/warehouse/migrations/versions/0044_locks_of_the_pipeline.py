"""Readers take none of the locks by which runs wait for each other: one of them could keep every night from its turn."""

from meal_pipelines.warehouse.migrations import as_owner, run

revision = "0044"
down_revision = "0043"

# Everybody may call these functions of the superuser by default, and the names of the locks are in a public program.
CLOSED = r"""
do $$
declare
  taking regprocedure;
begin
  for taking in
    select oid from pg_proc
    where pronamespace = 'pg_catalog'::regnamespace
      and (proname like 'pg\_%advisory%lock%' or proname = 'pg_logical_emit_message')
  loop
    execute format('grant execute on function %s to meal_pipeline', taking);
    execute format('revoke execute on function %s from public', taking);
  end loop;
exception when insufficient_privilege then
  raise notice 'a superuser may keep readers from taking advisory locks';
end
$$
"""


def upgrade() -> None:
    run("reset role")
    run(CLOSED)
    as_owner()
