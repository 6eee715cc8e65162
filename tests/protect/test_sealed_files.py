"""Whole files sealed piece after piece: what was sealed comes back, and nothing else ever opens."""

from __future__ import annotations

import hmac
import io
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from meal_pipelines.errors import MealError
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.keys.sealed_files import HEADER, PIECE, SEALED_PIECE, FileSealer

KEYS = {1: bytes(range(32)), 2: bytes(range(32, 64))}
SEALER = FileSealer(1, KEYS, b"a" * 32)
CLEAR = bytes(range(256)) * 1000
"""Four pieces, the last one not full."""


def sealed(clear: bytes, by: FileSealer = SEALER, *, in_pieces_of: int = 100_000) -> tuple[bytes, bytes]:
    file = io.BytesIO()
    address = by.seal((clear[start : start + in_pieces_of] for start in range(0, len(clear), in_pieces_of)), file)
    return file.getvalue(), address


def opened(content: bytes, address: bytes, by: FileSealer = SEALER) -> bytes:
    return b"".join(by.unseal(io.BytesIO(content), address))


@given(
    size=st.one_of(st.integers(0, 300), st.sampled_from([PIECE - 1, PIECE, PIECE + 1, 2 * PIECE])),
    step=st.sampled_from([1, 7, 1000, PIECE, 1 << 20]),
    ending=st.sampled_from([b"", b"\x80", b"\x80\0\0", b"\0\0\0"]),
)
def test_what_was_sealed_comes_back_whatever_its_size_and_its_last_bytes(size: int, step: int, ending: bytes) -> None:
    """Bytes that look like the filling are those of the file."""
    clear = bytes(size) + ending
    content, address = sealed(clear, in_pieces_of=max(step, len(clear) // 1000 or 1))
    assert opened(content, address) == clear


def test_another_reading_of_the_format_finds_the_same_bytes() -> None:
    """Written from the format's description, with nothing of the code under test."""
    content, address = sealed(CLEAR)
    header, rest = content[:41], content[41:]
    assert header[:8] == b"MEALFIL1" and header[8] == 1
    key = HKDF(SHA256(), 32, header[9:], b"meal sealed file").derive(KEYS[1])
    pieces = [rest[start : start + 65536] for start in range(0, len(rest), 65536)]
    clear = b""
    for number, piece in enumerate(pieces):
        is_last = number == len(pieces) - 1
        nonce = number.to_bytes(11, "big") + (b"\1" if is_last else b"\0")
        clear += AESGCM(key).decrypt(nonce, piece, header + address if is_last else header)
    assert clear.rstrip(b"\0") == CLEAR + b"\x80"
    assert address == hmac.digest(b"a" * 32, CLEAR, "sha256")


def damages(content: bytes) -> dict[str, bytes]:
    pieces = [content[start : start + SEALED_PIECE] for start in range(HEADER, len(content), SEALED_PIECE)]
    header = content[:HEADER]
    return {
        "nothing left": b"",
        "header only": header,
        "cut in a piece": content[:-1000],
        "cut between two pieces": header + b"".join(pieces[:-1]),
        "cut to its first piece": header + pieces[0],
        "two pieces exchanged": header + pieces[1] + pieces[0] + b"".join(pieces[2:]),
        "a piece left out": header + pieces[0] + b"".join(pieces[2:]),
        "a piece twice": header + pieces[0] + pieces[0] + b"".join(pieces[1:]),
        "something added": content + b"\0",
        "a piece added": content + pieces[-1],
        "one bit": content[:70_000] + bytes([content[70_000] ^ 1]) + content[70_001:],
        "another salt": header[:-1] + bytes([header[-1] ^ 1]) + content[HEADER:],
        "another key": content[:8] + b"\2" + content[9:],
        "another kind of file": b"MEALFIL2" + content[8:],
    }


@pytest.mark.parametrize("damage", damages(bytes(HEADER + 4 * SEALED_PIECE)))
def test_a_file_that_was_touched_does_not_open(damage: str) -> None:
    content, address = sealed(CLEAR)
    assert len(content) == HEADER + 4 * SEALED_PIECE
    with pytest.raises(MealError, match="ne s'ouvre pas"):
        opened(damages(content)[damage], address)


def test_a_piece_of_another_file_does_not_open_in_its_place() -> None:
    """Same key, same place, same clear bytes: the salt differs."""
    (content, address), (other, _) = sealed(CLEAR), sealed(CLEAR)
    mixed = content[: HEADER + SEALED_PIECE] + other[HEADER + SEALED_PIECE :]
    with pytest.raises(MealError):
        opened(mixed, address)


def test_a_whole_file_put_in_the_place_of_another_does_not_open() -> None:
    (one, address), (other, _) = sealed(b"une photo"), sealed(b"une autre")
    assert opened(one, address) == b"une photo"
    with pytest.raises(MealError):
        opened(other, address)


def test_the_size_shows_only_how_many_pieces_there_are() -> None:
    """The exact length of a known picture would tell it as surely as its hash."""
    assert len({len(sealed(bytes(size))[0]) for size in (0, 1, 5000, PIECE - 1)}) == 1


def test_equal_files_of_two_projects_have_nothing_in_common(tmp_path: Path) -> None:
    keyring = Keyring.create(tmp_path / "k.json")
    one, other = keyring.file_sealer("prim2"), keyring.file_sealer("thamm_plus")
    (content, address), (_, elsewhere) = sealed(CLEAR, one), sealed(CLEAR, other)
    assert address == sealed(CLEAR, one)[1] and address != elsewhere
    with pytest.raises(MealError):
        opened(content, address, other)


def test_a_key_that_is_not_in_the_ring_is_said() -> None:
    content, address = sealed(CLEAR)
    with pytest.raises(MealError, match="absente du trousseau"):
        opened(content, address, FileSealer(2, {2: KEYS[2]}, b"a" * 32))


def test_a_file_sealed_with_a_former_key_opens() -> None:
    content, address = sealed(CLEAR)
    assert opened(content, address, FileSealer(2, KEYS, b"a" * 32)) == CLEAR
