"""The secret address at which a server may wake the collection of a form: made, shown on demand, recognised.

Whoever knows the address of a form can wake its collection and nothing else. It hangs on a secret of its own, never on the
keyring: the process that listens to the network holds no key. Listening is in `hook_receiver.py`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from meal_pipelines.collect.network import server_root
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.settings import Settings

VARIABLE, PUBLIC = "MEAL_HOOK_SECRET", "MEAL_HOOK_URL"
SHORTEST = 32
NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
"""A project or a form, as `project.yaml` may name it: nothing that would mean something in a path."""


def hook_secret(settings: Settings) -> bytes:
    """The secret of `MEAL_HOOK_SECRET`, else that of `MEAL_HOME/hook_secret`, made at its first use.

    Raises: ConfigurationError when it is too short to be one.
    """
    given = settings.variables.get(VARIABLE)
    if given:
        if len(given) < SHORTEST:
            raise ConfigurationError(
                f"La variable {VARIABLE} est trop courte : au moins {SHORTEST} caractères, tirés au hasard. Retirez-la pour "
                f"que la plateforme en fasse une elle-même."
            )
        return given.encode()
    path = settings.home / "hook_secret"
    if not path.exists():
        _create(path)
    secret = path.read_bytes().strip()
    if len(secret) < SHORTEST:
        raise ConfigurationError(
            f"Le fichier {path} est abîmé. Effacez-le : un autre secret sera fait, avec de nouvelles adresses."
        )
    return secret


def _create(path: Path) -> None:
    """Written whole, readable by its owner only, before it has its name: all who start together read one secret."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32))
    with suppress(FileExistsError):
        os.link(draft, path)
    Path(draft).unlink()


def hook_path(secret: bytes, project: str, form: str) -> str:
    """`/kobo/prim2/beneficiaires/…`: the path that wakes this form."""
    return f"/kobo/{project}/{form}/{_token(secret, project, form)}"


def is_known(secret: bytes, project: str, form: str, token: str) -> bool:
    """Whether the token is that of the form; takes the same time whatever is wrong with it."""
    expected = _token(secret, project, form)
    is_right = hmac.compare_digest(expected.encode(), token.encode())
    return is_right and NAME.fullmatch(project) is not None and NAME.fullmatch(form) is not None


def _token(secret: bytes, project: str, form: str) -> str:
    return hmac.new(secret, f"{project}/{form}".encode(), hashlib.sha256).hexdigest()[:40]


def public_address(settings: Settings, path: str) -> str | None:
    """The whole address, as the server must be given it; None when nobody has said what this machine is called.

    Raises: ConfigurationError when `MEAL_HOOK_URL` is not an https address.
    """
    declared = settings.variables.get(PUBLIC)
    return None if not declared else server_root(declared) + path
