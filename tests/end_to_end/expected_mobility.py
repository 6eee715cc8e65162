"""What the marts of the candidates and workers of THAMM+ must hold: from the first interview to six months after the return.

Worked out from the truth as those of `expected_marts.py` are, and sharing no code with the SQL.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

from meal_pipelines.settings import CHECKOUT
from tests.end_to_end.expected_persons import (
    Record,
    about,
    agreed,
    arrival_of,
    contract,
    day_of,
    each_once,
    first,
    number,
    registered_as,
    rounded,
)
from tests.end_to_end.truth import Answers, Truth, age_band


def orientation(truth: Truth) -> Iterator[Record]:
    """One row per interview of a candidate who consented."""
    for one, registered in agreed(truth, truth.once("candidats")):
        day = day_of(one.answers["date_orientation"])
        yield {**about(truth, one, registered, day), **contract(one), "oriented_on": day}


def mobility_step(truth: Truth) -> Iterator[Record]:
    """One row per step; the confirmed sending before the others, then the earliest."""
    steps = [one for one in truth.standing("parcours") if one.answers["consentement"] == "oui"]
    steps.sort(key=lambda one: (_confirmed(one.answers) is not True, *arrival_of(one)))
    for one, registered in agreed(truth, first(steps, "etape", "date_etape")):
        asked, day = one.answers, day_of(one.answers["date_etape"])
        validated = day if asked["etape"] == "offre_validee" else day_of(asked["offre_validee_le"])
        yield {
            **about(truth, one, registered, day),
            **contract(one),
            "step": asked["etape"],
            "employer": asked["employeur"],
            "offer_validated_on": validated,
            "is_confirmed": _confirmed(asked),
            "delay_days": (day - validated).days if asked["etape"] == "arrivee_poste" else None,
            "step_on": day,
        }


def training_attendance(truth: Truth) -> Iterator[Record]:
    """One row per person who attended a session; completed from 80 % of its hours."""
    for one in truth.once("formations"):
        if one.answers["consentement"] != "oui":
            continue
        day = day_of(one.answers["date_fin"])
        for rank, row in each_once(one.rows.get("participants", [])):
            registered = registered_as(truth, row["_person"], row)
            attended = 100 * number(row["heures_presence"]) / number(one.answers["heures_totales"])
            yield {
                "submission_id": one.submission_id,
                "repeat_index": rank,
                "person_id": row["_person"],
                "audience": "candidat",
                "training_type": one.answers["type_formation"],
                "institution": one.answers["institution"],
                "institution_type": None,
                "job_function": None,
                "country_code": None,
                "sex": registered.get("sex") or row.get("sexe"),
                "age_band": registered.get("age_band") or age_band(truth, row, day),
                "sector": one.answers["secteur"],
                "region_code": registered.get("region_code") or row.get("region"),
                "is_completed": attended >= 80,
                "was_presented": row["presente"] == "oui",
                "is_certified": row.get("certifie") == "oui",
                "attendance_pct": rounded(attended, 1),
                "pre_score": number(row.get("score_pre")),
                "post_score": number(row.get("score_post")),
                "held_on": day,
            }


def return_survey(truth: Truth) -> Iterator[Record]:
    """One row per cohort interview; costs in months of the same person's income, at the seed's rate."""
    surveys = sorted(truth.standing("retours"), key=arrival_of)
    for one, registered in agreed(truth, first(surveys, "date_enquete")):
        asked, day = one.answers, day_of(one.answers["date_enquete"])
        income = number(asked["revenu_mensuel_eur"])
        in_mad = income * _rate(day)
        cost = number(asked["cout_recrutement_mad"])
        yield {
            **about(truth, one, registered, day),
            **contract(one),
            "support_type": asked.get("type_appui"),
            "was_supported": asked["appui_recu"] == "oui",
            "situation": asked.get("situation"),
            "recruitment_cost_mad": cost,
            "monthly_income_eur": income,
            "monthly_income_mad": rounded(in_mad, 2),
            "cost_in_months": rounded(cost / in_mad, 4),
            "returned_on": day_of(asked["date_retour"]) if "date_retour" in asked else None,
            "surveyed_on": day,
        }


def tracer_survey(truth: Truth) -> Iterator[Record]:
    """One row per person and return: what she first answered."""
    surveys = sorted(
        truth.standing("suivi_6_mois"), key=lambda one: (one.answers.get("date_enquete", ""), *arrival_of(one))
    )
    for one, registered in agreed(truth, first(surveys, "date_retour")):
        day = day_of(one.answers["date_enquete"])
        yield {
            **about(truth, one, registered, day),
            **contract(one),
            "situation": one.answers["situation"],
            "is_active": one.answers["situation"] in ("emploi_salarie", "activite_propre", "nouvelle_mobilite"),
            "returned_on": day_of(one.answers["date_retour"]),
            "surveyed_on": day,
        }


def mobility_checklist(truth: Truth) -> Iterator[Record]:
    """One row per departure: its last check; who the person is, the register alone says."""
    checks = sorted(
        truth.standing("controle_parcours"), key=lambda one: (one.answers["date_controle"], *arrival_of(one))
    )
    for one in first(checks[::-1], "date_depart"):
        registered = registered_as(truth, one.person, one.answers)
        met = {column: one.answers[question] == "oui" for column, question in CRITERIA.items()}
        yield {
            "submission_id": one.submission_id,
            "person_id": one.person,
            "sex": registered.get("sex"),
            "age_band": registered.get("age_band"),
            "region_code": registered.get("region_code"),
            **contract(one),
            **met,
            "is_protective": all(met.values()),
            "departed_on": day_of(one.answers["date_depart"]),
            "checked_on": day_of(one.answers["date_controle"]),
        }


def _confirmed(answers: Answers) -> bool | None:
    return answers["entree_confirmee"] == "oui" if "entree_confirmee" in answers else None


def _rate(day: dt.date) -> Decimal:
    with (CHECKOUT / "dbt_like_sql" / "seeds" / "exchange_rate.csv").open(encoding="utf-8") as file:
        rates = [(day_of(line["valid_from"]), Decimal(line["rate"])) for line in csv.DictReader(file)]
    return max(rate for rate in rates if rate[0] <= day)[1]


CRITERIA = {
    "is_contract_understood": "contrat_compris",
    "is_copy_given": "copie_remise",
    "is_without_illicit_fee": "aucun_frais_illicite",
    "is_housing_compliant": "logement_conforme",
    "is_socially_covered": "couverture_sociale",
    "is_complaint_channel_known": "canal_plainte",
}
