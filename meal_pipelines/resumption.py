"""What can still be computed when a run has failed: names and their dependencies only, whatever runs them.

A form that fails keeps its published table, which is as good as it was yesterday: what is shared is computed from that. A
mart that fails, or an indicator, has nothing to stand on: what reads it waits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

SHARED = ("marts", "indicators", "extracts")
"""The stages that read what is published of the forms."""


def still_computable(
    planned: Collection[str], done: Collection[str], failed: Collection[str], parents: Mapping[str, Collection[str]]
) -> set[str]:
    """Of the names that a run had planned and did not do, those that only a form's failure kept from being done.

    Names are `stage/…`. parents: what each name is made from, for every name there is.
    """
    behind_forms = _downstream({name for name in failed if not _is_shared(name)}, parents)
    condemned = _downstream({name for name in failed if _is_shared(name)}, parents)
    waiting = set(planned) - set(done) - set(failed)
    return {name for name in waiting & behind_forms - condemned if _is_shared(name)}


def _is_shared(name: str) -> bool:
    return name.partition("/")[0] in SHARED


def _downstream(names: Collection[str], parents: Mapping[str, Collection[str]]) -> set[str]:
    """Everything that is made from one of these names, near or far."""
    found: set[str] = set()
    reached = set(names)
    while reached:
        reached = {name for name, made_from in parents.items() if reached & set(made_from)} - found
        found |= reached
    return found
