"""Where sealed files lie: a folder, or any address that fsspec knows, each file under its address and never twice.

Files come in whole: written beside the store under another name, forced to disk, then renamed. Who refers to a file is
the ledger's business; nothing here reads what is in one.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit, urlunsplit

from meal_pipelines.errors import ConfigurationError, MealError, TransientError
from meal_pipelines.settings import Settings

VARIABLE = "MEAL_ATTACHMENTS"
PARTIAL = ".partial"


class StoreUnavailable(TransientError):
    """The store cannot be written or read now; no server is at fault."""


class FileStore:
    """Sealed files of all projects, as `<project>/<ab>/<address in hexadecimal>`.

    address: a folder or an fsspec URL · spool: the folder of this machine where files are sealed before they come in.
    """

    def __init__(self, address: str, spool: Path) -> None:
        self.address, self._spool = address.rstrip("/"), spool

    @classmethod
    def of(cls, settings: Settings) -> FileStore:
        """`MEAL_ATTACHMENTS`, by default `MEAL_HOME/attachments`; a demonstration keeps to its own folder."""
        home = settings.home / "attachments"
        address = None if settings.demo else settings.variables.get(VARIABLE)
        if address is None or not address.strip():
            return cls(str(home), home / PARTIAL)
        if "://" in address:
            return cls(address.strip(), home / PARTIAL)
        folder = Path(address.strip()).resolve()
        return cls(str(folder), folder / PARTIAL)

    @property
    def shown(self) -> str:
        """The address without a password."""
        if not self._is_remote:
            return self.address
        parts = urlsplit(self.address)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    def check(self) -> None:
        """Ask whether the address answers; an empty store need not exist yet.

        Raises: ConfigurationError, StoreUnavailable.
        """
        with self._explained():
            self._system().exists(self._root)

    @contextmanager
    def spooled(self, project: str, form: str) -> Iterator[tuple[BinaryIO, Path]]:
        """A file being sealed, that nobody else opens; gone with the block unless `take_in` has taken it."""
        with self._explained():
            folder = _private(self._spool / project / form)
            descriptor, name = tempfile.mkstemp(dir=folder, suffix=".part")
        path = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file, path
        except OSError as error:
            raise self._unavailable(os.strerror(error.errno or 5)) from None
        finally:
            path.unlink(missing_ok=True)

    def sweep_spool(self, project: str, form: str) -> int:
        """Remove what a killed run left half-written; only one run at a time fetches a form's files. Returns: how many."""
        left = list((self._spool / project / form).glob("*.part"))
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def take_in(self, file: BinaryIO, path: Path, project: str, address: bytes) -> bool:
        """Bring a sealed file in under its address. Returns: False when the store had it already, whole."""
        with self._explained():
            file.flush()
            os.fsync(file.fileno())
            size, target = path.stat().st_size, self._path(project, address)
            if self._size(target) == size:
                return False
            self._put(file, path, target)
        return True

    def replace(self, file: BinaryIO, path: Path, project: str, address: bytes) -> None:
        """Put a file that holds the same content, sealed anew, in the place of the one there: one of the two, always whole."""
        with self._explained():
            file.flush()
            os.fsync(file.fileno())
            self._put(file, path, self._path(project, address))

    def _put(self, file: BinaryIO, path: Path, target: str) -> None:
        if self._is_remote:
            system = self._system()
            system.makedirs(target.rpartition("/")[0], exist_ok=True)
            system.put_file(str(path), f"{target}.part")
            system.mv(f"{target}.part", target)
        else:
            file.close()
            folder = _private(Path(target).parent)
            path.replace(target)
            _synchronise(folder)

    @contextmanager
    def opened(self, project: str, address: bytes) -> Iterator[BinaryIO]:
        """A sealed file, to be read.

        Raises: MealError when it is not there.
        """
        with self._explained():
            try:
                file = self._system().open(self._path(project, address), "rb")
            except FileNotFoundError:
                raise MealError(
                    f"Un fichier gardé n'est plus dans {self.shown}. Restaurez ce dossier depuis sa sauvegarde."
                ) from None
        with file:
            yield file

    def remove(self, project: str, address: bytes) -> None:
        """Take a file's bytes away, if they are there."""
        with self._explained(), suppress(FileNotFoundError):
            self._system().rm_file(self._path(project, address))

    def addresses(self, project: str) -> set[bytes]:
        """The addresses of every file that lies there for a project: one listing of the whole store."""
        with self._explained():
            try:
                found = self._system().find(f"{self._root}/{project}")
            except FileNotFoundError:
                return set()
        names = (path.rpartition("/")[2] for path in found)
        return {bytes.fromhex(name) for name in names if len(name) == 64 and not name.endswith(".part")}

    def _path(self, project: str, address: bytes) -> str:
        name = address.hex()
        return f"{self._root}/{project}/{name[:2]}/{name}"

    def _size(self, path: str) -> int | None:
        try:
            size: int = self._system().size(path)
        except FileNotFoundError:
            return None
        return size

    @property
    def _is_remote(self) -> bool:
        return "://" in self.address

    @property
    def _root(self) -> str:
        import fsspec

        return str(fsspec.core.url_to_fs(self.address)[1]) if self._is_remote else self.address

    def _system(self) -> Any:
        import fsspec

        return fsspec.core.url_to_fs(self.address, use_listings_cache=False)[0]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What a file system says, in our words; its own may hold the password of a URL."""
        try:
            yield
        except MealError:
            raise
        except (ImportError, ValueError):
            raise ConfigurationError(
                f"{VARIABLE} : une adresse « {urlsplit(self.address).scheme}:// » demande un pilote qui n'est pas installé. "
                "Installez-le (pour s3 : « uv sync --extra s3 »), ou donnez un dossier."
            ) from None
        except PermissionError:
            raise ConfigurationError(
                f"Le dossier des fichiers joints {self.shown} ne peut pas être écrit. Donnez-en le droit à cet usager."
            ) from None
        except OSError as error:
            raise self._unavailable(os.strerror(error.errno or 5)) from None
        except Exception as error:
            if not self._is_remote:
                raise
            # Each driver has errors of its own (botocore's are no OSError), whose text may name a secret.
            raise self._unavailable(type(error).__name__) from None

    def _unavailable(self, why: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"Le dossier des fichiers joints {self.shown} ne se laisse pas écrire ou lire ({why}). Vérifiez la place, le réseau "
            "et les droits d'accès, puis relancez : rien n'est perdu."
        )


def _private(folder: Path) -> Path:
    """The folder, made if need be, open to its owner only."""
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    return folder


def _synchronise(folder: Path) -> None:
    """Force a rename to disk, where the system can (Windows opens no folder)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
