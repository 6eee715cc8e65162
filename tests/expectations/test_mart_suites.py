"""The marts' own files: they agree with the models, find what they are for, and say where they are wrong."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from expectations import marts
from expectations.model import Suite, blocking
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.warehouse.tables import Column, TableSpec
from tests.expectations.conftest import Bench

ROOT = Path(__file__).parents[2]
DECLARED = {
    model["name"]: TableSpec(
        "marts",
        model["name"],
        model["description"],
        tuple(Column(column["name"], column["data_type"], column["description"]) for column in model["columns"]),
        (),
    )
    for model in YAML(typ="safe").load((ROOT / "dbt_like_sql/marts/schema.yml").read_text(encoding="utf-8"))["models"]
}
PERSON = "0123456789abcdef" * 2
GOOD: dict[str, dict[str, Any]] = {
    "person": {
        "project": "prim2", "person_id": PERSON, "sex": "F", "age_band": "25-35", "target_group": "mre",
        "nationality_code": "sn", "region_code": "02", "province_code": "02.411", "first_met_on": dt.date(2026, 4, 1),
    },
    "person_card": {"project": "prim2", "card_id": PERSON[::-1], "person_id": PERSON, "is_shared": False},
    "service_delivery": {
        "project": "prim2", "submission_id": "s1", "repeat_index": 1, "person_id": PERSON, "organisation": "osc_or_1",
        "service_type": "sante", "sex": "H", "age_band": "60+", "target_group": "rpt", "region_code": "09",
        "province_code": "09.001", "delivered_on": dt.date(2026, 4, 1),
    },
    "grant_contract": {
        "project": "prim2", "grant_id": "OR-2026-01", "submission_id": "s1", "organisation": "osc_or_1",
        "organisation_type": "locale", "is_women_led": True, "call_code": "appel_1", "region_code": "02",
        "gender_level": 1, "amount_mad": 100000, "signed_on": dt.date(2026, 4, 1), "ends_on": dt.date(2027, 4, 1),
    },
    "institution_milestone": {
        "project": "prim2", "submission_id": "s1", "institution_id": "commune:02.411.01.01",
        "institution_type": "commune", "milestone_type": "cotation", "region_code": "02", "province_code": "02.411",
        "commune_code": "02.411.01.01", "level": 2, "reached_on": dt.date(2026, 4, 1),
    },
    "orientation": {
        "project": "thamm_plus", "submission_id": "s1", "person_id": PERSON, "sex": "F", "age_band": "18-24",
        "sector": "hcr", "region_code": "01", "is_renewal": False, "contract_type": "cdd",
        "oriented_on": dt.date(2026, 4, 1),
    },
    "mobility_step": {
        "project": "thamm_plus", "submission_id": "s1", "person_id": PERSON, "step": "arrivee_poste", "sex": "F",
        "age_band": "18-24", "sector": "agriculture", "region_code": "12", "is_renewal": True,
        "contract_type": "saisonnier", "offer_validated_on": dt.date(2026, 3, 2), "is_confirmed": True,
        "delay_days": 60, "step_on": dt.date(2026, 5, 1),
    },
    "joint_decision": {
        "project": "thamm_plus", "decision_id": "DEC-2026-0001", "submission_id": "s1", "body": "comite_technique",
        "institution": "anapec", "status": "executee", "is_in_time": True, "decided_on": dt.date(2026, 4, 1),
        "due_on": dt.date(2026, 6, 1), "executed_on": dt.date(2026, 5, 1),
    },
    "declaration": {
        "project": "thamm_plus", "form": "declarations", "submission_id": "s1", "indicator": "TH-OC1-1",
        "period_kind": "month", "period": "2026-04", "dimension": "sex", "category": "F", "value": 40,
        "method": "numero_dossier", "source": "anapec", "declared_by": "statistiques",
        "received_on": dt.date(2026, 5, 3),
    },
    "job_offer": {
        "project": "thamm_plus", "offer_id": "OFF-2026-0001", "movement": "validation", "submission_id": "s1",
        "employer": "900000001", "sector": "agriculture", "season": "ete", "contract_type": "saisonnier", "posts": 8,
        "effective_on": dt.date(2026, 4, 1),
    },
    "employer_engagement": {
        "project": "thamm_plus", "submission_id": "s1", "employer": "900000001", "sector": "hcr",
        "size_band": "10_49", "region_fr_code": "76", "is_filed": True, "signed_on": dt.date(2026, 4, 1),
    },
    "employer_survey": {
        "project": "thamm_plus", "submission_id": "s1", "employer": "900000001", "sector": "hcr",
        "size_band": "10_49", "region_fr_code": "76", "has_responded": True, "adequacy_score": 4, "is_satisfied": True,
        "would_hire_again": True, "surveyed_on": dt.date(2026, 10, 1),
    },
    "tracer_survey": {
        "project": "thamm_plus", "submission_id": "s1", "person_id": PERSON, "sex": "F", "age_band": "25-35",
        "sector": "agriculture", "region_code": "05", "contract_type": "saisonnier", "is_renewal": False,
        "situation": "emploi_salarie", "is_active": True, "returned_on": dt.date(2026, 9, 1),
        "surveyed_on": dt.date(2027, 3, 1),
    },
    "mobility_checklist": {
        "project": "thamm_plus", "submission_id": "s1", "person_id": PERSON, "sex": "F", "age_band": "25-35",
        "sector": "agriculture", "region_code": "05", "contract_type": "saisonnier", "is_renewal": False,
        "is_contract_understood": True, "is_copy_given": True, "is_without_illicit_fee": True,
        "is_housing_compliant": True, "is_socially_covered": True, "is_complaint_channel_known": True,
        "is_protective": True, "departed_on": dt.date(2026, 4, 1), "checked_on": dt.date(2026, 5, 1),
    },
    "training_attendance": {
        "project": "thamm_plus", "submission_id": "s1", "repeat_index": 1, "person_id": PERSON,
        "audience": "candidat", "training_type": "pre_depart", "institution": "anapec", "sex": "H", "age_band": "25-35", "sector": "hcr",
        "region_code": "05", "is_completed": True, "was_presented": True, "is_certified": True,
        "attendance_pct": 100, "pre_score": 10, "post_score": 60, "held_on": dt.date(2026, 4, 1),
    },
    "return_survey": {
        "project": "thamm_plus", "submission_id": "s1", "person_id": PERSON, "sex": "F", "age_band": "25-35",
        "sector": "agriculture", "region_code": "05", "contract_type": "saisonnier", "is_renewal": False,
        "support_type": "droits", "was_supported": True, "situation": "emploi_salarie", "recruitment_cost_mad": 5400,
        "monthly_income_eur": 1000, "monthly_income_mad": 10800, "cost_in_months": 0.5,
        "returned_on": dt.date(2026, 4, 1), "surveyed_on": dt.date(2026, 4, 2),
    },
    "feedback": {
        "project": "prim2", "submission_id": "s1", "channel": "telephone", "category": "acces", "is_sensitive": False,
        "country_code": "ma", "region_code": "02", "sex": "F", "is_answered_in_time": True,
        "received_on": dt.date(2026, 4, 1), "due_on": dt.date(2026, 4, 22), "answered_on": dt.date(2026, 4, 9),
    },
    "learning_product": {
        "project": "prim2", "product_code": "CAPI-1", "submission_id": "s1", "product_type": "fiche", "language": "fr",
        "topic": "osc", "stage": "diffuse", "is_disseminated": True, "stage_on": dt.date(2026, 4, 1),
    },
    "grant_payment": {
        "project": "prim2", "payment_id": "USP-1", "submission_id": "s1", "grant_id": "OR-2026-01",
        "organisation": "osc_or_1", "organisation_type": "locale", "region_code": "02", "donor": "afd", "currency": "MAD",
        "amount": 10800, "mad_per_eur": 10.8, "rate_status": "illustratif", "amount_mad": 10800, "amount_eur": 1000,
        "paid_on": dt.date(2026, 5, 1),
    },
    "organisation_assessment": {
        "project": "prim2", "submission_id": "s1", "function_code": "genre", "organisation_id": "osc_or_1",
        "organisation_type": "locale", "is_women_led": True, "region_code": "02", "assessment_type": "sortie", "score": 3,
        "overall_score": 3, "initial_score": 2, "has_progressed": True, "assessed_on": dt.date(2027, 5, 1),
    },
    "reception_point_observation": {
        "project": "prim2", "submission_id": "s1", "reception_point_id": "cellule_oujda", "reception_point_type": "commune",
        "region_code": "02", "province_code": "02.411", "commune_code": "02.411.01.23", "is_open": True,
        "criteria_met": 6, "is_functional": True, "observed_on": dt.date(2026, 7, 1),
    },
    "gender_assessment": {
        "project": "prim2", "submission_id": "s1", "organisation_id": "osc_or_1", "organisation_category": "osc",
        "region_code": "02", "is_verified": True, "measures_applied": 3, "is_counted": True,
        "support_started_on": dt.date(2026, 4, 1), "assessed_on": dt.date(2027, 4, 1),
    },
    "user_survey": {
        "project": "prim2", "survey": "acces", "submission_id": "s1", "wave": "base", "stratum": "base:02:rpt:F", "weight": 1.2,
        "sex": "F", "age_band": "25-35", "target_group": "rpt", "region_code": "02", "province_code": "02.411",
        "has_disability": False, "has_sought_service": True, "has_obtained_service": False,
        "surveyed_on": dt.date(2026, 4, 1),
    },
}  # fmt: skip


def judged(bench: Bench, mart: str, *changes: dict[str, Any]) -> dict[str, Any]:
    spec = DECLARED[mart]
    rows = [[{**GOOD[mart], **change}.get(name) for name in spec.names()] for change in changes]
    bench.make(spec.staged, spec.columns, rows)
    return bench.judge(marts.suite_for(spec).expectations, spec.staged)


def test_every_mart_has_its_file_and_every_file_its_mart() -> None:
    assert {path.stem for path in marts.FOLDER.glob("*.yaml")} == set(DECLARED)


@pytest.mark.parametrize("mart", DECLARED)
def test_a_good_row_passes_every_check_of_its_mart(bench: Bench, mart: str) -> None:
    results = judged(bench, mart, {})
    assert {name: result.reason for name, result in results.items() if not result.could_run} == {}
    assert [name for name, result in results.items() if not result.passed] == []


OTHER = {"submission_id": "s2"}
WRONG: list[tuple[str, dict[str, Any], set[str], set[str]]] = [
    ("person", {}, {"personne_unique"}, set()),
    ("person", {"person_id": "b" * 32, "sex": "femme"}, {"sexe_f_ou_h"}, set()),
    ("person", {"person_id": "Amina"}, {"pseudonyme_forme"}, set()),
    ("person", {"person_id": "b" * 32, "region_code": "09"}, set(), {"province_dans_sa_region"}),
    ("grant_contract", {"grant_id": "OR-2", "amount_mad": 0}, {"montant_positif"}, set()),
    ("grant_contract", {"grant_id": "OR-2", "ends_on": dt.date(2026, 3, 31)}, {"fin_apres_signature"}, set()),
    ("institution_milestone", {**OTHER, "level": None}, {"cotation_notee"}, set()),
    ("institution_milestone", {**OTHER, "milestone_type": "plan"}, set(), {"niveau_de_cotation_seulement"}),
    ("institution_milestone", {**OTHER, "milestone_type": "outil", "level": None}, {"outil_nomme"}, set()),
    ("orientation", {**OTHER, "sector": "btp"}, {"secteur_connu"}, set()),
    ("mobility_step", {**OTHER, "delay_days": -3}, {"delai_positif"}, set()),
    ("mobility_step", {**OTHER, "step_on": dt.date(2026, 2, 27)}, {"offre_avant_etape"}, set()),
    ("mobility_step", {**OTHER, "step": "visa"}, {"delai_a_l_arrivee_seulement"}, set()),
    ("joint_decision", {"decision_id": "D2", "due_on": dt.date(2026, 3, 31)}, {"echeance_apres_reunion"}, set()),
    ("joint_decision", {"decision_id": "D2", "status": "en_cours"}, set(), {"date_d_une_decision_executee"}),
    ("declaration", {"submission_id": "s2", "value": -1}, {"valeur_plausible"}, set()),
    ("declaration", {"submission_id": "s2", "category": None}, set(), {"categorie_avec_ventilation"}),
    ("job_offer", {"offer_id": "OFF-2", "posts": -8}, {"validation_positive"}, set()),
    ("job_offer", {"movement": "annulation"}, {"annulation_negative"}, set()),
    ("job_offer", {"offer_id": "OFF-2", "employer": "Ferme des Pins"}, {"siren_forme"}, set()),
    ("employer_engagement", {**OTHER, "employer": None}, {"employeur_renseigne"}, set()),
    ("employer_engagement", {**OTHER, "is_filed": False}, set(), {"piece_archivee"}),
    ("employer_survey", {**OTHER, "has_responded": False}, {"pas_de_note_sans_reponse"}, set()),
    ("employer_survey", {**OTHER, "adequacy_score": None}, set(), {"note_si_repondu"}),
    ("tracer_survey", {**OTHER, "surveyed_on": dt.date(2026, 10, 1)}, set(), {"six_mois_apres"}),
    ("tracer_survey", {**OTHER, "situation": "retraite"}, {"situation_connue"}, set()),
    ("mobility_checklist", {**OTHER, "is_housing_compliant": False}, {"six_sur_six"}, set()),
    ("mobility_checklist", {**OTHER, "checked_on": dt.date(2026, 3, 1)}, {"controle_apres_depart"}, set()),
    (
        "institution_milestone",
        {**OTHER, "region_code": None, "province_code": None, "commune_code": None},
        {"region_renseignee"},
        set(),
    ),
    ("training_attendance", {**OTHER, "audience": "public"}, {"public_connu"}, set()),
    ("training_attendance", {"repeat_index": 2, "attendance_pct": 90}, {"personne_unique_par_session"}, set()),
    ("training_attendance", {**OTHER, "was_presented": False}, {"certifie_donc_presente"}, set()),
    ("training_attendance", {**OTHER, "was_presented": None}, {"certifie_donc_presente"}, set()),
    ("training_attendance", {**OTHER, "attendance_pct": 101}, {"assiduite_de_0_a_100"}, set()),
    ("training_attendance", {**OTHER, "attendance_pct": 79}, {"acheve_a_80_pour_cent"}, set()),
    ("return_survey", {**OTHER, "surveyed_on": dt.date(2026, 3, 31)}, {"retour_avant_enquete"}, set()),
    ("return_survey", {**OTHER, "monthly_income_mad": None}, set(), {"taux_de_change_trouve"}),
    ("feedback", {**OTHER, "is_sensitive": True}, {"circuit_separe_sans_contenu"}, set()),
    ("feedback", {**OTHER, "answered_on": dt.date(2026, 3, 31)}, {"reponse_apres_reception"}, set()),
    ("feedback", {**OTHER, "channel": None}, set(), {"canal_renseigne"}),
    ("learning_product", {"product_code": "CAPI-2", "stage": "perdu"}, {"etape_connue"}, set()),
    ("grant_payment", {"payment_id": "USP-2", "amount": 0}, {"montant_positif"}, set()),
    ("grant_payment", {"payment_id": "USP-2", "amount_eur": None}, {"taux_de_change_trouve"}, set()),
    ("grant_payment", {"payment_id": "USP-2", "organisation": None}, set(), {"contrat_au_registre"}),
    ("organisation_assessment", {**OTHER, "score": 5}, {"niveau_de_0_a_4"}, set()),
    ("organisation_assessment", {**OTHER, "score": 0}, {"niveau_d_une_osc"}, set()),
    ("organisation_assessment", {**OTHER, "assessment_type": "entree"}, {"progres_a_la_sortie_seulement"}, set()),
    (
        "organisation_assessment",
        {**OTHER, "initial_score": None, "has_progressed": None},
        set(),
        {"sortie_apres_entree"},
    ),
    ("reception_point_observation", {**OTHER, "criteria_met": 5}, {"fonctionnel_a_6_criteres"}, set()),
    ("reception_point_observation", {**OTHER, "commune_code": None}, set(), {"commune_d_un_dispositif_communal"}),
    ("gender_assessment", {**OTHER, "is_verified": False}, {"comptee_a_douze_mois"}, set()),
    ("user_survey", {**OTHER, "has_sought_service": False}, {"obtenu_donc_cherche"}, set()),
    ("user_survey", {**OTHER, "stratum": None}, {"strate_renseignee"}, set()),
    ("training_attendance", {**OTHER, "institution_type": "ong"}, {"type_institution_connu"}, set()),
]


@pytest.mark.parametrize(("mart", "change", "critical", "warned"), WRONG)
def test_what_cannot_be_in_the_field_is_found(
    bench: Bench, mart: str, change: dict[str, Any], critical: set[str], warned: set[str]
) -> None:
    results = judged(bench, mart, {}, change)
    assert {result.expectation.name for result in blocking(results.values())} == critical
    assert {name for name, result in results.items() if not result.passed} == critical | warned


FILE = """mart: visit

