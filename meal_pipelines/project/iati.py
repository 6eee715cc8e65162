"""What `iati:` of `project.yaml` means: who reports the activity to IATI, and under which identifiers.

Identifiers are given by organisations and registers: whatever nobody has written is « à confirmer », and shows as such in
the file. What is reported is the logframe's and `extracts/iati/`'s business.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from meal_pipelines.project.processing import TO_CONFIRM
from meal_pipelines.project.strict import Strict

Role = Literal["funding", "accountable", "extending", "implementing"]


class Organisation(Strict):
    """An organisation as IATI names it. ref: its identifier · type: its code in the list OrganisationType."""

    name: str = TO_CONFIRM
    ref: str = TO_CONFIRM
    type: str = TO_CONFIRM

    def open_points(self) -> list[str]:
        """The fields that somebody still has to confirm."""
        return [key for key in type(self).model_fields if is_open(getattr(self, key))]


class Participant(Organisation):
    """An organisation with a part in the activity."""

    role: Role


class Iati(Strict):
    """The activity as IATI knows it. countries: ISO code → percentage · indicator_uri: where own indicators are described."""

    identifier: str = TO_CONFIRM
    reporting_org: Organisation = Field(default_factory=Organisation)
    participants: list[Participant] = Field(default_factory=list)
    countries: dict[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")], Annotated[int, Field(ge=1, le=100)]] = (
        Field(default_factory=dict)
    )
    indicator_uri: str | None = None

    def open_points(self) -> list[str]:
        """What somebody still has to confirm, as the keys of `project.yaml` say it."""
        points = ["identifier"] if is_open(self.identifier) else []
        points += [f"reporting_org.{key}" for key in self.reporting_org.open_points()]
        for at in self.participants:
            points += [f"participants ({at.name}).{key}" for key in at.open_points()]
        return points


def is_open(text: str) -> bool:
    """Whether a text says that it is still to be confirmed."""
    return TO_CONFIRM in text.lower()
