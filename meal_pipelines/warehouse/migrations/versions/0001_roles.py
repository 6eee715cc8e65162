"""Roles, schemas and who may read them. Roles belong to the whole server and may exist already."""

from psycopg2 import sql

from meal_pipelines.warehouse.migrations import as_owner, run
from meal_pipelines.warehouse.roles import PRIVATE, READABLE, RESERVED

revision = "0001"
down_revision = None

ROLES = """
do $$
declare
  wanted text;
begin
  foreach wanted in array array['meal_pipeline', 'meal_analyst', 'meal_dpo'] loop
    if not exists (select from pg_roles where rolname = wanted) then
      begin
        execute format('create role %I login', wanted);
      exception when duplicate_object or unique_violation then
        null;  -- made at the same moment for another database of this server
      end;
    end if;
  end loop;
  -- The migrating user works as meal_pipeline from here on. Since PostgreSQL 16 having made a role is not being a member.
  if not pg_has_role('meal_pipeline', 'member')
     or current_setting('server_version_num')::int >= 160000 and not pg_has_role('meal_pipeline', 'set') then
    execute format('grant meal_pipeline to %I', current_user);
  end if;
end
$$
"""

READ_ONLY = """
do $$
declare
  reader text;
begin
  foreach reader in array array['meal_analyst', 'meal_dpo'] loop
    if not exists (
      select from pg_roles where rolname = reader and 'default_transaction_read_only=on' = any (rolconfig)
    ) then
      execute format('alter role %I set default_transaction_read_only = on', reader);
    end if;
  end loop;
exception when insufficient_privilege then
  raise notice 'whoever made the readers may set default_transaction_read_only for them';
end
$$
"""

PUBLIC = """
do $$
begin
  execute format('revoke temporary on database %I from public', current_database());
  execute format('grant connect, temporary on database %I to meal_pipeline', current_database());
  execute format('grant connect on database %I to meal_analyst, meal_dpo', current_database());
  revoke all on schema public from public;
exception when insufficient_privilege then
  raise notice 'the owner of the database may close it further';
end
$$
"""


def upgrade() -> None:
    run(ROLES)
    run(READ_ONLY)
    run(PUBLIC)
    for schema in (*PRIVATE, *READABLE, *RESERVED):
        name = sql.Identifier(schema)
        run(sql.SQL("create schema if not exists {}").format(name))
        run(sql.SQL("alter schema {} owner to meal_pipeline").format(name))
    run("alter table audit.schema_version owner to meal_pipeline")
    as_owner()
    for schema in (*READABLE, *RESERVED):
        name, readers = sql.Identifier(schema), sql.SQL("meal_analyst, meal_dpo" if schema in READABLE else "meal_dpo")
        run(sql.SQL("grant usage on schema {} to {}").format(name, readers))
        run(sql.SQL("alter default privileges in schema {} grant select on tables to {}").format(name, readers))
