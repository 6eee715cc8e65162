"""How Alembic runs here: on the connection and in the transaction that `migrate.upgrade` gives it."""

import sqlalchemy
from alembic import context

connection = context.config.attributes["connection"]
# The version table lives in a schema of ours, which must exist before the first revision; public may be closed to us.
connection.execute(sqlalchemy.text("create schema if not exists audit"))
context.configure(connection=connection, version_table="schema_version", version_table_schema="audit")
with context.begin_transaction():
    context.run_migrations()
