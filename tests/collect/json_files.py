"""A fourth source, in one module: a folder with one JSON file per submission, named by its id.

It stands for any server that shows what it holds and cannot say what changed. `docs/new_source.md` is written around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import ClassVar

import orjson

from meal_pipelines.collect.source import Order, Page, Source, Submission, canonical
from meal_pipelines.errors import ConfigurationError


@dataclass
class JsonFiles(Source):
    """folder: where the files are · page_size: submissions given at once."""

    folder: Path
    page_size: int = 500
    kind: ClassVar[str] = "json"
    order: ClassVar[Order] = "text"
    says_arrival: ClassVar[bool] = True

    def sweep(self, after: str | None = None) -> Iterator[Page]:
        """Every file, by name.

        Raises: ConfigurationError when there is no such folder, or when a file is not JSON.
        """
        if not self.folder.is_dir():
            raise ConfigurationError(f"Le dossier {self.folder} n'existe pas. Corrigez la source, puis relancez.")
        names = sorted(file.stem for file in self.folder.glob("*.json"))
        rest = iter(name for name in names if after is None or name > after)
        while page := list(islice(rest, self.page_size)):
            yield Page([self._submission(name) for name in page], after, page[-1])
            after = page[-1]
        yield Page([], after, None)

    def is_same(self, before: bytes, after: bytes) -> bool:
        """Another order of the keys is no edit."""
        return canonical(orjson.loads(before)) == canonical(orjson.loads(after))

    def _submission(self, name: str) -> Submission:
        file = self.folder / f"{name}.json"
        content = file.read_bytes()
        try:
            answers = orjson.loads(content)
        except orjson.JSONDecodeError:
            raise ConfigurationError(f"{file.name} n'est pas du JSON. Remplacez-le, puis relancez.") from None
        written = datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat()
        return Submission(name, content, form_version=answers.get("version"), submitted_at=written, changed_at=written)
