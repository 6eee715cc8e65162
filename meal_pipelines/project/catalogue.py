"""The list of indicators that a recipient asks for each year, kept as data in `projects/catalogue_<recipient>.yaml`.

A recipient's real list is filled in by a person who has it in front of them. Without one, everything is « à confirmer »; nothing
here is made up, and a code counts as official only when somebody has verified it.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from meal_pipelines.project.files import read_yaml
from meal_pipelines.project.processing import TO_CONFIRM
from meal_pipelines.project.strict import Strict

Share = Annotated[Decimal, Field(gt=0, le=100)]


class Attribution(Strict):
    """How much of a result the recipient counts as its own. shares: percentage by project, for `pro_rata`."""

    rule: Literal["full", "pro_rata"] = "full"
    shares: dict[str, Share] = Field(default_factory=dict)
    status: str = TO_CONFIRM
    source: str = ""

    def share_of(self, project: str) -> Decimal:
        """In percent; 100 where everything is attributed, or where no share is written for the project."""
        return self.shares.get(project, Decimal(100)) if self.rule == "pro_rata" else Decimal(100)


class CatalogueLine(Strict):
    """One indicator of the recipient's list. disaggregations: the dimensions that it asks for, as the logframe names them."""

    code: str
    label: str
    theme: str = ""
    unit: str = ""
    disaggregations: list[str] = Field(default_factory=list)
    aggregation: str = TO_CONFIRM
    attribution: Attribution | None = None
    source: str = ""
    verified_on: dt.date | None = None
    verified_by: str | None = None


class Catalogue(Strict):
    """One recipient's list. lines: empty while nobody has it."""

    recipient: str = ""
    framework: str = ""
    version: str = TO_CONFIRM
    source: str = ""
    verified_on: dt.date | None = None
    verified_by: str | None = None
    attribution: Attribution = Field(default_factory=Attribution)
    lines: list[CatalogueLine] = Field(default_factory=list)

    @model_validator(mode="after")
    def _once(self) -> Catalogue:
        codes = [line.code for line in self.lines]
        if twice := sorted({code for code in codes if codes.count(code) > 1}):
            raise ValueError(f"code écrit deux fois : {', '.join(twice)}")
        return self

    @classmethod
    def read(cls, projects: Path, recipient: str) -> Catalogue:
        """The file that all projects share; empty when there is none. Raises: ConfigurationError, when it is wrong."""
        path = projects / f"catalogue_{recipient}.yaml"
        return read_yaml(path, cls)[0] if path.is_file() else cls(recipient=recipient)

    def line(self, code: str) -> CatalogueLine | None:
        return next((line for line in self.lines if line.code == code), None) if code else None

    def attribution_of(self, code: str) -> Attribution:
        """The line's own rule, else the list's."""
        line = self.line(code)
        return line.attribution if line is not None and line.attribution is not None else self.attribution
