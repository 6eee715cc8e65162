"""The one resource of every asset: the configuration, the projects, the warehouse, the keys and who is told of progress.

It is opened once per run. Nothing here is shown in the UI but the options a person may choose for a run.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Protocol

import dagster as dg
from pydantic import Field, PrivateAttr

from meal_pipelines.clean.corrections import CleaningLog, read_log
from meal_pipelines.collect.silent_servers import SilentServers, remembered
from meal_pipelines.collect.sources import concealer
from meal_pipelines.project.load import load_projects
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.presence import require_folders
from meal_pipelines.warehouse.turns import turn


class Reporter(Protocol):
    """Who follows a run: the command line's progress display, or nobody."""

    def begin(self, asset: str) -> None: ...

    def advance(self, asset: str, done: int, total: int | None) -> None: ...

    def wait(self, asset: str, reason: str) -> None: ...

    def end(self, asset: str, text: str) -> None: ...


_followed: ContextVar[tuple[Settings | None, Reporter | None]] = ContextVar("followed", default=(None, None))


@contextmanager
def followed(settings: Settings, reporter: Reporter | None) -> Iterator[None]:
    """Inside the block, runs of this process use these settings and tell `reporter` how they go.

    Dagster makes its own copy of a resource from its configuration, so neither can be handed to the resource itself.
    """
    token = _followed.set((settings, reporter))
    try:
        yield
    finally:
        _followed.reset(token)


class Platform(dg.ConfigurableResource["Platform"]):
    """What every asset works with."""

    accept_deletions: bool = Field(
        default=False, description="Croire une source dont beaucoup de soumissions ont disparu d'un coup."
    )
    _settings: Settings = PrivateAttr(default_factory=lambda: _followed.get()[0] or Settings.load())
    _projects: dict[str, LoadedProject] | None = PrivateAttr(default=None)
    _warehouse: Warehouse | None = PrivateAttr(default=None)
    _keyring: Keyring | None = PrivateAttr(default=None)
    _reporter: Reporter | None = PrivateAttr(default_factory=lambda: _followed.get()[1])
    _silent: SilentServers = PrivateAttr(default_factory=SilentServers)
    _log: dg.DagsterLogManager | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[Platform, None, None]:
        """Open the warehouse for the run; the keys are compared with it before anything is written."""
        with Warehouse.open(self.settings) as warehouse:
            require_folders(warehouse, self.projects)
            self._warehouse, self._log = warehouse, context.log
            yield self
            self._warehouse = None

    @property
    def settings(self) -> Settings:
        return self._settings

    @property
    def projects(self) -> dict[str, LoadedProject]:
        if self._projects is None:
            self._projects = load_projects(self.settings)
        return self._projects

    @property
    def warehouse(self) -> Warehouse:
        assert self._warehouse is not None, "outside a run"
        return self._warehouse

    @property
    def keyring(self) -> Keyring:
        """Raises: ConfigurationError when the key file is missing, wrong, or not this warehouse's."""
        if self._keyring is None:
            keyring = Keyring.of(self.settings)
            with self.warehouse.connect() as connection, connection.cursor() as cursor:
                keyring.check_against(cursor)
            self._keyring = keyring
        return self._keyring

    def form(self, project: str, form: str) -> tuple[LoadedProject, LoadedForm]:
        loaded = self.projects[project]
        return loaded, loaded.forms[form]

    def cleaning_log(self, project: LoadedProject, form: LoadedForm) -> CleaningLog:
        """The corrections people decided on: beside the project, or beside the sample in a demonstration."""
        folder: Path = self.settings.sample / project.id if self.settings.demo else project.folder
        log = read_log(folder / "corrections" / f"{form.name}.csv")
        conceal = (
            concealer(form, self.keyring) if project.project.sources[form.form.source.use].kind == "workbook" else None
        )
        return log if conceal is None else log.concealing(conceal)

    @contextmanager
    def exclusive(self, what: str) -> Iterator[None]:
        """One run at a time builds a thing; another waits for its end."""
        with turn(self.warehouse, "build", what, waiting=lambda: self.wait(what, "une autre exécution y travaille")):
            yield

    @contextmanager
    def reading(self, server: str, asset: str) -> Iterator[None]:
        """One run at a time reads a server; another waits for its turn. Of one that is down, the other forms know at once."""
        reason = f"une autre exécution lit le serveur « {server} »"
        waits = turn(self.warehouse, "server", server, waiting=lambda: self.wait(asset, reason))
        with waits, remembered(self._silent):
            yield

    def begin(self, asset: str) -> None:
        if self._reporter is not None:
            self._reporter.begin(asset)

    def advance(self, asset: str, done: int, total: int | None) -> None:
        if self._reporter is not None:
            self._reporter.advance(asset, done, total)

    def wait(self, asset: str, reason: str) -> None:
        """Tell whoever follows, on the terminal and in Dagster's log of the run, why nothing moves."""
        if self._log is not None:
            self._log.info(f"{asset} : en attente, {reason}.")
        if self._reporter is not None:
            self._reporter.wait(asset, reason)

    def end(self, asset: str, text: str) -> None:
        if self._reporter is not None:
            self._reporter.end(asset, text)
