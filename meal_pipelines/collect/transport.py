"""Ask a server for JSON or files, patiently: what is tried again, for how long, and what is said when it is given up.

Servers' addresses, paging and meaning belong to the client of each server (`kobo.py` …). Nothing here logs, and
no error carries a token or a piece of an answer: an answer may be a person's row.
"""

from __future__ import annotations

import hashlib
import random
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError

from meal_pipelines.collect import silent_servers
from meal_pipelines.collect.answer import Malformed, json_object
from meal_pipelines.collect.authorization import Authorization
from meal_pipelines.collect.network import caused_by, redirected, retry_after, server_root
from meal_pipelines.errors import ConfigurationError, MealError, TransientError

RETRYABLE = frozenset({408, 425, 429})
"""Besides every 5xx but « not implemented »: the statuses that another try may not meet."""

MD5 = re.compile(r'(?:W/)?"(?P<digest>[0-9a-f]{32})"')
"""An ETag that says what the bytes are; a store of files gives another kind for a file that came in several parts."""

T = TypeVar("T")

Query = Mapping[str, str] | Callable[[int], Mapping[str, str]]
"""What is asked for, or a function of the try (from 0), so that a client may ask for less after a failure."""


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


class _Unanswered(Exception):
    """One try failed in a way that another may not: why (French, without data), and the pause the server asked for.

    is_absent: no connection was made at all · is_down: nor is anybody behind it, as far as a proxy in front says.
    """

    def __init__(
        self, why: str, retry_after: float | None = None, *, is_absent: bool = False, is_down: bool = False
    ) -> None:
        super().__init__(why)
        self.why = why
        self.retry_after = retry_after
        self.is_absent = is_absent
        self.is_down = is_absent or (is_down and retry_after is None)


class _Stopped(Exception):
    """The caller went away; nobody reads this."""


