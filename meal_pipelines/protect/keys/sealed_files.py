"""Seal and unseal whole files, piece after piece: AES-256-GCM in the STREAM construction, memory bounded by two pieces.

A file is known by its address, a keyed hash of its clear bytes: whoever has no key cannot ask the store whether it holds a
picture he knows. Where sealed files lie, and whose they are, is not known here; keys come from `keyring.py`.

Format: MAGIC, key number (1 byte), salt (32 bytes); then pieces of 64 KiB, each with its tag. Each file has a key of its own,
derived from the salt, so that a nonce is only the number of the piece and whether it is the last (a piece that is moved,
repeated, left out or cut off does not open). The last piece also answers for the address: a file put in the place of another
does not open. It is filled up to 64 KiB: the exact size of a picture is nearly as telling as its hash.

Source: Hoang, Reyhanitabar, Rogaway, Vizár, « Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance » (2015),
section 7; padding: ISO/IEC 7816-4.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from meal_pipelines.errors import MealError
from meal_pipelines.invocation import typed
from meal_pipelines.protect.keys.sealing import Renewal

MAGIC = b"MEALFIL1"
SALT, TAG = 32, 16
SEALED_PIECE = 1 << 16
PIECE = SEALED_PIECE - TAG
HEADER = len(MAGIC) + 1 + SALT


class FileSealer:
    """Seals files with the current key, unseals with any key of the ring."""

    def __init__(
        self, current: int, keys: Mapping[int, bytes], address_key: bytes, renewal: Renewal = lambda: None
    ) -> None:
        self._current, self._keys, self._address_key = current, dict(keys), address_key
        self._renewal = renewal

    def _renew(self) -> None:
        if (ring := self._renewal()) is not None:
            self._current, self._keys = ring

    @staticmethod
    def key_number(sealed: BinaryIO) -> int:
        """The number of the key that sealed a file, told by its first bytes. Raises: MealError when it is no sealed file."""
        header = sealed.read(HEADER)
        if len(header) != HEADER or not header.startswith(MAGIC):
            raise _broken()
        return header[len(MAGIC)]

    def seal(self, pieces: Iterable[bytes], into: BinaryIO) -> bytes:
        """Seal what `pieces` give, of any sizes. Returns: the address of the clear bytes (32 bytes)."""
        self._renew()
        header = MAGIC + bytes([self._current]) + os.urandom(SALT)
        cipher, address = self._cipher(header), hmac.new(self._address_key, digestmod="sha256")
        into.write(header)
        number, waiting = 0, bytearray()
        for piece in pieces:
            address.update(piece)
            waiting += piece
            while len(waiting) >= PIECE:
                into.write(cipher.encrypt(_nonce(number), bytes(waiting[:PIECE]), header))
                del waiting[:PIECE]
                number += 1
        digest = address.digest()
        last = bytes(waiting) + b"\x80" + bytes(PIECE - len(waiting) - 1)
        into.write(cipher.encrypt(_nonce(number, is_last=True), last, header + digest))
        return digest

    def unseal(self, sealed: BinaryIO, address: bytes) -> Iterator[bytes]:
        """The clear bytes, in pieces. Nothing is to be believed before the last one was given.

        Raises: MealError when the file was cut, altered, put together from others or is not the one of this address, or
        when its key is not in the ring.
        """
        header = sealed.read(HEADER)
        if len(header) != HEADER or not header.startswith(MAGIC):
            raise _broken()
        cipher = self._cipher(header)
        number, piece = 0, sealed.read(SEALED_PIECE)
        while following := sealed.read(SEALED_PIECE):
            yield _opened(cipher, _nonce(number), piece, header)
            number, piece = number + 1, following
        last = _opened(cipher, _nonce(number, is_last=True), piece, header + address).rstrip(b"\0")
        yield last[:-1]

    def _cipher(self, header: bytes) -> AESGCM:
        number = header[len(MAGIC)]
        if number not in self._keys:
            self._renew()
        key = self._keys.get(number)
        if key is None:
            raise MealError("Un fichier est scellé avec une clé absente du trousseau. Restaurez-le, puis relancez.")
        salt = header[-SALT:]
        return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"meal sealed file").derive(key))


def _nonce(number: int, *, is_last: bool = False) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _opened(cipher: AESGCM, nonce: bytes, piece: bytes, bound_to: bytes) -> bytes:
    try:
        return cipher.decrypt(nonce, piece, bound_to)
    except InvalidTag:
        raise _broken() from None


def _broken() -> MealError:
    return MealError(
        "Un fichier scellé ne s'ouvre pas : il a été coupé, altéré ou mis à la place d'un autre, ou la clé n'est pas la bonne. "
        f"Restaurez le dossier des fichiers joints depuis sa sauvegarde, et vérifiez le trousseau ({typed('doctor')})."
    )
