"""A project whose folder is gone while its data are here: its rows would silently leave the tables that projects share."""

from __future__ import annotations

from collections.abc import Collection

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.warehouse.connection import Warehouse


def require_folders(warehouse: Warehouse, projects: Collection[str]) -> None:
    """Refuse to work when the warehouse holds submissions of a project that `MEAL_PROJECTS` no longer has.

    Raises: ConfigurationError, before anything is built.
    """
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select distinct project from raw.load")
        missing = sorted({row[0] for row in cursor.fetchall()} - set(projects))
    if missing:
        raise ConfigurationError(
            f"L'entrepôt contient des données de « {', '.join(missing)} », dont le dossier n'est plus dans MEAL_PROJECTS : ses "
            f"lignes disparaîtraient des tables communes. Rien n'a été fait. Remettez le dossier, puis relancez."
        )
