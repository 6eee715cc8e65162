"""A reader who leaves a transaction open is let go: what he has read of a table keeps the next one from being put in place."""

from meal_pipelines.warehouse.migrations import as_owner, run

revision = "0041"
down_revision = "0036"

# A table is replaced under an exclusive lock; DBeaver out of auto-commit holds its own on what was looked at until it is
# closed, and the night waited for it without end. A query under way is not idle.
LET_GO = """
do $$
declare
  reader text;
begin
  for reader in
    select rolname from pg_roles
    where rolname in ('meal_analyst', 'meal_dpo')
      or oid in (select m.member from pg_auth_members as m where m.roleid = to_regrole('meal_project_analyst'))
        and starts_with(rolname, 'meal_analyst_')
  loop
    execute format('alter role %I set idle_in_transaction_session_timeout = ''15min''', reader);
  end loop;
exception when insufficient_privilege then
  raise notice 'whoever made the readers may set idle_in_transaction_session_timeout for them';
end
$$
"""


def upgrade() -> None:
    run("reset role")
    run(LET_GO)
    as_owner()
