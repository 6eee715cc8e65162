"""Addresses of servers and what a fault of the network means, as far as it can be told without knowing the server."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from meal_pipelines.errors import ConfigurationError

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


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


def caused_by(error: BaseException, kind: type[BaseException]) -> bool:
    """requests wraps urllib3, which wraps ssl or socket: the reason is somewhere along the chain."""
    seen: object = error
    while isinstance(seen, BaseException):
        if isinstance(seen, kind):
            return True
        seen = getattr(seen, "reason", None) or (seen.args[0] if seen.args else None)
    return False


def retry_after(value: str | None) -> float | None:
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
