"""The suites that a questionnaire and a project give, and what they find in tables that are wrong."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from expectations import cleaned, pseudonymised
from expectations.cleaned import simple_bounds
from expectations.grain import distinctly
from expectations.model import Expectation, Suite, blocking
from meal_pipelines.clean.tables import cleaned_spec
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.protect.tables import pseudonymised_spec
from meal_pipelines.warehouse.tables import Column, TableSpec
from tests.expectations.conftest import Bench


def of_cleaned(project: LoadedProject, repeat: str = "") -> tuple[TableSpec, Suite]:
    form = project.forms["visites"]
    table = form.questionnaire.tables[repeat]
    spec = cleaned_spec(form, table)
    return spec, cleaned.suite_for(project.project, form, table, spec)


def of_pseudonymised(project: LoadedProject, repeat: str = "") -> tuple[TableSpec, Suite]:
    form = project.forms["visites"]
    table = form.questionnaire.tables[repeat]
    spec = pseudonymised_spec(project, form, table)
    return spec, pseudonymised.suite_for(project.project, form, table, spec)


def named(suite: Suite) -> dict[str, Expectation]:
    return {expectation.name: expectation for expectation in suite.expectations}


def test_the_form_s_suite_says_what_its_questionnaire_says(project: LoadedProject) -> None:
    _, suite = of_cleaned(project)
    assert {name: (each.kind, each.severity, each.scope) for name, each in named(suite).items()} == {
        "submission_id_renseigne": ("not_null", "critical", "rows"),
        "cle_unique": ("unique", "critical", "table"),
        "table_non_vide": ("not_empty", "warning", "table"),
        "submitted_at_renseigne": ("not_null", "warning", "rows"),
        "accord_renseigne": ("not_null", "critical", "rows"),
        "accord_dans_la_liste": ("in_list", "critical", "rows"),
        "jour_renseigne": ("not_null", "critical", "rows"),
        "jour_dans_la_periode": ("between", "warning", "rows"),
        "duree_dans_les_bornes": ("between", "warning", "rows"),
        "sexe_renseigne": ("not_null", "critical", "rows"),
        "sexe_dans_la_liste": ("in_list", "critical", "rows"),
        "besoins_dans_la_liste": ("in_list", "critical", "rows"),
        "donnees_personnelles_scellees": ("not_null", "critical", "rows"),
    }


def test_sentences_are_french_and_say_when(project: LoadedProject) -> None:
    found = named(of_cleaned(project)[1])
    assert found["jour_dans_la_periode"].description == (
        "« Jour de la visite » (jour) : entre le 01/04/2026 et le 28/02/2029."
    )
    assert found["duree_dans_les_bornes"].description == "« Durée » (duree) : au moins 5 et au plus 480."
    assert found["sexe_renseigne"].description == (
        "« Sexe » (sexe) : une réponse obligatoire ne manque jamais quand « accord » vaut « oui »."
    )


def test_a_repeat_hangs_on_its_form_and_a_nested_one_on_the_repeat_around_it(project: LoadedProject) -> None:
    outer = named(of_cleaned(project, "enfants")[1])["ligne_rattachee"]
    assert (outer.columns, outer.parameters["table"]) == (("submission_id",), "essai_visites")
    inner = named(of_cleaned(project, "suites")[1])["ligne_rattachee"]
    assert inner.columns == ("submission_id", "parent_index")
    assert (inner.parameters["table"], inner.parameters["candidate"]) == (
        "essai_visites__enfants",
        "cleaned__essai_visites__enfants__candidate",
    )
    assert named(of_cleaned(project, "enfants")[1])["note_de_visite_dans_les_bornes"].parameters == {
        "min": 0, "max": 20, "strict_min": True, "strict_max": True,
    }  # fmt: skip


def test_nothing_is_expected_where_the_questionnaire_is_too_intricate(project: LoadedProject) -> None:
    """`selected(…)` decides whether « motif » is asked, and « or » leaves the bounds of « âge déclaré » uncertain."""
    names = set(named(of_cleaned(project)[1]))
    assert not {name for name in names if name.startswith(("motif", "age_declare"))}


BOUNDS = [
    (". >= 5 and . <= 480", {"min": 5, "max": 480}),
    (". > 0.5", {"min": 0.5, "strict_min": True}),
    ("  .<=-3 ", {"max": -3}),
    (". >= 0 and . <= ${total}", {"min": 0}),
    (". >= 0 and . >= 5", {}),
    (". > 0 or . = -1", {}),
    ("not(. > 3 and . < 5)", {}),
    ("regex(., '^[0-9]+$')", {}),
    (". <= today()", {}),
    (". >= date('2026-03-01')", {}),
    ("", {}),
]


@pytest.mark.parametrize(("constraint", "bounds"), BOUNDS)
def test_only_certain_bounds_are_read_from_a_constraint(constraint: str, bounds: dict[str, Any]) -> None:
    assert simple_bounds(constraint, (int, float)) == bounds


def test_fixed_dates_of_a_constraint_are_read_as_dates() -> None:
    bounds = simple_bounds(". <= today() and . >= date('2026-03-01')", dt.date)
    assert bounds == {"min": dt.date(2026, 3, 1)}


GOOD = {
    "submission_id": "s1", "version": 1, "submitted_at": dt.datetime(2026, 5, 2, tzinfo=dt.UTC), "load_id": 1,
    "accord": "oui", "jour": dt.date(2026, 5, 2), "duree": 30, "sexe": "F", "besoins": ["sante"], "personal": b"\x01",
}  # fmt: skip


def rows(spec: TableSpec, *changes: dict[str, Any]) -> list[list[Any]]:
    return [[{**GOOD, **change}.get(name) for name in spec.names()] for change in changes]


def optional(spec: TableSpec) -> list[Column]:
    """Without the `not null` that would refuse the bad rows before their suite does."""
    return [replace(column, required=False) for column in spec.columns]


def test_a_clean_table_passes_and_a_refusal_of_consent_is_no_fault(bench: Bench, project: LoadedProject) -> None:
    spec, suite = of_cleaned(project)
    refused = {"submission_id": "s2", "accord": "non", "sexe": None, "besoins": None, "personal": None}
    bench.make(spec.staged, spec.columns, rows(spec, {}, refused))
    assert all(result.passed for result in bench.judge(suite.expectations, spec.staged).values())


BAD: dict[str, dict[str, Any]] = {
    "submission_id_renseigne": {"submission_id": None},
    "submitted_at_renseigne": {"submitted_at": None},
    "accord_renseigne": {"accord": None},
    "accord_dans_la_liste": {"accord": "peut-être"},
    "jour_renseigne": {"jour": None},
    "jour_dans_la_periode": {"jour": dt.date(2026, 3, 31)},
    "duree_dans_les_bornes": {"duree": 481},
    "sexe_renseigne": {"sexe": None},
    "sexe_dans_la_liste": {"sexe": "X"},
    "besoins_dans_la_liste": {"besoins": ["sante", "argent"]},
    "donnees_personnelles_scellees": {"personal": None},
}


@pytest.mark.parametrize("name", BAD)
def test_each_defect_is_found_by_its_own_check_alone(bench: Bench, project: LoadedProject, name: str) -> None:
    spec, suite = of_cleaned(project)
    bench.make(spec.staged, optional(spec), rows(spec, {}, {"submission_id": "s2"} | BAD[name]))
    results = bench.judge(suite.expectations, spec.staged)
    assert [found for found, result in results.items() if not result.passed] == [name]
    assert results[name].failing_rows == 1


def test_every_question_of_pseudonymised_is_permitted_and_nothing_else(project: LoadedProject) -> None:
    spec, suite = of_pseudonymised(project)
    columns = set(named(suite)["colonnes_permises"].columns)
    assert columns == set(spec.names())
    assert columns.isdisjoint({"telephone", "remarques", "inconnue", "naissance", "commune", "personal"})
    assert {"person_id", "age_band", "province_code", "sexe"} <= columns


def test_an_identifying_column_condemns_the_table_even_if_the_spec_has_it(bench: Bench, project: LoadedProject) -> None:
    """The classes of the form decide, so that a mistake in the tables' declaration is not its own witness."""
    form = project.forms["visites"]
    spec = pseudonymised_spec(project, form, form.questionnaire.main)
    leaky = replace(spec, columns=(*spec.columns, Column("telephone", "text", "Téléphone")))
    suite = pseudonymised.suite_for(project.project, form, form.questionnaire.main, leaky)
    bench.make(leaky.staged, leaky.columns, [])
    results = bench.judge(suite.expectations, leaky.staged)
    assert [result.expectation.name for result in blocking(results.values())] == ["colonnes_permises"]
    assert results["colonnes_permises"].reason == "colonnes en trop : telephone"


