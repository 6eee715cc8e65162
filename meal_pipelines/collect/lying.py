"""What lies in the inboxes at this moment, under the names that partners gave: for the officer's eyes, kept nowhere.

The warehouse, Dagster and every message know a file by its alias (`sources.alias_of_files`); here both are side by side.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from meal_pipelines.collect.sheets.inbox import InboxFile
from meal_pipelines.collect.sources import inbox_of
from meal_pipelines.errors import MealError
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.settings import Settings


@dataclass
class Lying:
    """Files by (project, form). files: those that are read · others: of no known format · unclaimed: that nothing waits for ·
    silent: why an inbox could not be looked into."""

    files: dict[tuple[str, str], list[InboxFile]] = field(default_factory=dict)
    others: dict[tuple[str, str], list[InboxFile]] = field(default_factory=dict)
    unclaimed: dict[tuple[str, str], list[InboxFile]] = field(default_factory=dict)
    silent: dict[tuple[str, str], str] = field(default_factory=dict)

    def own_name(self, project: str, form: str, alias: str) -> str | None:
        """How its partner named a file; None when it lies there no more."""
        return next((file.own_name for file in self.files.get((project, form), []) if file.name == alias), None)


def lying_files(settings: Settings, projects: Iterable[LoadedProject], keyring: Keyring) -> Lying:
    """What lies in the inbox of every form that is received in workbooks."""
    found = Lying()
    for project in projects:
        for form in project.forms.values():
            if project.project.sources[form.form.source.use].kind != "workbook":
                continue
            whose = project.id, form.name
            try:
                listing = inbox_of(settings, project, form, keyring).listing()
            except MealError as error:
                found.silent[whose] = str(error)
                continue
            found.files[whose], found.others[whose] = listing.files, listing.others
            found.unclaimed[whose] = listing.unclaimed
    return found
