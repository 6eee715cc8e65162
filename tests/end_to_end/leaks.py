"""Look for planted identities in bytes: every spelling in every encoding, in one pass.

A pattern is found by its first five bytes in a table of two to the twenty-fourth places, then compared in full: the time
depends on the bytes searched and not on how many identities there are.
"""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np

HEAD = 5
PLACES = 1 << 24
SHORTEST = 5
"""Characters. Shorter names (« Sow », « Ali ») are syllables of ordinary words, of codes and of chance."""
SHORTEST_IN_NOISE = 8
"""Bytes of a pattern looked for in bytes that are as good as random (sealed answers): five would be met by chance."""
NUMBER = re.compile(r"[\d+][\d .+-]{7,}")


class Search:
    """All the patterns of a set of identities, ready to be looked for."""

    def __init__(self, identities: Iterable[str]) -> None:
        self.patterns: dict[bytes, str] = {}
        for identity in identities:
            if len(identity) >= SHORTEST:
                self._add(identity)
        self._by_head: dict[bytes, list[bytes]] = defaultdict(list)
        for pattern in self.patterns:
            self._by_head[pattern[:HEAD]].append(pattern)
        self._table = np.zeros(PLACES, dtype=bool)
        heads = np.frombuffer(b"".join(self._by_head), dtype=np.uint8).reshape(-1, HEAD)
        self._table[_places([heads[:, i] for i in range(HEAD)])] = True

    def found_in(self, content: bytes, *, is_noise: bool = False) -> set[tuple[str, str]]:
        """(identity, how it is written there) of every pattern met. is_noise: only the long ones count."""
        if len(content) < HEAD:
            return set()
        array = np.frombuffer(content, dtype=np.uint8)
        count = len(array) - HEAD + 1
        places = np.flatnonzero(self._table[_places([array[i : i + count] for i in range(HEAD)])])
        met = set()
        for place in places.tolist():
            for pattern in self._by_head.get(content[place : place + HEAD], ()):
                if content.startswith(pattern, place) and not (is_noise and len(pattern) < SHORTEST_IN_NOISE):
                    met.add(pattern)
        return {(self.patterns[pattern].partition("|")[0], self.patterns[pattern].partition("|")[2]) for pattern in met}

    def _add(self, identity: str) -> None:
        spellings = {identity}
        if NUMBER.fullmatch(identity):
            spellings.add(re.sub(r"[^\d]", "", identity)[-9:])
        for text in spellings:
            plain = text.encode()
            self._note(plain, identity, "UTF-8")
            self._note(text.encode("utf-16-le"), identity, "UTF-16 LE")
            self._note(text.encode("utf-16-be"), identity, "UTF-16 BE")
            self._note(text.encode("unicode-escape"), identity, "\\u escapes")
            self._note(plain.hex().encode(), identity, "hex")
            self._note(plain.hex().upper().encode(), identity, "hex")
            for shift in range(3):
                self._note(_inside_base64(plain, shift), identity, "base64")

    def _note(self, pattern: bytes, identity: str, how: str) -> None:
        enough = SHORTEST_IN_NOISE if how in ("hex", "base64") else HEAD
        if len(pattern) >= enough:
            self.patterns.setdefault(pattern, f"{identity}|{how}")


def told(found: Mapping[str, set[tuple[str, str]]]) -> str:
    """Where identities were met, how many and how written; only the first as an example (it is invented)."""
    return "; ".join(
        f"{where}: {len(met)} ({', '.join(sorted({how for _, how in met}))}), like {min(met)[0]!r}"
        for where, met in found.items() if met
    )  # fmt: skip


def _inside_base64(plain: bytes, shift: int) -> bytes:
    """The characters that a text always has in base64, when it begins `shift` bytes after a group of three."""
    written = base64.b64encode(b"\0" * shift + plain)
    first = (8 * shift + 5) // 6
    return written[first : 8 * (shift + len(plain)) // 6]


def _places(columns: list[np.ndarray[tuple[int], np.dtype[np.uint8]]]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    found = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        found = found * np.uint64(0x01000193) ^ column
    return (found ^ (found >> np.uint64(24))) & np.uint64(PLACES - 1)
