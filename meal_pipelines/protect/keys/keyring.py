"""The keys, in one file outside the database: read, made, replaced, compared with what the warehouse was sealed with.

Only this module reads and writes the file. Keys never reach a log, a message, a process title or Dagster's configuration.
What becomes of sealed rows when a key is replaced is in `rotation.py`.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.invocation import typed
from meal_pipelines.protect.keys.sealed_files import FileSealer
from meal_pipelines.protect.keys.sealing import Renewal, Sealer
from meal_pipelines.settings import Settings

VARIABLE = "MEAL_KEYRING_JSON"
"""Holds the text of a key file, where secrets come as variables."""
LAST_NUMBER = 255
"""Sealed bytes begin with the key's number, in one byte."""
Stamp = tuple[int, int]


@dataclass(frozen=True)
class Keyring:
    """Sealing keys by number (the current one seals, all unseal) and the key of pseudonyms."""

    current: int
    sealing: dict[int, bytes] = field(repr=False)
    pseudonym: bytes = field(repr=False)
    path: Path | None = field(default=None, compare=False)
    stamp: Stamp | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Keyring:
        """The ring of `MEAL_KEYRING_JSON`, else of the file `MEAL_KEYRING`. Raises: as `read`."""
        text = None if settings.demo else settings.variables.get(VARIABLE)
        return _parsed(text, VARIABLE) if text and text.strip() else cls.read(settings.keyring)

    @classmethod
    def read(cls, path: Path) -> Keyring:
        """Read the key file.

        Raises: ConfigurationError when it is absent, unreadable by us, readable by others, or not a keyring.
        """
        try:
            stamp, mode = _stamp(path), path.stat().st_mode
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise ConfigurationError(
                f"Trousseau de clés introuvable : {path}. Sans lui rien ne peut être scellé ni lu. Restaurez-le depuis sa "
                f"sauvegarde, corrigez MEAL_KEYRING, ou, pour un entrepôt neuf, créez-le avec {typed('keys init')}."
            ) from None
        except PermissionError:
            raise ConfigurationError(
                f"Trousseau de clés illisible : {path}. Donnez-en la lecture à cet usager."
            ) from None
        if os.name == "posix" and mode & 0o077:
            raise ConfigurationError(
                f"Le trousseau {path} est lisible par d'autres usagers de la machine. Faites : chmod 600 {path}"
            )
        return replace(_parsed(text, str(path)), path=path, stamp=stamp)

    @classmethod
    def create(cls, path: Path) -> Keyring:
        """Make a new key file, readable by its owner only; an existing one is never replaced."""
        ring = cls(1, {1: secrets.token_bytes(32)}, secrets.token_bytes(32))
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(ring, path)
        except FileExistsError:
            raise ConfigurationError(f"Un trousseau existe déjà : {path}. Il n'est jamais remplacé.") from None
        return cls.read(path)

    # Another key ----------------------------------------------------------------------------------------------

    @property
    def next(self) -> int | None:
        """The number of a key that is in the ring and seals nothing yet."""
        return max(self.sealing) if max(self.sealing) > self.current else None

    def with_new_key(self, number: int) -> Keyring:
        """The file with one more key, which does not seal yet. Raises: ConfigurationError when numbers are used up."""
        if number > LAST_NUMBER:
            raise ConfigurationError(
                f"Les {LAST_NUMBER} numéros de clés sont épuisés. Demandez à l'équipe technique : rien n'a été changé."
            )
        return self._replaced(replace(self, sealing={**self.sealing, number: secrets.token_bytes(32)}))

    def sealing_with(self, number: int) -> Keyring:
        """The file with this key of the ring as the one that seals."""
        return self._replaced(replace(self, current=number))

    def without(self, numbers: Collection[int]) -> Keyring:
        """The file without these keys; the current one is never among them."""
        kept = {number: key for number, key in self.sealing.items() if number not in numbers}
        assert self.current in kept
        return self._replaced(replace(self, sealing=kept))

    def _replaced(self, ring: Keyring) -> Keyring:
        """Put the ring in the place of the file: at any moment one of the two is there, whole."""
        if self.path is None:
            raise ConfigurationError(
                f"Le trousseau vient de la variable {VARIABLE} : il ne peut pas être changé d'ici. Écrivez-le dans un fichier "
                "(mode 600), donnez son chemin dans MEAL_KEYRING, faites la rotation, puis remettez le nouveau dans la variable."
            )
        part = self.path.with_name(f"{self.path.name}.part")
        part.unlink(missing_ok=True)
        _write(ring, part)
        part.replace(self.path)
        if os.name == "posix":
            descriptor = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        return Keyring.read(self.path)

    # What keys are for ----------------------------------------------------------------------------------------

    def sealer(self, project: str) -> Sealer:
        """Seals with this project's own keys: nothing sealed for one project opens with another's."""
        purpose = f"seal:{project}"
        return Sealer(self.current, _derived(self, purpose), self._renewal(purpose))

    def file_sealer(self, project: str) -> FileSealer:
        """Seals this project's files, and gives them addresses that only this project's key can repeat."""
        purpose, address_key = f"file:{project}", _derive(self.pseudonym, f"attachment:{project}")
        return FileSealer(self.current, _derived(self, purpose), address_key, self._renewal(purpose))

    def _renewal(self, purpose: str) -> Renewal:
        """Looks at the file again and again; a ring put there that is not a later one of this is not taken."""
        known = self.stamp

        def renewed() -> tuple[int, dict[int, bytes]] | None:
            nonlocal known
            if self.path is None or not self.path.exists() or (stamp := _stamp(self.path)) == known:
                return None
            known, ring = stamp, Keyring.read(self.path)
            same = self.sealing.keys() & ring.sealing.keys()
            if ring.pseudonym != self.pseudonym or any(ring.sealing[each] != self.sealing[each] for each in same):
                return None
            return ring.current, _derived(ring, purpose)

        return renewed

    def hasher(self, project: str, purpose: str) -> Callable[[bytes], bytes]:
        """A keyed hash (HMAC-SHA-256, 32 bytes) that only this project and purpose can repeat."""
        keyed = HMAC(_derive(self.pseudonym, f"{purpose}:{project}"), SHA256())

        def digest(message: bytes) -> bytes:
            # A copy of what is already keyed takes half the time of `hmac.digest`, which keys anew (2026-11).
            mac = keyed.copy()
            mac.update(message)
            return mac.finalize()

        return digest

    def check_against(self, cursor: Any) -> None:
        """Compare these keys with those the warehouse was first used with; remember them when it is new.

        Raises: ConfigurationError, before anything is written, when a key differs.
        """
        known = {f"sealing-{number}": ("scellement", key) for number, key in self.sealing.items()}
        known["pseudonym"] = ("pseudonymes", self.pseudonym)
        cursor.execute("select key_id, check_value, retired_at is not null from audit.key")
        rows = cursor.fetchall()
        stored, retired = {key_id: bytes(value) for key_id, value, _ in rows}, {row[0] for row in rows if row[2]}
        checks = {key_id: _check_value(key) for key_id, (_, key) in known.items()}
        if any(key_id in checks and checks[key_id] != value for key_id, value in stored.items()):
            raise ConfigurationError(
                "Ce trousseau n'est pas celui de cet entrepôt : ses clés diffèrent de celles qui ont scellé les données. "
                "Rien n'a été écrit. Corrigez MEAL_KEYRING, ou restaurez le trousseau d'origine."
            )
        missing = sorted(key_id for key_id in stored if key_id not in checks and key_id not in retired)
        if missing:
            raise ConfigurationError(
                f"Il manque une clé au trousseau ({', '.join(missing)}) : des données en dépendent encore. "
                f"Rien n'a été écrit. Restaurez le trousseau complet."
            )
        if f"sealing-{self.current}" in retired:
            raise ConfigurationError(
                f"Ce trousseau date d'avant une rotation : sa clé n° {self.current} a été retirée. Rien n'a été écrit. Restaurez "
                "le trousseau le plus récent."
            )
        for key_id, (purpose, _) in known.items():
            if key_id not in stored:
                cursor.execute(
                    "insert into audit.key (key_id, purpose, check_value) values (%s, %s, %s) on conflict do nothing",
                    (key_id, purpose, checks[key_id]),
                )