expectations:
  - name: jour_renseigne
    description: Chaque visite est datée.
    kind: not_null
    column: visited_on
    severity: critical
"""
SPEC = TableSpec("marts", "visit", "Visites.", (Column("visited_on", "date", "Jour"), Column("step", "text", "")), ())


def read(folder: Path, text: str) -> Suite:
    (folder / "visit.yaml").write_text(text, encoding="utf-8")
    return marts.suite_for(SPEC, folder)


def test_a_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    suite = read(tmp_path, FILE)
    assert suite.table == "marts.visit"
    assert [(each.name, each.columns, each.severity) for each in suite.expectations] == [
        ("jour_renseigne", ("visited_on",), "critical")
    ]


ENTRY = "  - name: x\n    description: X.\n    severity: warning\n"
MISTAKES = [
    (FILE.replace("critical", "grave"), 8, "critical"),
    (FILE.replace("kind: not_null", "kind: not_nul"), 4, "kind"),
    (FILE.replace("    column: visited_on\n", ""), 4, "obligatoire"),
    (FILE.replace("visited_on", "visite_le"), 7, "la colonne « visite_le » n'existe pas dans marts.visit"),
    (FILE.replace("jour_renseigne", "jour renseigné"), 4, "^[A-Za-z0-9_]+$"),
    (FILE.replace("mart: visit", "mart: visite"), 1, "écrivez « mart: visit »"),
    (FILE + FILE.split("expectations:\n")[1], 3, "plusieurs contrôles s'appellent : jour_renseigne"),
    (FILE + ENTRY + "    kind: between\n    column: visited_on\n", 9, "il faut « min »"),
    (FILE + ENTRY + "    kind: not_null\n    column: step\n    when: {etape: fin}\n", 14, "« etape » n'existe pas"),
    (FILE + ENTRY + "    kind: no_row_where\n    condition: step = (select 1)\n", 13, "sous-requête"),
    (FILE + ENTRY + "    kind: no_row_where\n    condition: 'etape = 1'\n", 13, "« etape » n'existe pas"),
    (FILE + ENTRY + "    kind: unique\n    columns: [step, etape]\n", 13, "« etape » n'existe pas"),
]


@pytest.mark.parametrize(("text", "line", "said"), MISTAKES)
def test_a_mistake_is_named_with_its_file_and_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        read(tmp_path, text)
    assert f"visit.yaml, ligne {line}" in str(refusal.value)
    assert said in str(refusal.value)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    wrong = FILE.replace("visited_on", "visite_le") + ENTRY + "    kind: no_row_where\n    condition: etape = 1\n"
    with pytest.raises(ConfigurationError) as refusal:
        read(tmp_path, wrong)
    assert str(refusal.value).count("visit.yaml, ligne") == 2


def test_a_mart_without_a_file_is_asked_for_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"il manque .*visit\.yaml"):
        marts.suite_for(SPEC, tmp_path)
