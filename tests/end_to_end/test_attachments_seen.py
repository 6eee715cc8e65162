"""Files of submissions as people meet them: in a run, in Dagster, from the command line; and what of them is told nowhere."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.warehouse import Warehouse
from tests.collect.file_cases import MARK, PROGRAM, picture
from tests.end_to_end.command import House, a_house
from tests.kobo_server import KoboServer
from tests.stage_cases import PROJECT, VISITES, visit, written

EXPORT = "  dossier: {kind: export, path: donnees}\n"
KOBO = '  dossier: {kind: kobo, url: "${KOBO_URL}", token: "${KOBO_TOKEN}"}\n'
ASSET = "aVisites"
NAME = "Fatima-Zahra Benchekroun.jpg"
STAGES = ("-s", "raw", "-s", "cleaned")


def declare(house: House, attachments: str) -> None:
    """The project of a form that asks for a photo; `attachments`: what project.yaml says of it."""
    text = PROJECT.replace(EXPORT, KOBO).replace("{use: dossier}", f"{{use: dossier, asset: {ASSET}}}", 1)
    text = text.replace("{use: dossier}", "{use: dossier, asset: aAteliers}", 1)
    text = text.replace("    tolerated: [poids]\n", f"    tolerated: [poids]\n{attachments}")
    folder = written(house.folder / "projects" / "essai", "essai", text)
    survey = VISITES.replace("begin repeat,membres", "image,photo,Photo,,,,\nbegin repeat,membres")
    (folder / "visites.csv").write_text(survey, encoding="utf-8")


@pytest.fixture(scope="module")
def server() -> Iterator[KoboServer]:
    with KoboServer() as kobo:
        for asset in (ASSET, "aAteliers"):
            kobo.add_asset(asset)
        yield kobo


@pytest.fixture(scope="module")
def key(server: KoboServer) -> int:
    """A submission with a photo, and one with a program that calls itself a photo."""
    first, other = (server.submit(ASSET, {**visit(), "photo": NAME}) for _ in range(2))
    server.attach(ASSET, first, NAME, picture(1))
    server.attach(ASSET, other, NAME, PROGRAM)
    return first


@pytest.fixture(scope="module")
def house(server: KoboServer, key: int) -> Iterator[House]:
    with a_house(KOBO_URL=server.url, KOBO_TOKEN=server.token, NO_PROXY="127.0.0.1") as made:
        made.more["MEAL_PROJECTS"] = str(made.folder / "projects")
        Keyring.create(made.settings(demo=False).keyring)
        yield made


def evaluations(house: House, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], dg.AssetCheckEvaluation]:
    """Of the last run: its steps in the order they began, and the check of the files."""
    monkeypatch.setenv("DAGSTER_HOME", str(house.settings(demo=False).dagster_home))
    with dg.DagsterInstance.get() as instance:
        [run] = instance.get_runs(limit=1)
        events = [record.dagster_event for record in instance.all_logs(run.run_id) if record.dagster_event is not None]
    steps = [str(event.step_key) for event in events if event.event_type_value == "STEP_START"]
    checks = [
        event.asset_check_evaluation_data for event in events if event.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    [check] = [check for check in checks if check.check_name == "fichiers_joints"]
    return steps, check


def test_a_run_fetches_files_after_everything_else_and_says_what_it_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow server of files keeps nobody waiting; a refusal is a warning."""
    declare(house, "    attachments: {keep: true, max_mb: 1}\n")
    ran = house.run("run", "-p", "essai", *STAGES)
    assert ran.code == 0, ran.said
    steps, check = evaluations(house, monkeypatch)
    assert steps[-1] == "raw__essai__visites__fichiers" and len(steps) == 5
    assert not check.passed and check.severity == dg.AssetCheckSeverity.WARN
    assert "1 fichier refusé, non gardé : 1 pour leur type" in str(check.description)
    with dg.DagsterInstance.get() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["raw", "essai", "visites", "fichiers"]))
    assert event is not None and event.asset_materialization is not None
    told = {name: entry.value for name, entry in event.asset_materialization.metadata.items()}
    assert (told["gardés ici"], told["refusés pour leur type"], told["cette fois : nommés"]) == (1, 1, 2)
    counted = house.run("forms", "files", "visites", "-p", "essai")
    assert counted.code == 0 and "gardés ici : 1" in counted.out and "1 Mo" in counted.out, counted.said


