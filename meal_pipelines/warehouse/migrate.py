"""Bring the fixed tables to the revision this code needs, from code and without an `alembic.ini`.

Whether that is needed is one cheap query; Alembic is imported only when it is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg2
from psycopg2 import errors

from meal_pipelines.errors import ConfigurationError

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_ID = 7_220_251_123
"""Of the advisory lock that makes concurrent openers migrate one after the other."""


def head() -> str:
    """The newest revision of this code; a file in `versions/` is named after its revision."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def revision(connection: psycopg2.extensions.connection) -> str | None:
    """The revision of the database, None when it has none yet. The connection is in autocommit."""
    with connection.cursor() as cursor:
        try:
            cursor.execute("select version_num from audit.schema_version")
        except (errors.UndefinedTable, errors.InvalidSchemaName):
            return None
        row = cursor.fetchone()
        return str(row[0]) if row else None


def check_not_newer(found: str | None) -> None:
    """Raises: ConfigurationError, when a newer version of the program has been here."""
    if found is not None and found > head():
        raise ConfigurationError(
            f"La base de données est à la révision {found}, ce programme ne connaît que la {head()} : elle a été ouverte par "
            "une version plus récente. Mettez ce programme à jour (git pull, puis uv sync)."
        )


def upgrade(connect: Callable[[], psycopg2.extensions.connection]) -> None:
    """Apply what is missing, in one transaction; safe when several processes do it at once.

    connect: makes a connection, outside autocommit, of a user who may make roles and schemas.
    Raises: ConfigurationError, when that user may not.
    """
    import sqlalchemy
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg2://", creator=connect, poolclass=sqlalchemy.NullPool, hide_parameters=True
    )
    try:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(LOCK_ID)))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (errors.InsufficientPrivilege, sqlalchemy.exc.ProgrammingError) as error:
        # Alembic's own statements come wrapped by SQLAlchemy, those of the revisions do not.
        if not isinstance(getattr(error, "orig", error), errors.InsufficientPrivilege):
            raise
        raise ConfigurationError(
            "L'utilisateur de MEAL_DATABASE_URL ne peut pas préparer la base : il lui faut CREATEROLE (ou que les rôles "
            "meal_pipeline, meal_analyst et meal_dpo existent et que meal_pipeline lui soit accordé) et le droit CREATE "
            "sur la base. Demandez-les à l'administrateur, puis relancez."
        ) from None
