"""Join the embedded PostgreSQL of a `MEAL_HOME`, starting it when it is down; leave it when done.

Many processes use one server at a time: the command line, Dagster's webserver, daemon, code servers and run workers.
Each holds a shared lock for as long as it uses the server, and a detached keeper (`keeper.py`) stops the server when
nobody holds it any more. Nothing here knows schemas, roles or SQL.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import psycopg2

from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.invocation import typed
from meal_pipelines.settings import CHECKOUT
from meal_pipelines.warehouse import locks
from meal_pipelines.warehouse.cluster import DATABASE, Cluster, Endpoint, port_is_free

_keepers: list[subprocess.Popen[bytes]] = []
"""Keepers this process started: polled so that one that ended does not stay a zombie while we live."""


class EmbeddedServer:
    """This process's part in the server: from `join()` to `leave()` the server is up, whatever other processes do."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.cluster = Cluster(home)
        self._users: IO[bytes] | None = None

    def join(self) -> Endpoint:
        """Make sure that the server is up and stays so. Safe to call from any number of processes at once.

        Raises: MealError, when PostgreSQL will not start; ConfigurationError, when `MEAL_HOME` is unusable.
        """
        self._make_home()
        with locks.locked(self.home / "postgres.starting"):
            self._users = self._users or locks.lock(self.home / "postgres.users", shared=True)
            self._ensure_keeper()
            if not self.cluster.answers():
                self.cluster.start()
            return self.endpoint()

    def endpoint(self) -> Endpoint:
        """Where the server answers."""
        endpoint = self.cluster.endpoint()
        if endpoint is None:
            raise MealError(
                f"La base de données embarquée s'est arrêtée (dossier {self.cluster.data}). Relancez la commande."
            )
        return endpoint

    def connect_as_superuser(self) -> psycopg2.extensions.connection:
        """For migrations and passwords; in autocommit, on the warehouse's database."""
        return self.cluster.connect(database=DATABASE)

    def open_tcp(self, port: int) -> None:
        """Listen on 127.0.0.1:`port` as well, until the server stops: the next start listens on no port.

        That takes a restart, so nobody else may be using the server.
        Raises: ConfigurationError, when somebody does, or when the port is not free.
        """
        with locks.locked(self.home / "postgres.starting"):
            now = self.endpoint()
            if now.listens_on_tcp and now.port == port:
                return
            if not self._alone():
                raise ConfigurationError(
                    f"Le port {port} ne peut pas être ouvert : d'autres programmes utilisent la base de données en ce "
                    f"moment. Fermez-les ({typed('up')}, DBeaver, Power BI …), puis relancez avec --db-port."
                )
            if not port_is_free(port):
                raise ConfigurationError(
                    f"La base de données ne peut pas écouter sur le port {port} : un autre programme l'occupe, ou il est "
                    "réservé. Choisissez un autre port avec --db-port (par exemple 54320)."
                )
            self.cluster.stop()
            self.cluster.start(tcp_port=port)

    def discard(self) -> None:
        """Stop the server and delete its data folder, with everything collected in it.

        Raises: ConfigurationError, when another process or client uses it.
        """
        if not self.cluster.data.exists():
            return
        with locks.locked(self.home / "postgres.starting"):
            self._users = self._users or locks.lock(self.home / "postgres.users", shared=True)
            try:
                if not self._alone():
                    raise ConfigurationError(
                        f"La base de données de {self.home} ne peut pas être refaite : d'autres programmes l'utilisent en "
                        f"ce moment. Fermez-les ({typed('up')}, DBeaver, Power BI …), puis relancez."
                    )
                self.cluster.stop()
                shutil.rmtree(self.cluster.data)
            finally:
                self.leave()

    def leave(self) -> None:
        """Stop using the server; the keeper (made anew if it was killed) stops it if this was the last user."""
        if self._users is not None:
            self._ensure_keeper()
            # Closed and not unlocked: a forked child shares the lock, and it goes with the last copy.
            self._users.close()
            self._users = None

    def _alone(self) -> bool:
        """Whether no other process and no other client uses the server; the caller holds `postgres.starting`."""
        assert self._users is not None, "join() first"
        self._users.close()
        exclusive = locks.try_lock(self.home / "postgres.users")
        if exclusive is not None:
            exclusive.close()
        self._users = locks.lock(self.home / "postgres.users", shared=True)
        return exclusive is not None and (not self.cluster.answers() or self.cluster.clients() == 0)

    def _ensure_keeper(self) -> None:
        free = locks.try_lock(self.home / "postgres.keeper")
        if free is None:
            return
        free.close()
        _keepers[:] = [keeper for keeper in _keepers if keeper.poll() is None]
        options: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
        silent = subprocess.DEVNULL
        # From the checkout, so that -m finds this package however the parent found it.
        command = [sys.executable, "-m", "meal_pipelines.warehouse.keeper", str(self.home)]
        _keepers.append(subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent, cwd=CHECKOUT, **options))

    def _make_home(self) -> None:
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"Le dossier {self.home} (MEAL_HOME) ne peut pas être créé : {os.strerror(error.errno or 0)}. "
                "Choisissez un dossier où vous avez le droit d'écrire."
            ) from None
        if not os.access(self.home, os.W_OK | os.X_OK):
            raise ConfigurationError(
                f"Le dossier {self.home} (MEAL_HOME) est en lecture seule pour vous. "
                "Choisissez un dossier où vous avez le droit d'écrire."
            )
