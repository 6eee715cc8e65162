"""A project nobody has written Python for: its questionnaire and a few lines of `sample.yaml` are enough."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.load import load_project
from meal_pipelines.sample import generate
from tests.sample.conftest import NAMES, project

PROJECT = """
project: puits
name: Puits
label: Points d'eau
starts_on: 2026-01-01
ends_on: 2026-12-31
dates_status: Illustratives
sources: {serveur: {kind: kobo, url: "https://kobo.example", token: jeton}}
forms:
  visites:
    label: Visites
    code: F-VIS
    unit: visite
    questionnaire: {survey: survey.csv, choices: choices.csv}
    source: {use: serveur, asset: aVisites}
    frequency: monthly
    privacy: {open: [date_visite, zone, village, debit_l_s]}
"""
SURVEY = """type,name,label,required,relevant,constraint,choice_filter
date,date_visite,Date,yes,,. <= today(),
select_one zone,zone,Zone,yes,,,
select_one village,village,Village,yes,,,zone = ${zone}
decimal,debit_l_s,Débit,,${zone} = 'nord',. > 0 and . <= 12,
begin_repeat,mesures,Mesures,,,,
integer,ph,pH,yes,,. >= 5 and . <= 9,
begin_repeat,lectures,Lectures,,,,
integer,rang,Rang,yes,,. >= 1 and . <= 3,
end_repeat,,,,,,
end_repeat,,,,,,
"""
CHOICES = """list_name,name,label,zone
zone,nord,Nord,
zone,sud,Sud,
village,n1,N1,nord
village,n2,N2,nord
village,s1,S1,sud
"""
SAMPLE = """
persons: {roles: {sex: sexe}, attributes: {}, pools: {}}
forms:
  visites:
    share: 1
    event: date_visite
    repeats: {mesures: {count: {2: 1}}}
"""


def written(folder: Path, sample: str = SAMPLE) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in (
        ("project.yaml", PROJECT),
        ("survey.csv", SURVEY),
        ("choices.csv", CHOICES),
        ("sample.yaml", sample),
    ):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_questionnaire_is_answered_without_being_told_how(tmp_path: Path) -> None:
    """Bounds, choices, cascades and repeats inside repeats come from the questionnaire."""
    seen: list[tuple[int, int]] = []
    loaded = load_project(written(tmp_path / "puits"), {})
    summary = generate(loaded, 120, 1, tmp_path / "out", lambda done, rows: seen.append((done, rows)))
    assert summary.forms == {"visites": 120}
    assert seen[-1] == (120, 120)
    lines = [json.loads(line) for line in (tmp_path / "out/truth/visites.jsonl").read_text("utf-8").splitlines()]
    answers = [line["answers"] for line in lines]
    assert {(a["zone"], a["village"]) for a in answers} == {("nord", "n1"), ("nord", "n2"), ("sud", "s1")}
    assert all(0 < a["debit_l_s"] <= 12 for a in answers if "debit_l_s" in a)
    assert all(len(a["mesures"]) == 2 for a in answers)
    assert all(5 <= m["ph"] <= 9 and 1 <= r["rang"] <= 3 for a in answers for m in a["mesures"] for r in m["lectures"])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (SAMPLE.replace("share: 1", "share: 1\n    partage: 2"), "partage"),
        (SAMPLE + "    questions: {inconnue: {answered: 1}}\n", "inconnue"),
        (SAMPLE + "    questions: {zone: {weights: {}, texts: [ailleurs], pattern: ailleurs}}\n", "zone"),
        (SAMPLE.replace("visites", "visite"), "visite"),
    ],
)
def test_a_wrong_sample_file_is_refused_by_name(wrong: str, words: str, tmp_path: Path) -> None:
    loaded = load_project(written(tmp_path / "puits", wrong), {})
    with pytest.raises(ConfigurationError, match=words):
        generate(loaded, 50, 1, tmp_path / "out")


@pytest.mark.parametrize("rows", [1, 7, 60])
@pytest.mark.parametrize("name", NAMES)
def test_as_many_rows_as_asked_however_few(name: str, rows: int, tmp_path: Path) -> None:
    assert sum(generate(project(name), rows, 1, tmp_path).forms.values()) == rows


def test_a_shorter_sample_leaves_no_page_of_a_longer_one(tmp_path: Path) -> None:
    """A page left behind would be read as submissions of the new sample."""
    loaded = load_project(written(tmp_path / "puits"), {})
    for rows in (2_500, 40):
        generate(loaded, rows, 1, tmp_path / "out")
    assert [page.name for page in (tmp_path / "out/visites/2-dernier-export").iterdir()] == ["page-00001.json"]


def test_no_row_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--rows"):
        generate(load_project(written(tmp_path / "puits"), {}), 0, 1, tmp_path / "out")
