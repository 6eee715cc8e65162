"""Whose requests the interface answers: a server of its own on this machine, asked as browsers and programs ask."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.settings import Settings
from meal_pipelines.visitors import OwnPages, names

PUBLIC = "meal.example.org"


async def _obey(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("done")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Something that obeys everything, behind the guard."""
    settings = Settings.load(
        environ={"MEAL_HOME": str(tmp_path_factory.mktemp("home")), "MEAL_UI_URL": f"https://{PUBLIC}/"}
    )
    obeying = Starlette(routes=[Route("/{path:path}", _obey, methods=["GET", "POST"])])
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(
            uvicorn.Config(OwnPages(obeying, names(settings)), log_level="critical", lifespan="off")
        )
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(timeout=20)


def _ask(port: int, method: str, path: str, **headers: str) -> int:
    with requests.Session() as session:
        session.trust_env = False
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return session.request(method, f"http://127.0.0.1:{port}{path}", headers=named, timeout=20).status_code


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/graphql?query=mutation{x}", {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Dest": "image"}),
        ("GET", "/graphql?query=mutation{x}", {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Dest": "document"}),
        ("GET", "/graphql/?query=mutation{x}", {}),
        ("POST", "/graphql?query=mutation{x}", {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Dest": "document"}),
        ("POST", "/graphql?query=mutation{x}", {"Sec_Fetch_Site": "same-site", "Origin": "http://127.0.0.1:1"}),
        ("POST", "/graphql", {"Origin": "https://elsewhere.example"}),
        ("POST", "/graphql", {"Origin": "null"}),
        ("POST", "/graphql", {"Origin": "http://localhost:1"}),
        ("GET", "/runs", {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Dest": "iframe"}),
        ("POST", "/graphql", {"Host": "elsewhere.example", "Sec_Fetch_Site": "same-origin"}),
        ("GET", "/runs", {"Host": "127.0.0.1.elsewhere.example"}),
        ("GET", "/runs", {"Host": "[::1"}),
        (
            "POST",
            "/report_asset_materialization/raw/prim2/x",
            {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Dest": "empty"},
        ),
    ],
)
def test_what_another_site_asks_is_refused(port: int, method: str, path: str, headers: dict[str, str]) -> None:
    """The interface has no sign-in: whatever page the officer reads could otherwise launch a purge by an image's address."""
    assert _ask(port, method, path, **headers) in (403, 405)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/graphql", {"Sec_Fetch_Site": "same-origin", "Origin": "http://127.0.0.1"}),
        ("POST", "/graphql", {}),
        ("GET", "/runs", {"Sec_Fetch_Site": "none", "Sec_Fetch_Dest": "document"}),
        ("GET", "/runs", {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Dest": "document"}),
        ("GET", "/runs", {"Host": "localhost:3000"}),
        ("GET", "/runs", {"Host": "[::1]:3000"}),
        ("POST", "/graphql", {"Host": PUBLIC, "Sec_Fetch_Site": "same-origin", "Origin": f"https://{PUBLIC}"}),
        ("POST", "/graphql", {"Origin": f"https://{PUBLIC}"}),
    ],
)
def test_its_own_pages_programs_and_links_to_it_are_answered(
    port: int, method: str, path: str, headers: dict[str, str]
) -> None:
    """A guard that stood in the officer's way, or in that of a proxy that changes `Host`, would be taken down."""
    assert _ask(port, method, path, **headers) == 200


@pytest.mark.parametrize("declared", ["http://meal.example.org", "meal.example.org", "https://", "https://["])
def test_a_public_address_that_is_none_is_refused_before_anything_starts(tmp_path: Path, declared: str) -> None:
    with pytest.raises(ConfigurationError, match="MEAL_UI_URL"):
        names(Settings.load(environ={"MEAL_HOME": str(tmp_path), "MEAL_UI_URL": declared}))
