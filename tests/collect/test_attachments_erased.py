"""Files erased, and a store or an account that fails: nothing stays that should not, nothing is lost that should."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meal_pipelines.collect.attachments import FileStore
from meal_pipelines.errors import ConfigurationError, MealError
from tests.collect.file_cases import IMAGES, MARK, House, picture, submitted
from tests.collect.odk_cases import NAME, add_form, everything_told, source
from tests.odk_server import OdkServer
from tests.odk_state import Form
from tests.stage_cases import Bench


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


def test_an_erasure_leaves_no_byte_and_no_name_and_nothing_comes_back(
    server: OdkServer, form: Form, house: House
) -> None:
    root = submitted(server, form, a=picture(1), b=None)
    other = submitted(server, form, c=picture(2))
    house.night(source(server))
    [lying] = [path for path in house.lying() if path.name == _address(house, root)]
    done = house.erase(root)
    assert (done.submissions, done.files, done.contents) == (1, 2, 1)
    assert not lying.exists() and len(house.lying()) == 1
    left = house.bench.query(
        "select state, file_key, coalesce(name, content), media_type, bytes, limits from raw.attachment"
        " where project = %s and submission_id = %s",
        house.bench.project.id, root,
    )  # fmt: skip
    assert [(state, bytes(key), *rest) for state, key, *rest in left] == [("erased", b"", None, None, None, None)]
    server.attach(form, root, "b.png", picture(3))
    server.edit(form, root, {"age": "7"})
    server.wait(hours=12)
    assert house.night(source(server)).listed == 0
    assert house.content(root) == {} and house.content(other) == {"c.png": picture(2)}
    again = house.erase(root)
    assert (again.submissions, again.files, again.contents) == (0, 0, 0)


def _address(house: House, root: str) -> str:
    [(content,)] = house.bench.query(
        "select content from raw.attachment where project = %s and submission_id = %s and content is not null",
        house.bench.project.id, root,
    )  # fmt: skip
    return bytes(content).hex()


def test_an_erasure_before_the_first_collection_prevents_it(server: OdkServer, form: Form, house: House) -> None:
    root = submitted(server, form, a=picture(1))
    house.bench.sync(source=source(server))
    house.erase(root)
    assert house.fetch(source(server)).listed == 0 and server.asked("/attachments") == []


def test_a_whole_form_is_erased_with_what_was_not_fetched_yet(server: OdkServer, form: Form, house: House) -> None:
    submitted(server, form, a=picture(1))
    house.night(source(server))
    submitted(server, form, a=picture(2))
    server.wait(hours=12)
    house.bench.sync(source=source(server))
    assert house.erase().submissions == 2
    assert house.lying() == [] and house.fetch(source(server)).listed == 0


def test_an_erasure_that_comes_while_the_file_travels_wins(server: OdkServer, form: Form, house: House) -> None:
    root = submitted(server, form, a=picture(1))
    house.bench.sync(source=source(server))
    there = source(server)
    read = there.read_attachment

    def erased_on_the_way(*arguments: object) -> Iterator[bytes]:
        yield from read(*arguments)  # type: ignore[arg-type]
        house.erase(root)

    there.read_attachment = erased_on_the_way  # type: ignore[method-assign]
    assert house.fetch(there).kept == 0
    assert house.lying() == [] and house.states() == [("erased", False, None, 1)]


# Faults of the store and of the account -----------------------------------------------------------------------


def test_a_full_or_closed_store_is_said_and_costs_nothing(server: OdkServer, form: Form, house: House) -> None:
    root = submitted(server, form, a=picture(1))
    house.bench.sync(source=source(server))
    target = house.folder / house.bench.project.id
    house.folder.mkdir()
    target.write_text("not a folder")
    with pytest.raises(MealError, match="ne se laisse pas écrire ou lire"):
        house.fetch(source(server))
    target.unlink()
    assert house.fetch(source(server)).kept == 1 and house.content(root) == {"a.png": picture(1)}


def test_a_right_that_was_withdrawn_ends_the_run_with_its_reason(server: OdkServer, form: Form, house: House) -> None:
    submitted(server, form, a=picture(1))
    house.bench.sync(source=source(server))
    server.lose_permission(form)
    with pytest.raises(ConfigurationError):
        house.fetch(source(server))


def test_names_of_files_are_in_no_error_and_no_count(server: OdkServer, form: Form, house: House) -> None:
    root = submitted(server, form, Fatima_Zahra=picture(1))
    house.bench.sync(source=source(server))
    [file] = dict(source(server).attachments([root]))[root]
    for fault in ("cut", "other_end"):
        server.file_faults.append(fault)
        with pytest.raises(MealError) as failure:
            list(source(server).read_attachment(root, file))
        assert "Fatima" not in everything_told(failure.value)
        server.file_faults.append(fault)
        assert "Fatima" not in repr(house.fetch(source(server)))


def test_the_store_may_be_any_address_that_fsspec_knows(
    server: OdkServer, form: Form, bench: Bench, tmp_path: Path
) -> None:
    """Sealed on this machine, then copied there under a temporary name."""
    house = House(bench, FileStore("memory://fichiers", tmp_path / "spool"), tmp_path / "spool")
    root, other = submitted(server, form, a=picture(1)), submitted(server, form, a=picture(1), b=picture(2))
    tally = house.night(source(server))
    assert (tally.kept, tally.shared) == (3, 1)
    assert house.content(root) == {"a.png": picture(1)} and house.lying() == []
    assert len(house.store.addresses(bench.project.id)) == 2
    house.erase(root, other)
    assert house.store.addresses(bench.project.id) == set()


def test_a_sealed_file_that_was_touched_or_lost_is_said(server: OdkServer, form: Form, house: House) -> None:
    root = submitted(server, form, a=picture(1))
    house.night(source(server), IMAGES)
    [lying] = house.lying()
    lying.write_bytes(lying.read_bytes()[:-1] + b"\0")
    with pytest.raises(MealError, match="ne s'ouvre pas"):
        house.content(root)
    lying.unlink()
    with pytest.raises(MealError, match="n'est plus dans"):
        house.content(root)
    assert MARK not in lying.parent.as_posix().encode()
