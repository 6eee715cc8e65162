"""A whole survey as its server exports it: a main sheet and four linked repeats of 965 rows, orphans and all.

One is made here, of the shape of the survey that IMPACT Initiatives publish (MIT); theirs is read too where it is at hand.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import orjson
import pytest
import yaml
from openpyxl import Workbook, load_workbook

from meal_pipelines.collect.received import FileSource, received_files
from meal_pipelines.collect.sources import open_sources
from meal_pipelines.collect.sync import synchronise
from meal_pipelines.doctor.doctor import examine
from meal_pipelines.project.load import load_project
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.settings import CHECKOUT, Settings
from meal_pipelines.warehouse import Warehouse

HOUSEHOLDS, MEMBERS = 241, 965
REPEATS = ("roster", "edu_ind", "health_ind", "nut_ind")
ORPHANS = {"roster": 3, "edu_ind": 0, "health_ind": 1, "nut_ind": 17}

SURVEY = "type,name,label::Français (fr)\nselect_one eau,eau,Source d'eau\ninteger,taille,Taille du ménage\n" + "".join(
    f"begin repeat,{name},{name}\ninteger,{name}_age,Âge\nselect_multiple besoin,{name}_besoins,Besoins\nend repeat,,\n"
    for name in REPEATS
)
CHOICES = """list_name,name,label::Français (fr)
eau,robinet,Robinet
eau,surface,Eau de surface
eau,surface,Rivière ou lac
besoin,sante,Santé
besoin,emploi,Emploi
"""


@dataclass
class Survey:
    """What was written: the members of each household, by repeat, and the lines of those that have none."""

    folder: Path
    project: LoadedProject
    members: dict[str, Counter[str]]
    orphans: dict[str, list[int]]


def made(folder: Path) -> Survey:
    """The export of a survey, its members scattered over the sheets in no order."""
    draw = Random(7)
    households = [f"{draw.getrandbits(64):016x}" for _ in range(HOUSEHOLDS)]
    book = Workbook()
    main = book.worksheets[0]
    main.title = "main"
    main.append(["uuid", "end", "eau", "taille", "weight"])
    members: dict[str, Counter[str]] = {}
    orphans: dict[str, list[int]] = {}
    for household in households:
        main.append(
            [household, "2026-05-04T10:00:00+01:00", draw.choice(["robinet", "surface"]), draw.randint(1, 9), 0.37]
        )
    for name in REPEATS:
        sheet = book.create_sheet(name)
        sheet.append(
            ["uuid", "person_id", f"{name}_age", f"{name}_besoins", f"{name}_besoins/sante", f"{name}_besoins/emploi"]
        )
        owners = draw.choices(households, k=MEMBERS)
        lost = sorted(draw.sample(range(MEMBERS), ORPHANS[name]))
        for number, owner in enumerate(owners):
            key = f"absent-{number}" if number in lost else owner
            sheet.append([key, f"p{number}", draw.randint(0, 90), draw.choice(["sante", "sante emploi"]), 1, 0])
        members[name] = Counter(owner for number, owner in enumerate(owners) if number not in lost)
        orphans[name] = [number + 2 for number in lost]
    folder.mkdir()
    book.save(folder / "export.xlsx")
    return Survey(folder, declared(folder, f"e{uuid4().hex[:8]}"), members, orphans)


def declared(folder: Path, name: str) -> LoadedProject:
    (folder / "survey.csv").write_text(SURVEY, encoding="utf-8")
    (folder / "choices.csv").write_text(CHOICES, encoding="utf-8")
    repeats = {name: {"sheet": name, "parent": "uuid"} for name in REPEATS}
    source = {
        "use": "export",
        "file": "export.xlsx",
        "sheet": "main",
        "key": "uuid",
        "submitted_at": "end",
        "repeats": repeats,
    }
    text = {
        "project": name, "name": "Enquête", "label": "Une enquête", "starts_on": "2026-01-01", "ends_on": "2026-12-31",
        "dates_status": "illustratives", "sources": {"export": {"kind": "export", "path": "."}},
        "forms": {
            "menages": {
                "label": "Ménages", "code": "F-MEN", "unit": "ménage", "frequency": "yearly", "source": source,
                "questionnaire": {"survey": "survey.csv", "choices": "choices.csv"}, "privacy": {"open": ["*"]},
            }
        },
    }  # fmt: skip
    (folder / "project.yaml").write_text(yaml.safe_dump(text, allow_unicode=True), encoding="utf-8")
    return load_project(folder, {})


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return made(tmp_path_factory.mktemp("survey") / "p")


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.create(tmp_path_factory.mktemp("keys") / "k.json")


@pytest.fixture(scope="module")
def collected(warehouse: Warehouse, survey: Survey, keyring: Keyring) -> Iterator[FileSource]:
    """Twice: the second night has nothing to do."""
    settings = Settings.load(environ={"MEAL_HOME": str(survey.folder)})
    form = survey.project.forms["menages"]
    for written in (HOUSEHOLDS, 0):
        [(_, source)] = open_sources(settings, survey.project, form, keyring, warehouse)
        assert isinstance(source, FileSource)
        load = synchronise(warehouse, keyring, survey.project.id, form.name, source)
        assert load is not None and (load.received, load.written, load.present) == (HOUSEHOLDS, written, HOUSEHOLDS)
        source.record(load.load_id)
    yield source
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for table in ("file", "cursor", "missing", "submission", "load"):
            cursor.execute(f"delete from raw.{table} where project = %s", (survey.project.id,))


def test_every_household_arrives_with_all_its_members(
    collected: FileSource, survey: Survey, warehouse: Warehouse, keyring: Keyring
) -> None:
    found: dict[str, Counter[str]] = {name: Counter() for name in REPEATS}
    sealer = keyring.sealer(survey.project.id)
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select submission_id, version, payload from raw.submission where project = %s", (survey.project.id,)
        )
        for key, version, payload in cursor.fetchall():
            [opened] = sealer.unseal([payload], [f"raw|{survey.project.id}|menages|{key}|{version}"])
            for name in REPEATS:
                found[name][key] += len(orjson.loads(opened).get(name, []))
    assert {name: +counter for name, counter in found.items()} == survey.members
    assert [found[name].total() for name in REPEATS] == [MEMBERS - ORPHANS[name] for name in REPEATS]


def test_orphans_and_duplicate_choices_are_told_and_kept_in_the_receipt(
    collected: FileSource, survey: Survey, warehouse: Warehouse
) -> None:
    """By sheet and by line, never by key; and in the doctor's examination, before anything is collected."""
    [remark] = collected.remarks()
    assert "feuille « roster », 3 lignes orphelines laissées" in remark and "feuille « nut_ind », 17 lignes" in remark
    assert f"feuille « health_ind », 1 ligne orpheline laissée (ligne {survey.orphans['health_ind'][0]})" in remark
    assert "edu_ind" not in remark and "absent-" not in remark
    assert "choix en double dans le questionnaire : « surface » dans « eau »" in remark
    [file] = received_files(warehouse, [survey.project.id])
    assert (file.rows, file.is_refused) == (HOUSEHOLDS, False)
    for name in REPEATS:
        assert f"feuille « {name} » : {MEMBERS} lignes" in file.told
    settings = Settings.load(
        environ={"MEAL_HOME": str(survey.folder / "h"), "MEAL_PROJECTS": str(survey.folder.parent)}
    )
    told = [finding.text for finding in examine(settings) if finding.level == "warning"]
    assert any("le choix « surface » est plus d'une fois dans la liste « eau »" in text for text in told)


