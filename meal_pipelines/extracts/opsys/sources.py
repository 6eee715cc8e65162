"""The choices that OPSYS offers for « Source of data », kept as data by the officer in `opsys_sources.yaml`."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from meal_pipelines.project.files import read_yaml
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.strict import Strict

FILE = "opsys_sources.yaml"


class Sources(Strict):
    """The list beside the project folders; it is not public, so it stays « à confirmer » until somebody checked it."""

    source: str = ""
    confidence: str = "à confirmer"
    verified_on: dt.date | None = None
    verified_by: str | None = None
    choices: list[str] = Field(default_factory=list)

    @classmethod
    def read(cls, project: LoadedProject) -> Sources:
        """The file that all projects share; empty when there is none. Raises: ConfigurationError, when it is wrong."""
        path = project.folder.parent / FILE
        return read_yaml(path, cls)[0] if path.is_file() else cls()

    @property
    def is_verified(self) -> bool:
        return bool(self.verified_on and self.verified_by)

    def status_of(self, choice: str) -> str:
        """Whether a choice is in the list, and whether the list itself was checked."""
        if choice not in self.choices:
            return "à choisir"
        return "choix vérifié" if self.is_verified else "choix non vérifié"
