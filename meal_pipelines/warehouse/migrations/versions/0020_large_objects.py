"""Readers make no large objects: whatever they may not write in tables could otherwise fill the disk."""

from meal_pipelines.warehouse.migrations import as_owner, run

revision = "0020"
down_revision = "0019"

# These functions belong to the superuser, and everybody may call them by default, in a transaction that only reads too
# once the reader says that it does not.
CLOSED = """
do $$
begin
  revoke execute on function pg_catalog.lo_creat(integer), pg_catalog.lo_create(oid),
    pg_catalog.lo_from_bytea(oid, bytea) from public;
exception when insufficient_privilege then
  raise notice 'a superuser may keep readers from making large objects';
end
$$
"""


def upgrade() -> None:
    run("reset role")
    run(CLOSED)
    as_owner()
