"""Files on a loopback server, fetched into a store of the test's own; pictures made of nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meal_pipelines.collect.attachments import Erased, FileStore, Limits, Tally, erase, fetch_files
from meal_pipelines.collect.attachments.ledger import FileLedger
from meal_pipelines.collect.source import Source
from tests.odk_server import OdkServer
from tests.odk_state import Form
from tests.stage_cases import Bench

IMAGES = Limits(2_000_000, ("image/*", "application/pdf"))
MARK = b"octets d'une photo que personne ne doit retrouver"
PROGRAM = b"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff" + MARK * 300


def picture(seed: int, size: int = 70_000) -> bytes:
    """A PNG by its first bytes, with a mark that a search can find."""
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + MARK
    return head + random.Random(seed).randbytes(size - len(head))


def submitted(server: OdkServer, form: Form, **files: bytes | None) -> str:
    """A submission with these files; None: announced only. « a » stands for « a.png »."""
    root = server.submit(form, {"photo": "a.png"}, files=[f"{name}.png" for name in files])
    for name, content in files.items():
        if content is not None:
            server.attach(form, root, f"{name}.png", content)
    return root


@dataclass
class House:
    """One form's files: fetched from `source`, kept in `store`."""

    bench: Bench
    store: FileStore
    folder: Path

    def fetch(self, source: Source, limits: Limits = IMAGES, **options: Any) -> Tally:
        b = self.bench
        return fetch_files(b.warehouse, b.keyring, self.store, b.project.id, "visites", source, limits, **options)

    def night(self, source: Source, limits: Limits = IMAGES, **options: Any) -> Tally:
        """Collect submissions, then their files."""
        self.bench.sync(source=source)
        return self.fetch(source, limits, **options)

    def erase(self, *submission_ids: str) -> Erased:
        b = self.bench
        return erase(b.warehouse, b.keyring, self.store, b.project.id, "visites", list(submission_ids) or None)

    def states(self) -> list[tuple[str, bool, str | None, int]]:
        """(state, is it at the source, reason, files), in order."""
        return self.bench.query(
            "select state, is_at_source, reason, count(*) from raw.attachment where project = %s"
            " group by 1, 2, 3 order by 1, 2, 3",
            self.bench.project.id,
        )

    def content(self, submission_id: str) -> dict[str, bytes]:
        """The kept files of a submission, opened, by name."""
        b = self.bench
        with closing(b.warehouse.psycopg()) as connection:
            kept = FileLedger(connection, b.keyring, b.project.id, "visites").kept(submission_id)
        found = {}
        for name, _, address in kept:
            with self.store.opened(b.project.id, address) as sealed:
                found[name] = b"".join(b.keyring.file_sealer(b.project.id).unseal(sealed, address))
        return found

    def lying(self) -> list[Path]:
        """Every file of the store, half-written ones included."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def clear_bytes(self) -> Iterator[Path]:
        """Files of the store in which the mark of the pictures can be read."""
        return (path for path in self.lying() if MARK in path.read_bytes())
