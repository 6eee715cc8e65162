"""The search for leaks finds a leak: one on purpose in every encoding, in every container, in every kind of place."""

from __future__ import annotations

import gzip
import io
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import openpyxl
import pytest

from tests.end_to_end.leaks import Search, encoded
from tests.end_to_end.planted import Person
from tests.end_to_end.searched import Piece, pieces_of_dump, pieces_of_folder

PEOPLE = [Person(number) for number in range(200)]
CANARIES = [PEOPLE[42], PEOPLE[43]]
"""One in Latin letters, one in Arabic."""


@pytest.fixture(scope="module")
def search() -> Search:
    return Search((text for person in PEOPLE for text in person.spellings), loose_numbers=False)


def _found(search: Search, pieces: list[Piece]) -> set[str]:
    return {text for piece in pieces for text, _ in search.found_in(piece.content, is_noise=piece.is_noise)}


@pytest.mark.parametrize("person", CANARIES, ids=["latin", "arabic"])
def test_every_string_of_a_person_is_found_in_every_encoding(search: Search, person: Person) -> None:
    for text in person.spellings:
        for how, pattern in encoded(text):
            assert search.found_in(b"\0avant " + pattern + b" apres"), (text, how)
            assert search.found_in(b"\0" + pattern, is_noise=True), (text, how)


def test_nothing_is_found_where_nobody_is(search: Search) -> None:
    content = "Rapport trimestriel : 69 000 lignes, wexford, ضخيم, 0699".encode() * 1000
    assert not search.found_in(content) and not search.found_in(content.decode().encode("utf-16-le"))


def _zipped(folder: Path, text: bytes) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b.txt", text * 9)
    with zipfile.ZipFile(folder / "x.bin", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("dedans.zip", inner.getvalue())


def _tarred(folder: Path, text: bytes) -> None:
    with tarfile.open(folder / "x.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("journal")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))


def _sqlite(folder: Path, text: bytes) -> None:
    """Long enough to be cut into pages in the middle of the name, and packed as Dagster's storage may pack it."""
    with closing(sqlite3.connect(folder / "x.db")) as database:
        database.execute("create table event_logs (event text, body blob)")
        database.execute("insert into event_logs values (?, ?)", ("y" * 4000, zlib.compress(b"z" * 9000 + text)))
        database.commit()


def _workbook(folder: Path, text: bytes) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("cache").sheet_state = "hidden"
    book["cache"]["B7"] = text.decode()
    book.save(folder / "x.xlsx")


PLACES: dict[str, Callable[[Path, bytes], object]] = {
    "a file": lambda folder, text: (folder / "journal.log").write_bytes(b"x" * 5000 + text),
    "the name of a file": lambda folder, text: (folder / f"{text.decode()}.xlsx").touch(),
    "the name of a folder": lambda folder, text: (folder / text.decode()).mkdir(),
    "a hidden file": lambda folder, text: (folder / ".cache").write_bytes(text),
    "UTF-16": lambda folder, text: (folder / "x.txt").write_bytes(text.decode().encode("utf-16")),
    "gzip": lambda folder, text: (folder / "x.gz").write_bytes(gzip.compress(text * 9)),
    "zlib": lambda folder, text: (folder / "x.z").write_bytes(zlib.compress(text * 9)),
    "a zip in a zip": _zipped,
    "a compressed tar": _tarred,
    "SQLite": _sqlite,
    "a hidden sheet": _workbook,
}


@pytest.mark.parametrize("person", CANARIES, ids=["latin", "arabic"])
@pytest.mark.parametrize("place", PLACES)
def test_a_leak_is_found_wherever_it_is(search: Search, place: str, person: Person, tmp_path: Path) -> None:
    PLACES[place](tmp_path, person.name.encode())
    assert person.name in _found(search, list(pieces_of_folder(tmp_path)))


@pytest.mark.parametrize("person", CANARIES, ids=["latin", "arabic"])
def test_a_leak_is_found_in_a_dump_in_clear_and_in_bytes(search: Search, person: Person) -> None:
    clear = f"COPY raw.file FROM stdin;\n1\t{person.file}\t\\N\n".encode()
    as_bytes = b"7\t\\\\x0001" + person.name.encode().hex().encode() + b"ff\n"
    for dump in (clear, as_bytes):
        assert person.name in _found(search, list(pieces_of_dump(dump)))


def test_only_what_is_excluded_is_not_searched(search: Search, tmp_path: Path) -> None:
    for name in ("retours", "retours_bis"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text(CANARIES[0].name, encoding="utf-8")
    pieces = list(pieces_of_folder(tmp_path, excluded=[tmp_path / "retours"]))
    assert [piece.place for piece in pieces if search.found_in(piece.content)] == ["retours_bis/x.txt"]
