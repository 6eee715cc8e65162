"""A person of the demonstration exercises her rights through the commands, as an officer would for her."""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.warehouse import Warehouse
from tests.end_to_end.command import MEAL, House, a_house

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A demonstration of its own: these tests change it."""
    with a_house() as made:
        done = made.run("demo", "--rows", "400", "--seed", "3")
        assert done.code == 0, done.said
        yield made


def asked(house: House, typed: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command, and type these answers."""
    return subprocess.run(
        [str(MEAL), *arguments], input="\n".join(typed) + "\n", env=house.environ, cwd=house.folder, text=True,
        capture_output=True, encoding="utf-8", timeout=300, check=False,
    )  # fmt: skip


def served_and_registered(house: House) -> dict[str, Any]:
    """Somebody registered and served among others, whose telephone nobody else gives."""
    truth = house.settings().sample / "prim2" / "truth"
    phones: dict[str, set[str]] = defaultdict(set)
    served: dict[str, dict[str, Any]] = {}
    registered: set[str] = set()
    for form in ("beneficiaires", "prestations"):
        for line in (truth / f"{form}.jsonl").open(encoding="utf-8"):
            answers = json.loads(line)["answers"]
            for who in answers.get("personnes", [answers]):
                if who.get("telephone"):
                    phones[re.sub(r"\D", "", str(who["telephone"]))[-9:]].add(str(who.get("_person")))
                    if form == "beneficiaires":
                        registered.add(re.sub(r"\D", "", str(who["telephone"]))[-9:])
                    elif who.get("consentement") == "oui" and len(answers["personnes"]) > 1:
                        served[re.sub(r"\D", "", str(who["telephone"]))[-9:]] = who
    both = [who for phone, who in served.items() if phone in registered]
    assert both
    return both[0]


def totals(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select indicator, period_kind, period, value from indicators.value where project = 'prim2'"
            " and disaggregation = '{}' order by 1, 2, 3"
        )
        return cursor.fetchall()


def met(warehouse: Warehouse, keyring: Keyring, word: str) -> int:
    """Payloads of the project that hold a text."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select form, submission_id, version, payload from raw.submission where project = 'prim2' and payload is not null"
        )
        rows = cursor.fetchall()
    opened = keyring.sealer("prim2").unseal(
        [row[3] for row in rows], [f"raw|prim2|{form}|{submission}|{version}" for form, submission, version, _ in rows]
    )
    return sum(word.encode() in payload for payload in opened)


def test_found_erased_and_not_brought_back_while_totals_stay(house: House, tmp_path: Path) -> None:
    her = served_and_registered(house)
    phone = re.sub(r"\D", "", str(her["telephone"]))[-9:]
    typed = [str(her["telephone"]), str(her["annee_naissance"]), "", "", ""]
    settings = house.settings()
    project = ("-p", "prim2", "--demo", "--why", "demande 1")
    with Warehouse.open(settings) as warehouse:
        keyring = Keyring.read(settings.keyring)
        before, times = totals(warehouse), met(warehouse, keyring, phone)
        assert times >= 2 and before
        found = asked(house, [typed[0], "sa date", *typed[1:]], "privacy", "find", *project)
        assert "Un nombre entier est attendu" in found.stdout, "an answer out of place would find nobody, and say so"
        assert found.returncode == 0 and re.search(r"[0-9a-f]{32} — .*beneficiaires", found.stdout), found.stderr
        shown = asked(house, typed, "privacy", "erase", *project)
        assert shown.returncode == 0 and "rien n'a été changé" in shown.stdout
        assert met(warehouse, keyring, phone) == times
        done = asked(house, typed, "privacy", "erase", *project, "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        for said in (found, shown, done):
            assert phone not in said.stdout + said.stderr
        assert met(warehouse, keyring, phone) == 0
        for _ in range(2):
            again = house.run("run", "--demo")
            assert again.code == 0, again.said
            assert met(warehouse, keyring, phone) == 0
        assert totals(warehouse) == before
        rotated = house.run("keys", "rotate", "--demo", "--yes")
        assert rotated.code == 0, rotated.said
        assert house.run("run", "--demo").code == 0
        assert met(warehouse, Keyring.read(settings.keyring), phone) == 0
        nobody = asked(house, typed, "privacy", "find", *project)
        assert "Aucune donnée" in nobody.stdout and nobody.returncode == 0


def test_without_a_reason_or_an_identity_nothing_is_looked_for(house: House) -> None:
    refused = asked(house, ["", "", "", "", ""], "privacy", "find", "-p", "prim2", "--demo", "--why", "demande 2")
    assert refused.returncode == 2 and "Il faut" in refused.stderr + refused.stdout
    refused = asked(house, [], "privacy", "erase", "-p", "prim2", "--demo", "--why", " ", "--person", "0" * 32)
    assert refused.returncode == 2 and "Écrivez pourquoi" in refused.stderr + refused.stdout
