"""Keys replaced: everything opens with the new one alone, whenever the rotation was killed and whoever wrote meanwhile."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import errors, sql

from meal_pipelines.collect.attachments import FileStore
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.keys.rotation import Rotated, copy_of, count_uses, known_projects, prepare_key, rotate
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse
from tests.collect.file_cases import House, picture, submitted
from tests.collect.odk_cases import NAME, add_form, source
from tests.odk_server import OdkServer
from tests.stage_cases import Bench, bench_of, visit


class Nobody:
    def begin(self, place: str, total: int) -> None: ...

    def advance(self, count: int) -> None: ...


@dataclass
class Place:
    """A warehouse of its own, whose keys are replaced again and again: no other test's rows would survive it."""

    settings: Settings
    warehouse: Warehouse
    keyring: Path
    store: FileStore

    def ring(self) -> Keyring:
        return Keyring.read(self.keyring)

    def rotate(self, *projects: str) -> Rotated:
        ring = prepare_key(self.warehouse, self.ring())
        with self.warehouse.connect() as connection, connection.cursor() as cursor:
            known = known_projects(cursor)
        return rotate(self.warehouse, ring, self.store, projects or known, Nobody())

    def start(self) -> subprocess.Popen[str]:
        asked = {"home": str(self.settings.home), "keyring": str(self.keyring), "store": self.store.address}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.protect.rotation_worker", json.dumps(asked)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        return process


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("rotation")
    settings = Settings.load(environ={"MEAL_HOME": str(folder / "h")})
    Keyring.create(folder / "trousseau.json")
    store = FileStore(str(folder / "fichiers"), folder / "fichiers" / ".partial")
    with Warehouse.open(settings) as warehouse:
        yield Place(settings, warehouse, folder / "trousseau.json", store)


@pytest.fixture
def bench(place: Place, tmp_path: Path) -> Iterator[Bench]:
    """Twenty visits, some edited, cleaned and protected."""
    with place.warehouse.connect() as connection, connection.cursor() as cursor:
        place.ring().check_against(cursor)
    with bench_of(place.warehouse, tmp_path, keyring=place.ring()) as made:
        rows = {f"v{number}": visit(nom=f"El Idrissi {number}") for number in range(20)}
        made.run(**rows)
        rows |= {f"v{number}": visit(nom="Corrigé", telephone=f"06123456{number:02}") for number in range(5)}
        made.run(**rows)
        yield made