SAFE: dict[str, Any] = {
    "submission_id": "s1", "version": 1, "load_id": 1, "person_id": "0123456789abcdef" * 2, "age_band": "18-59",
    "province_code": "02.411", "accord": "oui", "lieu_rounded": "34.7 -1.9", "revenu_band": "0 à < 1000",
}  # fmt: skip
UNSAFE: dict[str, dict[str, Any]] = {
    "age_band_du_projet": {"age_band": "37"},
    "province_code_code_hcp": {"province_code": "02.411.01.01"},
    "lieu_rounded_arrondie": {"lieu_rounded": "34.68 -1.91"},
    "revenu_band_en_tranches": {"revenu_band": "750"},
    "person_id_forme": {"person_id": "+212600000001"},
    "person_id_connu": {"person_id": None},
}


@pytest.mark.parametrize("name", UNSAFE)
def test_what_is_too_precise_is_found(bench: Bench, project: LoadedProject, name: str) -> None:
    spec, suite = of_pseudonymised(project)
    both = [SAFE, {**SAFE, "submission_id": "s2", **UNSAFE[name]}]
    bench.make(spec.staged, optional(spec), [[row.get(column) for column in spec.names()] for row in both])
    results = bench.judge(suite.expectations, spec.staged)
    assert [found for found, result in results.items() if not result.passed] == [name]


def test_names_that_lose_their_accents_stay_apart() -> None:
    twice = [Expectation("age_renseigne", "Renseigné.", "not_null", (column,)) for column in ("âge", "age")]
    assert [each.name for each in distinctly(twice)] == ["age_renseigne", "age_renseigne_2"]
