"""By what two pseudonyms are one person's, in `project.yaml`: the keys of `persons.links`.

Only what they are; hashing is in `protect/persons/link_keys.py`, joining in `protect/persons/components.py`.
"""

from __future__ import annotations

from functools import cached_property

from pydantic import Field, field_validator

from meal_pipelines.project.strict import Strict

NEAR = "~"
CROWD = 12
"""Persons who share one key beyond which it says nothing of any of them: it stands for « nothing known »."""


class Links(Strict):
    """Keys, each a list of questions that must all be answered; names among them count together, in any order.

    strong: two pseudonyms that share one are joined. weak: they are proposed to a reviewer, and joined by nobody else.
    A year followed by `~` may be one year off. The first of `persons.keys` is not repeated here: whoever shares it has one
    pseudonym anyway.
    places: questions shown in clear that say where somebody was met, the widest first; two persons of whom the widest never
    agrees are not proposed.
    """

    strong: list[list[str]] = Field(default_factory=list)
    weak: list[list[str]] = Field(default_factory=list)
    places: list[str] = Field(default_factory=list)

    @field_validator("strong", "weak")
    @classmethod
    def _of_two(cls, keys: list[list[str]]) -> list[list[str]]:
        for key in keys:
            if len(key) < 2:
                raise ValueError(
                    "une clé de rapprochement compte deux questions au moins : une seule se partage trop souvent"
                )
            if sum(name.endswith(NEAR) for name in key) > 1:
                raise ValueError(f"une seule question d'une clé peut être approchée (« {NEAR} »)")
        return keys

    @cached_property
    def questions(self) -> set[str]:
        return {name.removesuffix(NEAR) for key in (*self.strong, *self.weak) for name in key}

    @cached_property
    def reasons(self) -> list[str]:
        """For each hash that a row may have by a strong key, in order, the key: a near one has two."""
        return [said(key) for key in self.strong for _ in range(width(key))]

    @cached_property
    def weak_reasons(self) -> list[str]:
        return [said(key) for key in self.weak for _ in range(width(key))]


def width(key: list[str]) -> int:
    """How many hashes a row has by this key: two years for a year that may be one off."""
    return 2 if any(name.endswith(NEAR) for name in key) else 1


def said(key: list[str]) -> str:
    """The key in one word: its questions."""
    return "+".join(name.removesuffix(NEAR) for name in key)
