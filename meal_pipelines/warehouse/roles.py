"""Who may read what: the three roles, the schemas, and the grants a published table needs.

meal_pipeline owns everything; meal_analyst reads the READABLE schemas; meal_dpo also the RESERVED ones. The roles and
schemas are made by `migrations/`; here is what the rest of the code needs to know of them. Analysts of one project are in
`project_analysts.py`.
"""

from __future__ import annotations

from typing import Literal

import psycopg2
from psycopg2 import extensions, sql

from meal_pipelines.warehouse.passwords import Passwords
from meal_pipelines.warehouse.project_analysts import admitted, analyst_of, let_in

Role = Literal["pipeline", "analyst", "dpo"]

ROLE_NAMES: dict[Role, str] = {"pipeline": "meal_pipeline", "analyst": "meal_analyst", "dpo": "meal_dpo"}

READABLE = ("pseudonymised", "marts", "indicators", "extracts", "quality")
RESERVED = ("vault", "audit")
PRIVATE = ("raw", "cleaned", "build")


def role_name(role: Role, project: str | None = None) -> str:
    """Its name in PostgreSQL; that of the analyst of one project when `project` is given."""
    return analyst_of(project) if project is not None and role == "analyst" else ROLE_NAMES[role]


def grant_readers(cursor: extensions.cursor, schema: str, table: str, project: str | None = None) -> None:
    """Let the schema's readers, and nobody else, read a table or view. project: whose it is, when it holds only one's.

    Needed after `ALTER TABLE … SET SCHEMA`: default privileges are given at creation only, and a table made in `build`
    comes without any. In a private schema this takes rights away.
    """
    name = sql.Identifier(schema, table)
    cursor.execute(sql.SQL("revoke all on {} from public, meal_analyst, meal_dpo").format(name))
    if schema in READABLE:
        cursor.execute(sql.SQL("grant select on {} to meal_analyst, meal_dpo").format(name))
    elif schema in RESERVED:
        cursor.execute(sql.SQL("grant select on {} to meal_dpo").format(name))
    let_in(cursor, schema, table, project)


def set_passwords(connection: extensions.connection, passwords: Passwords) -> None:
    """Give the roles the passwords of `MEAL_HOME` (made when missing); the server gets SCRAM verifiers only."""
    with connection.cursor() as cursor:
        for name in (*ROLE_NAMES.values(), *map(analyst_of, admitted(cursor))):
            verifier = psycopg2.extensions.encrypt_password(
                passwords.ensure(name), name, scope=connection, algorithm="scram-sha-256"
            )
            cursor.execute(sql.SQL("alter role {} password %s").format(sql.Identifier(name)), (verifier,))
