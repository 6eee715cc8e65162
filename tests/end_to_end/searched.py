"""Which bytes are searched for identities: files of a folder, what is packed in them, and the rows of SQLite files.

Nothing here knows what is looked for.
"""

from __future__ import annotations

import gzip
import io
import re
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

SQLITE, GZIP = b"SQLite format 3\0", b"\x1f\x8b\x08"
ZLIB = re.compile(rb"x[\x01\x5e\x9c\xda]")
DEPTH = 4
"""Containers inside containers that are opened."""
BYTEA = re.compile(rb"\\\\x([0-9a-f]{2,})")


@dataclass(frozen=True)
class Piece:
    """Some bytes, and where they were found. is_noise: they may be sealed, and so as good as random."""

    place: str
    content: bytes
    is_noise: bool = False


def pieces_of_folder(folder: Path, *, excluded: Iterable[Path] = (), noisy: Iterable[Path] = ()) -> Iterator[Piece]:
    """Every file under a folder, the names of files, and what containers hold. noisy: folders whose bytes may be sealed."""
    excluded, noisy = list(excluded), list(noisy)
    names = []
    for path in sorted(folder.rglob("*")):
        if any(path.is_relative_to(each) for each in excluded):
            continue
        names.append(str(path.relative_to(folder)))
        if path.is_file() and not path.is_symlink():
            is_noise = any(path.is_relative_to(each) for each in noisy)
            with suppress(FileNotFoundError):  # a server that still runs removes its temporary files
                yield from opened(Piece(names[-1], path.read_bytes(), is_noise))
    yield Piece(f"{folder.name}: names of files", "\n".join(names).encode("utf-8", "surrogateescape"))


def opened(piece: Piece, depth: int = DEPTH) -> Iterator[Piece]:
    """The bytes themselves, then whatever they contain: ZIP (workbooks, documents), TAR, GZIP, zlib, SQLite."""
    yield piece
    if depth:
        for name, content in _inside(piece.content):
            yield from opened(Piece(f"{piece.place} › {name}", content, piece.is_noise), depth - 1)


def _inside(content: bytes) -> Iterator[tuple[str, bytes]]:
    if content.startswith(SQLITE):
        yield "rows", b"\n".join(_rows(content))
    elif content.startswith(GZIP):
        with suppress(OSError, EOFError, zlib.error):
            yield "gzip", gzip.decompress(content)
    elif ZLIB.match(content):
        with suppress(zlib.error):
            yield "zlib", zlib.decompressobj().decompress(content)
    elif content.startswith(b"PK\x03\x04"):
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield "names", "\n".join([*archive.namelist(), archive.comment.decode("latin-1")]).encode()
            for name in archive.namelist():
                yield name, archive.read(name)
    elif content[257:262] == b"ustar":
        with suppress(tarfile.TarError), tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                if (file := archive.extractfile(member)) is not None:
                    yield member.name, file.read()


def _rows(content: bytes) -> Iterator[bytes]:
    """Every value of every table, whole: a long text is cut into pages in the file."""
    with closing(sqlite3.connect(":memory:")) as database, suppress(sqlite3.DatabaseError):
        database.deserialize(content)
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            for row in database.execute(f'select * from "{table}"'):
                for value in row:
                    if isinstance(value, (str, bytes)):
                        yield value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
                        # Compressed columns: pickles, JSON packed by a library.
                        if isinstance(value, bytes):
                            yield from (inner for _, inner in _inside(value))


def pieces_of_dump(dump: bytes) -> Iterator[Piece]:
    """What pg_dump gives: its text, and its bytes (sealed answers) as bytes."""
    yield Piece("pg_dump", BYTEA.sub(b"", dump))
    sealed = b"\0".join(bytes.fromhex(found[: len(found) // 2 * 2].decode()) for found in BYTEA.findall(dump))
    yield Piece("pg_dump: bytes", sealed, is_noise=True)
