"""A project whose forms are on ODK Central: from `project.yaml` to `raw`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from meal_pipelines.collect.odk import OdkEntities, OdkForm
from meal_pipelines.collect.sources import open_sources
from meal_pipelines.collect.sync import SWEEP_EVERY
from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.project.load import load_project
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.settings import Settings
from tests.collect.odk_cases import NAME, add_form, fill, source
from tests.odk_server import OdkServer
from tests.odk_state import Form
from tests.stage_cases import PROJECT, Bench, written

EXPORT = "  dossier: {kind: export, path: donnees}\n"
CENTRAL = '  dossier: {kind: odk, url: "${ODK_URL}", email: "${ODK_EMAIL}", password: "${ODK_PASSWORD}"}\n'
USED = "    source: {use: dossier}\n"
VARIABLES = {"ODK_URL": "https://central.example.org", "ODK_EMAIL": "a@example.org", "ODK_PASSWORD": "un secret"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OdkServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with OdkServer() as central:
        add_form(central)
        yield central


@pytest.fixture
def form(server: OdkServer) -> Form:
    return server.forms[2, NAME]


def project(folder: Path, first: str, second: str, central: str = CENTRAL) -> LoadedProject:
    """The two forms' sources."""
    text = (
        PROJECT.replace(EXPORT, central)
        .replace(USED, f"    source: {first}\n", 1)
        .replace(USED, f"    source: {second}\n")
    )
    return load_project(written(folder, "essai", text), {})


def settings(tmp_path: Path, **variables: str) -> Settings:
    return Settings.load(environ={"MEAL_HOME": str(tmp_path / "home"), **VARIABLES, **variables})


def test_forms_and_lists_of_entities_are_read_with_one_session(tmp_path: Path) -> None:
    loaded = project(
        tmp_path, "{use: dossier, project: 2, form: visites_2026}", "{use: dossier, project: 2, dataset: ateliers}"
    )
    found = [open_sources(settings(tmp_path), loaded, loaded.forms[name]) for name in ("visites", "ateliers")]
    [(_, visits)], [(_, workshops)] = found
    assert isinstance(visits, OdkForm) and isinstance(workshops, OdkEntities)
    assert (visits.project, visits.name, visits.form, workshops.name) == ("2", "visites_2026", "visites", "ateliers")
    assert visits.session is workshops.session
    assert visits.session.variables == "ODK_EMAIL et ODK_PASSWORD"


@pytest.mark.parametrize(
    "missing",
    [
        "{use: dossier, form: visites}",
        "{use: dossier, project: 2}",
        "{use: dossier, project: 2, form: visites, dataset: visites}",
    ],
)
def test_a_form_that_is_not_fully_named_is_said_with_its_line(tmp_path: Path, missing: str) -> None:
    loaded = project(tmp_path, missing, "{use: dossier, project: 2, form: ateliers}")
    with pytest.raises(ConfigurationError, match=r"ligne \d+ : écrivez le numéro du projet"):
        open_sources(settings(tmp_path), loaded, loaded.forms["visites"])


def test_a_variable_that_is_not_set_is_named_and_a_secret_written_out_is_not_quoted(tmp_path: Path) -> None:
    places = ("{use: dossier, project: 2, form: visites}", "{use: dossier, project: 2, form: ateliers}")
    loaded = project(tmp_path, *places)
    with pytest.raises(ConfigurationError, match="ODK_PASSWORD"):
        open_sources(settings(tmp_path, ODK_PASSWORD=""), loaded, loaded.forms["visites"])
    written_out = (
        "  dossier: {kind: odk, url: https://central.example.org, email: sans-arobase, password: tres-secret}\n"
    )
    loaded = project(tmp_path, *places, written_out)
    with pytest.raises(ConfigurationError) as failure:
        open_sources(settings(tmp_path), loaded, loaded.forms["visites"])
    assert "« email » et « password »" in str(failure.value)
    assert "tres-secret" not in str(failure.value) and "sans-arobase" not in str(failure.value)


# Nights -------------------------------------------------------------------------------------------------------


