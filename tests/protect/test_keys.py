"""The key file, what it seals, and the refusal of keys that are not this warehouse's."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.keys.sealing import Sealer
from meal_pipelines.warehouse import Warehouse
from tests.collect.kobo_cases import everything_told

PLACE = "raw|prim2|beneficiaires|115|1"


def ring(**changes: Any) -> Keyring:
    return Keyring(**{"current": 1, "sealing": {1: b"a" * 32}, "pseudonym": b"p" * 32, **changes})


@given(st.lists(st.tuples(st.binary(max_size=200), st.text(max_size=40))))
def test_what_is_sealed_opens_at_its_place_and_is_never_the_same_twice(values: list[tuple[bytes, str]]) -> None:
    sealer = ring().sealer("prim2")
    texts, places = [text for text, _ in values], [place for _, place in values]
    first, second = sealer.seal(texts, places), sealer.seal(texts, places)
    assert sealer.unseal(first, places) == sealer.unseal(map(memoryview, second), places) == texts
    assert not set(first) & set(second), "equal answers must not show as equal bytes"


@pytest.mark.parametrize(
    ("sealer", "place", "spoil"),
    [
        (ring().sealer("prim2"), "raw|prim2|beneficiaires|116|1", b""),
        (ring().sealer("thamm_plus"), PLACE, b""),
        (ring(sealing={1: b"b" * 32}).sealer("prim2"), PLACE, b""),
        (ring(current=2, sealing={2: b"b" * 32}).sealer("prim2"), PLACE, b""),
        (ring().sealer("prim2"), PLACE, b"x"),
    ],
    ids=["another row", "another project", "another key", "a key that is gone", "altered"],
)
def test_a_sealed_value_opens_nowhere_else(sealer: Sealer, place: str, spoil: bytes) -> None:
    """A copy of another row's bytes, another project's key, one bit changed: nothing opens, nothing is told."""
    [blob] = ring().sealer("prim2").seal([b"Tazi"], [PLACE])
    with pytest.raises(MealError) as refusal:
        sealer.unseal([blob + spoil], [place])
    assert "Tazi" not in everything_told(refusal.value)


def test_an_older_key_of_the_ring_still_opens() -> None:
    """After a rotation old rows stay readable, and new ones are sealed with the new key."""
    [old] = ring().sealer("prim2").seal([b"x"], [PLACE])
    rotated = ring(current=2, sealing={1: b"a" * 32, 2: b"b" * 32}).sealer("prim2")
    [new] = rotated.seal([b"x"], [PLACE])
    assert rotated.unseal([old, new], [PLACE, PLACE]) == [b"x", b"x"] and (old[0], new[0]) == (1, 2)


def test_a_new_key_file_is_its_owners_only_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "dossier" / "trousseau.json"
    made = Keyring.create(path)
    assert Keyring.read(path) == made
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigurationError, match="Un trousseau existe déjà"):
        Keyring.create(path)
    assert Keyring.read(path) == made


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "trousseau.json"
    Keyring.create(path)
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        Keyring.read(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "n'est pas un trousseau"),
        ("{}", "n'est pas un trousseau"),
        ("[1]", "n'est pas un trousseau"),
        ('{"current": 1, "sealing": {"1": "pas du base64 !"}, "pseudonym": ""}', "n'est pas un trousseau"),
        ('{"current": 1, "sealing": {"1": "YWJj"}, "pseudonym": "YWJj"}', "est incomplet"),
        ('{"current": 2, "sealing": {"1": "%s"}, "pseudonym": "%s"}', "est incomplet"),
    ],
)
def test_a_damaged_key_file_is_refused_without_being_quoted(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "trousseau.json"
    path.write_text(text.replace("%s", base64.b64encode(b"k" * 32).decode()), encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match=said) as refusal:
        Keyring.read(path)
    assert "YWJj" not in everything_told(refusal.value) and "pas du base64" not in everything_told(refusal.value)


def test_a_missing_key_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"introuvable : .*absent\.json.*MEAL_KEYRING"):
        Keyring.read(tmp_path / "absent.json")


def test_keys_are_not_shown(tmp_path: Path) -> None:
    """A repr ends up in logs and in the output of tests."""
    path = tmp_path / "trousseau.json"
    told = repr(Keyring.create(path)) + repr(Keyring.read(path).sealer("prim2"))
    assert all(key not in told for key in json.loads(path.read_text())["sealing"].values())


@pytest.fixture
def known(warehouse: Warehouse) -> Iterator[Keyring]:
    """A warehouse that was first used with this ring; forgotten afterwards."""
    held = ring(current=2, sealing={1: b"a" * 32, 2: b"b" * 32})
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select key_id, purpose, check_value from audit.key")
        before = cursor.fetchall()
        cursor.execute("delete from audit.key")
        held.check_against(cursor)
    yield held
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("delete from audit.key")
        cursor.executemany("insert into audit.key (key_id, purpose, check_value) values (%s, %s, %s)", before)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (ring(current=2, sealing={1: b"a" * 32, 2: b"x" * 32}), "n'est pas celui de cet entrepôt"),
        (ring(current=2, sealing={1: b"a" * 32, 2: b"b" * 32}, pseudonym=b"x" * 32), "n'est pas celui de cet entrepôt"),
        (ring(current=2, sealing={2: b"b" * 32}), r"Il manque une clé au trousseau \(sealing-1\)"),
    ],
    ids=["another sealing key", "another key of pseudonyms", "a key lost"],
)
def test_keys_that_are_not_this_warehouses_are_refused_before_anything_is_written(
    other: Keyring, said: str, known: Keyring, warehouse: Warehouse
) -> None:
    """With other keys every person would get a second pseudonym, and half the rows would never open again."""
    with pytest.raises(ConfigurationError, match=f"{said}.*Rien n'a été écrit"), warehouse.connect() as connection:
        other.check_against(connection.cursor())
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from audit.key")
        assert cursor.fetchone() == (3,)
        known.check_against(cursor)


def test_a_rotated_ring_is_remembered(known: Keyring, warehouse: Warehouse) -> None:
    rotated = ring(current=3, sealing={**known.sealing, 3: b"c" * 32})
    with warehouse.connect() as connection, connection.cursor() as cursor:
        rotated.check_against(cursor)
        cursor.execute("select key_id from audit.key order by key_id")
        assert [key_id for (key_id,) in cursor.fetchall()] == ["pseudonym", "sealing-1", "sealing-2", "sealing-3"]
