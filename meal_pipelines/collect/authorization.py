"""What a request carries to be let in; a server with sessions has a subclass of its own (`odk_session.py`)."""

from __future__ import annotations

import requests
from requests.auth import AuthBase


class Authorization(AuthBase):
    """Puts the `Authorization` header, if any. As `auth`, so that requests never puts a `.netrc` entry in its place."""

    def __init__(self, value: str = "") -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._value:
            request.headers["Authorization"] = self._value
        return request

    def renew(self, refused: str) -> bool:
        """Whether another value may be accepted where this one was not."""
        return False
