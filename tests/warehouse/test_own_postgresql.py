"""`MEAL_DATABASE_URL`: somebody else's PostgreSQL, played by a second embedded one that listens on TCP."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from psycopg2 import sql

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse
from meal_pipelines.warehouse.cluster import Cluster
from meal_pipelines.warehouse.external import connect

PASSWORD = "mot-de-passe-d-essai"


@dataclass(frozen=True)
class Elsewhere:
    """A server that knows nothing of us: no role, no schema of ours."""

    cluster: Cluster
    port: int

    def url(self, user: str, database: str, *, password: str = PASSWORD, scheme: str = "postgresql") -> str:
        return f"{scheme}://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def execute(self, *statements: str | sql.Composed) -> None:
        with closing(self.cluster.connect()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    cluster = Cluster(tmp_path_factory.mktemp("elsewhere") / "h")
    cluster.start(tcp_port=port)
    server = Elsewhere(cluster, port)
    secret = sql.Literal(PASSWORD)
    server.execute(
        sql.SQL("create role administratrice login createrole password {}").format(secret),
        sql.SQL("create role invitee login password {}").format(secret),
        "create database suivi owner administratrice",
        "create database fermee",
        "create database prete",
    )
    yield server
    cluster.stop()


def _open(url: str) -> Warehouse:
    return Warehouse.open(Settings.load(environ={"MEAL_DATABASE_URL": url}))


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_the_pipeline_works_there_under_its_own_role(elsewhere: Elsewhere, scheme: str) -> None:
    """The URL's user may do more than the pipeline needs, and tables must belong to meal_pipeline whoever made them."""
    with _open(elsewhere.url("administratrice", "suivi", scheme=scheme)) as warehouse:
        assert warehouse.url().drivername == "postgresql+psycopg2"
        with warehouse.connect() as connection, connection.cursor() as cursor:
            cursor.execute("select current_user, session_user, to_regclass('indicators.progress') is not null")
            assert cursor.fetchone() == ("meal_pipeline", "administratrice", True)
        with warehouse.engine().connect() as pooled:
            assert pooled.exec_driver_sql("select current_user").scalar() == "meal_pipeline"


def test_a_reader_s_url_is_his_own_and_holds_no_password_of_the_administrator(elsewhere: Elsewhere) -> None:
    in_query = f"postgresql:///suivi?host=127.0.0.1&port={elsewhere.port}&user=administratrice&password={PASSWORD}"
    for text in (elsewhere.url("administratrice", "suivi"), in_query):
        with _open(text) as warehouse:
            url = warehouse.url("analyst")
            assert url.username == "meal_analyst"
            assert PASSWORD not in url.render_as_string(hide_password=False)
    with _open(elsewhere.url("administratrice", "suivi")) as warehouse:
        assert PASSWORD not in repr(warehouse.url()) and PASSWORD not in str(warehouse.url())
        with pytest.raises(ConfigurationError, match="db-port"):
            warehouse.open_tcp(54320)


def test_roles_that_an_administrator_made_beforehand_are_enough(elsewhere: Elsewhere) -> None:
    """Many hosts give no CREATEROLE: the administrator makes the three roles and grants meal_pipeline."""
    _open(elsewhere.url("administratrice", "suivi")).close()
    elsewhere.execute("grant meal_pipeline to invitee", "grant create on database prete to invitee")
    with _open(elsewhere.url("invitee", "prete")) as warehouse, warehouse.engine().connect() as connection:
        assert connection.exec_driver_sql("select current_user").scalar() == "meal_pipeline"


def test_an_analyst_of_one_project_is_made_there_too_by_whoever_may_make_roles(elsewhere: Elsewhere) -> None:
    """Since PostgreSQL 16 having made a role is not being a member of it, and its rights are given by the tables' owner."""
    with _open(elsewhere.url("administratrice", "suivi")) as warehouse:
        with warehouse.connect() as connection, connection.cursor() as cursor:
            cursor.execute(
                "create table marts.meeting as select project from unnest(array['prim2', 'autre']) as project"
            )
        for _ in range(2):
            warehouse.admit("prim2", [])
        elsewhere.execute(sql.SQL("alter role meal_analyst_prim2 password {}").format(sql.Literal(PASSWORD)))
        url = warehouse.url("analyst", project="prim2").set(password=PASSWORD)
        with closing(connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute("select project from marts.meeting")
            assert cursor.fetchall() == [("prim2",)]
        warehouse.dismiss("prim2")
    with _open(elsewhere.url("invitee", "prete")) as warehouse, pytest.raises(ConfigurationError, match="CREATEROLE"):
        warehouse.admit("prim2", [])


def test_a_user_without_the_rights_is_told_which_ones(elsewhere: Elsewhere) -> None:
    with pytest.raises(ConfigurationError, match="CREATEROLE"):
        _open(elsewhere.url("invitee", "fermee"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"password": "faux-mot-de-passe"}, "mot de passe"),
        ({"database": "absente"}, "absente"),
        ({"user": "inconnue"}, "inconnue"),
    ],
)
def test_a_wrong_url_is_said_in_one_sentence_without_its_password(
    elsewhere: Elsewhere, changed: dict[str, str], said: str
) -> None:
    given = {"user": "administratrice", "database": "suivi", "password": PASSWORD} | changed
    with pytest.raises(ConfigurationError, match=said) as caught:
        _open(elsewhere.url(given["user"], given["database"], password=given["password"]))
    assert given["password"] not in str(caught.value)
    assert "MEAL_DATABASE_URL" in str(caught.value)


def test_a_server_that_is_not_there_is_said_in_one_sentence() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ConfigurationError, match=f"port {port}") as caught:
        _open(f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/suivi")
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("text", ["mysql://u:secret@h/b", "n'importe quoi secret", "postgresql://u:secret@h:port/b"])
def test_what_is_no_postgresql_url_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ConfigurationError, match="MEAL_DATABASE_URL") as caught:
        _open(text)
    assert "secret" not in str(caught.value)
