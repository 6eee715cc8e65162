"""The handle everything else takes to reach PostgreSQL, embedded or one's own.

Opening it starts or joins the server and brings the fixed tables up to date. The pipeline never works as superuser on
the embedded server: every connection is one of the three roles. What is in the tables is none of this module's business.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

import psycopg2
from psycopg2 import errors, extensions

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import migrate, project_analysts
from meal_pipelines.warehouse.cluster import DATABASE, HOST
from meal_pipelines.warehouse.external import ExternalServer, connect
from meal_pipelines.warehouse.refusals import value_free
from meal_pipelines.warehouse.roles import ROLE_NAMES, Role, role_name, set_passwords
from meal_pipelines.warehouse.server import EmbeddedServer

if TYPE_CHECKING:
    import sqlalchemy

DRIVER = "postgresql+psycopg2"


class Warehouse:
    """An open warehouse: the embedded server stays up as long as one of these is open in any process."""

    def __init__(self, server: EmbeddedServer | ExternalServer) -> None:
        self._server = server
        self._engines: dict[Role, sqlalchemy.Engine] = {}

    @classmethod
    def open(cls, settings: Settings) -> Warehouse:
        """Start or join the server and apply the migrations that are missing (one cheap query when none is).

        Raises: ConfigurationError, when `MEAL_HOME` or `MEAL_DATABASE_URL` is unusable; MealError, when it won't start.
        """
        if settings.database_url:
            external = ExternalServer(settings.database_url)
            external.check()
            warehouse = cls(external)
        else:
            embedded = EmbeddedServer(settings.home)
            warehouse = cls(embedded)
            try:
                embedded.join()
            except BaseException:
                embedded.leave()
                raise
        try:
            warehouse._prepare()
        except psycopg2.Error as error:
            warehouse.close()
            raise value_free(error) from None
        except BaseException:
            warehouse.close()
            raise
        return warehouse

    @staticmethod
    def discard(settings: Settings) -> None:
        """Delete the embedded database of these settings, so that the next `open` makes it anew (`meal demo`).

        Raises: ConfigurationError, when somebody uses it; one's own PostgreSQL is never touched.
        """
        if settings.database_url:
            raise ConfigurationError(
                "La base de MEAL_DATABASE_URL est la vôtre : elle n'est jamais effacée d'ici. Videz cette variable pour "
                "travailler sur la base embarquée."
            )
        EmbeddedServer(settings.home).discard()

    def url(self, role: Role = "pipeline", *, project: str | None = None) -> sqlalchemy.URL:
        """The connection URL of a role: `postgresql+psycopg2`, over the socket where the server is embedded.

        project: for the analyst of that project alone.

        It holds a password only when `MEAL_DATABASE_URL` does, or on Windows: never print it as a whole
        (`render_as_string()` hides it).
        """
        if isinstance(self._server, ExternalServer):
            return self._server.url(role, project=project)
        import sqlalchemy

        name, at = role_name(role, project), self._server.endpoint()
        if sys.platform == "win32":
            secret = self._server.cluster.passwords.get(name)
            return sqlalchemy.URL.create(DRIVER, name, secret, host=HOST, port=at.port, database=DATABASE)
        query = {"host": at.host, "port": str(at.port)}
        return sqlalchemy.URL.create(DRIVER, name, database=DATABASE, query=query)

    def tcp_url(self, role: Role) -> sqlalchemy.URL | None:
        """For DBeaver, Excel or Power BI on this machine, password included; None while no TCP port is open."""
        if isinstance(self._server, ExternalServer):
            return self._server.url(role)
        import sqlalchemy

        name, at = ROLE_NAMES[role], self._server.endpoint()
        if not at.listens_on_tcp:
            return None
        secret = self._server.cluster.passwords.get(name)
        return sqlalchemy.URL.create(DRIVER, name, secret, host=HOST, port=at.port, database=DATABASE)

    def open_tcp(self, port: int) -> sqlalchemy.URL:
        """Listen on 127.0.0.1:`port` until the server stops; returns the analyst's URL, password included.

        Raises: ConfigurationError, when others are using the server, the port is taken, or the server is not ours.
        """
        if isinstance(self._server, ExternalServer):
            raise ConfigurationError(
                "Le port de la base ne se choisit que pour la base embarquée ; MEAL_DATABASE_URL désigne la vôtre. "
                "Retirez --db-port, ou videz MEAL_DATABASE_URL."
            )
        self._dispose()
        self._server.open_tcp(port)
        with closing(self._server.connect_as_superuser()) as connection:
            set_passwords(connection, self._server.cluster.passwords)
        url = self.tcp_url("analyst")
        assert url is not None
        return url

    def admit(self, project: str, tables: Sequence[str]) -> None:
        """Make the analyst of one project; `tables`: those of `pseudonymised` that are the project's.

        Raises: ConfigurationError, when whoever opens the warehouse may not make roles.
        """
        with self._making_roles() as connection:
            project_analysts.admit(connection, project, tables)
            if isinstance(self._server, EmbeddedServer):
                set_passwords(connection, self._server.cluster.passwords)

    def dismiss(self, project: str) -> None:
        """Remove the analyst of one project. Raises: as `admit`."""
        with self._making_roles() as connection:
            project_analysts.dismiss(connection, project)

    def engine(self, role: Role = "pipeline") -> sqlalchemy.Engine:
        """A small cached pool per role. Its errors keep their class and lose every value."""
        if role not in self._engines:
            import sqlalchemy

            engine = sqlalchemy.create_engine(
                self.url(role), hide_parameters=True, pool_size=2, max_overflow=3, pool_pre_ping=True
            )
            sqlalchemy.event.listen(engine, "handle_error", _forget_values)
            self._engines[role] = engine
        return self._engines[role]

    @contextmanager
    def connect(self, role: Role = "pipeline") -> Iterator[extensions.connection]:
        """One transaction on a connection of its own: committed at the end, rolled back on any error, always closed.

        Raises: MealError, in place of a psycopg2 error that leaves the block; it carries no value.
        """
        connection = self.psycopg(role)
        try:
            yield connection
            connection.commit()
        except psycopg2.Error as error:
            raise value_free(error) from None
        finally:
            # Closing rolls back whatever was not committed.
            connection.close()

    def psycopg(self, role: Role = "pipeline") -> extensions.connection:
        """A psycopg2 connection that the caller closes. Raises: MealError, when there is no connecting."""
        try:
            return connect(self.url(role))
        except psycopg2.Error as error:
            raise value_free(error) from None

    def close(self) -> None:
        """Close the pools and stop using the server, which stops when nobody uses it."""
        self._dispose()
        if isinstance(self._server, EmbeddedServer):
            self._server.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepare(self) -> None:
        with closing(self._administrator()) as connection:
            connection.autocommit = True
            found = migrate.revision(connection)
        migrate.check_not_newer(found)
        if found != migrate.head():
            migrate.upgrade(self._administrator)
            self._separate()
        if isinstance(self._server, ExternalServer):
            self._server.learn_role()
        elif sys.platform == "win32" and self._server.cluster.passwords.get(ROLE_NAMES["pipeline"]) is None:
            with closing(self._server.connect_as_superuser()) as connection:
                set_passwords(connection, self._server.cluster.passwords)

    @contextmanager
    def _making_roles(self) -> Iterator[extensions.connection]:
        """One transaction of whoever may make roles."""
        try:
            with closing(self._administrator()) as connection, connection:
                yield connection
        except errors.InsufficientPrivilege:
            raise ConfigurationError(
                "L'utilisateur de MEAL_DATABASE_URL ne peut ni créer ni retirer de rôle : il lui faut CREATEROLE. Demandez-le à "
                "l'administrateur, ou faites lancer cette commande par lui."
            ) from None
        except psycopg2.Error as error:
            raise value_free(error) from None

    def _separate(self) -> None:
        """Fixed tables may be new: analysts of one project read what is theirs in those too."""
        with closing(self._administrator()) as connection, connection, connection.cursor() as cursor:
            cursor.execute("set local role meal_pipeline")
            project_analysts.separate(cursor)

    def _administrator(self) -> extensions.connection:
        """Whoever makes roles and tables: the URL's user, or the embedded server's superuser."""
        if isinstance(self._server, ExternalServer):
            return self._server.connect_as_administrator()
        connection = self._server.connect_as_superuser()
        connection.autocommit = False
        return connection

    def _dispose(self) -> None:
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()


def _forget_values(context: sqlalchemy.ExceptionContext) -> None:
    """Rewrite the text of a database error in place: callers (pandas, Great Expectations) need its class."""
    original = context.original_exception
    if isinstance(original, psycopg2.Error):
        text = str(value_free(original))
        if context.sqlalchemy_exception is not None:
            context.sqlalchemy_exception.args = (text,)