@pytest.fixture
def house(place: Place, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[House, str]]:
    """Another project, with two files: of two pieces, and of one."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with OdkServer() as central, bench_of(place.warehouse, tmp_path, keyring=place.ring()) as made:
        add_form(central)
        house = House(made, place.store, Path(place.store.address))
        root = submitted(central, central.forms[2, NAME], a=picture(1), b=picture(2, 400))
        house.night(source(central))
        yield house, root


def versions(bench: Bench, ring: Keyring) -> dict[tuple[str, int], bytes]:
    """Every payload, opened with this ring."""
    rows = bench.query(
        "select submission_id, version, payload from raw.submission where project = %s and form = 'visites'",
        bench.project.id,
    )
    places = [f"raw|{bench.project.id}|visites|{key}|{version}" for key, version, _ in rows]
    opened = ring.sealer(bench.project.id).unseal([payload for *_, payload in rows], places)
    return {(key, version): value for (key, version, _), value in zip(rows, opened, strict=True)}


def clear(bench: Bench, ring: Keyring) -> list[Any]:
    """Everything that is sealed in the database for this bench, opened with this ring."""
    bench.keyring = ring
    vault = bench.query(
        "select repeat, submission_id, repeat_index, person_id, sealed from vault.identity where project = %s order by 1, 2, 3",
        bench.project.id,
    )
    base = f"vault|{bench.project.id}|visites"
    people = [(person, bench.unsealed(blob, f"{base}|{rep}|{key}|{index}")) for rep, key, index, person, blob in vault]
    return [versions(bench, ring), bench.table("cleaned"), bench.table("cleaned", "__membres"), people]


def newest_only(ring: Keyring) -> Keyring:
    """A ring that has nothing but the key that seals."""
    return Keyring(ring.current, {ring.current: ring.sealing[ring.current]}, ring.pseudonym)


def test_after_a_rotation_everything_opens_with_the_new_key_alone(
    place: Place, bench: Bench, house: tuple[House, str]
) -> None:
    """Versions, cleaned answers, identities, names of files and files; nothing else about them changes."""
    kept, root = house
    before, old = clear(bench, bench.keyring), place.ring()
    done = place.rotate()
    ring = place.ring()
    assert done.kept == [] and done.retired == [old.current]
    assert ring.current == old.current + 1 and list(ring.sealing) == [ring.current] and ring.pseudonym == old.pseudonym
    assert clear(bench, newest_only(ring)) == before and len(before[0]) == 25 and before[3]
    kept.bench.keyring = newest_only(ring)
    assert kept.content(root) == {"a.png": picture(1), "b.png": picture(2, 400)}
    assert not copy_of(place.keyring).exists() and not list((Path(place.store.address) / ".partial").rglob("*.part"))
    uses = count_uses(place.warehouse, ring, place.store)
    assert uses.of(ring.current) == done.values == sum(uses.by_place.values())
    if sys.platform != "win32":
        assert place.keyring.stat().st_mode & 0o777 == 0o600
    with place.warehouse.connect() as connection, pytest.raises(ConfigurationError, match="Il manque une clé"):
        old.check_against(connection.cursor())


def test_what_comes_after_a_rotation_goes_on_as_before(place: Place, bench: Bench) -> None:
    """The same person keeps the same pseudonym; an unchanged submission is no new version."""
    people = {row["submission_id"]: row["person_id"] for row in bench.table("pseudonymised")}
    place.rotate()
    bench.keyring = place.ring()
    assert bench.sync().written == 0 and bench.clean() is None
    bench.run(**bench.source.rows, v99=visit(telephone="0612345601"))
    now = {row["submission_id"]: row["person_id"] for row in bench.table("pseudonymised")}
    assert {key: now[key] for key in people} == people and now["v99"] == people["v1"]


def test_a_run_that_began_before_the_rotation_goes_on_with_the_new_key(place: Place, bench: Bench) -> None:
    """A night of collection is not to be lost because somebody replaces the keys meanwhile."""
    bench.keyring = held = place.ring()
    sealer = held.sealer(bench.project.id)
    place.rotate()
    [blob] = sealer.seal([b"x"], ["ici"])
    assert blob[0] == place.ring().current == held.current + 1
    bench.source.rows["v3"] = visit(nom="Encore corrigé")
    load = bench.sync()
    assert (load.changed, load.added) == (1, 0)
    assert len(versions(bench, newest_only(place.ring()))) == 26


def test_another_ring_put_in_the_place_of_the_file_is_not_taken_by_a_run_under_way(tmp_path: Path) -> None:
    """It would seal with keys that nobody has compared with the warehouse."""
    path = tmp_path / "trousseau.json"
    held = Keyring.create(path)
    sealer = held.sealer("p")
    path.unlink()
    Keyring.create(path)
    assert held.sealer("p").unseal(sealer.seal([b"x"], ["ici"]), ["ici"]) == [b"x"]


@pytest.mark.parametrize("why", ["a project", "a run", "a table"])
def test_the_old_key_stays_as_long_as_something_may_use_it(
    why: str, place: Place, bench: Bench, tmp_path: Path
) -> None:
    """What is sealed with a key that is gone is lost."""
    old = place.ring().current
    with (
        bench_of(place.warehouse, tmp_path, keyring=place.ring()) as other,
        closing(place.warehouse.psycopg()) as running,
    ):
        other.run(v1=visit())
        if why == "a run":
            running.cursor().execute("select 1")
        if why == "a table":
            [(blob,)] = bench.query(f"select personal from cleaned.{bench.form.table} limit 1")
            with place.warehouse.connect() as connection:
                connection.cursor().execute("create table build.left_over as select %s::bytea as personal", (blob,))
        done = place.rotate(*([bench.project.id] if why == "a project" else []))
        said = {"a project": "ne sont pas encore scellés", "a run": "n'est pas finie", "a table": "en construction"}[
            why
        ]
        assert done.retired == [] and said in done.kept[0]
        assert sorted(place.ring().sealing) == [old, old + 1] and place.ring().current == old + 1
        running.rollback()
        with place.warehouse.connect() as connection:
            connection.cursor().execute("drop table if exists build.left_over")
        done = place.rotate()
        assert done.retired == [old] and list(place.ring().sealing) == [old + 1]


def test_nothing_sealed_with_a_retired_key_comes_in_any_more(place: Place, bench: Bench) -> None:
    """A machine that was forgotten, with a ring of its own, would write what nobody can open."""
    old = Keyring(place.ring().current, place.ring().sealing, place.ring().pseudonym)
    place.rotate()
    [blob] = old.sealer(bench.project.id).seal([b"{}"], ["x"])
    with place.warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select max(load_id) from raw.load")
        [(load,)] = cursor.fetchall()
        with pytest.raises(errors.CheckViolation):
            cursor.execute(
                "insert into raw.submission (project, form, submission_id, version, state, payload, load_id)"
                " values (%s, 'visites', 'w', 1, 'present', %s, %s)",
                (bench.project.id, blob, load),
            )
        connection.rollback()


@pytest.mark.parametrize(
    "change",
    [
        "payload = set_byte(payload, 0, 9), form_version = 'autre'", "payload = payload || '\\x00'",
        "payload = set_byte(payload, 20, 1)", "state = 'deleted'", "payload = null",
        "payload = set_byte(payload, 0, 9) || '\\x00'",
    ],
)  # fmt: skip
def test_a_version_is_sealed_anew_and_otherwise_never_changed(change: str, place: Place, bench: Bench) -> None:
    with place.warehouse.connect() as connection, connection.cursor() as cursor:
        with pytest.raises(errors.RestrictViolation):
            cursor.execute(f"update raw.submission set {change} where project = %s", (bench.project.id,))
        connection.rollback()


def test_with_the_payload_sealed_anew_no_other_column_may_change(place: Place, bench: Bench) -> None:
    """The database lists the columns that it compares: one added later without that list would be open to change."""
    others = {"timestamp with time zone": "now()", "bytea": "'\\x07'", "text": "'autre'"}
    columns = bench.query(
        "select column_name, data_type from information_schema.columns"
        " where table_schema = 'raw' and table_name = 'submission' and column_name <> 'payload'"
    )
    assert len(columns) >= 14
    with place.warehouse.connect() as connection, connection.cursor() as cursor:
        for column, kind in columns:
            other = sql.SQL(others.get(kind, "77"))
            change = sql.SQL(
                "update raw.submission set payload = set_byte(payload, 0, 9), {} = {} where payload is not null"
            )
            with pytest.raises(errors.RestrictViolation):
                cursor.execute(change.format(sql.Identifier(column), other))
            connection.rollback()


@pytest.mark.skipif(sys.platform == "win32", reason="killed as POSIX does")
@pytest.mark.parametrize("kills", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_killed_at_random_moments_while_others_collect_a_rotation_ends_as_an_undisturbed_one(
    kills: int, place: Place, bench: Bench, house: tuple[House, str]
) -> None:
    """Between two keys, in the middle of a batch, on a file, at the retirement: the next one finishes it."""
    chance, moments = random.Random(kills), set[int]()
    kept, root = house
    for number in range(kills):
        process = place.start()
        assert process.stdout is not None
        for _ in range(chance.randrange(12)):
            process.stdout.readline()
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        process.communicate()
        ring = place.ring()
        uses = count_uses(place.warehouse, ring, place.store)
        moments.add(uses.of(min(ring.sealing)))
        bench.source.rows[f"n{number}"] = visit(nom=f"Arrivée {number}")
        bench.sync()
        assert len(versions(bench, ring)) == 26 + number, "nothing is out of reach in between"
    process = place.start()
    out, _ = process.communicate(timeout=120)
    assert out.splitlines()[-1] == "retired", out
    bench.clean()
    clear(bench, newest_only(place.ring()))
    kept.bench.keyring = newest_only(place.ring())
    assert kept.content(root) == {"a.png": picture(1), "b.png": picture(2, 400)}
    assert len(moments) > 1, "the kills came at different moments of the work"


def test_a_ring_may_come_as_a_variable_and_is_then_not_replaced(place: Place, settings: Settings) -> None:
    text = place.keyring.read_text(encoding="utf-8")
    ring = Keyring.of(Settings.load(environ={"MEAL_HOME": str(settings.home), "MEAL_KEYRING_JSON": text}))
    assert ring == place.ring()
    with pytest.raises(ConfigurationError, match="ne peut pas être changé d'ici"):
        prepare_key(place.warehouse, ring)
    with pytest.raises(ConfigurationError, match="MEAL_KEYRING_JSON n'est pas un trousseau"):
        Keyring.of(Settings.load(environ={"MEAL_HOME": str(settings.home), "MEAL_KEYRING_JSON": "{"}))
