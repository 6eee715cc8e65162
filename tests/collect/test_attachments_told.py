"""Files as people meet them: taken out with a reason, counted, judged by a check and by the doctor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meal_pipelines.collect.attachments import FileStore, Limits, collects_files
from meal_pipelines.collect.attachments.counts import FileCounts, count_files, verdict
from meal_pipelines.collect.attachments.taking import take_out
from meal_pipelines.doctor.doctor import _attachments
from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.project.load import load_project
from meal_pipelines.project.loaded import LoadedForm
from meal_pipelines.protect.rights.access import Actor
from meal_pipelines.settings import Settings
from tests.collect.file_cases import PROGRAM, House, picture, submitted
from tests.collect.odk_cases import NAME, add_form, source
from tests.odk_server import OdkServer
from tests.odk_state import Form
from tests.stage_cases import PROJECT, VISITES, Bench


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OdkServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with OdkServer() as central:
        add_form(central)
        yield central


@pytest.fixture
def form(server: OdkServer) -> Form:
    return server.forms[2, NAME]


@pytest.fixture
def house(bench: Bench, tmp_path: Path) -> House:
    folder = tmp_path / "attachments"
    return House(bench, FileStore(str(folder), folder / ".partial"), folder)


def test_files_are_taken_out_under_harmless_names_with_a_reason_into_a_new_folder(
    server: OdkServer, form: Form, house: House, tmp_path: Path
) -> None:
    """What a file is called comes from a phone: no path, no dot, no extension of it survives."""
    bench, odd = (
        house.bench,
        {"../../passwd": picture(1), "صورة.exe": picture(2), "CON": picture(3), "a/b\\c.png": picture(4)},
    )
    root = server.submit(form, {"age": "1"}, files=odd)
    for name, content in odd.items():
        server.attach(form, root, name, content)
    assert house.night(source(server)).kept == 4
    place = (bench.project.id, "visites", root)

    def take(folder: Path, why: str = "voir") -> int:
        return take_out(bench.warehouse, bench.keyring, house.store, place, folder, Actor("moi", "sera", why))

    assert take(tmp_path / "x" / "vue") == 4
    assert not list((tmp_path / "x").glob("*.part")) and [path.name for path in (tmp_path / "x").iterdir()] == ["vue"]
    names = sorted(path.name[2:] for path in (tmp_path / "x" / "vue").iterdir())
    assert names == sorted(["_passwd.png", "_صورة.png", "_CON.png", "_a_b_c.png"])
    assert {path.read_bytes() for path in (tmp_path / "x" / "vue").iterdir()} == set(odd.values())
    for folder, why, said in ((tmp_path / "x" / "vue", "voir", "existe déjà"), (tmp_path / "y", " ", "pourquoi")):
        with pytest.raises(ConfigurationError, match=said):
            take(folder, why)
    assert not (tmp_path / "y").exists()


def test_a_file_that_does_not_open_is_not_taken_out_and_the_attempt_is_written_down(
    server: OdkServer, form: Form, house: House, tmp_path: Path
) -> None:
    """The line comes before the first byte: what somebody tried to see counts as seen."""
    bench, root = house.bench, submitted(server, form, a=picture(1, 200_000))
    house.night(source(server))
    [lying] = house.lying()
    lying.write_bytes(lying.read_bytes()[:-65536])
    place = (bench.project.id, "visites", root)
    with pytest.raises(MealError, match="ne s'ouvre pas"):
        take_out(bench.warehouse, bench.keyring, house.store, place, tmp_path / "vue", Actor("moi", "dpo", "voir"))
    assert list((tmp_path / "vue").iterdir()) == []
    found = bench.query(
        "select who, acting_as, what, why, submission_id, items from audit.access where project = %s", bench.project.id
    )
    assert found == [("moi", "dpo", "files", "voir", root, 1)]


# What people read ---------------------------------------------------------------------------------------------


def decided(bench: Bench, attachments: str) -> LoadedForm:
    """The form, with this in `project.yaml`; its source is of a kind that gives files."""
    text = PROJECT.replace("{kind: export, path: donnees}", "{kind: kobo, url: https://kobo.example.org, token: x}")
    bench.redeclare(text.replace("    tolerated: [poids]\n", f"    tolerated: [poids]\n{attachments}"))
    return bench.form


def test_nothing_is_kept_until_somebody_has_decided(bench: Bench) -> None:
    """A form that asks for no file and says nothing of files has nothing to decide."""
    undecided = decided(bench, "")
    assert not collects_files(bench.project, undecided) and Limits.of(undecided) is None
    passed, said = verdict(undecided, FileCounts(), None)
    assert not passed and "« attachments: {keep: false} »" in said
    left = decided(bench, "    attachments: {keep: false}\n")
    assert collects_files(bench.project, left) and Limits.of(left) is None
    assert verdict(left, FileCounts(), None) == (
        True,
        "Les fichiers restent sur le serveur (attachments : keep: false).",
    )
    kept = decided(bench, "    attachments: {keep: true}\n")
    assert Limits.of(kept) == Limits(20_000_000, ("image/*", "audio/*", "application/pdf"))


def test_the_doctor_says_what_is_undecided_and_where_files_would_go(bench: Bench, tmp_path: Path) -> None:
    """A driver that is missing is found before the night."""
    said = {}
    for name, attachments, address in (
        ("undecided", "", ""),
        ("kept", "    attachments: {keep: true}\n", ""),
        ("no driver", "    attachments: {keep: true}\n", "inconnu://seau/fichiers"),
    ):
        decided(bench, attachments)
        survey = VISITES.replace("begin repeat,membres", "image,photo,Photo,,,,\nbegin repeat,membres")
        (bench.folder / "visites.csv").write_text(survey, encoding="utf-8")
        environ = {"MEAL_HOME": str(tmp_path / "h"), "MEAL_ATTACHMENTS": address}
        form = load_project(bench.folder, {}).forms["visites"]
        said[name] = list(_attachments(Settings.load(environ=environ), load_project(bench.folder, {}), form))
    [undecided], [kept], [missing] = said.values()
    assert undecided.level == "warning" and "Personne n'a décidé" in undecided.text
    assert kept.level == "ok" and str(tmp_path / "h" / "attachments") in kept.text
    assert missing.level == "error" and "« inconnu:// » demande un pilote" in missing.text


def test_what_is_decided_about_files_does_not_clean_a_form_again(bench: Bench) -> None:
    before = bench.project.fingerprint(decided(bench, ""))
    assert bench.project.fingerprint(decided(bench, "    attachments: {keep: true}\n")) == before


def test_the_counts_are_those_of_the_files_and_the_check_says_what_is_wrong(
    server: OdkServer, form: Form, house: House
) -> None:
    limited = decided(house.bench, "    attachments: {keep: true, max_mb: 0.1}\n")
    limits = Limits.of(limited)
    assert limits is not None
    submitted(server, form, a=picture(1), b=picture(1), c=picture(2, 200_000), d=PROGRAM, e=None)
    house.bench.sync(source=source(server))
    server.file_faults.extend(["", "cut"])
    tally = house.fetch(source(server), limits)
    counts = count_files(house.bench.warehouse, limited)
    assert (counts.named, counts.received, counts.kept, counts.waiting, counts.failed) == (5, 4, 1, 1, 1)
    assert dict(counts.refused) == {"type": 1, "size": 1, "empty": 0}
    passed, said = verdict(limited, counts, tally)
    assert not passed
    assert "2 fichiers refusés, non gardés : 1 pour leur type, 1 pour leur taille (limites : 0.1 Mo, " in said
    assert "1 fichier reste à lire" in said
    house.fetch(source(server), limits)
    counts = count_files(house.bench.warehouse, limited)
    assert (counts.kept, counts.contents, counts.waiting) == (2, 1, 0)
