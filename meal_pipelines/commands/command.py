"""What every command of `meal` has in common: its options, its settings, and how a refusal ends it.

Exit codes: 0 all is well · 1 a step or a blocking check failed · 2 wrong use or configuration, nothing was done. The
commands themselves are in `cli.py` and in the modules beside this one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import wraps
from typing import TYPE_CHECKING, Annotated, ParamSpec

import typer
from typer.exceptions import TyperException

from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.invocation import DEMO, typed
from meal_pipelines.settings import Settings

if TYPE_CHECKING:
    from meal_pipelines.protect.keys.keyring import Keyring
    from meal_pipelines.warehouse.connection import Warehouse

P = ParamSpec("P")

Demo = Annotated[bool, typer.Option("--demo", help="Travailler sur la démonstration (MEAL_HOME/demo).")]


class Title(StrEnum):
    """As what somebody looks at personal data."""

    SERA = "sera"
    DPO = "dpo"
    ADMIN = "admin"


ActingAs = Annotated[Title, typer.Option("--as", help="À quel titre : sera, dpo (protection des données) ou admin.")]


def explained(command: Callable[P, None]) -> Callable[P, None]:
    """Show a refusal as one message and end with its code; of anything else, only what may be told."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from meal_pipelines.defects import told
        from meal_pipelines.display.screen import refuse

        try:
            command(*args, **kwargs)
        except ConfigurationError as error:
            refuse(str(error))
            raise typer.Exit(2) from None
        except MealError as error:
            refuse(str(error))
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            refuse("Interrompu. Relancez la même commande : elle reprendra où elle s'est arrêtée.")
            raise typer.Exit(1) from None
        except (typer.Exit, typer.Abort, TyperException):
            raise
        except Exception as error:
            refuse(told(error))
            raise typer.Exit(1) from None

    return run


def settings_of(demo: bool) -> Settings:
    """The configuration, or the demonstration's.

    Raises: ConfigurationError when the demonstration has not been made.
    """
    settings = Settings.load(demo=demo or None)
    if settings.demo:
        os.environ[DEMO] = "1"
    if settings.demo and not (settings.home / "sample").is_dir():
        raise ConfigurationError(f"La démonstration n'existe pas encore. Créez-la : {typed('demo')}.")
    return settings


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[Warehouse, Keyring]]:
    """The warehouse, and the keys once they have proved to be its own."""
    from meal_pipelines.protect.keys.keyring import Keyring
    from meal_pipelines.warehouse.connection import Warehouse

    with Warehouse.open(settings) as warehouse:
        keyring = Keyring.of(settings)
        with warehouse.connect() as connection, connection.cursor() as cursor:
            keyring.check_against(cursor)
        yield warehouse, keyring
