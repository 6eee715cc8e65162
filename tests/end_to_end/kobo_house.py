"""A house with two projects whose four forms are on one Kobo server, its address under a name of its own in each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from meal_pipelines.protect.keys.keyring import Keyring
from tests.end_to_end.command import House, a_house
from tests.kobo_server import KoboServer
from tests.stage_cases import PROJECT, written

EXPORT = "  dossier: {kind: export, path: donnees}\n"
KOBO = '  dossier: {kind: kobo, url: "${URL_NAME}", token: "${KOBO_TOKEN}"}\n'
PROJECTS, FORMS = ("alpha", "beta"), ("visites", "ateliers")


@contextmanager
def a_kobo_house() -> Iterator[tuple[KoboServer, House]]:
    """Ten submissions a form, two to a page."""
    with KoboServer(maximum=2) as kobo:
        for asset in [f"a{name}{form}" for name in PROJECTS for form in FORMS]:
            kobo.add_asset(asset)
            for number in range(10):
                kobo.submit(asset, {"theme": str(number)})
        variables = {"ALPHA_URL": kobo.url, "BETA_URL": f"{kobo.url}/", "KOBO_TOKEN": kobo.token}
        with a_house(**variables, NO_PROXY="127.0.0.1") as house:
            for name in PROJECTS:
                _project(house.folder / "projects", name)
            house.more["MEAL_PROJECTS"] = str(house.folder / "projects")
            Keyring.create(house.settings(demo=False).keyring)
            yield kobo, house


def _project(folder: Path, name: str) -> None:
    text = PROJECT.replace(EXPORT, KOBO.replace("URL_NAME", f"{name.upper()}_URL"))
    for form in FORMS:
        text = text.replace("{use: dossier}", f"{{use: dossier, asset: a{name}{form}}}", 1)
    written(folder / name, name, text)
