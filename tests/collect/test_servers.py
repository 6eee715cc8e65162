"""The name of a server: the same for all who collect from it, and never a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from meal_pipelines.collect.servers import DEMONSTRATION, server_name
from meal_pipelines.project.load import load_project
from meal_pipelines.settings import Settings
from tests.stage_cases import PROJECT, written


def named(folder: Path, source: str, *, demo: bool = False, **variables: str) -> str:
    """The server of a form whose source is this line."""
    text = PROJECT.replace("{kind: export, path: donnees}", source)
    project = load_project(written(folder, "essai", text), {})
    settings = Settings.load(demo=demo, environ={"MEAL_HOME": str(folder), **variables})
    return server_name(settings, project, project.forms["visites"])


@pytest.mark.parametrize(
    "url", ["https://kf.example.org", "https://KF.example.org/", "https://moi:secret@kf.example.org/chemin"]
)
def test_every_way_to_write_an_address_gives_one_name(tmp_path: Path, url: str) -> None:
    assert named(tmp_path, '{kind: kobo, url: "${U}", token: "${T}"}', U=url, T="secret") == "kobo_kf.example.org"


def test_a_central_and_a_kobo_on_one_host_are_two_servers(tmp_path: Path) -> None:
    central = "{kind: odk, url: https://kf.example.org, email: a@example.org, password: secret}"
    assert named(tmp_path, central) == "odk_kf.example.org"


def test_folders_are_told_apart_without_their_path(tmp_path: Path) -> None:
    """A folder may be called after a partner, or after a person."""
    one, same, other = (
        named(tmp_path, f"{{kind: workbook, path: {path}}}") for path in ("mme_dupont", "./mme_dupont", "autre")
    )
    assert one == same != other and one.startswith("dossier_") and "dupont" not in one
    assert named(tmp_path, '{kind: workbook, path: "s3://cle:secret@boites/prim2"}') == "s3_boites"


def test_before_its_variables_are_set_a_server_is_called_by_them(tmp_path: Path) -> None:
    assert named(tmp_path, '{kind: kobo, url: "${KOBO_URL}", token: "${T}"}') == "kobo_kobo_url"


def test_the_demonstration_contacts_no_server(tmp_path: Path) -> None:
    assert named(tmp_path, '{kind: kobo, url: "${U}", token: "${T}"}', demo=True, U="https://x.org") == DEMONSTRATION


def test_an_address_that_cannot_be_read_still_has_a_name(tmp_path: Path) -> None:
    """What is wrong with it is said by the source, when it is opened."""
    name = named(tmp_path, '{kind: kobo, url: "${U}", token: "${T}"}', U="https://[mal formé")
    assert name.startswith("kobo_") and " " not in name
