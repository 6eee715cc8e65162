"""Where the answer to a question of today stands in a submission of an old version: the changes of a form, walked back.

Names only; answers are in `clean/old_answers.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from meal_pipelines.project.form_versions import Change, Merge, Retype, Split, entry, name_of, named, says


@dataclass(frozen=True)
class Asked:
    """A question of the old version. name: as the file writes it, with its groups if it does."""

    name: str


@dataclass(frozen=True)
class Part:
    """The part number `position` of an answer that was cut."""

    of: Origin
    rule: Split
    position: int


@dataclass(frozen=True)
class Joined:
    """Answers joined; one origin for each of `rule.of`."""

    of: tuple[Origin, ...]
    rule: Merge


@dataclass(frozen=True)
class Recoded:
    """An answer whose values were mapped: those of a choice list (of several choices, each), or of another type."""

    of: Origin
    rule: Retype
    is_several: bool = False


Origin = Asked | Part | Joined | Recoded | None
"""None: the old version did not ask."""


def asked_in(origin: Origin) -> Iterator[Asked]:
    """The questions of the old version that an origin reads."""
    match origin:
        case Asked():
            yield origin
        case Part(of) | Recoded(of):
            yield from asked_in(of)
        case Joined(of):
            for each in of:
                yield from asked_in(each)


@dataclass(frozen=True)
class History:
    """What a version went through: the changes since, oldest first. repeats: the names of the form's repeats, of any time."""

    changes: tuple[Change, ...]
    repeats: frozenset[str]

    def origin_of(self, table: str, name: str, *, is_several: bool = False) -> Origin:
        """Where the answer to `name` comes from; `table` is its repeat's name after the last change, empty for the form.

        is_several: whether it is a question of several choices.
        """
        if not self.changes:
            return Asked(name)
        change = self.changes[-1]
        made = self._made(change, table, name, is_several)
        retype, codes = entry(change.retyped, table, name), entry(change.choices, table, name)
        if made is not None and retype is not None and (retype.values or retype.factor or retype.format):
            made = Recoded(made, retype, is_several)
        if made is not None and codes:
            made = Recoded(made, Retype(values=codes), is_several)
        return made

    def table_before(self, table: str) -> str:
        """The name that a repeat had in the old version."""
        for change in reversed(self.changes):
            table = _repeat_before(change, table)
        return table

    def removed(self) -> list[str]:
        """What is no longer read: questions or repeats, by the names they had in the old version, as the file writes them."""
        found: list[str] = []
        for position, change in enumerate(self.changes):
            earlier = replace(self, changes=self.changes[:position])
            for written in change.removed:
                table = self._place(written)
                origin = earlier.origin_of(table, name_of(written))
                found += [written, *(asked.name for asked in asked_in(origin))]
        return list(dict.fromkeys(found))

    def _made(self, change: Change, table: str, name: str, is_several: bool) -> Origin:
        """What one change made this question of."""
        earlier, place = replace(self, changes=self.changes[:-1]), _repeat_before(change, table)

        def before(written: str) -> Origin:
            found = earlier.origin_of(place, name_of(written), is_several=is_several)
            return Asked(written) if found == Asked(name_of(written)) else found

        for old, new in change.renamed.items():
            if says(new, table, name):
                return before(old)
        for old, split in change.split.items():
            for position, part in enumerate(split.into):
                if says(part, table, name):
                    return Part(before(old), split, position)
        merge = entry(change.merged, table, name)
        if merge is not None:
            return Joined(tuple(before(old) for old in merge.of), merge)
        # A name that was another question's before is free for a new one.
        was_another = any(name_of(old) == name and self._may_be_in(old, place) for old in change.read())
        return None if was_another or named(change.added, table, name) else before(name)

    def _may_be_in(self, written: str, table: str) -> bool:
        """Whether an old name may be of this table: one without a place may be anywhere."""
        return "/" not in written or self._place(written) == table

    def _place(self, written: str) -> str:
        """The repeat that a written name begins with; none when it begins with a group."""
        first, separator, _ = written.partition("/")
        return first if separator and first in self.repeats else ""


def _repeat_before(change: Change, table: str) -> str:
    return next((old for old, new in change.repeats.items() if new == table), table)