def test_neither_bytes_nor_names_of_files_are_anywhere_to_be_read(house: House) -> None:
    """Database, Dagster's history, store, output: looked for as they are, by the name's longest word and the photo's mark."""
    searched = 0
    for path in (house.folder / "h").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            searched += 1
            assert b"Benchekroun" not in content and MARK not in content, path
    assert searched > 500
    assert list((house.folder / "h" / "attachments").rglob("*/*/*"))


def test_an_officer_takes_the_files_of_one_submission_out_and_it_is_written_down(
    house: House, key: int, tmp_path: Path
) -> None:
    to = tmp_path / "vue"
    command = ("forms", "take-files", "visites", str(key), "-p", "essai", "--to", str(to))
    taken = house.run(*command, "--why", "vérifier un reçu")
    assert taken.code == 0, taken.said
    assert "ne les envoyez à personne" in " ".join(taken.out.split())
    [file] = to.iterdir()
    assert (file.name, file.read_bytes()) == ("01_Fatima-Zahra_Benchekroun.png", picture(1))
    assert stat.S_IMODE(to.stat().st_mode) == 0o700 and stat.S_IMODE(file.stat().st_mode) == 0o600
    nobody = house.run(
        "forms", "take-files", "visites", "1", "-p", "essai", "--to", str(tmp_path / "x"), "--why", "rien"
    )
    assert nobody.code == 1 and "Aucun fichier n'est gardé" in nobody.err
    with Warehouse.open(house.settings(demo=False)) as warehouse, warehouse.connect("dpo") as connection:
        cursor = connection.cursor()
        cursor.execute("select why, form, submission_id, items from audit.access")
        assert cursor.fetchall() == [("vérifier un reçu", "visites", str(key), 1)]
    told, whole = house.run("privacy", "audit"), house.run("privacy", "audit", "--verify")
    assert f"essai/visites · fichiers sortis en clair (1), soumission {key} · vérifier un reçu" in told.out, told.said
    assert whole.code == 0 and "Journal d'audit entier : 1 ligne(s)" in whole.out, whole.said


def test_the_store_is_compared_with_the_database(house: House) -> None:
    """After a restoration: what is missing is said, what nothing names is removed only when asked."""
    [lying] = (house.folder / "h" / "attachments" / "essai").rglob("*/*")
    stranger = lying.parent.parent / "00" / ("0" * 64)
    stranger.parent.mkdir(exist_ok=True)
    stranger.write_bytes(b"sealed")
    told = house.run("forms", "check-store", "-p", "essai")
    assert told.code == 0 and "nomme : 1 (laissés" in told.out and stranger.exists(), told.said
    assert house.run("forms", "check-store", "-p", "essai", "--remove").code == 0 and not stranger.exists()
    lying.rename(lying.with_suffix(".ailleurs"))
    told = house.run("forms", "check-store", "-p", "essai")
    assert told.code == 1 and "manquent dans le dossier : 1" in told.out, told.said
    lying.with_suffix(".ailleurs").rename(lying)


def test_the_keys_are_replaced_from_the_command_line(house: House, key: int, tmp_path: Path) -> None:
    """Asked for the copy first; without an answer nothing seals with the new key. Afterwards everything opens."""
    unasked = house.run("keys", "rotate")
    assert unasked.code == 1 and "La copie est faite ?" in unasked.out, unasked.said
    waiting = house.run("keys", "status")
    assert "Clé n° 2 (prête, ne scelle pas encore) : 0" in waiting.out, waiting.said
    done = house.run("keys", "rotate", "--yes")
    assert done.code == 0 and "Clé(s) retirée(s) : n° 1" in done.out, done.said
    status = house.run("keys", "status")
    assert "Clé n° 2 (scelle)" in status.out and "Clé n° 1" not in status.out and "raw.submission" in status.out
    taken = house.run(
        "forms", "take-files", "visites", str(key), "-p", "essai", "--to", str(tmp_path / "vue"), "--why", "relire"
    )
    assert taken.code == 0 and next((tmp_path / "vue").iterdir()).read_bytes() == picture(1), taken.said
