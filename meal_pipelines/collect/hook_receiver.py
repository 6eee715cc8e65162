"""The receiver of Kobo's REST services: a wake-up at a secret address of this machine, and nothing else.

Kobo posts each new submission, unsigned, and tells neither edits nor deletions: what it posts is not to be believed and is not
kept; it only says that there is something to collect. ODK Central has no such call. It listens on 127.0.0.1, behind a reverse
proxy; addresses are in `hook_address.py`, what follows from a call in `wakings.py`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from meal_pipelines.collect.hook_address import hook_secret, is_known
from meal_pipelines.collect.wakings import wake
from meal_pipelines.settings import Settings

LARGEST = 1 << 18
"""Bytes of a body that are let in, and thrown away, so that the sender hears the answer; a row of Kobo has some thousands."""
SLOWEST_S = 5.0
"""How long they may take."""


@dataclass
class Bucket:
    """How many calls of one form are heard: `size` at once, then `per_second`.

    Generous, because Kobo counts a refusal as a failure and tries again only after 502, 503 or 504.
    """

    size: float = 100.0
    per_second: float = 10.0
    level: float = 100.0
    at: float = 0.0

    def take(self, now: float) -> bool:
        self.level = min(self.size, self.level + (now - self.at) * self.per_second)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


@dataclass
class Receiver:
    """Answers 202 to a call at a form's address, 429 to too many of them, 404 to everything else."""

    secret: bytes = field(repr=False)
    home: Path
    buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)

    async def hear(self, request: Request) -> Response:
        """One call. The wake-up is written before the body is waited for."""
        project, form, token = (request.path_params[name] for name in ("project", "form", "token"))
        if not is_known(self.secret, project, form, token):
            return await _nothing(request, None)
        if not self.buckets.setdefault((project, form), Bucket()).take(time.monotonic()):
            return _answer(429, {"Retry-After": "1"})
        try:
            wake(self.home, project, form)
        except OSError:
            # 503 is one of the answers after which Kobo tries again.
            return _answer(503, {"Retry-After": "60"})
        await _throw_away(request)
        return _answer(202)

    def application(self) -> Starlette:
        route = Route("/kobo/{project}/{form}/{token}", self.hear, methods=["POST"])
        application = Starlette(routes=[route], exception_handlers={404: _nothing, 405: _nothing})
        application.router.redirect_slashes = False  # a redirection would say that an address is nearly right
        return application


async def _throw_away(request: Request) -> None:
    """Let a body of ordinary size pass, so that the sender is not cut off in the middle of it."""
    passed = 0
    try:
        async with asyncio.timeout(SLOWEST_S):
            async for piece in request.stream():
                passed += len(piece)
                if passed > LARGEST:
                    return
    except (TimeoutError, ClientDisconnect):
        return


async def _nothing(_request: Request, _why: Exception | None) -> Response:
    return _answer(404)


def _answer(status: int, headers: dict[str, str] | None = None) -> Response:
    # Closed after each answer: what is left of a body is never read.
    return Response(status_code=status, headers={"Connection": "close", **(headers or {})})


def listen(settings: Settings, port: int) -> None:
    """Listen on 127.0.0.1 until the process ends. Nothing is logged: a path is a secret."""
    application = Receiver(hook_secret(settings), settings.home).application()
    uvicorn.run(
        application, host="127.0.0.1", port=port, http="h11", ws="none", lifespan="off", log_level="critical", access_log=False,
        server_header=False, date_header=False, timeout_keep_alive=5, limit_concurrency=64,
        h11_max_incomplete_event_size=16_384,
    )  # fmt: skip


if __name__ == "__main__":
    listen(Settings.load(), int(sys.argv[1]))
