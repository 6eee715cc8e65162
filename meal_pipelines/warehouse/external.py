"""A PostgreSQL of one's own, named by `MEAL_DATABASE_URL`: its URL, what it must be, and under which role we work there.

The URL's user makes roles and tables; the pipeline then works as `meal_pipeline` by SET ROLE where that is granted.
The password stands in the URL and is repeated nowhere.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg2

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.warehouse.roles import Role, role_name

if TYPE_CHECKING:
    import sqlalchemy

OLDEST = 150000


class ExternalServer:
    """Somebody else's server: never started, never stopped."""

    def __init__(self, text: str) -> None:
        """Raises: ConfigurationError, when the text is no PostgreSQL URL."""
        self._url = normalised(text)
        self._sets_role = False

    def check(self) -> None:
        """Connect once: is it there, is it recent enough. Raises: ConfigurationError, with one clear sentence."""
        with closing(self.connect_as_administrator()) as connection:
            if connection.server_version < OLDEST:
                raise ConfigurationError(
                    f"Le serveur de MEAL_DATABASE_URL est un PostgreSQL {connection.server_version // 10000} ; il faut la "
                    "version 15 ou une plus récente."
                )

    def learn_role(self) -> None:
        """See, once the roles exist, whether the URL's user may become `meal_pipeline`."""
        with closing(self.connect_as_administrator()) as connection, connection.cursor() as cursor:
            # Since PostgreSQL 16 a member may be barred from SET ROLE.
            privilege = "SET" if connection.server_version >= 160000 else "MEMBER"
            cursor.execute("select pg_has_role('meal_pipeline', %s)", (privilege,))
            row = cursor.fetchone()
            self._sets_role = bool(row and row[0])

    def connect_as_administrator(self) -> psycopg2.extensions.connection:
        """The URL's own user. Raises: ConfigurationError, when the server cannot be reached or refuses."""
        try:
            return connect(self._url)
        except psycopg2.Error as error:
            refused = "password" in str(error) or "authentication" in str(error)
        reason = "refuse l'utilisateur ou son mot de passe" if refused else "ne répond pas ou n'a pas cette base"
        raise ConfigurationError(
            f"Le serveur PostgreSQL de MEAL_DATABASE_URL {reason} (hôte {self._url.host or 'local'}, port "
            f"{self._url.port or 5432}, base {self._url.database}, utilisateur {self._url.username}). Vérifiez cette "
            "variable dans l'environnement ou dans .env, puis relancez."
        )

    def url(self, role: Role, *, project: str | None = None) -> sqlalchemy.URL:
        """For the pipeline the URL given; for a reader the same place under his own name, without any password.

        The administrator gives `meal_analyst` and `meal_dpo` their passwords (`ALTER ROLE … PASSWORD`); libpq finds them
        in `~/.pgpass` or `PGPASSWORD`.
        """
        if role != "pipeline":
            import sqlalchemy

            # Made anew: URL.set() takes a password of None for « unchanged », and the query may hold one too.
            here = self._url.difference_update_query(("user", "password", "options"))
            return sqlalchemy.URL.create(
                here.drivername,
                role_name(role, project),
                host=here.host,
                port=here.port,
                database=here.database,
                query=here.query,
            )
        if not self._sets_role:
            return self._url
        options = " ".join([*self._url.normalized_query.get("options", ()), "-crole=meal_pipeline"])
        return self._url.update_query_dict({"options": options})


def normalised(text: str) -> sqlalchemy.URL:
    """`postgres://` and `postgresql://` as `postgresql+psycopg2://`: SQLAlchemy 2.1 would pick psycopg 3 itself.

    Raises: ConfigurationError, when it is something else.
    """
    import sqlalchemy

    try:
        url = sqlalchemy.make_url(text)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        url = None
    if url is None or url.drivername.partition("+")[0] not in ("postgres", "postgresql"):
        raise ConfigurationError(
            "MEAL_DATABASE_URL n'est pas l'adresse d'une base PostgreSQL. Écrivez-la ainsi : "
            "postgresql://utilisateur:motdepasse@hote:5432/base (ou videz-la pour la base embarquée)."
        )
    return url.set(drivername="postgresql+psycopg2", database=url.database or url.username)


def connect(url: sqlalchemy.URL) -> psycopg2.extensions.connection:
    """A psycopg2 connection to a URL of ours. Raises: psycopg2.Error, whose text is not for readers."""
    arguments: dict[str, Any] = {"connect_timeout": 10, "application_name": "meal"}
    arguments |= url.translate_connect_args(username="user", database="dbname")
    arguments |= {name: values[-1] for name, values in url.normalized_query.items()}
    connection: psycopg2.extensions.connection = psycopg2.connect(**arguments)
    return connection
