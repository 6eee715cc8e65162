"""Who may read what: the three roles, the schemas, and the grants a published table needs.

meal_pipeline owns everything; meal_analyst reads the READABLE schemas; meal_dpo also the RESERVED ones. The roles and
schemas are made by `migrations/`; here is what the rest of the code needs to know of them.
"""

from __future__ import annotations

from typing import Literal

import psycopg2
from psycopg2 import extensions, sql

from meal_pipelines.warehouse.passwords import Passwords

Role = Literal["pipeline", "analyst", "dpo"]

ROLE_NAMES: dict[Role, str] = {"pipeline": "meal_pipeline", "analyst": "meal_analyst", "dpo": "meal_dpo"}

READABLE = ("pseudonymised", "marts", "indicators", "extracts", "quality")
RESERVED = ("vault", "audit")
PRIVATE = ("raw", "cleaned", "build")


def grant_readers(cursor: extensions.cursor, schema: str, table: str) -> None:
    """Let the schema's readers, and nobody else, read a table or view.

    Needed after `ALTER TABLE … SET SCHEMA`: default privileges are given at creation only, and a table made in `build`
    comes without any. In a private schema this takes rights away.
    """
    name = sql.Identifier(schema, table)
    cursor.execute(sql.SQL("revoke all on {} from public, meal_analyst, meal_dpo").format(name))
    if schema in READABLE:
        cursor.execute(sql.SQL("grant select on {} to meal_analyst, meal_dpo").format(name))
    elif schema in RESERVED:
        cursor.execute(sql.SQL("grant select on {} to meal_dpo").format(name))


def set_passwords(connection: extensions.connection, passwords: Passwords) -> None:
    """Give the three roles the passwords of `MEAL_HOME` (made when missing); the server gets SCRAM verifiers only."""
    with connection.cursor() as cursor:
        for name in ROLE_NAMES.values():
            verifier = psycopg2.extensions.encrypt_password(
                passwords.ensure(name), name, scope=connection, algorithm="scram-sha-256"
            )
            cursor.execute(sql.SQL("alter role {} password %s").format(sql.Identifier(name)), (verifier,))
