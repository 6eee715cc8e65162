"""The inbox of a form: the files that partners put in a folder, or under any address that fsspec knows (s3://, sftp://…).

Which files are meant, in which order, and that none is read while it is still being written. What is in them is read
in `book.py`. Sub-folders are not looked into: an officer may keep what is finished there.
"""

from __future__ import annotations

import hashlib
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from meal_pipelines.collect.sheets.book import TEXTS, WORKBOOKS
from meal_pipelines.collect.sheets.receipt import Refused, counted
from meal_pipelines.errors import ConfigurationError, TransientError
from meal_pipelines.invocation import typed

STAMPS = ("mtime", "LastModified", "last_modified", "modified", "updated", "mtime_ns", "created", "time")
"""Where the file systems of fsspec say when a file was last written."""
YOUNG = 5.0
"""Seconds: a file written more recently may still be growing, and is looked at twice."""


@dataclass(frozen=True, order=True)
class InboxFile:
    """One file as the folder shows it; files are read in this order: the oldest first, then by name.

    name: how it is called wherever it is told or kept · path, own_name: where it lies and how its partner named it, which
    may say who it is about.
    """

    modified_at: datetime
    name: str
    size: int
    path: str = field(compare=False, repr=False)

    @property
    def own_name(self) -> str:
        return PurePosixPath(self.path).name

    @property
    def is_readable(self) -> bool:
        return self.own_name.lower().endswith((*WORKBOOKS, *TEXTS))


@dataclass(frozen=True)
class Listing:
    """What lies in an inbox. files: those of this form · others: of this form by their name, but of no known format ·
    unclaimed: those that no form of the project asks for."""

    files: list[InboxFile]
    others: list[InboxFile]
    unclaimed: list[InboxFile]


