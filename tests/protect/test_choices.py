"""What codes mean, on a small project whose questionnaire changes; the real questionnaires are in `end_to_end/`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from meal_pipelines.project.load import load_project
from meal_pipelines.protect.choices import load_choices
from tests.clean.version_cases import LISTS, Versioned, declare, first_survey, kobo, old
from tests.stage_cases import CHOICES, Bench


@pytest.fixture
def house(bench: Bench) -> Iterator[Bench]:
    """Nothing of these tests stays in the session's warehouse."""
    yield bench
    with bench.warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("drop table if exists marts.choice")
        cursor.execute("delete from quality.build where table_name = 'marts.choice'")


def load(bench: Bench) -> int | None:
    with closing(bench.warehouse.psycopg()) as connection:
        return load_choices(connection, {bench.project.id: bench.project})


def meanings(bench: Bench, column: str) -> list[tuple[str, str, bool]]:
    """(code, French, whether today's form offers it) as the analyst reads them, in the order of the list."""
    with bench.warehouse.connect("analyst") as connection, connection.cursor() as cursor:
        cursor.execute(
            "select code, label_fr, is_offered from marts.choice where project = %s and column_name = %s order by position",
            (bench.project.id, column),
        )
        return list(cursor.fetchall())


def test_codes_are_explained_anew_when_the_questionnaire_changes_and_only_then(house: Bench) -> None:
    """A wording corrected in the form is seen at the next run; a night without news writes nothing."""
    assert load(house) == 8  # accord, sexe, besoins and, of the repeat, lien: two choices each
    assert meanings(house, "sexe") == [("F", "Femme", True), ("H", "Homme", True)]
    assert load(house) is None
    corrected = CHOICES.replace("sexe,H,Homme", "sexe,H,Homme ou garçon\nsexe,NR,Sans réponse")
    (house.folder / "choices.csv").write_text(corrected, encoding="utf-8")
    house.project = load_project(house.folder, {})
    assert load(house) == 9
    assert meanings(house, "sexe") == [
        ("F", "Femme", True),
        ("H", "Homme ou garçon", True),
        ("NR", "Sans réponse", True),
    ]


def test_what_stays_sealed_has_no_codes_to_explain(house: Bench) -> None:
    """The commune is shown as a province, which has a reference table; a question nobody classified is shown nowhere."""
    load(house)
    assert meanings(house, "commune") == []
    house.redeclare((house.folder / "project.yaml").read_text(encoding="utf-8").replace("sensitive: [besoins]", ""))
    load(house)
    assert meanings(house, "besoins") == []


def test_a_code_that_only_an_old_version_offered_keeps_its_wording_and_says_so(house: Bench) -> None:
    """Its answers are still in the tables: they were given, and nobody mapped them to another code."""
    house.source = Versioned(contents={"v1": kobo(first_survey(), {**LISTS, "sexe": ["F", "H", "NR", "femme"]})})
    declare(house, "changes:\n  - until: [v1]\n    choices: {sexe: {femme: F}}\n")
    load(house)
    house.run(a=old("v1", sexe="NR"), b=old("v1", sexe="femme"))
    assert {row["sexe"] for row in house.table("pseudonymised")} == {"NR", "F"}
    assert load(house) is not None, "the version that the server deployed is news"
    assert meanings(house, "sexe") == [("F", "Femme", True), ("H", "Homme", True), ("NR", "NR", False)]
