"""No planted name, phone or address is legible anywhere outside the sample: database, Dagster, files, output.

Looked for as UTF-8, UTF-16, hexadecimal, base64 and \\u escapes. Not looked for: names of fewer than five letters, which
are syllables of ordinary words. The sample itself and the truth beside it hold them all, and are not searched.
"""

from __future__ import annotations

import base64
import re
import subprocess
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from meal_pipelines.warehouse.binaries import programs
from tests.end_to_end.conftest import PROJECTS, Demo
from tests.end_to_end.leaks import SHORTEST, Search, told

BYTEA = re.compile(rb"\\\\x([0-9a-f]{2,})")


@cache
def identities(sample: Path) -> frozenset[str]:
    """Every planted identity of both projects."""
    found: set[str] = set()
    for project in PROJECTS:
        found |= set((sample / project / "truth" / "identities.txt").read_text(encoding="utf-8").splitlines())
    return frozenset(found)


@cache
def search(sample: Path) -> Search:
    return Search(identities(sample))


def test_an_identity_is_found_however_it_is_written() -> None:
    """A search that finds nothing anywhere would pass every other test."""
    looking = Search(["Benchekroun", "06 12 34 56 78", "عبدالإله", "contact0000001@example.org"])
    for text in ("Benchekroun", "+212612345678", "عبدالإله", "contact0000001@example.org"):
        written = [text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be"), text.encode("unicode-escape")]
        written += [text.encode().hex().encode(), text.encode().hex().upper().encode()]
        written += [base64.b64encode(b"x" * shift + text.encode() + b"yy") for shift in range(3)]
        for content in written:
            assert looking.found_in(b"avant " + content + b" et la suite"), content


def test_the_sample_does_hold_what_is_looked_for(demo: Demo) -> None:
    """And almost nothing of it is too short to be looked for."""
    looking, found = search(demo.sample), set()
    for path in demo.sample.rglob("2-dernier-export/*.json"):
        found |= {identity for identity, _ in looking.found_in(path.read_bytes())}
    assert len(found) > 1500
    short = [identity for identity in identities(demo.sample) if len(identity) < SHORTEST]
    assert len(short) < 0.01 * len(identities(demo.sample))


def test_a_stolen_copy_of_the_database_names_nobody(demo: Demo) -> None:
    """Everything that pg_dump takes away: tables, comments, definitions; sealed bytes are searched as bytes."""
    dump = _dump(demo)
    sealed = b"\0".join(bytes.fromhex(found.decode()) for found in BYTEA.findall(dump))
    assert len(sealed) > 1_000_000, "the dump holds the sealed answers"
    looking = search(demo.sample)
    found = {
        "the dump": looking.found_in(BYTEA.sub(b"", dump)),
        "sealed bytes": looking.found_in(sealed, is_noise=True),
    }
    assert not any(found.values()), told(found)


def test_the_database_on_disk_names_nobody(demo: Demo) -> None:
    """The data folder outlives rows: old versions of pages, write-ahead log, temporary files, the server's log."""
    demo.query("select 1")
    looking = search(demo.sample)
    found = {
        str(path.relative_to(demo.home)): looking.found_in(content, is_noise=True)
        for path, content in _contents(demo.home / "postgres")
    }
    assert not any(found.values()), told(found)


def test_files_for_readers_name_nobody(demo: Demo) -> None:
    looking = search(demo.sample)
    found = {path.name: looking.found_in(content) for path, content in _contents(demo.out)}
    assert found, "there are files"
    assert not any(found.values()), told(found)


def test_dagster_keeps_nothing_that_names_anybody(demo: Demo) -> None:
    """Event log, metadata, asset checks, failures: SQLite files and whatever else is in its home."""
    looking = search(demo.sample)
    found = {path.name: looking.found_in(content) for path, content in _contents(demo.home / "dagster")}
    assert any(name.endswith(".db") for name in found)
    assert not any(found.values()), told(found)


def test_nothing_that_was_printed_names_anybody(demo: Demo) -> None:
    looking = search(demo.sample)
    met = looking.found_in(demo.finished.out.encode()) | looking.found_in(demo.finished.err.encode())
    assert not met, told({"output": met})


def test_what_the_officer_reads_about_quality_names_nobody(demo: Demo) -> None:
    """Messages say which question and which rule, never the answer."""
    looking = search(demo.sample)
    found = {}
    for (table,) in demo.query("select table_name from information_schema.tables where table_schema = 'quality'"):
        rows = demo.query(f"select t::text from quality.{table} as t")
        found[table] = looking.found_in("\n".join(row for (row,) in rows).encode())
    assert "rejection" in found
    assert not any(found.values()), told(found)


def test_an_analyst_never_meets_the_number_of_a_file_that_identifies_a_person(demo: Demo) -> None:
    """Questions of the class « identifier » that are not names or phones: the register's file number, the device."""
    asked = {line["submission_id"] for line in _lines(demo)}
    for schema in ("pseudonymised", "marts", "indicators", "extracts", "quality"):
        for (table,) in demo.query("select table_name from information_schema.tables where table_schema = %s", schema):
            text = "\n".join(row for (row,) in demo.query(f'select t::text from {schema}."{table}" as t'))
            assert not {number for number in asked if number in text}, f"{schema}.{table}"


def _lines(demo: Demo) -> Iterator[dict[str, str]]:
    return demo.truth("thamm_plus", "candidats")


def _dump(demo: Demo) -> bytes:
    url = demo.warehouse.url()
    host, port = url.query.get("host") or url.host, url.query.get("port") or url.port
    done = subprocess.run(
        [str(programs().folder / "pg_dump"), "-h", str(host), "-p", str(port), "-U", str(url.username), str(url.database)],
        capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    return done.stdout


def _contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file of a folder, and what is inside the zipped ones (workbooks)."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    for name in archive.namelist():
                        yield path.with_name(f"{path.name}:{name.replace('/', ':')}"), archive.read(name)