class Client:
    """One session with one server, for one form. Used as a context manager; `stop` may be set from another thread.

    about: « le formulaire … » as a person knows it, with its article, for messages. refuse: turns a permanent
    HTTP status into the exception to raise (a client knows better than this module what a 404 means). headers: sent
    with every request.
    """

    def __init__(
        self,
        server_url: str,
        *,
        authorization: str | Authorization,
        about: str,
        refuse: Callable[[int], MealError | None],
        patience: Patience,
        sleep: Callable[[float], object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.root = server_root(server_url)
        self.server = urlsplit(self.root).netloc
        self.stop = threading.Event()
        self._about = about
        self._refuse = refuse
        self._patience = patience
        self._sleep = sleep or self.stop.wait
        self._was_reached, self._has_answered = False, False
        self._silent = silent_servers.current()
        self._authorization = Authorization(authorization) if isinstance(authorization, str) else authorization
        self._session = requests.Session()
        self._session.auth = self._authorization
        self._session.headers.update({"Accept": "application/json", **(headers or {})})
        # Proxies and certificates of the environment, read once: requests would read them again at each request.
        environment = self._session.merge_environment_settings(self.root, {}, None, None, None)
        self._session.proxies, self._session.verify = environment["proxies"], environment["verify"]
        self._session.trust_env = False

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
        return self.read(path, params, partial(json_object, holds=holds, kind=kind))

    def read(self, path: str, params: Query, decode: Callable[[bytes], T]) -> T:
        """What `decode` makes of the body at `path`; otherwise as `get`. It raises Malformed for a broken answer."""

        def attempt(number: int, deadline: float) -> T:
            query = params(number) if callable(params) else params
            return self._decoded("GET", path, deadline, decode, params=query)

        return self._patiently(attempt)

    def post(self, path: str, document: object, decode: Callable[[bytes], T]) -> T:
        """What `decode` makes of the answer to a JSON document that may be sent more than once; otherwise as `read`."""
        return self._patiently(lambda _, deadline: self._decoded("POST", path, deadline, decode, json=document))

    def send(self, method: str, path: str, decode: Callable[[bytes], T], **sent: Any) -> T:
        """What `decode` makes of the answer to a request that may be sent more than once; `sent` as requests takes it."""
        return self._patiently(lambda _, deadline: self._decoded(method, path, deadline, decode, **sent))

    def stream(self, path: str) -> Iterator[bytes]:
        """The bytes at `path`, in pieces, held against the MD5 that the server gives as their ETag, if it does.

        Opened as patiently as `read`; once the first piece is given nothing is tried again. A redirection is followed
        once, without our authorisation: that is how a store of files is reached.
        Raises: as `get`; TransientError, when the bytes end early or are not those announced.
        """
        with ExitStack() as stack:
            response = self._patiently(lambda *_: stack.enter_context(self._file(path)))
            digest = hashlib.md5(usedforsecurity=False)
            try:
                with self._faults():
                    for piece in response.iter_content(1 << 20):
                        digest.update(piece)
                        yield piece
                announced = MD5.fullmatch(response.headers.get("ETag", ""))
                if announced and announced["digest"] != digest.hexdigest():
                    raise _Unanswered("un fichier ne correspond pas à son empreinte")
            except _Unanswered as failure:
                raise self._given_up(failure, 1) from failure

    @contextmanager
    def _file(self, path: str) -> Iterator[requests.Response]:
        with self._faults(), self._opened("GET", path, headers={"Accept": "*/*"}) as response:
            location = response.headers.get("Location")
            if location is None or not 300 <= response.status_code < 400:
                self._check_status(response)
                yield response
                return
            server_root("{0.scheme}://{0.netloc}".format(urlsplit(location)))
            with requests.Session() as session, self._send(session, "GET", location, auth=Authorization()) as stored:
                self._check_status(stored)
                yield stored

    def _patiently(self, attempts: Callable[[int, float], T]) -> T:
        """What one attempt gives, tried again through passing faults; an attempt takes its number and the deadline."""
        if not self._has_answered and (why := self._silent.why(self.root)) is not None:
            raise self._unread(f"{why} (constaté à l'instant pour un autre formulaire)")
        deadline = time.monotonic() + self._patience.total
        for attempt in range(self._patience.tries):
            try:
                return attempts(attempt, deadline)
            except _Unanswered as failure:
                self._was_reached |= not failure.is_absent
                pause = self._pause(attempt, failure)
                tries = self._patience.tries if self._was_reached else self._patience.first_tries
                last = attempt + 1 >= tries or time.monotonic() + pause > deadline
                if last or pause > self._patience.longest_pause:
                    raise self._given_up(failure, attempt + 1) from failure
            self._sleep(pause)
        raise AssertionError("Patience.tries is at least 1")

    def _decoded(self, method: str, path: str, deadline: float, decode: Callable[[bytes], T], **sent: Any) -> T:
        if self.stop.is_set():
            raise _Stopped
        with self._faults(), self._opened(method, path, **sent) as response:
            self._check_status(response)
            body = self._read(response, deadline)
        try:
            return decode(body)
        except Malformed as broken:
            # `from None`: what broke the decoder may hold the body.
            raise _Unanswered(str(broken)) from None

    @contextmanager
    def _opened(self, method: str, path: str, **sent: Any) -> Iterator[requests.Response]:
        """An answer whose body is still to be read; asked again at once when a new authorisation may be accepted."""
        with self._send(self._session, method, self.root + path, **sent) as response:
            refused = str(response.request.headers.get("Authorization", ""))
            if response.status_code != 401 or not self._authorization.renew(refused):
                yield response
                return
        with self._send(self._session, method, self.root + path, **sent) as response:
            yield response

    def _send(self, session: requests.Session, method: str, url: str, **sent: Any) -> requests.Response:
        timeout = (self._patience.connect, self._patience.read)
        # No redirect is followed: the token stays with the server it was given for.
        return session.request(method, url, timeout=timeout, allow_redirects=False, stream=True, **sent)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """A fault of the network, as the exception that says what to do about it."""
        try:
            yield
        except requests.RequestException as error:
            failure = self._network_failure(error)
            # An InvalidHeader quotes the token: only passing faults keep their cause.
            raise failure from (error if isinstance(failure, _Unanswered) else None)

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        pieces = []
        for piece in response.iter_content(1 << 22):
            pieces.append(piece)
            if self.stop.is_set():
                raise _Stopped
            if time.monotonic() > deadline:
                raise _Unanswered("sa réponse n'en finit pas")
        return b"".join(pieces)

    def _check_status(self, response: requests.Response) -> None:
        self._was_reached, status = True, response.status_code
        if status in (200, 201):
            self._has_answered = True
            self._silent.forget(self.root)
            return
        if status in RETRYABLE or (status >= 500 and status != 501):
            pause = retry_after(response.headers.get("Retry-After"))
            raise _Unanswered(f"il répond {status}", pause, is_down=status in (502, 503))
        if 300 <= status < 400:
            raise redirected(self.server, response.headers.get("Location", ""))
        raise self._refuse(status) or MealError(
            f"Le serveur {self.server} refuse de rendre {self._about} (réponse {status}). "
            "Vérifiez la version du serveur, puis relancez."
        )

    def _network_failure(self, error: requests.RequestException) -> Exception:
        if caused_by(error, ssl.SSLCertVerificationError):
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
        if caused_by(error, NameResolutionError):
            why = "son adresse est introuvable (cette machine est-elle connectée à Internet ?)"
            return _Unanswered(why, is_absent=True)
        is_absent = caused_by(error, NewConnectionError)
        return _Unanswered("la connexion est impossible ou s'interrompt", is_absent=is_absent)

    def _pause(self, attempt: int, failure: _Unanswered) -> float:
        pause = self._patience.pause * 2.0**attempt
        # Jitter: the forms of a project are swept at the same hour and would come back together.
        spread = min(pause, self._patience.longest_pause) * random.uniform(0.5, 1.0)
        return max(failure.retry_after or 0.0, spread)

    def _given_up(self, failure: _Unanswered, tries: int) -> TransientError:
        if failure.is_down and not self._has_answered:
            self._silent.note(self.root, failure.why)
        asked = "" if failure.retry_after is None else f" et demande d'attendre {failure.retry_after:.0f} s"
        return self._unread(f"{failure.why}{asked} ({tries} essai{'s' if tries > 1 else ''})")

    def _unread(self, why: str) -> TransientError:
        return TransientError(
            f"Le serveur {self.server} n'a pas pu être lu pour {self._about} : {why}. "
            "Ce qui était déjà reçu est gardé ; relancez plus tard."
        )
