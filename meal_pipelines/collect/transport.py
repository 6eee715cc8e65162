"""Ask a server for JSON, patiently: what is tried again, for how long, and what is said when it is given up.

Servers' addresses, paging and meaning belong to the client of each server (`kobo.py` …). Nothing here logs, and
no error carries a token or a piece of an answer: an answer may be a person's row.
"""

from __future__ import annotations

import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import orjson
import requests
from requests.auth import AuthBase
from urllib3.exceptions import NameResolutionError, NewConnectionError

from meal_pipelines.errors import ConfigurationError, MealError, TransientError

RETRYABLE = frozenset({408, 425, 429})
"""Besides every 5xx: the statuses that another try may not meet."""

T = TypeVar("T")

Query = Mapping[str, str] | Callable[[int], Mapping[str, str]]
"""What is asked for, or a function of the try (from 0), so that a client may ask for less after a failure."""

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one request may be tried. Seconds, except `tries`.

    A try waits `connect` for the server to accept and `read` for each piece of its answer; pauses double from
    `pause` with jitter, never beyond `longest_pause`; no new try starts after `total`. A server that nobody reached
    yet gets `first_tries`: six forms of a mistyped address would otherwise take two minutes to say so.
    """

    tries: int = 5
    connect: float = 10.0
    # KoboToolbox cuts a request after 120 s (SYNCHRONOUS_REQUEST_TIME_LIMIT, 2026-11): wait a little longer.
    read: float = 130.0
    pause: float = 1.0
    longest_pause: float = 120.0
    total: float = 600.0
    first_tries: int = 2


class Authorization(AuthBase):
    """Puts the `Authorization` header. As `auth`, so that requests never puts a `.netrc` entry in its place."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._value
        return request


