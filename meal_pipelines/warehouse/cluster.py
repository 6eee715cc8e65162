"""One PostgreSQL data folder: make it, configure it, start it, stop it, see whether it runs.

No locks here: `server.py` and `keeper.py` decide who may call what, and when.

Every start writes `postgresql.conf` and `pg_hba.conf` anew, so that a TCP port opened once is closed the next time.
On Windows, which has no Unix sockets for libpq, the server always listens on 127.0.0.1 on a free port and everyone,
`postgres` included, gives a password (`passwords.py`); elsewhere the socket's folder (0700) is the protection.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import sql

from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.warehouse.binaries import Programs, give_to_system_user, let_system_user_reach, owner_id, programs
from meal_pipelines.warehouse.passwords import Passwords

DATABASE = "meal"
SUPERUSER = "postgres"
HOST = "127.0.0.1"
SOCKET_PORT = 5432
LONGEST_SOCKET_PATH = 103
"""Bytes that macOS allows; Linux allows 107."""

SETTINGS = {
    "timezone": "UTC",
    "log_timezone": "UTC",
    "datestyle": "ISO, DMY",
    "lc_messages": "C",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
    # A laptop of two cores with other programs open.
    "max_connections": "100",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "256MB",
    "work_mem": "64MB",
    "max_parallel_workers_per_gather": "2",
    "jit": "off",
    "random_page_cost": "1.1",
    # A committed row survives a power cut (fsync and synchronous_commit stay on). Nobody replicates an embedded
    # server, and at this level a table filled in the transaction that made it needs no second copy in the WAL.
    "max_wal_size": "4GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # The query of a client that was killed ends within seconds, and its locks with it.
    "client_connection_check_interval": "5s" if sys.platform == "linux" else "0",
    # The server's log must hold no value: no statement, no DETAIL, and of the messages only LOG and FATAL
    # (an ERROR quotes the offending value).
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_checkpoints": "off",
    "password_encryption": "scram-sha-256",
}


@dataclass(frozen=True)
class Endpoint:
    """Where a running server answers: `host` is a socket folder, or 127.0.0.1 on Windows."""

    host: str
    port: int
    listens_on_tcp: bool


class Cluster:
    """The data folder `<home>/postgres`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "postgres"
        self.log = self.data / "server.log"
        self.passwords = Passwords(home / "passwords.json")

    def endpoint(self) -> Endpoint | None:
        """What `postmaster.pid` says, be the server alive or dead; None when nothing is said."""
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            port, folder, tcp = int(lines[3]), lines[4].strip(), lines[5].strip()
        except (FileNotFoundError, IndexError, ValueError):
            return None
        return Endpoint(folder or HOST, port, bool(tcp))

    def connect(self, *, database: str = "postgres") -> psycopg2.extensions.connection:
        """A superuser's connection, in autocommit. Raises: psycopg2.OperationalError, when nobody answers."""
        endpoint = self.endpoint()
        if endpoint is None:
            raise psycopg2.OperationalError("the server has no postmaster.pid")
        password = self.passwords.get(SUPERUSER) if sys.platform == "win32" else None
        connection = psycopg2.connect(
            host=endpoint.host, port=endpoint.port, user=SUPERUSER, dbname=database, connect_timeout=10,
            password=password, application_name="meal",
        )  # fmt: skip
        connection.autocommit = True
        return connection

    def answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg2.OperationalError:
            return False
        return True

    def clients(self) -> int:
        """How many clients are connected, this question's own connection excluded."""
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(
                "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
            )
            row = cursor.fetchone()
            return int(row[0]) if row else 0

    def start(self, *, tcp_port: int | None = None) -> None:
        """Start, making the data folder when there is none; the caller holds `postgres.starting`.

        Raises: ConfigurationError, when the folder or the port is unusable; MealError, when PostgreSQL will not start.
        """
        if not (self.data / "PG_VERSION").exists():
            self._create()
        found = self._programs()
        for attempt in range(5):
            if self._wait_for_the_living():
                break
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            self._configure(tcp_port)
            code, _ = found.run("pg_ctl", "start", "-w", "-t", "240", "-D", str(self.data), "-l", str(self.log))
            if code == 0:
                break
            # After a kill -9 of the postmaster its children need a moment to notice and leave the shared memory.
            time.sleep(1 + attempt)
        else:
            raise MealError(
                f"La base de données embarquée ne démarre pas (dossier {self.data}). La raison est à la fin du journal "
                f"{self.log} : souvent un disque plein ou un port déjà pris. Corrigez, puis relancez."
            )
        self._create_database()

    def stop(self) -> None:
        """Stop at once and cleanly: open transactions are rolled back, connections closed, everything on disk."""
        if self.endpoint() is not None:
            self._programs().run("pg_ctl", "stop", "-w", "-t", "240", "-m", "fast", "-D", str(self.data))

    def postmaster_alive(self) -> bool:
        """Whether the process named in `postmaster.pid` is a PostgreSQL of this folder (pids are used again)."""
        import psutil

        try:
            pid = int((self.data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
            process = psutil.Process(pid)
            # Compared as paths: pg_ctl passes C:/… on Windows.
            named = any(Path(argument) == self.data for argument in process.cmdline())
            return process.name().startswith("postgres") and named
        except (FileNotFoundError, ValueError, psutil.Error):
            return False

    def _programs(self) -> Programs:
        let_system_user_reach(self.data)
        version = int((self.data / "PG_VERSION").read_text(encoding="utf-8"))
        try:
            return programs(version)
        except KeyError:
            raise ConfigurationError(
                f"Le dossier {self.data} est d'une version de PostgreSQL ({version}) que ce programme n'a plus. "
                "Réinstallez la version précédente, exportez avec pg_dump, puis réimportez."
            ) from None

    def _create(self) -> None:
        """Make the data folder beside its place and move it there whole: an interrupted creation leaves no half."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        making = self.home / "postgres.new"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        give_to_system_user(making)
        arguments = ["-D", str(making), "-U", SUPERUSER, "--encoding=UTF8", "--locale=C", "--auth-local=trust"]
        found = programs()
        # The builtin provider sorts alike on every machine; it came with PostgreSQL 17.
        if found.version >= 17:
            arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        with tempfile.TemporaryDirectory() as private:
            if sys.platform == "win32":
                secret = Path(private) / "password"
                secret.write_text(self.passwords.ensure(SUPERUSER), encoding="utf-8")
                arguments += ["--auth-host=scram-sha-256", f"--pwfile={secret}"]
            code, printed = found.run("initdb", *arguments)
        if code != 0:
            raise MealError(
                f"La base de données embarquée ne peut pas être créée dans {self.home}. Vérifiez la place sur le disque "
                f"et les droits sur ce dossier (MEAL_HOME), puis relancez. PostgreSQL dit : {printed[-300:]}"
            )
        if self.data.exists():
            self.data.rmdir()
        making.rename(self.data)

    def _wait_for_the_living(self, wait_s: float = 240) -> bool:
        """Whether a server is there after all, once it has recovered; False when there is none, or it is stopping.

        A `postmaster.pid` left by a power cut may name a pid that is somebody else's today: that one is dead.
        """
        deadline = time.monotonic() + wait_s
        while not self.answers():
            if not self.postmaster_alive() or time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def _configure(self, tcp_port: int | None) -> None:
        if sys.platform == "win32":
            listen, port, folder = HOST, tcp_port or _free_port(), ""
        else:
            listen, port, folder = (HOST if tcp_port else ""), tcp_port or SOCKET_PORT, str(self._socket_folder())
        settings = SETTINGS | {"listen_addresses": listen, "port": str(port), "unix_socket_directories": f'"{folder}"'}
        if not folder:
            settings["unix_socket_directories"] = ""
        if _small_shared_memory():
            settings["dynamic_shared_memory_type"] = "mmap"
        lines = [f"{name} = '{_quoted(value)}'" for name, value in settings.items()]
        header = "# Written at every start by meal; changes made here are lost.\n"
        (self.data / "postgresql.conf").write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
        (self.data / "pg_hba.conf").write_text(
            header + "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n", encoding="utf-8"
        )

    def _socket_folder(self) -> Path:
        """The data folder, or a private one with a short name when the path is too long for a socket."""
        if len(os.fsencode(self.data / ".s.PGSQL.65535.lock")) <= LONGEST_SOCKET_PATH:
            return self.data
        name = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"meal-{owner_id()}-{name}"
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            give_to_system_user(folder)
        state = folder.lstat()
        if state.st_uid != owner_id() or folder.is_symlink() or state.st_mode & 0o077:
            raise ConfigurationError(
                f"Le dossier {folder}, qui doit recevoir le point d'accès à la base, appartient à quelqu'un d'autre ou est "
                "ouvert à d'autres. Supprimez-le, ou choisissez un MEAL_HOME au chemin plus court."
            )
        return folder

    def _create_database(self) -> None:
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("select 1 from pg_database where datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        if sys.platform != "win32":
            # As PostgreSQL does itself: a port just closed is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _small_shared_memory() -> bool:
    """Docker gives /dev/shm 64 MB, which one parallel query fills."""
    return sys.platform == "linux" and Path("/dev/shm").is_dir() and shutil.disk_usage("/dev/shm").total < 512 * 2**20
