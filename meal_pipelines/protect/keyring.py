"""The keys, in one file outside the database: read, made, compared with what the warehouse was sealed with.

Only this module reads the file. Keys never reach a log, a message, a process title or Dagster's configuration.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.protect.sealed_files import FileSealer
from meal_pipelines.protect.sealing import Sealer


@dataclass(frozen=True)
class Keyring:
    """Sealing keys by number (the current one seals, all unseal) and the key of pseudonyms."""

    current: int
    sealing: dict[int, bytes] = field(repr=False)
    pseudonym: bytes = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Keyring:
        """Read the key file.

        Raises: ConfigurationError when it is absent, unreadable by us, readable by others, or not a keyring.
        """
        try:
            text = path.read_text(encoding="utf-8")
            mode = path.stat().st_mode
        except FileNotFoundError:
            raise ConfigurationError(
                f"Trousseau de clés introuvable : {path}. Sans lui rien ne peut être scellé ni lu. Restaurez-le depuis sa "
                f"sauvegarde, corrigez MEAL_KEYRING, ou, pour un entrepôt neuf, créez-le avec « meal keys init »."
            ) from None
        except PermissionError:
            raise ConfigurationError(
                f"Trousseau de clés illisible : {path}. Donnez-en la lecture à cet usager."
            ) from None
        if os.name == "posix" and mode & 0o077:
            raise ConfigurationError(
                f"Le trousseau {path} est lisible par d'autres usagers de la machine. Faites : chmod 600 {path}"
            )
        try:
            data = json.loads(text)
            keys = {int(number): base64.b64decode(key, validate=True) for number, key in data["sealing"].items()}
            ring = cls(int(data["current"]), keys, base64.b64decode(data["pseudonym"], validate=True))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ConfigurationError(f"{path} n'est pas un trousseau de clés lisible. Restaurez-le.") from None
        if ring.current not in ring.sealing or any(len(key) != 32 for key in [*keys.values(), ring.pseudonym]):
            raise ConfigurationError(f"{path} est incomplet : une clé manque ou n'a pas 32 octets. Restaurez-le.")
        return ring

    @classmethod
    def create(cls, path: Path) -> Keyring:
        """Make a new key file, readable by its owner only; an existing one is never replaced."""
        ring = cls(1, {1: secrets.token_bytes(32)}, secrets.token_bytes(32))
        path.parent.mkdir(parents=True, exist_ok=True)
        data = {
            "format": "meal-keyring-1",
            "current": ring.current,
            "sealing": {number: base64.b64encode(key).decode() for number, key in ring.sealing.items()},
            "pseudonym": base64.b64encode(ring.pseudonym).decode(),
        }
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise ConfigurationError(f"Un trousseau existe déjà : {path}. Il n'est jamais remplacé.") from None
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1)
        return ring

    def sealer(self, project: str) -> Sealer:
        """Seals with this project's own keys: nothing sealed for one project opens with another's."""
        return Sealer(self.current, {number: _derive(key, f"seal:{project}") for number, key in self.sealing.items()})

    def file_sealer(self, project: str) -> FileSealer:
        """Seals this project's files, and gives them addresses that only this project's key can repeat."""
        keys = {number: _derive(key, f"file:{project}") for number, key in self.sealing.items()}
        return FileSealer(self.current, keys, _derive(self.pseudonym, f"attachment:{project}"))

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
        cursor.execute("select key_id, check_value from audit.key")
        stored = {key_id: bytes(value) for key_id, value in cursor.fetchall()}
        checks = {key_id: _check_value(key) for key_id, (_, key) in known.items()}
        if any(key_id in checks and checks[key_id] != value for key_id, value in stored.items()):
            raise ConfigurationError(
                "Ce trousseau n'est pas celui de cet entrepôt : ses clés diffèrent de celles qui ont scellé les données. "
                "Rien n'a été écrit. Corrigez MEAL_KEYRING, ou restaurez le trousseau d'origine."
            )
        missing = sorted(key_id for key_id in stored if key_id not in checks)
        if missing:
            raise ConfigurationError(
                f"Il manque une clé au trousseau ({', '.join(missing)}) : des données en dépendent encore. "
                f"Rien n'a été écrit. Restaurez le trousseau complet."
            )
        for key_id, (purpose, _) in known.items():
            if key_id not in stored:
                cursor.execute(
                    "insert into audit.key (key_id, purpose, check_value) values (%s, %s, %s) on conflict do nothing",
                    (key_id, purpose, checks[key_id]),
                )


def _derive(key: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(key)


def _check_value(key: bytes) -> bytes:
    mac = HMAC(_derive(key, "check"), SHA256())
    mac.update(b"meal-pipelines")
    return mac.finalize()
