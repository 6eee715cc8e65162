"""Seal and unseal bytes: AES-256-GCM, bound to the place they belong to.

Keys come from `keyring.py`; nothing here knows tables or Dagster. Sealed bytes: key number (1 byte), nonce (12 bytes),
ciphertext and tag. The place (« raw|prim2|beneficiaires|115|1 ») is authenticated, so a sealed value copied onto
another row does not open.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from meal_pipelines.errors import MealError
from meal_pipelines.invocation import typed

NONCE = 12
START = 1 + NONCE
"""Where the ciphertext begins."""


Renewal = Callable[[], tuple[int, dict[int, bytes]] | None]
"""Tells the current key's number and all keys when the ring has changed since it was last asked, else None."""


class Sealer:
    """Seals with the current key, unseals with any key of the ring.

    renewal: a rotation that begins while somebody seals changes the ring, and from the next call on the new key seals.
    """

    def __init__(self, current: int, keys: dict[int, bytes], renewal: Renewal = lambda: None) -> None:
        self._renewal = renewal
        self._take(current, keys)

    def _take(self, current: int, keys: dict[int, bytes]) -> None:
        self._current = current
        self._ciphers = {number: AESGCM(key) for number, key in keys.items()}

    def _renew(self) -> None:
        if (ring := self._renewal()) is not None:
            self._take(*ring)

    def seal(self, values: Sequence[bytes], places: Sequence[str]) -> list[bytes]:
        """Seal n values, each bound to its place; n sealed values, in order."""
        self._renew()
        encrypt = self._ciphers[self._current].encrypt
        prefix = bytes([self._current])
        random = os.urandom(NONCE * len(values))
        nonces = [random[start : start + NONCE] for start in range(0, len(random), NONCE)]
        return [
            prefix + nonce + encrypt(nonce, value, place.encode())
            for nonce, value, place in zip(nonces, values, places, strict=True)
        ]

    def unseal(self, sealed: Iterable[bytes | memoryview], places: Iterable[str]) -> list[bytes]:
        """Open n sealed values.

        Raises: MealError when one was sealed with a key we do not have, was altered, or belongs to another place.
        """
        blobs = list(map(bytes, sealed))
        numbers = {blob[0] if blob else None for blob in blobs}
        if not self._ciphers.keys() >= numbers:
            self._renew()
        if not self._ciphers.keys() >= numbers:
            raise MealError("Des données sont scellées avec une clé absente du trousseau. Restaurez-le, puis relancez.")
        open_with = {number: cipher.decrypt for number, cipher in self._ciphers.items()}
        try:
            return [
                open_with[blob[0]](blob[1:START], blob[START:], place.encode())
                for blob, place in zip(blobs, places, strict=True)
            ]
        except InvalidTag:
            raise MealError(
                "Des données scellées ne s'ouvrent pas : elles ont été altérées, déplacées, ou la clé n'est pas la bonne. "
                f"Vérifiez le trousseau ({typed('doctor')})."
            ) from None
