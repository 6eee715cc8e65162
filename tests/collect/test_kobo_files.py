"""The files of a form on KoboToolbox: listed with their rows, fetched by our own address for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from meal_pipelines.collect.attachments import FileStore
from meal_pipelines.collect.kobo_files import read_files
from meal_pipelines.collect.source import FileGone
from meal_pipelines.errors import MealError
from tests.collect.file_cases import PROGRAM, House, picture
from tests.collect.kobo_cases import ASSET, everything_told, fill, source
from tests.kobo_server import KoboServer
from tests.stage_cases import Bench


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KoboServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with KoboServer() as kobo:
        kobo.add_asset(ASSET)
        kobo.manage(ASSET)
        yield kobo


@pytest.fixture
def house(bench: Bench, tmp_path: Path) -> House:
    folder = tmp_path / "attachments"
    return House(bench, FileStore(str(folder), folder / ".partial"), folder)


def test_files_are_those_that_arrived_and_were_not_deleted(server: KoboServer) -> None:
    [key, other] = fill(server, 2)
    server.attach(ASSET, key, "reçu n° 1.jpg", picture(1))
    server.attach(ASSET, key, "supprimée.jpg", picture(2))
    row = server.row(ASSET, key)
    row["_attachments"][1]["is_deleted"] = True
    server._put(server.assets[ASSET], key, orjson.dumps(row))
    there = source(server)
    found = dict(there.attachments([str(key), str(other), "999"]))
    assert found[str(other)] == [] and "999" not in found
    [file] = found[str(key)]
    assert file.name == "reçu n° 1.jpg" and "reçu" not in repr(file)
    assert b"".join(there.read_attachment(str(key), file)) == picture(1)


@pytest.mark.parametrize("maximum", [3, 100])
def test_servers_that_cut_pages_show_all_files(maximum: int, server: KoboServer) -> None:
    server.maximum = maximum
    keys = [str(key) for key in fill(server, 230)]
    server.requests.clear()
    assert sorted(key for key, _ in source(server).attachments(keys)) == sorted(keys)
    if maximum == 100:
        assert len(server.requests) == 3


def test_the_token_goes_to_the_server_of_the_project_only() -> None:
    """The address in a row may be that of another host: it was there before the server moved, or is not Kobo's at all."""
    elsewhere = {"download_url": "https://ailleurs.example/media?f=1", "filename": "alice/attachments/x/a.jpg"}
    files: list[dict[str, Any]] = [{**elsewhere, "uid": "att1"}, {**elsewhere, "id": 7}, elsewhere]
    here = {"download_url": "https://kobo.example/media/original?media_file=a", "filename": "a.jpg"}
    body = orjson.dumps({"results": [{"_id": 5, "_attachments": [*files, here]}], "next": None})
    found = read_files(body, "aX", "kobo.example").files[5]
    paths = ["/api/v2/assets/aX/data/5/attachments/att1/", "/api/v2/assets/aX/data/5/attachments/7/"]
    assert [file.address for file in found if file.is_there] == [*paths, "/media/original?media_file=a"]
    assert {file.name for file in found} == {"a.jpg"}


def test_a_file_that_was_taken_away_is_said_to_be_gone_without_its_name(server: KoboServer) -> None:
    [key] = fill(server, 1)
    server.attach(ASSET, key, "Fatima.jpg", picture(1))
    there = source(server)
    [(_, [file])] = there.attachments([str(key)])
    server.assets[ASSET].files.clear()
    with pytest.raises(FileGone) as failure:
        list(there.read_attachment(str(key), file))
    assert "Fatima" not in everything_told(failure.value)


def test_late_files_edits_and_deletions_are_followed(server: KoboServer, house: House) -> None:
    photo = {"schema": "1", "survey": [{"type": "image", "name": "photo", "$xpath": "photo"}]}
    server.deploy(ASSET, photo)
    late, edited, gone = (server.submit(ASSET, {"photo": "a.jpg"}) for _ in range(3))
    for key in (edited, gone):
        server.attach(ASSET, key, "a.jpg", picture(key))
    assert house.night(source(server)).kept == 2
    server.attach(ASSET, late, "a.jpg", picture(late))
    server.edit(ASSET, edited, {"photo": "b.jpg", "_attachments": []})
    server.attach(ASSET, edited, "b.jpg", picture(2))
    server.delete(ASSET, gone)
    assert house.night(source(server)).kept == 2
    assert house.states() == [("kept", False, None, 2), ("kept", True, None, 2)]
    assert house.content(str(late)) == {"a.jpg": picture(late)}
    assert house.content(str(edited)) == {"a.jpg": picture(edited), "b.jpg": picture(2)}


def test_other_bytes_under_the_same_name_are_another_file(server: KoboServer, house: House) -> None:
    """Kobo gives each upload a uid of its own."""
    [key] = fill(server, 1)
    server.attach(ASSET, key, "a.jpg", picture(1))
    house.night(source(server))
    server.edit(ASSET, key, {"_attachments": []})
    server.attach(ASSET, key, "a.jpg", picture(2))
    assert house.night(source(server)).kept == 1
    kept = house.bench.query("select content from raw.attachment where project = %s", house.bench.project.id)
    assert len(set(kept)) == 2 and house.states() == [("kept", False, None, 1), ("kept", True, None, 1)]


def test_a_listing_that_fails_ends_the_run_and_the_next_one_does_all(server: KoboServer, house: House) -> None:
    for key in fill(server, 3):
        server.attach(ASSET, key, "a.jpg", picture(key))
        server.attach(ASSET, key, "photo.jpg", PROGRAM)
    house.bench.sync(source=source(server))
    server.faults.extend(["502"] * 5)
    tally = house.fetch(source(server))
    assert (tally.listed, tally.kept) == (0, 0) and tally.stopped is not None
    tally = house.fetch(source(server))
    assert (tally.kept, dict(tally.refused)) == (3, {"type": 3})


def test_files_are_not_fetched_twice_at_once(server: KoboServer, house: House) -> None:
    [key] = fill(server, 1)
    server.attach(ASSET, key, "a.jpg", picture(1))
    house.bench.sync(source=source(server))
    there, read = source(server), source(server).read_attachment
    told: list[str] = []

    def meanwhile(*arguments: Any) -> Iterator[bytes]:
        try:
            house.fetch(source(server))
        except MealError as error:
            told.append(str(error))
        yield from read(*arguments)

    object.__setattr__(there, "read_attachment", meanwhile)
    assert house.fetch(there).kept == 1
    assert len(told) == 1 and "déjà en cours de collecte" in told[0]
