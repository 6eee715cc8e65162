"""The noise of the field: one person in many writings, the truth knowing who is who, and nothing changed without it."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import orjson
import pytest

from meal_pipelines.project.load import load_project
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.protect.persons.normalise import name, phone
from meal_pipelines.sample import generate
from meal_pipelines.sample.names import ORIGINS
from meal_pipelines.sample.noise import Noise
from meal_pipelines.sample.writings import other_writings
from meal_pipelines.settings import CHECKOUT

ROWS = 1500
NONE = Noise(**dict.fromkeys(Noise.model_fields, 0.0))


@pytest.fixture(scope="module")
def prim2() -> LoadedProject:
    variables = defaultdict(lambda: "x")
    return load_project(CHECKOUT / "projects" / "prim2", variables)


def met(folder: Path) -> list[dict[str, Any]]:
    """Everyone met in the two forms, as the truth has them."""
    found = []
    for form in ("beneficiaires", "prestations"):
        for line in (folder / "truth" / f"{form}.jsonl").read_bytes().splitlines():
            answers = orjson.loads(line)["answers"]
            found += [each for each in (answers, *answers.get("personnes", [])) if "_person" in each]
    return [each for each in found if "nom" in each]


def test_without_noise_and_with_a_noise_of_nothing_the_same_bytes_are_written(
    prim2: LoadedProject, tmp_path: Path
) -> None:
    for folder, noise in (("a", None), ("b", NONE)):
        generate(prim2, 300, 3, tmp_path / folder, noise=noise)
    for form in ("beneficiaires", "prestations"):
        one, other = ((tmp_path / folder / "truth" / f"{form}.jsonl").read_bytes() for folder in "ab")
        assert one == other


def test_the_same_person_is_written_in_many_ways_as_often_as_declared(prim2: LoadedProject, tmp_path: Path) -> None:
    """Each share is near what it says, and only that share: shares are not tuned to what the linking can bear."""
    generate(prim2, ROWS, 1, tmp_path / "quiet")
    generate(prim2, ROWS, 1, tmp_path / "noisy", noise=Noise())
    quiet, noisy = met(tmp_path / "quiet"), met(tmp_path / "noisy")
    assert [one["_person"] for one in quiet] == [one["_person"] for one in noisy]
    pairs, noise = list(zip(quiet, noisy, strict=True)), Noise()

    def share(differs: Any) -> float:
        return sum(map(differs, pairs)) / len(pairs)

    phones = share(lambda pair: phone(pair[0]["telephone"]) != phone(pair[1]["telephone"]))
    assert phones == pytest.approx(noise.second_phone + noise.shared_phone, abs=0.025)
    years = [one["annee_naissance"] - other["annee_naissance"] for one, other in pairs]
    assert set(years) == {-1, 0, 1}
    assert 1 - years.count(0) / len(years) == pytest.approx(noise.birth_year, abs=0.015)
    names = share(lambda pair: name(pair[0]["nom"]) != name(pair[1]["nom"]))
    assert 0.08 < names < 0.2


def test_a_shared_phone_is_that_of_another_person_and_a_second_one_is_nobody_elses(
    prim2: LoadedProject, tmp_path: Path
) -> None:
    generate(prim2, ROWS, 1, tmp_path / "shared", noise=NONE.model_copy(update={"shared_phone": 0.3}))
    owners = defaultdict(set)
    for one in met(tmp_path / "shared"):
        owners[phone(one["telephone"])].add(one["_person"])
    assert max(map(len, owners.values())) == 2 and Counter(map(len, owners.values()))[2] > 20
    generate(prim2, ROWS, 1, tmp_path / "second", noise=NONE.model_copy(update={"second_phone": 0.5}))
    given: dict[str, set[str]] = defaultdict(set)
    for one in met(tmp_path / "second"):
        given[one["_person"]].add(phone(one["telephone"]))
    flat = [number for numbers in given.values() for number in numbers]
    assert len(flat) == len(set(flat)) and max(map(len, given.values())) == 2


def test_every_name_of_the_sample_has_its_other_writings() -> None:
    known = other_writings()
    for origin in ("ma", "west_africa"):
        names = ORIGINS[origin]
        for each in (*names.women, *names.men, *names.families):
            assert known[each].latin and each not in known[each].latin, each