def test_the_published_survey_arrives_whole(warehouse: Warehouse, tmp_path: Path) -> None:
    """Counted from the workbook with another reader; it has no orphan, and one choice twice."""
    beside = CHECKOUT.parent / "shared" / "surveydata" / "impact-initiatives-hppu+humind.data"
    folder = Path(os.environ.get("MSNA_FOLDER") or beside)
    if not (folder / "dummy_raw_data.xlsx").is_file():
        pytest.skip(
            f"The published MSNA survey is not in {folder}. Get it from "
            "https://github.com/impact-initiatives-hppu/humind.data (MIT), then set MSNA_FOLDER to its folder."
        )
    workbook = load_workbook(folder / "dummy_raw_data.xlsx", read_only=True)
    sheets: dict[str, list[dict[str, Any]]] = {}
    for sheet in workbook:
        sheet.reset_dimensions()
        header, *lines = sheet.iter_rows(values_only=True)
        sheets[sheet.title] = [dict(zip(header, line, strict=False)) for line in lines]  # type: ignore[arg-type]
    settings = Settings.load(environ={"MEAL_HOME": str(tmp_path), "MSNA_FOLDER": str(folder)})
    project = load_project(CHECKOUT / "tests" / "projects" / "msna", settings.variables)
    [(_, source)] = open_sources(settings, project, project.forms["menages"])
    assert isinstance(source, FileSource)
    submissions = {s.submission_id: orjson.loads(s.payload) for page in source.sweep() for s in page.submissions}
    assert submissions.keys() == {line["uuid"] for line in sheets["main"]} and len(submissions) == 241
    for name in REPEATS:
        expected = Counter(line["uuid"] for line in sheets[name])
        assert Counter({key: len(row.get(name, [])) for key, row in submissions.items()}) == expected
        assert expected.total() == 965
    [remark] = source.remarks()
    assert remark.endswith(
        " : choix en double dans le questionnaire : « surface_water » dans « l_wash_drinking_water_source »."
    )
