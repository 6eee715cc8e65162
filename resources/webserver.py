"""Dagster's web server, which answers its own pages only: `python -m resources.webserver`, with the options of Dagster's.

Dagster 1.13 has no setting for what stands before its application: its class is replaced by one that puts it there. Whose
requests are answered is said in `meal_pipelines/visitors.py`.
"""

from __future__ import annotations

from typing import Any

from dagster_webserver import app
from dagster_webserver.cli import cli
from dagster_webserver.webserver import DagsterWebserver
from starlette.middleware import Middleware

from meal_pipelines.settings import Settings
from meal_pipelines.visitors import OwnPages, names


class GuardedWebserver(DagsterWebserver[Any, Any]):
    """As Dagster's, behind `OwnPages`."""

    def build_middleware(self) -> list[Middleware]:
        return [Middleware(OwnPages, names=names(Settings.load())), *super().build_middleware()]


if __name__ == "__main__":
    vars(app)["DagsterWebserver"] = GuardedWebserver
    cli(auto_envvar_prefix="DAGSTER_WEBSERVER")
