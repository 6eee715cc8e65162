"""How the stages of a form last went, and which forms therefore stand still: what is computed from them is of another day.

The table `quality.stage_outcome` only. What fails, and what may go on meanwhile, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

STAGES = ("raw", "cleaned", "pseudonymised")
"""What a form goes through before anything is shared, in order."""

Form = tuple[str, str]
"""(project, form), as the folders name them."""


@dataclass(frozen=True)
class Behind:
    """A form that could not be brought up to date. stage: the first that fails.

    since: when it first failed · as_of: when what is published was last known to be all there is; None when it never was.
    """

    project: str
    form: str
    stage: str
    since: datetime
    as_of: datetime | None

    def kept(self) -> dict[str, str | None]:
        """As a frozen report keeps it, in JSON; `read_kept` reads it again."""
        return asdict(self) | {
            "since": self.since.isoformat(),
            "as_of": self.as_of.isoformat() if self.as_of is not None else None,
        }


def note_outcome(cursor: Any, form: Form, stage: str, *, succeeded: bool, run_id: str | None) -> None:
    """Keep how one stage of a form went; the first failure after a success stays the day it began."""
    cursor.execute(SUCCEEDED if succeeded else FAILED, (*form, stage, run_id))


def forms_behind(cursor: Any, forms: Collection[Form]) -> list[Behind]:
    """Those of these forms of which a stage failed the last time it was tried, by project and form."""
    if not forms:
        return []
    cursor.execute(BEHIND, ([project for project, _ in forms], [form for _, form in forms], list(STAGES)))
    return [Behind(*row) for row in cursor.fetchall()]


def read_kept(kept: Iterable[Mapping[str, str | None]]) -> list[Behind]:
    """What `Behind.kept` made, in its order."""
    found = []
    for each in kept:
        since, as_of = each["since"], each["as_of"]
        assert since is not None
        found.append(
            Behind(
                str(each["project"]), str(each["form"]), str(each["stage"]), datetime.fromisoformat(since),
                datetime.fromisoformat(as_of) if as_of is not None else None,
            )
        )  # fmt: skip
    return found


SUCCEEDED = """
    insert into quality.stage_outcome (project, form, stage, run_id, succeeded_at) values (%s, %s, %s, %s, now())
    on conflict (project, form, stage) do update
    set succeeded_at = excluded.succeeded_at, failing_since = null, run_id = excluded.run_id
"""
FAILED = """
    insert into quality.stage_outcome as kept (project, form, stage, run_id, failing_since) values (%s, %s, %s, %s, now())
    on conflict (project, form, stage) do update
    set failing_since = coalesce(kept.failing_since, excluded.failing_since), run_id = excluded.run_id
"""
# A form is of the day on which the stage that is furthest behind went well; one that never did leaves no day.
BEHIND = """
    with asked as (
        select distinct project, form from unnest(%s::text[], %s::text[]) as of_form (project, form)
    ), told as (
        select o.*, array_position(%s::text[], o.stage) as position
        from quality.stage_outcome as o join asked using (project, form)
    )
    select project, form,
        (array_agg(stage order by position) filter (where failing_since is not null))[1],
        min(failing_since),
        case when count(succeeded_at) = 3 then min(succeeded_at) end
    from told group by project, form having bool_or(failing_since is not null)
    order by project, form
"""