def test_an_idle_night_costs_two_requests_after_the_login(server: OdkServer, form: Form, bench: Bench) -> None:
    fill(server, form, 30)
    server.wait(hours=12)
    assert bench.sync(source=source(server)).mode == "sweep"
    server.wait(hours=12)
    server.requests.clear()
    load = bench.sync(source=source(server))
    assert (load.mode, load.received, load.written, load.server_count) == ("changes", 0, 0, 30)
    assert [method for method, _, _ in server.requests] == ["POST", "GET", "GET"]


def test_a_restored_submission_comes_back_the_next_night(server: OdkServer, form: Form, bench: Bench) -> None:
    roots = fill(server, form, 5)
    server.delete(form, roots[0])
    server.wait(hours=12)
    bench.sync(source=source(server))
    server.restore(form, roots[0])
    server.wait(hours=12)
    load = bench.sync(source=source(server))
    assert (load.mode, load.received, load.added, load.present, load.message) == ("changes", 1, 1, 5, None)


def test_a_submission_sent_again_after_a_purge_is_one_submission_with_two_versions(
    server: OdkServer, form: Form, bench: Bench
) -> None:
    """Central accepts the same instanceID as new: missing where it stood, it is met further on in the same sweep."""
    roots = fill(server, form, 12)
    bench.sync(source=source(server, page_size=4))
    server.delete(form, roots[0])
    server.wait(days=31)
    assert server.purge(form) == [roots[0]]
    fill(server, form, 6)
    server.submit(form, {"age": "77"}, instance=roots[0])
    load = bench.sync(source=source(server, page_size=4))
    assert (load.mode, load.added, load.changed, load.removed, load.present) == ("sweep", 6, 1, 0, 18)
    assert bench.present() == server.present(form)
    versions = bench.query("select version, state from raw.submission where submission_id = %s order by 1", roots[0])
    assert versions == [(1, "present"), (2, "present")]


def test_a_load_says_how_many_submissions_are_encrypted(server: OdkServer, form: Form, bench: Bench) -> None:
    fill(server, form, 2)
    server.submit(form, {}, is_encrypted=True, files=["submission.xml.enc"])
    load = bench.sync(source=source(server))
    [(message,)] = bench.query("select message from raw.load where load_id = %s", load.load_id)
    assert load.present == 3 and message.startswith("Soumissions chiffrées dans le formulaire") and ": 1." in message


def test_nothing_is_deleted_when_a_form_is_encrypted(server: OdkServer, form: Form, bench: Bench) -> None:
    fill(server, form, 30)
    bench.sync(source=source(server))
    server.publish(form, form.current.fields, version="1[encrypted:a]", key_id=3)
    with pytest.raises(MealError, match="chiffré"):
        bench.sync(source=source(server))
    assert len(bench.present()) == 30


def test_every_published_questionnaire_is_kept(server: OdkServer, form: Form, bench: Bench) -> None:
    bench.sync(source=source(server))
    server.publish(form, form.current.fields, version="2")
    bench.sync(source=source(server))
    kept = bench.query("select form_version from raw.form_version where project = %s order by 1", bench.project.id)
    assert kept == [("1",), ("2",)]


@pytest.mark.parametrize("is_sweep", [False, True])
def test_an_edit_met_on_its_way_to_the_bin_is_not_lost_when_it_comes_back(
    is_sweep: bool, server: OdkServer, form: Form, bench: Bench
) -> None:
    """Shown, deleted before its answers could be read, restored before the next night: no stamp tells any more.

    Nor does the total, when another submission comes at the same moment.
    """
    root, *_ = fill(server, form, 3)
    bench.sync(source=source(server))
    server.wait(days=1)
    server.edit(form, root, {"age": "77"})
    server.wait(hours=1)
    before = [lambda: None] if is_sweep else []  # a sweep asks first for what is in the bin
    server.after_answer.extend([*before, lambda: (server.delete(form, root), fill(server, form, 1))])
    load = bench.sync(source=source(server), sweep_every=timedelta(0) if is_sweep else SWEEP_EVERY)
    assert (load.mode, load.removed) == ("sweep" if is_sweep else "changes", 1)
    server.wait(days=1)
    server.restore(form, root)
    bench.sync(source=source(server))
    [(blob, version)] = bench.query(
        "select payload, version from raw.submission where submission_id = %s order by version desc limit 1", root
    )
    assert bench.unsealed(blob, f"raw|{bench.project.id}|visites|{root}|{version}")["age"] == "77"
