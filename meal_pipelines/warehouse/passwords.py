"""Passwords of the embedded server's roles, needed over TCP only: one JSON file of mode 0600 in `MEAL_HOME`.

Made with `secrets`, never printed by anything here. The server keeps SCRAM verifiers only.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path


class Passwords:
    """role → password. A lost file is no loss: new passwords are made and set at the next opening."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, role: str) -> str | None:
        return self._read().get(role)

    def ensure(self, role: str) -> str:
        """The password of a role, made when it has none."""
        known = self._read()
        if role not in known:
            known[role] = secrets.token_urlsafe(24)
            self._write(known)
        return known[role]

    def _read(self) -> dict[str, str]:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return {str(role): str(password) for role, password in content.items()}

    def _write(self, known: dict[str, str]) -> None:
        new = self.path.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(known, file, indent=2)
        new.replace(self.path)
