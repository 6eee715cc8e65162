"""Whoever was erased, or took her consent back, is met nowhere: not after everything is collected again, nor after new keys.

On a warehouse of its own, whose keys are replaced. She is linked: two pseudonyms, one phone, a year one off.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from meal_pipelines.collect.attachments import FileStore
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.protect.keys.rotation import prepare_key, rotate
from meal_pipelines.protect.rights.finding import ids_of, places_of
from meal_pipelines.settings import Settings
from meal_pipelines.warehouse import Warehouse
from tests.protect.test_erasure import HER, OTHER, Registry
from tests.protect.test_linking import LINKED
from tests.protect.test_rotation import Nobody
from tests.stage_cases import Memory, bench_of, visit

OFF = HER | {"naissance": "1985", "nom": "OUAZZANI-PLANTED ZINEB"}
FORMS = "blntd wzn znb"
"""Her name as it is hashed, written out by hand."""


class Linked(Registry):
    """Her hashes are those of every key of hers, under both of her pseudonyms."""

    def hashes(self) -> list[str]:
        ring = orjson.loads((self.bench.folder.parent / f"{self.bench.project.id}.json").read_bytes())
        told = [
            ("person", "telephone+naissance|+212699887766|1984"), ("person", "telephone+naissance|+212699887766|1985"),
            ("link", f"nom+naissance|{FORMS}|1984"), ("link", f"nom+naissance|{FORMS}|1985"),
            *(("link", f"telephone+nom+naissance|{FORMS}|+212699887766|{year}") for year in (1983, 1984, 1985)),
        ]  # fmt: skip
        found = []
        for purpose, text in told:
            info = f"{purpose}:{self.bench.project.id}".encode()
            key = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(base64.b64decode(ring["pseudonym"]))
            digest = hmac.digest(key, text.encode(), "sha256")[:16].hex()
            found += [digest, "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))]
        return found

    def collect_all_again(self) -> None:
        """As if no collection had ever been made: the cursors are gone, every stage begins anew."""
        with self.bench.warehouse.connect() as connection, connection.cursor() as cursor:
            cursor.execute("delete from raw.cursor where project = %s", (self.bench.project.id,))
            cursor.execute("update quality.build set fingerprint = 'x' where project = %s", (self.bench.project.id,))
        self.night()

    def replace_keys(self) -> None:
        path = self.bench.folder.parent / f"{self.bench.project.id}.json"
        folder = self.bench.folder.parent / "fichiers"
        store = FileStore(str(folder), folder / ".partial")
        ring = prepare_key(self.bench.warehouse, Keyring.read(path))
        old = Keyring.read(path).current
        rotate(self.bench.warehouse, ring, store, [self.bench.project.id], Nobody())
        self.bench.keyring = Keyring.read(path)
        assert self.bench.keyring.current != old


@pytest.fixture(params=["delete", "cut_loose"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Linked]:
    settings = Settings.load(environ={"MEAL_HOME": str(tmp_path / "home"), "MEAL_OUT": str(tmp_path / "out")})
    text = LINKED.replace("age_bands:", f"erasure: {request.param}\nwithdrawal: {request.param}\nage_bands:")
    with Warehouse.open(settings) as warehouse, bench_of(warehouse, tmp_path / "projects", text) as bench:
        with warehouse.connect() as connection, connection.cursor() as cursor:
            bench.keyring.check_against(cursor)
        source = Memory()
        bench.source = source
        source.rows = {"1": visit(**HER), "2": visit(**OTHER), "3": visit(**OFF, jour="2026-05-20")}
        people = [{f"participants/{name}": text for name, text in who.items()} for who in (OTHER, OFF)]
        made = Linked(bench, settings, Memory({"10": {"theme": "droits", "participants": people}}))
        made.night()
        assert len({row["person_id"] for row in bench.table("pseudonymised")}) == 2, "she is one person"
        yield made


def test_an_erased_persons_identifiers_give_no_hit_after_a_whole_collection_and_new_keys(registry: Linked) -> None:
    """Neither her answers, in any sealed payload, nor any hash of any key of hers, in a dump of everything."""
    hers = set(registry.hashes())
    assert sum(each.encode() in registry.dump() for each in hers) > 4, "the search finds what is there"
    done = registry.erase()
    assert (done.submissions, done.rows) == (2, 1)
    for step in (registry.night, registry.collect_all_again, registry.replace_keys, registry.collect_all_again):
        step()
        assert registry.traces() == [], step.__name__
    b = registry.bench
    for given in (HER, OFF):
        for person in ids_of(b.project, b.keyring, given):
            assert places_of(b.warehouse, b.keyring, b.project, {person}, by_any_key=True) == []
    assert {row["submission_id"] for row in b.table("pseudonymised")} >= {"2"}


def test_whoever_takes_her_consent_back_is_nobody_any_more_and_stays_so(registry: Linked) -> None:
    """As a refusal: what was done stays counted without a person, or goes; nothing brings her back."""
    b = registry.bench
    done = registry.erase(really=False, why="withdrawal")
    assert (done.submissions, done.rows) == (2, 1) and registry.traces() != []
    registry.erase(why="withdrawal")
    stays = b.project.project.withdrawal == "cut_loose"
    for step in (registry.night, registry.collect_all_again, registry.replace_keys, registry.collect_all_again):
        step()
        assert registry.traces() == [], step.__name__
        visits = {row["submission_id"]: row for row in b.table("pseudonymised")}
        others = [row for key, row in visits.items() if key != "2"]
        assert len(others) == (2 if stays else 0) and all(row["person_id"] is None for row in others)
        taking_part = [row["person_id"] for row in b.table("pseudonymised", "__participants", "ateliers")]
        assert taking_part == [visits["2"]["person_id"], *([None] if stays else [])]
    said = b.query("select what, items, person_id from audit.access where project = %s", b.project.id)
    assert said == [("withdraw", 3, None)]
    assert b.query("select distinct why from raw.erased where project = %s", b.project.id) == [("withdrawal",)]


@pytest.mark.parametrize("registry", ["cut_loose"], indirect=True)
def test_whoever_took_her_consent_back_may_be_met_anew(registry: Linked) -> None:
    """She may come again, and agree: another submission, another consent."""
    b = registry.bench
    registry.erase(why="withdrawal")
    registry.night()
    b.source.rows["9"] = visit(**HER, jour="2026-05-25")
    registry.night()
    [again] = [row for row in b.table("pseudonymised") if row["submission_id"] == "9"]
    assert again["person_id"] == ids_of(b.project, b.keyring, HER)[0]
