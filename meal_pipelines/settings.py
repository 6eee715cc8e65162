"""Where things are, read once from the environment and `.env`; no secret's value is ever printed.

Nothing here opens a file or a connection, and nothing is read at import: call `Settings.load()`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from dotenv import dotenv_values

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.invocation import DEMO

CHECKOUT = Path(__file__).resolve().parent.parent
"""The folder that holds `projects/`, `dbt_like_sql/` and this package."""


@dataclass(frozen=True)
class Settings:
    """The whole configuration of one process.

    home: state (`MEAL_HOME`) · projects: what the officer edits (`MEAL_PROJECTS`) · out: files for readers
    (`MEAL_OUT`) · database_url: a PostgreSQL of one's own (`MEAL_DATABASE_URL`), else the embedded one ·
    keyring: path of the key file (`MEAL_KEYRING`) · demo: sources are replaced by generated files.
    """

    home: Path
    projects: Path
    out: Path
    keyring: Path
    database_url: str | None = field(default=None, repr=False)
    demo: bool = False
    variables: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, *, demo: bool | None = None, environ: dict[str, str] | None = None) -> Settings:
        """Read the environment, completed by `.env` of the working folder (the environment wins).

        demo: True for the warehouse of `meal demo`, under `MEAL_HOME/demo`; None reads `MEAL_DEMO`.
        """
        if environ is None:
            file = {key: value for key, value in dotenv_values(".env").items() if value is not None}
            environ = {**file, **os.environ}
        home = Path(environ.get("MEAL_HOME") or ".meal").resolve()
        settings = cls(
            home=home,
            projects=Path(environ.get("MEAL_PROJECTS") or CHECKOUT / "projects").resolve(),
            out=Path(environ.get("MEAL_OUT") or "out").resolve(),
            keyring=Path(environ.get("MEAL_KEYRING") or home / "keyring.json").resolve(),
            database_url=environ.get("MEAL_DATABASE_URL") or None,
            variables=dict(environ),
        )
        if demo is None:
            demo = environ.get(DEMO) == "1"
        return settings.for_demo() if demo else settings

    def for_demo(self) -> Settings:
        """The same machine, on a warehouse of its own: a configured warehouse is never touched."""
        home = self.home / "demo"
        return replace(
            self, home=home, out=self.out / "demo", keyring=home / "keyring.json", database_url=None, demo=True
        )

    @property
    def workers(self) -> int:
        """How many processors one large form may take (`MEAL_WORKERS`); by default two, where there are two.

        Raises: ConfigurationError, when it is no number from 1 on.
        """
        asked = self.variables.get("MEAL_WORKERS", "").strip()
        if not asked:
            return min(2, os.cpu_count() or 1)
        if not asked.isdecimal() or not int(asked):
            raise ConfigurationError("MEAL_WORKERS doit être un nombre entier, 1 ou plus. Corrigez-le dans .env.")
        return int(asked)

    @property
    def sample(self) -> Path:
        """The generated submissions that stand in for the sources of a demonstration."""
        return self.home / "sample"

    @property
    def dagster_home(self) -> Path:
        return self.home / "dagster"
