"""The files of a form on ODK Central, fetched night after night."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from meal_pipelines.collect.attachments import FileStore, Limits, collects_files
from meal_pipelines.collect.attachments.counts import FileCounts, count_files, verdict
from meal_pipelines.collect.attachments.taking import take_out
from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.project.load import LoadedForm
from tests.collect.file_cases import IMAGES, MARK, PROGRAM, House, picture
from tests.collect.odk_cases import NAME, add_form, everything_told, source
from tests.odk_server import OdkServer
from tests.odk_state import Form
from tests.stage_cases import PROJECT, Bench


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


def submitted(server: OdkServer, form: Form, **files: bytes | None) -> str:
    """A submission with these files; None: announced only. « a » stands for « a.png »."""
    root = server.submit(form, {"photo": "a.png"}, files=[f"{name}.png" for name in files])
    for name, content in files.items():
        if content is not None:
            server.attach(form, root, f"{name}.png", content)
    return root


def test_files_come_whole_sealed_and_readable_with_the_keys_only(server: OdkServer, form: Form, house: House) -> None:
    """In the store their bytes are not to be found, nor anything that another may read."""
    root = submitted(server, form, a=picture(1), b=picture(2, 300))
    tally = house.night(source(server))
    assert (tally.listed, tally.kept, tally.shared, tally.stopped) == (2, 2, 0, None)
    assert house.content(root) == {"a.png": picture(1), "b.png": picture(2, 300)}
    assert len(house.lying()) == 2 and not list(house.clear_bytes())
    assert {stat.S_IMODE(path.stat().st_mode) for path in house.lying()} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in house.lying()} == {0o700}
    kept = house.bench.query("select name, bytes from raw.attachment where project = %s", house.bench.project.id)
    assert all(b"a.png" not in bytes(name) and size % 65536 == 41 for name, size in kept)


def test_a_quiet_night_asks_for_no_file_and_no_list(server: OdkServer, form: Form, house: House) -> None:
    submitted(server, form, a=picture(1))
    submitted(server, form)
    house.night(source(server))
    server.requests.clear()
    assert house.fetch(source(server)).listed == 0
    assert server.requests == []


def test_a_submission_that_the_source_does_not_speak_of_is_asked_for_again(
    server: OdkServer, form: Form, house: House
) -> None:
    """Deleted and restored between two answers: raw never saw it go, and its files would be forgotten."""
    root, other = submitted(server, form, a=picture(1)), submitted(server, form, a=picture(2))
    house.bench.sync(source=source(server))
    server.delete(form, root)
    assert house.fetch(source(server)).kept == 1
    server.restore(form, root)
    assert house.fetch(source(server)).kept == 1
    assert set(house.content(root)) == set(house.content(other)) == {"a.png"}


def test_what_a_load_that_was_killed_brought_is_not_forgotten(server: OdkServer, form: Form, house: House) -> None:
    """Its pages to come bear the same number."""
    submitted(server, form, a=picture(1))
    load = house.bench.sync(source=source(server))
    with house.bench.warehouse.connect() as connection:
        connection.cursor().execute("update raw.load set state = 'running' where load_id = %s", (load.load_id,))
    assert house.fetch(source(server)).kept == 1
    [(cursor,)] = house.bench.query(
        "select load_id from raw.attachment_cursor where project = %s", house.bench.project.id
    )
    assert cursor == load.load_id - 1


def test_a_file_that_comes_late_is_fetched_the_night_after(server: OdkServer, form: Form, house: House) -> None:
    root = submitted(server, form, a=picture(1), b=None)
    assert house.night(source(server)).kept == 1
    assert house.states() == [("expected", False, None, 1), ("kept", True, None, 1)]
    server.attach(form, root, "b.png", picture(2))
    server.wait(hours=12)
    tally = house.night(source(server))
    assert (tally.kept, len(server.asked("/attachments/a.png"))) == (1, 1), "what is here is not asked for again"
    assert set(house.content(root)) == {"a.png", "b.png"}


def test_the_same_bytes_are_stored_once_for_all_who_have_them(server: OdkServer, form: Form, house: House) -> None:
    first = submitted(server, form, a=picture(1))
    second = submitted(server, form, b=picture(1))
    tally = house.night(source(server))
    assert (tally.kept, tally.shared, len(house.lying())) == (2, 1, 1)
    assert house.erase(first).contents == 0, "the other submission still has them"
    assert house.content(second) == {"b.png": picture(1)}
    assert house.erase(second).contents == 1
    assert house.lying() == []


def test_what_is_too_large_is_left_on_the_way_and_said(server: OdkServer, form: Form, house: House) -> None:
    submitted(server, form, a=picture(1, 2_000_001), b=picture(2, 2_000_000))
    tally = house.night(source(server))
    assert (tally.kept, dict(tally.refused)) == (1, {"size": 1})
    assert house.states() == [("kept", True, None, 1), ("refused", True, "size", 1)]
    assert len(house.lying()) == 1


@pytest.mark.parametrize(
    ("content", "reason", "media_type"),
    [
        (PROGRAM, "type", "application/x-msdownload"),
        (b"\x7fELF\2\1\1" + bytes(200), "type", "application/x-executable"),
        (b"#!/bin/sh\nrm -rf /\n", "type", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "type", None),
        (b"PK\3\4" + bytes(100), "type", "application/zip"),
        (b"", "empty", None),
    ],
    ids=["exe", "elf", "script", "svg", "zip", "empty"],
)
def test_a_file_is_what_its_bytes_say_whatever_its_name(
    content: bytes, reason: str, media_type: str | None, server: OdkServer, form: Form, house: House
) -> None:
    submitted(server, form, photo=content)
    assert dict(house.night(source(server)).refused) == {reason: 1}
    found = house.bench.query("select media_type from raw.attachment where project = %s", house.bench.project.id)
    assert found == [(media_type,)] and house.lying() == []
    assert dict(house.fetch(source(server)).refused) == {reason: 1}
    server.requests.clear()
    house.fetch(source(server))
    assert server.requests == [], "what was refused on two nights is not asked for each night"


def test_the_page_of_a_proxy_under_200_is_not_taken_for_the_file(server: OdkServer, form: Form, house: House) -> None:
    """It would be refused for its type, for ever; the next night shows that it was not the file."""
    root = submitted(server, form, a=picture(1))
    house.bench.sync(source=source(server))
    server.file_faults.append("html")
    assert dict(house.fetch(source(server)).refused) == {"type": 1}
    assert house.fetch(source(server)).kept == 1
    assert house.content(root) == {"a.png": picture(1)}


def test_other_limits_judge_again_what_was_refused_and_nothing_else(
    server: OdkServer, form: Form, house: House
) -> None:
    submitted(server, form, a=picture(1, 60_000), b=picture(2, 10_000))
    assert house.night(source(server), Limits(20_000, ("image/*",))).kept == 1
    tally = house.fetch(source(server))
    assert (tally.kept, sum(tally.refused.values())) == (1, 0)
    assert len(server.asked("/attachments/b.png")) == 1


def test_a_transfer_that_breaks_keeps_nothing_and_is_begun_again(server: OdkServer, form: Form, house: House) -> None:
    """Cut in mid-body, reset in mid-body, or bytes that are not those announced at the end."""
    root = submitted(server, form, a=picture(1))
    house.bench.sync(source=source(server))
    for fault in ("cut", "reset_mid_body", "other_end"):
        server.file_faults.append(fault)
        tally = house.fetch(source(server))
        assert (tally.kept, tally.failed) == (0, 1) and house.lying() == [], fault
    assert house.states() == [("expected", True, "failed", 1)]
    assert house.fetch(source(server)).kept == 1
    assert house.content(root) == {"a.png": picture(1)}
    [(tries,)] = house.bench.query("select tries from raw.attachment where project = %s", house.bench.project.id)
    assert tries == 0


def test_one_file_that_fails_does_not_stop_the_others(server: OdkServer, form: Form, house: House) -> None:
    for seed in range(4):
        submitted(server, form, a=picture(seed))
    house.bench.sync(source=source(server))
    server.file_faults.extend(["cut", "", "cut", ""])
    tally = house.fetch(source(server))
    assert (tally.kept, tally.failed, tally.stopped) == (2, 2, None)
    assert house.fetch(source(server)).kept == 2


def test_a_server_that_fails_three_times_running_is_left_alone(server: OdkServer, form: Form, house: House) -> None:
    for seed in range(9):
        submitted(server, form, a=picture(seed))
    house.bench.sync(source=source(server))
    server.file_faults.extend(["cut"] * 9)
    tally = house.fetch(source(server))
    assert (tally.failed, len(server.asked("/attachments/a.png"))) == (3, 3)
    assert tally.stopped is not None and "n'a pas pu être lu" in tally.stopped
    server.file_faults.clear()
    assert house.fetch(source(server)).kept == 9


def test_the_pause_that_a_server_asks_for_is_kept(server: OdkServer, form: Form, house: House) -> None:
    submitted(server, form, a=picture(1))
    house.bench.sync(source=source(server))
    pauses: list[float] = []
    server.retry_after = "3"
    server.file_faults.append("429-retry-after")
    assert house.fetch(source(server, sleep=pauses.append)).kept == 1
    assert pauses == [3.0]


def test_a_run_ends_when_its_time_is_up_and_goes_on_the_next(server: OdkServer, form: Form, house: House) -> None:
    for seed in range(3):
        submitted(server, form, a=picture(seed))
    tally = house.night(source(server), budget=timedelta(0))
    assert tally.kept == 0 and tally.stopped is not None and "La durée" in tally.stopped
    assert house.fetch(source(server)).kept == 3


def test_what_the_source_deletes_stays_and_is_said_to_be_there_no_more(
    server: OdkServer, form: Form, house: House
) -> None:
    """Kept until a retention rule or an erasure; expected no more."""
    root = submitted(server, form, a=picture(1), b=None)
    submitted(server, form, a=picture(2))
    house.night(source(server))
    server.delete(form, root)
    house.night(source(server))
    assert house.states() == [("gone", False, None, 1), ("kept", False, None, 1), ("kept", True, None, 1)]
    assert house.content(root) == {"a.png": picture(1)}
    server.restore(form, root)
    server.wait(hours=12)
    house.night(source(server))
    assert house.states() == [("expected", False, None, 1), ("kept", True, None, 2)]


def test_an_edit_that_drops_a_file_keeps_what_was_received(server: OdkServer, form: Form, house: House) -> None:
    root = submitted(server, form, a=picture(1))
    house.night(source(server))
    server.edit(form, root, {"photo": "b.png"})
    server.forms[2, NAME].stored[root].files = {"b.png": picture(2)}
    server.wait(hours=12)
    assert house.night(source(server)).kept == 1
    assert house.states() == [("kept", False, None, 1), ("kept", True, None, 1)]
    assert house.content(root) == {"a.png": picture(1), "b.png": picture(2)}


# Erasure ------------------------------------------------------------------------------------------------------


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


# Taking out ---------------------------------------------------------------------------------------------------


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
        return take_out(bench.warehouse, bench.keyring, house.store, place, folder, who="moi", why=why)

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
    """And no line of the journal can be changed or removed."""
    bench, root = house.bench, submitted(server, form, a=picture(1, 200_000))
    house.night(source(server))
    [lying] = house.lying()
    lying.write_bytes(lying.read_bytes()[:-65536])
    place = (bench.project.id, "visites", root)
    with pytest.raises(MealError, match="ne s'ouvre pas"):
        take_out(bench.warehouse, bench.keyring, house.store, place, tmp_path / "vue", who="moi", why="voir")
    assert list((tmp_path / "vue").iterdir()) == []
    audit = "from audit.file_access where project = %s"
    assert bench.query(f"select who, why, files {audit}", bench.project.id) == [("moi", "voir", 1)]
    for change in ("delete from audit.file_access", "update audit.file_access set who = 'lui'"):
        with pytest.raises(MealError):
            bench.query(f"{change} where project = %s returning 1", bench.project.id)


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


def test_names_of_files_are_in_no_error(server: OdkServer, form: Form, house: House) -> None:
    submitted(server, form, Fatima_Zahra=picture(1))
    house.bench.sync(source=source(server))
    server.file_faults.extend(["cut"] * 3)
    tally = house.fetch(source(server))
    assert "Fatima" not in repr(tally)
    server.file_faults.extend(["reset"] * 20)
    assert "Fatima" not in repr(house.fetch(source(server)))
    with pytest.raises(MealError) as failure:
        list(
            source(server).read_attachment("x", next(iter(dict(source(server).attachments(_roots(form))).values()))[0])
        )
        raise MealError("rien")
    assert "Fatima" not in everything_told(failure.value)


def _roots(form: Form) -> list[str]:
    return list(form.stored)


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
