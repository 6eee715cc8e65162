"""What every command of `meal` has in common: its options, its settings, and how a refusal ends it.

Exit codes: 0 all is well · 1 a step or a blocking check failed · 2 wrong use or configuration, nothing was done. The
commands themselves are in `cli.py` and, those on forms, in `cli_forms.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Annotated, ParamSpec

import typer

from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.settings import Settings

P = ParamSpec("P")

Demo = Annotated[bool, typer.Option("--demo", help="Travailler sur la démonstration (MEAL_HOME/demo).")]


def explained(command: Callable[P, None]) -> Callable[P, None]:
    """Show a refusal as one message and end with its code."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from meal_pipelines.display import refuse

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

    return run


def settings_of(demo: bool) -> Settings:
    """The configuration, or the demonstration's.

    Raises: ConfigurationError when the demonstration has not been made.
    """
    settings = Settings.load(demo=demo or None)
    if settings.demo and not (settings.home / "sample").is_dir():
        raise ConfigurationError("La démonstration n'existe pas encore. Créez-la : « uv run meal demo ».")
    return settings
