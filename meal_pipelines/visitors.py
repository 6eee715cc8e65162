"""Whose requests the interface answers: this machine's and those of its own pages, never another site's.

Dagster's interface has no sign-in and obeys whatever reaches it: without this, any page that the officer's browser shows could
start a purge with an image, or read everything under a name that leads to 127.0.0.1. Who signs in is the reverse proxy's
business. Nothing here knows Dagster; `resources/webserver.py` puts it in front.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.settings import Settings

VARIABLE = "MEAL_UI_URL"
HERE = frozenset({"127.0.0.1", "localhost", "::1"})
GRAPHQL = "/graphql"

FOREIGN_NAME = (
    "Cette interface ne répond pas sous ce nom. Ouvrez-la par http://127.0.0.1, ou indiquez l'adresse publique de votre proxy "
    f"dans {VARIABLE} (.env), puis relancez."
)
FOREIGN_PAGE = "Cette demande vient d'un autre site : elle est refusée. Ouvrez l'interface par son adresse."
NO_QUERY = "Une requête GraphQL se pose par POST."


class OwnPages:
    """An ASGI application before another: it answers 403 or 405 to what comes from elsewhere.

    names: the hosts under which the interface may be asked.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self.app, self.names = app, frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = None if scope["type"] == "lifespan" else self._refusal(scope)
        if refusal is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            status, text = refusal
            await PlainTextResponse(text, status)(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        if _host(headers.get("host")) not in self.names:
            return 403, FOREIGN_NAME
        if not self._is_own(scope, headers):
            return 403, FOREIGN_PAGE
        # An old browser says nothing of where an image is asked from, and Dagster obeys a query that stands in an address.
        if scope["type"] == "http" and scope["method"] != "POST" and scope["path"].rstrip("/") == GRAPHQL:
            return 405, NO_QUERY
        return None

    def _is_own(self, scope: Scope, headers: Headers) -> bool:
        """Whether it comes from a page of the interface, from no page at all, or is a link that somebody followed to it.

        Browsers have sent Sec-Fetch-Site since 2020 (Safari since 2023); before, Origin alone. Programs send neither.
        """
        site = headers.get("sec-fetch-site")
        if site in ("same-origin", "none"):
            return True
        if site is not None:
            is_read = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
            # A frame of another site is no document: what is clicked in it is not what is seen.
            return is_read and headers.get("sec-fetch-dest") == "document"
        origin = headers.get("origin")
        if origin is None:
            return True
        asked, told = headers.get("host", ""), urlsplit(origin)
        return told.netloc == asked or told.hostname in self.names - HERE


def names(settings: Settings) -> frozenset[str]:
    """Under which hosts the interface may be asked. Raises: ConfigurationError when `MEAL_UI_URL` is not an https address."""
    declared = settings.variables.get(VARIABLE, "").strip()
    if not declared:
        return HERE
    host = _host(declared.removeprefix("https://").split("/", 1)[0])
    if not declared.startswith("https://") or not host:
        raise ConfigurationError(
            f"{VARIABLE} doit être l'adresse de l'interface chez votre proxy, comme https://meal.example.org. Corrigez-la dans "
            ".env, ou retirez-la si l'interface ne s'ouvre que sur cette machine."
        )
    return HERE | {host}


def _host(header: str | None) -> str:
    """The host of a `Host` header, without its port; empty when it is none."""
    try:
        return urlsplit(f"//{header or ''}").hostname or ""
    except ValueError:
        return ""
