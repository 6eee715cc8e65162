"""Wake-ups: when something was heard about a form or seen in its inbox, and when its collection is due because of it.

A wake-up says « look », never what there is to see: it holds a moment and nothing else. What wakes stands elsewhere
(`hook_receiver.py`, `sheets/inbox.py`), as does what is done about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

QUIET_S = 30.0
"""A tablet sends its forms one after the other: what is due once it has been quiet so long is collected once."""
LONGEST_S = 300.0
"""But whoever never stops sending is not waited for longer than this."""


def wake(home: Path, project: str, form: str) -> None:
    """Remember that a server spoke of this form now: the date of an empty file."""
    file = home / "wakings" / project / form
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)


def woken_at(home: Path, project: str, form: str) -> float | None:
    """When this form was last woken, in seconds since 1970."""
    try:
        return (home / "wakings" / project / form).stat().st_mtime
    except FileNotFoundError:
        return None


@dataclass
class Calls:
    """What was made of the wake-ups so far. handled: the last one that led to a collection, by form · waiting: the first
    one that has not yet."""

    handled: dict[str, float] = field(default_factory=dict)
    waiting: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None) -> Calls:
        return cls(**orjson.loads(text)) if text else cls()

    def text(self) -> str:
        return orjson.dumps(asdict(self)).decode()

    def due(self, woken: Mapping[str, float], now: float) -> list[str]:
        """The forms to collect now: quiet for a while, or waiting for long. They count as handled from here on."""
        ready = []
        for form, at in woken.items():
            if at <= self.handled.get(form, 0.0):
                continue
            since = self.waiting.setdefault(form, at)
            if now - at >= QUIET_S or now - since >= LONGEST_S:
                ready.append(form)
                self.handled[form] = at
                del self.waiting[form]
        return ready


@dataclass
class Deposits:
    """What was made of the files of inboxes so far, as digests, by form. handled: those that led to a collection, or need
    none · settling: all those seen last time · count: collections asked for."""

    handled: dict[str, list[str]] = field(default_factory=dict)
    settling: dict[str, list[str]] = field(default_factory=dict)
    count: int = 0

    @classmethod
    def read(cls, text: str | None) -> Deposits:
        return cls(**orjson.loads(text)) if text else cls()

    def text(self) -> str:
        return orjson.dumps(asdict(self)).decode()

    def is_due(self, form: str, seen: frozenset[str]) -> bool:
        """Whether files of this form are new or changed and have stopped changing; they count as handled from here on.

        A file that is still growing differs each time it is looked at. One that is taken away calls for nothing.
        """
        handled, now = set(self.handled.get(form, ())), sorted(seen)
        before = self.settling.pop(form, None)
        if seen <= handled:
            self.handled[form] = now
            return False
        if before != now:
            self.settling[form] = now
            return False
        self.handled[form] = now
        self.count += 1
        return True
