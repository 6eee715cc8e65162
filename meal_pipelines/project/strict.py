"""The base of everything that officers write in YAML."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,30}$")]


class Strict(BaseModel):
    """An unknown key is a mistake of the writer, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)
