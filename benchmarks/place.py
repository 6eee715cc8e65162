"""Where a benchmark works: one temporary folder with its own warehouse, keys, generated submissions and dlt's files.

The folder and everything in it are made by the program and removed at its end; a configured warehouse is never touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meal_pipelines.settings import CHECKOUT, Settings

if TYPE_CHECKING:
    from meal_pipelines.project.loaded import LoadedProject
    from meal_pipelines.protect.keys.keyring import Keyring
    from meal_pipelines.warehouse.connection import Warehouse

PROJECT = "prim2"
PAGE = 1000
SCHEMA = "bench"
"""What peers write into, beside the warehouse's own schemas."""


@dataclass(frozen=True)
class Place:
    """The folder, the sizes asked for, and the loopback Kobo while there is one."""

    folder: Path
    rows: int
    participations: int
    kobo_url: str = ""
    kobo_token: str = ""

    @property
    def settings(self) -> Settings:
        """Nothing of the environment gets in."""
        return Settings.load(environ=self.variables("home"), demo=False)

    def variables(self, home: str) -> dict[str, str]:
        """The environment of a `meal` whose state is in the folder `home`."""
        return {
            "MEAL_HOME": str(self.folder / home),
            "MEAL_OUT": str(self.folder / home / "out"),
            "MEAL_PROJECTS": str(CHECKOUT / "projects"),
        }

    def pages(self, form: str) -> Path:
        """The folder of the generated pages of a form of PRIM 2, as Kobo gives them."""
        return self.folder / "pages" / form

    def bodies(self, form: str) -> Iterator[bytes]:
        """The pages, one at a time."""
        return (path.read_bytes() for path in sorted(self.pages(form).glob("*.json")))

    def count(self, form: str) -> int:
        """How many submissions of a form there are."""
        return int((self.pages(form) / "count").read_text())

    def project(self) -> LoadedProject:
        from meal_pipelines.project.load import load_projects

        return load_projects(self.settings, [PROJECT])[PROJECT]

    def keyring(self) -> Keyring:
        from meal_pipelines.protect.keys.keyring import Keyring

        return Keyring.read(self.settings.keyring)

    @contextmanager
    def warehouse(self) -> Iterator[Warehouse]:
        from meal_pipelines.warehouse.connection import Warehouse

        with Warehouse.open(self.settings) as opened:
            yield opened


def execute(warehouse: Warehouse, *statements: str) -> Any:
    """Run statements one after the other, each committed; the first value of the last one's answer, if it has one."""
    with closing(warehouse.psycopg()) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for statement in statements:
            cursor.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def fresh_schema(warehouse: Warehouse) -> None:
    """An empty schema for a peer, and no writing left over from the case before."""
    execute(warehouse, f"drop schema if exists {SCHEMA} cascade", f"create schema {SCHEMA}", "checkpoint")
