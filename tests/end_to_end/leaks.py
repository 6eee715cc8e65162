"""Look for planted identities in bytes: every spelling in every encoding, in one pass (Aho–Corasick).

Which identities there are is in `planted.py`, and which bytes are searched in `searched.py`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

from ahocorasick_rs import BytesAhoCorasick, Implementation

SHORTEST = 5
"""Characters. Shorter names (« Sow », « Ali ») are syllables of ordinary words, of codes and of chance."""
SHORTEST_PATTERN, SHORTEST_IN_NOISE = 5, 8
"""Bytes of a pattern; in bytes that are as good as random (sealed answers), five would be met by chance."""
NUMBER = re.compile(r"[\d+][\d .+-]{7,}")
URL_SAFE = bytes.maketrans(b"+/", b"-_")

Hit = tuple[str, str]
"""(identity, how it is written there)."""


class Search:
    """All the patterns of a set of identities, ready to be looked for.

    loose_numbers: the last nine digits of a number are looked for as well, however it begins.
    """

    def __init__(self, identities: Iterable[str], *, loose_numbers: bool = True) -> None:
        patterns: dict[bytes, Hit] = {}
        for identity in identities:
            if len(identity) >= SHORTEST:
                for how, pattern in _written(identity, loose_numbers):
                    patterns.setdefault(pattern, (identity, how))
        self._patterns, self._hits = list(patterns), list(patterns.values())
        self._automaton = BytesAhoCorasick(self._patterns, implementation=Implementation.ContiguousNFA)

    def __len__(self) -> int:
        return len(self._patterns)

    def found_in(self, content: bytes, *, is_noise: bool = False) -> set[Hit]:
        """Every pattern met. is_noise: only the long ones count."""
        met = {index for index, _, _ in self._automaton.find_matches_as_indexes(content, overlapping=True)}
        return {self._hits[i] for i in met if not is_noise or len(self._patterns[i]) >= SHORTEST_IN_NOISE}


def _written(identity: str, loose_numbers: bool) -> Iterator[tuple[str, bytes]]:
    """(how, bytes) of one identity."""
    spellings = [identity]
    if loose_numbers and NUMBER.fullmatch(identity):
        spellings.append(re.sub(r"[^\d]", "", identity)[-9:])
    for text in spellings:
        for how, pattern in encoded(text):
            enough = SHORTEST_IN_NOISE if how in ("hex", "base64") else SHORTEST_PATTERN
            if len(pattern) >= enough:
                yield how, pattern


def encoded(text: str) -> Iterator[tuple[str, bytes]]:
    """(how, bytes) of a text in every encoding that is looked for."""
    plain = text.encode()
    yield "UTF-8", plain
    yield "UTF-16 LE", text.encode("utf-16-le")
    yield "UTF-16 BE", text.encode("utf-16-be")
    yield "\\u escapes", text.encode("ascii", "backslashreplace") if text.isascii() else _escaped(text)
    yield "%-escapes", quote(text).encode()
    # openpyxl with lxml writes workbooks so.
    yield "&-escapes", text.encode("ascii", "xmlcharrefreplace")
    yield "&-escapes", "".join(c if c.isascii() else f"&#x{ord(c):x};" for c in text).encode()
    yield "&-escapes", "".join(c if c.isascii() else f"&#x{ord(c):X};" for c in text).encode()
    yield "hex", plain.hex().encode()
    yield "hex", plain.hex().upper().encode()
    for shift in range(3):
        inside = _inside_base64(plain, shift)
        yield "base64", inside
        yield "base64", inside.translate(URL_SAFE)


def _escaped(text: str) -> bytes:
    """As JSON and PostgreSQL write what is no ASCII: `\\u00e9`, never `\\xe9`."""
    return "".join(c if c.isascii() else f"\\u{ord(c):04x}" for c in text).encode()


def _inside_base64(plain: bytes, shift: int) -> bytes:
    """The characters that a text always has in base64, when it begins `shift` bytes after a group of three."""
    written = base64.b64encode(b"\0" * shift + plain)
    first = (8 * shift + 5) // 6
    return written[first : 8 * (shift + len(plain)) // 6]


def told(found: Mapping[str, set[Hit]]) -> str:
    """Where identities were met, how many and how written; only the first as an example (it is invented)."""
    return "; ".join(
        f"{where}: {len(met)} ({', '.join(sorted({how for _, how in met}))}), like {min(met)[0]!r}"
        for where, met in found.items() if met
    )  # fmt: skip
