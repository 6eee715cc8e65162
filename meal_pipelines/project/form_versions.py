"""What `forms/<form>.yaml` says: how the versions of a form follow one another, as people reviewed it.

Only shapes and what can be judged inside the file. Which answer of an old version a question of today has is in
`origins.py`; whether the file and the questionnaire agree, in `agreement.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import Field, field_validator, model_validator

from meal_pipelines.project.strict import Strict

Value = TypeVar("Value")


class Split(Strict):
    """One answer becomes several: cut at each `on`, or by a `pattern` whose named groups are the questions of `into`.

    An answer that does not give exactly the parts that `into` names is not cut.
    """

    into: list[str] = Field(min_length=2)
    on: str | None = None
    pattern: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Split:
        if (self.on is None) == (self.pattern is None) or self.on == "":
            raise ValueError("écrivez « on » (le texte qui sépare) ou « pattern » (une expression régulière)")
        if self.pattern is not None:
            try:
                groups = set(re.compile(self.pattern).groupindex)
            except re.error as error:
                raise ValueError(f"« pattern » n'est pas une expression régulière ({error})") from None
            if groups != {name_of(name) for name in self.into}:
                raise ValueError("« pattern » doit avoir un groupe nommé (?P<nom>…) par question de « into »")
        return self

    def parts(self, text: str) -> tuple[str, ...] | None:
        """The parts of an answer, in the order of `into`; None when it cannot be cut for certain."""
        if self.pattern is not None:
            match = re.fullmatch(self.pattern, text)
            found = () if match is None else tuple(match[name_of(name)] for name in self.into)
        else:
            # Two blanks in a row separate no more than one.
            found = tuple(text.split(self.on if str(self.on).strip() else None))
        stripped = tuple((part or "").strip() for part in found)
        return stripped if len(stripped) == len(self.into) and all(stripped) else None


class Merge(Strict):
    """Several answers become one, joined by `with`. Without one that is not `optional`, they are not joined."""

    of: list[str] = Field(min_length=2)
    separator: str = Field(default=" ", alias="with")
    optional: list[str] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"of": value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _known(self) -> Merge:
        if unknown := [name for name in self.optional if name not in self.of]:
            raise ValueError(f"« optional » nomme « {unknown[0]} », qui n'est pas dans « of »")
        return self


class Retype(Strict):
    """How an answer of another type is read: `values` one by one, numbers times `factor`, dates by `format`.

    Without any of the three, the answer is read as it is, and reviewing said so. was: the old type, for people.
    """

    was: str | None = Field(default=None, alias="from")
    values: dict[str, str] = Field(default_factory=dict)
    factor: Decimal | None = None
    format: str | None = None


class Change(Strict):
    """One change of a form, and the versions that were in force until it.

    until: those versions, as the server (or the stamp of a template) names them; one that an earlier change names goes
    through that change first. Old names stand left in `renamed` and `split`, new names left elsewhere. A name in a
    repeat may be written « repetition/question », an old one with its groups. added: asked only since. removed: no
    longer asked, nor read. repeats: repeats renamed, old name to new.
    """

    until: list[str] = Field(min_length=1)
    note: str = ""
    renamed: dict[str, str] = Field(default_factory=dict)
    split: dict[str, Split] = Field(default_factory=dict)
    merged: dict[str, Merge] = Field(default_factory=dict)
    retyped: dict[str, Retype] = Field(default_factory=dict)
    choices: dict[str, dict[str, str]] = Field(default_factory=dict)
    added: list[str] = Field(default_factory=list)
    removed: list[str] = Field(default_factory=list)
    repeats: dict[str, str] = Field(default_factory=dict)

    @field_validator("until", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        values = value if isinstance(value, list) else [value]
        return [str(each) if type(each) in (int, float) else each for each in values]

    @model_validator(mode="after")
    def _one_origin_each(self) -> Change:
        twice = [name for name, times in Counter(self.made()).items() if times > 1]
        if twice:
            raise ValueError(f"« {twice[0]} » viendrait de plusieurs endroits ; gardez-en un")
        kept = [name for name in self.removed if name in self.read()]
        if kept:
            raise ValueError(f"« {kept[0]} » est à la fois retirée et reprise ; choisissez")
        return self

    def made(self) -> list[str]:
        """The questions whose answers this change makes out of others, and those it adds: names after the change."""
        return [
            *self.renamed.values(),
            *(name for split in self.split.values() for name in split.into),
            *self.merged,
            *self.added,
        ]

    def read(self) -> list[str]:
        """The questions that this change makes others of: names before the change."""
        return [*self.renamed, *self.split, *(name for merge in self.merged.values() for name in merge.of)]


class FormVersions(Strict):
    """One `forms/<form>.yaml`: the changes of a form, oldest first.

    deployed: the version on the server that people have reviewed; `meal forms` writes it.
    unknown_as: the version as which one that neither the file nor the server knows is read; without it, as the
    questionnaire of today. It is named by a check in any case.
    """

    deployed: str | None = None
    unknown_as: str | None = None
    changes: list[Change] = Field(default_factory=list)

    @model_validator(mode="after")
    def _each_once(self) -> FormVersions:
        named = [version for change in self.changes for version in change.until]
        if twice := [version for version, times in Counter(named).items() if times > 1]:
            raise ValueError(f"la version « {twice[0]} » est nommée deux fois ; laissez-la au premier changement")
        if self.unknown_as is not None and self.unknown_as not in named:
            raise ValueError(f"« unknown_as » nomme la version « {self.unknown_as} », qu'aucun changement ne nomme")
        return self

    def names(self, version: str) -> bool:
        return any(version in change.until for change in self.changes)

    def since(self, version: str) -> tuple[Change, ...]:
        """The changes that answers of this version go through, oldest first; none for one of today."""
        for position, change in enumerate(self.changes):
            if version in change.until:
                return tuple(self.changes[position:])
        return ()

    def older_names(self) -> dict[str, list[str]]:
        """The names that a question had before, by its name after the last change that renamed it."""
        found: dict[str, list[str]] = {}
        for change in self.changes:
            for old, new in change.renamed.items():
                found[name_of(new)] = [*found.pop(name_of(old), []), name_of(old)]
        return found


def name_of(written: str) -> str:
    """The question of « repetition/question » or of a path."""
    return written.rpartition("/")[2]


def says(written: str, table: str, name: str) -> bool:
    """Whether what is written in the file names this question of this table."""
    return written == name or (bool(table) and written == f"{table}/{name}")


def entry(entries: Mapping[str, Value], table: str, name: str) -> Value | None:
    """What the file says under a question's name; the longer spelling is the surer."""
    return entries.get(f"{table}/{name}") or entries.get(name)


def named(entries: Iterable[str], table: str, name: str) -> bool:
    return any(says(written, table, name) for written in entries)
