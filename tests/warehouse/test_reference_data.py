"""The reference tables agree with one another, with their sources and with what the projects ask."""

from __future__ import annotations

import csv
from collections import Counter
from itertools import product

import pytest
import yaml

from meal_pipelines.collect.sheets.spelling import bare
from meal_pipelines.project.expression import Scope, parse
from meal_pipelines.project.values import Values
from meal_pipelines.project.xlsform import read_questionnaire
from meal_pipelines.settings import CHECKOUT
from meal_pipelines.warehouse.project_analysts import REFERENCE

PROJECTS = ("prim2", "thamm_plus")


def rows(seed: str) -> list[dict[str, str]]:
    with (CHECKOUT / "dbt_like_sql" / "seeds" / f"{seed}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_code_of_2014_leads_to_a_commune_of_the_same_province_and_is_no_code_of_today() -> None:
    """A code that were both could not be told apart in a partner's workbook."""
    communes = {row["commune_code"]: row for row in rows("commune")}
    found = rows("commune_code_2014")
    assert len(found) == 207 and len({row["commune_code"] for row in found}) == 207
    for row in found:
        assert row["code_2014"] not in communes and row["commune_code"] in communes
        assert row["code_2014"][:6] == row["commune_code"][:6] == communes[row["commune_code"]]["province_code"]
        assert int(row["population_2024"]) == int(communes[row["commune_code"]]["population_2024"])
        ratio = int(row["population_2024"]) / int(row["population_2014"])
        assert float(row["population_ratio"]) == pytest.approx(ratio, abs=0.0001)
    methods = Counter(row["method"] for row in found)
    assert methods == {"exact_name_in_province": 203, "sole_remaining_in_province": 4}


def test_no_alias_is_the_name_of_another_place_nor_of_two() -> None:
    aliases = rows("place_alias")
    for kind in ("commune", "province"):
        places = {row[f"{kind}_code"]: row for row in rows(kind)}
        official = {bare(row[name]) for row in places.values() for name in ("name_fr", "name_ar")}
        own = [row for row in aliases if row["kind"] == kind]
        assert own and {row["code"] for row in own} <= places.keys()
        assert not {bare(row["alias"]) for row in own} & official
        assert max(Counter(bare(row["alias"]) for row in own).values()) == 1
    deduced = {row["commune_code"] for row in rows("commune_code_2014") if row["method"] != "exact_name_in_province"}
    assert not deduced & {row["code"] for row in aliases}


def test_every_nationality_that_a_form_offers_is_in_the_table() -> None:
    """But those that are no State: without one, and any other."""
    known = {row["nationality_code"]: row for row in rows("nationality")}
    asked = read_questionnaire(CHECKOUT / "projects" / "prim2" / "forms" / "beneficiaires.xlsx").choices["nationalite"]
    assert {choice.name for choice in asked} - known.keys() == {"autre", "apatride"}
    assert len(known) == 195 and all(row["iso_alpha2"].lower() == code for code, row in known.items())
    assert all(row["name_fr"] and row["name_ar"] and len(row["iso_numeric"]) == 3 for row in known.values())
    alphabet = [char for row in known.values() for char in row["name_ar"] if char.isalpha()]
    assert min(alphabet) >= "\u0600"


def test_an_analyst_of_one_project_reads_every_reference_table() -> None:
    """Nobody is in them, and codes cannot be read without them."""
    assert {path.stem for path in (CHECKOUT / "dbt_like_sql" / "seeds").glob("*.csv")} == set(REFERENCE)


def test_the_age_bands_are_those_of_the_projects() -> None:
    declared = {
        band
        for project in PROJECTS
        for band in yaml.safe_load((CHECKOUT / "projects" / project / "project.yaml").read_text(encoding="utf-8"))[
            "age_bands"
        ]
    }
    bands = {row["age_band"]: row for row in rows("age_band")}
    assert bands.keys() == declared
    for code, row in bands.items():
        assert code == (f"{row['min_age']}-{row['max_age']}" if row["max_age"] else f"{row['min_age']}+")
        assert row["min_age"] in row["name_fr"] and row["min_age"] in row["name_ar"]


def test_the_disability_of_the_short_set_has_the_washington_groups_cut_off() -> None:
    """At least one of the six domains with « a lot of difficulty » or « cannot do at all »; nothing without the person's agreement."""
    questionnaire = read_questionnaire(CHECKOUT / "projects" / "prim2" / "forms" / "beneficiaires.xlsx")
    questions = {question.name: question for question in questionnaire.questions()}
    domains = [name for name in questions if name.startswith("wg_") and questions[name].type.startswith("select_one")]
    assert domains == ["wg_vue", "wg_audition", "wg_mobilite", "wg_memoire", "wg_soins", "wg_communication"]
    levels = [choice.name for choice in questionnaire.choices[str(questions["wg_vue"].list_name)]]
    assert levels == ["aucune", "quelques", "beaucoup", "incapable"]
    every = list(product(levels, repeat=6))
    columns = {name: Values.of_texts([answers[place] for answers in every]) for place, name in enumerate(domains)}

    def computed(agreed: str) -> list[str]:
        import numpy as np

        known = {**columns, "accord_handicap": Values.of_texts([agreed] * len(every))}
        found = parse(questions["handicap_wgss"].calculation).values(
            Scope(len(every), known, np.zeros(len(every)), None)
        )
        return [str(text) for text in np.broadcast_to(found.text, (len(every),)).tolist()]

    assert computed("oui") == ["oui" if {"beaucoup", "incapable"} & set(answers) else "non" for answers in every]
    assert set(computed("non")) == {""}