@dataclass(frozen=True)
class Inbox:
    """address: a folder or a URL · pattern: of the names of this form's files · claimed: patterns of the other forms
    that share the folder · pause: seconds between two looks at a young file · alias: makes the name by which a file is told
    and kept from its own, which may say who it is about; None where nothing is kept."""

    address: str = field(repr=False)
    pattern: str
    claimed: tuple[str, ...] = ()
    pause: float = 1.0
    alias: Callable[[str], str] | None = field(default=None, repr=False)

    def listing(self) -> Listing:
        """Every file, oldest first.

        Raises: ConfigurationError when there is no such folder; TransientError when it does not answer.
        """
        seen = self._look()
        if any(abs(time.time() - file.modified_at.timestamp()) < YOUNG for file in seen):
            time.sleep(self.pause)
            seen = self._look()
        mine = sorted(file for file in seen if _fits(file.own_name, self.pattern))
        readable = [file for file in mine if file.is_readable]
        claimed = (self.pattern, *self.claimed)
        strangers = sorted(
            file
            for file in seen
            if file.is_readable
            and not file.own_name.lower().endswith(".txt")
            and not any(_fits(file.own_name, p) for p in claimed)
        )
        return Listing(readable, [file for file in mine if not file.is_readable], strangers)

    def digests(self) -> frozenset[str]:
        """What lies there of this form, one digest for each readable file's name, size and date; nothing is opened.

        A name may say who a file is about: it does not leave here. Raises: as `listing`.
        """
        mine = [file for file in self._look() if file.is_readable and _fits(file.own_name, self.pattern)]
        told = (f"{file.own_name}|{file.size}|{file.modified_at.timestamp()}" for file in mine)
        return frozenset(hashlib.sha256(text.encode()).hexdigest()[:16] for text in told)

    def read(self, file: InboxFile) -> bytes:
        """The bytes of a file.

        Raises: Refused when it changes while it is read.
        """
        content: bytes | None = None
        with self._explained(), suppress(FileNotFoundError):
            content = self._system.cat_file(file.path)
        now = next((found for found in self._look() if found.path == file.path), None)
        if content is None or len(content) != file.size or now != file:
            raise Refused(
                f"{file.name} est en cours d'écriture. Rien n'en a été lu ; il le sera à la prochaine collecte, une fois copié."
            )
        return content

    @property
    def shown(self) -> str:
        """The address without a password."""
        parts = urlsplit(self.address)
        if "://" not in self.address:
            return self.address
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    def _look(self) -> list[InboxFile]:
        with self._explained():
            found = self._system.ls(self._root, detail=True)
            return [self._file(info) for info in found if info["type"] == "file" and _is_kept(info["name"])]

    def _file(self, info: dict[str, Any]) -> InboxFile:
        stamp = next((info[key] for key in STAMPS if info.get(key) is not None), None)
        name = PurePosixPath(info["name"]).name
        shown = name if self.alias is None else self.alias(name)
        return InboxFile(_moment(stamp), shown, int(info["size"] or 0), str(info["name"]))

    @property
    def _system(self) -> Any:
        return self._open()[0]

    @property
    def _root(self) -> str:
        return self._open()[1]

    def _open(self) -> tuple[Any, str]:
        import fsspec

        system, root = fsspec.core.url_to_fs(self.address, use_listings_cache=False)
        return system, str(root)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What a file system says, in our words; its own may hold the password of a URL."""
        try:
            yield
        except (FileNotFoundError, NotADirectoryError):
            raise ConfigurationError(
                f"Le dossier des classeurs n'existe pas : {self.shown}. Corrigez la source."
            ) from None
        except PermissionError:
            raise ConfigurationError(
                f"Le dossier des classeurs ne peut pas être lu : {self.shown}. Demandez le droit de lecture."
            ) from None
        except (ImportError, ValueError):
            scheme = urlsplit(self.address).scheme
            raise ConfigurationError(
                f"Une adresse « {scheme}:// » demande un pilote qui n'est pas installé. Installez-le (pour s3 : "
                f"« uv sync --extra s3 »), ou donnez un dossier."
            ) from None
        except OSError:
            raise self._silent("Vérifiez le réseau") from None
        except Exception as error:
            if "://" not in self.address:
                raise
            # Each driver has errors of its own (botocore's are no OSError), whose text may name a secret.
            raise self._silent(f"Vérifiez le réseau et les droits d'accès ({type(error).__name__})") from None

    def _silent(self, advice: str) -> TransientError:
        return TransientError(
            f"Le dossier des classeurs {self.shown} ne répond pas. {advice}, puis relancez plus tard."
        )


def _moment(stamp: object) -> datetime:
    if isinstance(stamp, datetime):
        return stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)
    if isinstance(stamp, str):
        parsed = datetime.fromisoformat(stamp)
        return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(stamp) if isinstance(stamp, (int, float)) else 0.0, UTC)


def _is_kept(path: str) -> bool:
    """Not a spreadsheet's lock, nor a file that a program is still writing or has hidden."""
    name = PurePosixPath(path).name
    return not name.startswith(("~$", ".", "~")) and not name.lower().endswith(
        (".tmp", ".part", ".crdownload", ".filepart", "~")
    )


def _fits(name: str, pattern: str) -> bool:
    """Without regard to case, nor to how the file system writes accents."""
    return fnmatchcase(_plain(name), _plain(pattern))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def left_aside(listing: Listing) -> list[str]:
    """The remarks on files that are not read; how many, since a name may say who a file is about."""
    told = []
    if listing.unclaimed:
        told.append(
            f"{counted(len(listing.unclaimed), 'fichier', 'fichiers')} que rien n'attend dans le dossier "
            f"des classeurs ({typed('forms received')} les nomme). Renommez-les selon « file: » dans project.yaml, ou retirez-les."
        )
    if listing.others:
        what = counted(
            len(listing.others),
            "fichier qui n'est pas un classeur, laissé",
            "fichiers qui ne sont pas des classeurs, laissés",
        )
        told.append(f"{what} ({typed('forms received')} les nomme).")
    return told