def _parsed(text: str, where: str) -> Keyring:
    """Raises: ConfigurationError, which quotes nothing of the text."""
    try:
        data = json.loads(text)
        keys = {int(number): base64.b64decode(key, validate=True) for number, key in data["sealing"].items()}
        ring = Keyring(int(data["current"]), keys, base64.b64decode(data["pseudonym"], validate=True))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigurationError(f"{where} n'est pas un trousseau de clés lisible. Restaurez-le.") from None
    if ring.current not in ring.sealing or any(len(key) != 32 for key in [*keys.values(), ring.pseudonym]):
        raise ConfigurationError(f"{where} est incomplet : une clé manque ou n'a pas 32 octets. Restaurez-le.")
    return ring


def _write(ring: Keyring, path: Path) -> None:
    """Make a file that only its owner may read, and wait until it is on disk. Raises: FileExistsError."""
    data = {
        "format": "meal-keyring-1",
        "current": ring.current,
        "sealing": {number: base64.b64encode(key).decode() for number, key in ring.sealing.items()},
        "pseudonym": base64.b64encode(ring.pseudonym).decode(),
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _stamp(path: Path) -> Stamp:
    """Changes whenever the file is replaced."""
    found = path.stat()
    return found.st_mtime_ns, found.st_ino


def _derived(ring: Keyring, purpose: str) -> dict[int, bytes]:
    return {number: _derive(key, purpose) for number, key in ring.sealing.items()}


def _derive(key: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(key)


def _check_value(key: bytes) -> bytes:
    mac = HMAC(_derive(key, "check"), SHA256())
    mac.update(b"meal-pipelines")
    return mac.finalize()
