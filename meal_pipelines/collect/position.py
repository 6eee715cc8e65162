"""What is remembered of a form between two loads, and what one load did. Written and read by `ledger.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from meal_pipelines.collect.source import Mark


@dataclass
class Load:
    """What one pull did. received: submissions shown by the source; added … restored: versions written to `raw`.

    mode: `sweep`, everything was read, or `changes`, what the source said had changed · present: submissions that `raw`
    holds for present afterwards · erased: those it must not hold and the source still has · server_count: how many the source
    said it holds · message: why it was swept ·
    refused: why something was not accepted · refused_count: of how many submissions that is said.
    """

    load_id: int
    mode: str = "changes"
    received: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    restored: int = 0
    present: int = 0
    erased: int = 0
    server_count: int | None = None
    message: str | None = None
    refused: str | None = None
    refused_count: int = 0

    @property
    def written(self) -> int:
        return self.added + self.changed + self.removed + self.restored


@dataclass
class SweepPosition:
    """How far a sweep has come. load: the load that began it, under which `raw.missing` notes what it did not meet.

    after: the last key covered · seen: submissions met · count: what the server said there was at its beginning ·
    mark: where the source stood when it began.
    """

    load: int
    after: str | None = None
    seen: int = 0
    count: int | None = None
    mark: Mark | None = None
    export: str | None = None


@dataclass
class Position:
    """What is remembered of a form between two loads.

    present: submissions held for present, None when never counted · mark: where the next changes start ·
    swept_at: when the last whole sweep ended · sweep: one under way · done: exports that need not be read again.
    """

    present: int | None = None
    mark: Mark | None = None
    swept_at: str | None = None
    sweep: SweepPosition | None = None
    done: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Position:
        sweep = stored.get("sweep")
        return cls(**{**stored, "sweep": SweepPosition(**sweep) if sweep else None})
