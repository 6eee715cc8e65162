"""The login to an ODK Central: one session for all the forms that an account reads, renewed when the server refuses it.

A session lasts 24 hours and is not prolonged by use (seen on v2026.2.2). Basic authentication, which would send the
password with every request, is never used.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import orjson
from requests import PreparedRequest

from meal_pipelines.collect.answer import Malformed
from meal_pipelines.collect.authorization import Authorization
from meal_pipelines.collect.network import server_root
from meal_pipelines.collect.transport import Client, Patience
from meal_pipelines.errors import ConfigurationError, MealError

SESSIONS = "/v1/sessions"


class OdkSession(Authorization):
    """An account on a server. Logs in when first needed; safe to share between threads; its `repr` shows no secret.

    variables: where the address and the password came from, for messages. sleep: replaces the pauses between tries.
    Raises: ConfigurationError, when the address or the account cannot be right.
    """

    def __init__(
        self,
        server_url: str,
        email: str,
        password: str,
        *,
        variables: tuple[str, str] = ("ODK_EMAIL", "ODK_PASSWORD"),
        patience: Patience | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        super().__init__("")
        self.root = server_root(server_url)
        self.variables = " et ".join(variables)
        if "@" not in email or not password:
            raise ConfigurationError(
                f"Les variables {self.variables} doivent donner l'adresse électronique et le mot de passe d'un compte "
                "d'ODK Central ; l'une des deux est vide ou mal formée."
            )
        self._email, self._password = email, password
        self._patience, self._sleep = patience or Patience(), sleep
        self._lock = threading.Lock()
        self._token = ""
        self._opened_at: datetime | None = None
        self._opened = 0.0

    def __repr__(self) -> str:
        return f"OdkSession({self.root!r})"

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        with self._lock:
            self._open()
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def renew(self, refused: str) -> bool:
        with self._lock:
            # Another thread may have renewed it already.
            if refused == f"Bearer {self._token}":
                self._token = ""
        return True

    def now(self) -> datetime:
        """The clock that stamps the submissions: the database's own, read at login and gone on with since.

        Never ahead of it, whatever this machine's clock says or a proxy writes in `Date`.
        """
        with self._lock:
            self._open()
            assert self._opened_at is not None
            return self._opened_at + timedelta(seconds=time.monotonic() - self._opened)

    def is_of(self, email: str, password: str) -> bool:
        return (email, password) == (self._email, self._password)

    def _open(self) -> None:
        if self._token:
            return
        with Client(
            self.root,
            authorization=Authorization(""),
            about="la connexion du compte de collecte",
            refuse=self._refusal,
            patience=self._patience,
            sleep=self._sleep,
        ) as client:
            token, created_at = client.post(SESSIONS, {"email": self._email, "password": self._password}, _session)
        self._token, self._opened_at, self._opened = token, created_at, time.monotonic()

    def _refusal(self, status: int) -> MealError | None:
        if status in (400, 401):
            return ConfigurationError(
                f"ODK Central ({self.root}) refuse ce compte. Vérifiez {self.variables} en vous connectant au site "
                "avec eux, puis relancez."
            )
        if status == 404:
            # Under single sign-on (OIDC) the path does not exist [central-backend, resources/sessions.js].
            return ConfigurationError(
                f"{self.root} n'accepte pas de mot de passe : ce n'est pas l'adresse d'un ODK Central, ou la connexion y passe "
                "par un fournisseur d'identité (OIDC). Vérifiez l'adresse, ou demandez un compte avec mot de passe à "
                "l'administrateur du serveur."
            )
        return None


def _session(body: bytes) -> tuple[str, datetime]:
    """The token, and the database's clock when it was given."""
    try:
        answer = orjson.loads(body)
        return str(answer["token"]), datetime.fromisoformat(answer["createdAt"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        # `from None`: the error would hold the token.
        raise Malformed("sa réponse à la connexion n'a pas la forme attendue") from None


_shared: dict[tuple[str, str], OdkSession] = {}
_sharing = threading.Lock()


def shared_session(server_url: str, email: str, password: str, variables: tuple[str, str]) -> OdkSession:
    """The session of that account in this process; a new one when its password has changed."""
    session = OdkSession(server_url, email, password, variables=variables)
    with _sharing:
        known = _shared.get((session.root, email))
        if known is None or not known.is_of(email, password):
            _shared[session.root, email] = known = session
        return known