class _Unanswered(Exception):
    """One try failed in a way that another may not: why (French, without data), and the pause the server asked for.

    is_absent: no connection was made at all.
    """

    def __init__(self, why: str, retry_after: float | None = None, *, is_absent: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.retry_after = retry_after
        self.is_absent = is_absent


class Malformed(Exception):
    """An answer under 200 that cannot be what was asked for; another try may bring a whole one. Why, in French, without data."""


class _Stopped(Exception):
    """The caller went away; nobody reads this."""


class Client:
    """One session with one server, for one form. Used as a context manager; `stop` may be set from another thread.

    about: « le formulaire … » as a person knows it, with its article, for messages. refuse: turns a permanent
    HTTP status into the exception to raise (a client knows better than this module what a 404 means).
    """

    def __init__(
        self,
        server_url: str,
        *,
        authorization: str,
        about: str,
        refuse: Callable[[int], MealError | None],
        patience: Patience,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self.root = server_root(server_url)
        self.server = urlsplit(self.root).netloc
        self.stop = threading.Event()
        self._about = about
        self._refuse = refuse
        self._patience = patience
        self._sleep = sleep or self.stop.wait
        self._was_reached = False
        self._session = requests.Session()
        self._session.auth = Authorization(authorization)
        self._session.headers["Accept"] = "application/json"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop.set()
        self._session.close()

    def get(self, path: str, params: Query, *, holds: str = "", kind: type = object) -> dict[str, Any]:
        """The JSON object at `path`, tried again through passing faults.

        holds, kind: a key the object must have and the type of its value; without it the answer counts as broken.
        Raises: what `refuse` returns, ConfigurationError, MealError; TransientError once `Patience` is spent.
        """
        return self.read(path, params, partial(_json_object, holds=holds, kind=kind))

    def read(self, path: str, params: Query, decode: Callable[[bytes], T]) -> T:
        """What `decode` makes of the body at `path`; otherwise as `get`. It raises Malformed for a broken answer."""
        deadline = time.monotonic() + self._patience.total
        for attempt in range(self._patience.tries):
            try:
                query = params(attempt) if callable(params) else params
                return self._attempt(self.root + path, query, deadline, decode)
            except _Unanswered as failure:
                self._was_reached |= not failure.is_absent
                pause = self._pause(attempt, failure)
                tries = self._patience.tries if self._was_reached else self._patience.first_tries
                last = attempt + 1 >= tries or time.monotonic() + pause > deadline
                if last or pause > self._patience.longest_pause:
                    raise self._given_up(failure, attempt + 1) from failure
            self._sleep(pause)
        raise AssertionError("Patience.tries is at least 1")

    def _attempt(self, url: str, params: Mapping[str, str], deadline: float, decode: Callable[[bytes], T]) -> T:
        if self.stop.is_set():
            raise _Stopped
        timeout = (self._patience.connect, self._patience.read)
        try:
            # No redirect is followed: the token stays with the server it was given for.
            with self._session.get(url, params=params, timeout=timeout, allow_redirects=False, stream=True) as response:
                self._check_status(response)
                body = self._read(response, deadline)
        except requests.RequestException as error:
            failure = self._network_failure(error)
            # An InvalidHeader quotes the token: only passing faults keep their cause.
            raise failure from (error if isinstance(failure, _Unanswered) else None)
        try:
            return decode(body)
        except Malformed as broken:
            # `from None`: what broke the decoder may hold the body.
            raise _Unanswered(str(broken)) from None

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        pieces = []
        for piece in response.iter_content(1 << 20):
            pieces.append(piece)
            if self.stop.is_set():
                raise _Stopped
            if time.monotonic() > deadline:
                raise _Unanswered("sa réponse n'en finit pas")
        return b"".join(pieces)

    def _check_status(self, response: requests.Response) -> None:
        self._was_reached, status = True, response.status_code
        if status == 200:
            return
        if status in RETRYABLE or status >= 500:
            raise _Unanswered(f"il répond {status}", _retry_after(response.headers.get("Retry-After")))
        if 300 <= status < 400:
            raise redirected(self.server, response.headers.get("Location", ""))
        raise self._refuse(status) or MealError(
            f"Le serveur {self.server} refuse de rendre {self._about} (réponse {status}). "
            "Vérifiez la version du serveur, puis relancez."
        )

    def _network_failure(self, error: requests.RequestException) -> Exception:
        if _caused_by(error, ssl.SSLCertVerificationError):
            return ConfigurationError(
                f"Le certificat du serveur {self.server} n'est pas reconnu : rien n'a été lu pour {self._about}. "
                "Vérifiez l'adresse du serveur et la date de cette machine ; derrière un proxy d'entreprise, indiquez "
                "son certificat dans la variable REQUESTS_CA_BUNDLE."
            )
        is_answer = isinstance(error, requests.exceptions.JSONDecodeError)
        if isinstance(error, ValueError) and not is_answer:
            # requests' InvalidURL, InvalidHeader, MissingSchema …: nothing was sent.
            return ConfigurationError(
                f"L'adresse ou le jeton du serveur {self.server} est mal formé. Corrigez-les, puis relancez."
            )
        if isinstance(error, requests.Timeout):
            return _Unanswered("il ne répond pas à temps", is_absent=isinstance(error, requests.ConnectTimeout))
        if _caused_by(error, NameResolutionError):
            why = "son adresse est introuvable (cette machine est-elle connectée à Internet ?)"
            return _Unanswered(why, is_absent=True)
        is_absent = _caused_by(error, NewConnectionError)
        return _Unanswered("la connexion est impossible ou s'interrompt", is_absent=is_absent)

    def _pause(self, attempt: int, failure: _Unanswered) -> float:
        pause = self._patience.pause * 2.0**attempt
        # Jitter: the forms of a project are swept at the same hour and would come back together.
        spread = min(pause, self._patience.longest_pause) * random.uniform(0.5, 1.0)
        return max(failure.retry_after or 0.0, spread)

    def _given_up(self, failure: _Unanswered, tries: int) -> TransientError:
        asked = "" if failure.retry_after is None else f" et demande d'attendre {failure.retry_after:.0f} s"
        return TransientError(
            f"Le serveur {self.server} n'a pas pu être lu pour {self._about} : {failure.why}{asked} "
            f"({tries} essai{'s' if tries > 1 else ''}). Ce qui était déjà reçu est gardé ; relancez plus tard."
        )


def _json_object(body: bytes, holds: str, kind: type) -> dict[str, Any]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        # A proxy's HTML page under 200, or JSON cut in mid-answer.
        raise Malformed("sa réponse est incomplète ou n'est pas du JSON") from None
    if not isinstance(answer, dict) or (holds and not isinstance(answer.get(holds), kind)):
        raise Malformed("sa réponse n'a pas la forme attendue")
    return answer


def server_root(server_url: str) -> str:
    """The address without its final slash.

    Raises: ConfigurationError, when it is not https (except on this machine): a token and personal data would
    cross the network in clear.
    """
    root = server_url.strip().rstrip("/")
    try:
        parts = urlsplit(root)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = None, None
    if parts is None or not host or parts.query or parts.fragment or parts.username is not None:
        raise ConfigurationError(
            "L'adresse d'un serveur de collecte est mal formée. Écrivez-la sous la forme https://kf.kobotoolbox.org, "
            "sans nom d'utilisateur ni paramètre."
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        raise ConfigurationError(
            f"L'adresse du serveur {parts.netloc} ne commence pas par https:// : le jeton et les données passeraient "
            "en clair sur le réseau. Corrigez l'adresse dans la configuration du projet."
        )
    return root


def redirected(server: str, location: str) -> ConfigurationError:
    """The server sends us elsewhere: only a person may decide that the token goes there."""
    host = urlsplit(location).netloc
    where = f"vers {host}" if host and host != server else "vers une autre page"
    return ConfigurationError(
        f"Le serveur {server} redirige {where} : le jeton n'y est pas envoyé. Mettez l'adresse exacte du serveur dans "
        "la configuration du projet, puis relancez."
    )


def _caused_by(error: BaseException, kind: type[BaseException]) -> bool:
    """requests wraps urllib3, which wraps ssl or socket: the reason is somewhere along the chain."""
    seen: object = error
    while isinstance(seen, BaseException):
        if isinstance(seen, kind):
            return True
        seen = getattr(seen, "reason", None) or (seen.args[0] if seen.args else None)
    return False


def _retry_after(value: str | None) -> float | None:
    """Seconds, from either form of the header (RFC 9110, 10.2.3); None when absent or unreadable."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
