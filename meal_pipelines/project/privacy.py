"""How private each question is, and how a quasi-identifier is made coarser before it is shown.

The classes that `project.yaml` gives; whether its questions exist, and whether the questionnaire says otherwise, is judged
in `agreement.py`. What the coarser values are is in `protect/persons/pseudonyms.py`.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from meal_pipelines.project.strict import Identifier, Strict

PrivacyClass = Literal["identifier", "quasi_identifier", "sensitive", "free_text", "open"]
CLASSES: tuple[PrivacyClass, ...] = get_args(PrivacyClass)


class Generalisation(Strict):
    """How a quasi-identifier is made coarser before it is shown.

    to: `age_band` (of an age, a birth year or a birth date, on the day that the question `on` gives),
    `province` (of an HCP commune code), `month` or `year` (of a date), `rounded` (a geopoint, to the nearest `step` of a
    degree: 0.1 is about 11 km from south to north), `band` (a number, between `bounds`), `drop` (not shown at all).
    """

    to: Literal["age_band", "province", "month", "year", "rounded", "band", "drop"]
    of: Literal["age", "birth_year", "birth_date"] | None = None
    on: str | None = None
    step: Decimal | None = None
    bounds: tuple[Decimal, ...] = ()
    into: Identifier | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"to": value} if isinstance(value, str) else value

    @field_validator("step")
    @classmethod
    def _hides(cls, step: Decimal | None) -> Decimal | None:
        # A hundredth of a degree is about 1 km: less would show a house.
        if step is not None and not Decimal("0.01") <= step <= 10:
            raise ValueError("écrivez un pas de 0.01 à 10 degrés ; 0.1 vaut environ 11 km")
        return step

    @field_validator("bounds")
    @classmethod
    def _rise(cls, bounds: tuple[Decimal, ...]) -> tuple[Decimal, ...]:
        if any(low >= high for low, high in pairwise(bounds)):
            raise ValueError("écrivez les bornes de la plus petite à la plus grande, par exemple [0, 1000, 5000]")
        return bounds

    @model_validator(mode="after")
    def _complete(self) -> Generalisation:
        if self.to == "age_band" and self.of is None:
            raise ValueError("une tranche d'âge demande « of » : age, birth_year ou birth_date")
        if self.of in ("birth_year", "birth_date") and self.on is None:
            raise ValueError("« of: birth_year » ou « birth_date » demande « on » : la question qui donne le jour")
        if (self.to == "rounded") != (self.step is not None):
            raise ValueError("« rounded » demande « step », et lui seul : {to: rounded, step: 0.1}, en degrés")
        if (self.to == "band") != bool(self.bounds):
            raise ValueError("« band » demande « bounds », et lui seul : {to: band, bounds: [0, 1000, 5000]}")
        return self

    def column(self, question: str) -> str | None:
        """The name of the coarser column; None when nothing is shown."""
        if self.to == "drop":
            return None
        named = {"age_band": "age_band", "province": "province_code"}
        return self.into or named.get(self.to) or f"{question}_{self.to}"

    @property
    def bands(self) -> tuple[str, ...]:
        """The wordings of the bands between `bounds`: < 0, 0 à < 1000, 1000 à < 5000, 5000 et plus."""
        if not self.bounds:
            return ()
        between = (f"{low:f} à < {high:f}" for low, high in pairwise(self.bounds))
        return (f"< {self.bounds[0]:f}", *between, f"{self.bounds[-1]:f} et plus")


class Privacy(Strict):
    """The class of every question; a pattern (`*_autre`) only reaches questions of the questionnaire.

    identifier: sealed, kept in the vault · quasi_identifier: sealed, shown coarser · sensitive: shown to analysts,
    small cells suppressed · free_text: sealed, not shown · open: shown. A question in no class stays sealed.
    The questionnaire may say it too, in its column `meal_class`: a word there adds a question, and may not contradict.
    """

    identifier: list[str] = Field(default_factory=list)
    quasi_identifier: dict[str, Generalisation] = Field(default_factory=dict)
    sensitive: list[str] = Field(default_factory=list)
    free_text: list[str] = Field(default_factory=list)
    open: list[str] = Field(default_factory=list)

    def patterns(self) -> list[tuple[PrivacyClass, str]]:
        """(class, name or pattern), the strictest class first: the first that fits decides."""
        return (
            [("identifier", name) for name in self.identifier]
            + [("quasi_identifier", name) for name in self.quasi_identifier]
            + [("free_text", name) for name in self.free_text]
            + [("sensitive", name) for name in self.sensitive]
            + [("open", name) for name in self.open]
        )
