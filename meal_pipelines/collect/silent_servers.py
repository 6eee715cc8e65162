"""Which servers did not answer a moment ago: the other forms of one that is down need not wait as long as the first did.

A run remembers for itself (`remembered`); how long one request is tried is `transport.py`'s business.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

HELD_S = 45.0
"""Shorter than the pause before a run tries a form again (a minute): the first form to come back finds out anew."""


@dataclass
class SilentServers:
    """Servers by their address, with why nothing came of them and since when."""

    held_s: float = HELD_S
    _known: dict[str, tuple[float, str]] = field(default_factory=dict)

    def note(self, server: str, why: str) -> None:
        self._known[server] = (time.monotonic(), why)

    def forget(self, server: str) -> None:
        """It answers."""
        self._known.pop(server, None)

    def why(self, server: str) -> str | None:
        """Why it did not answer; None when that was too long ago, or when nobody found it silent."""
        since, why = self._known.get(server, (0.0, ""))
        return why if why and time.monotonic() - since < self.held_s else None


_current: ContextVar[SilentServers | None] = ContextVar("silent_servers", default=None)


@contextmanager
def remembered(servers: SilentServers) -> Iterator[None]:
    """Inside the block, whoever asks a server knows what others of the same run found."""
    token = _current.set(servers)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> SilentServers:
    """The run's; outside a run nobody else asks, and nothing is remembered."""
    return _current.get() or SilentServers()
