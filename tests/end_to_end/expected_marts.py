"""What each mart must hold, worked out from the truth by what its description says, in plain Python.

One function per mart; each gives one record per row of the mart, with the mart's columns but `project`. Persons are
called as the truth calls them. Here are those of PRIM 2's services, grants and trainings, and the list of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from tests.end_to_end.expected_accountability import feedback, learning_product, user_survey
from tests.end_to_end.expected_institutions import (
    adopted_tool,
    agent_attendance,
    declaration,
    employer_engagement,
    employer_survey,
    job_offer,
    joint_decision,
    maturity,
)
from tests.end_to_end.expected_mobility import (
    mobility_checklist,
    mobility_step,
    orientation,
    return_survey,
    tracer_survey,
    training_attendance,
)
from tests.end_to_end.expected_organisations import (
    gender_assessment,
    grant_payment,
    organisation_assessment,
    reception_point_observation,
)
from tests.end_to_end.expected_persons import (
    Record,
    day_of,
    each_once,
    number,
    person_card,
    persons,
    registered_as,
    rounded,
)
from tests.end_to_end.truth import Answers, Standing, Truth, age_band


def service_delivery(truth: Truth) -> Iterator[Record]:
    """One row per person served by one delivery; who is listed twice counts on the first line."""
    for one in truth.once("prestations"):
        day = day_of(one.answers["date_prestation"])
        for rank, row in each_once(one.rows.get("personnes", [])):
            agreed = row["consentement"] == "oui"
            person = row.get("_person") if agreed else None
            registered = registered_as(truth, person, row) if agreed else {}
            yield {
                "submission_id": one.submission_id,
                "repeat_index": rank,
                "person_id": person,
                "organisation": one.answers["organisation"],
                "service_type": one.answers["type_prestation"],
                "sex": registered.get("sex") or row.get("sexe"),
                "age_band": registered.get("age_band") or age_band(truth, row, day),
                "target_group": registered.get("target_group") or row.get("groupe_cible"),
                "region_code": one.answers["region"],
                "province_code": one.answers["province"],
                "delivered_on": day,
            }


def grant_contract(truth: Truth) -> Iterator[Record]:
    """One row per contract."""
    for one in truth.standing("subventions"):
        yield {
            "grant_id": one.answers["numero_contrat"],
            "submission_id": one.submission_id,
            "organisation": one.answers["organisation"],
            "organisation_type": one.answers["type_organisation"],
            "is_women_led": one.answers["dirigee_par_femme"] == "oui",
            "call_code": one.answers["code_appel"],
            "region_code": one.answers["region"],
            "gender_level": int(one.answers["niveau_genre"]),
            "amount_mad": number(one.answers["montant_mad"]),
            "signed_on": day_of(one.answers["date_signature"]),
            "ends_on": day_of(one.answers["date_fin"]),
        }


def institution_milestone(truth: Truth) -> Iterator[Record]:
    """Instruments in force or completed, tools, plans with both kinds of budgeted actions, ratings of a region."""
    reached: dict[str, Callable[[Answers], bool]] = {
        "instrument": lambda answers: answers["etat_instrument"] in ("en_vigueur", "acheve"),
        "plan": lambda answers: answers["actions_migration"] > 0 and answers["actions_genre"] > 0,
    }
    for one in _once_among(truth, "institutions", lambda a: reached.get(a["type_jalon"], lambda _: True)(a)):
        asked = one.answers
        place = asked.get("commune") or asked.get("province") or asked["region"]
        identity = [asked.get("type_institution") or "region", place, asked.get("secteur_service")]
        yield {
            "submission_id": one.submission_id,
            "institution_id": ":".join(part for part in identity if part),
            "institution_type": asked.get("type_institution"),
            "milestone_type": asked["type_jalon"],
            "instrument_type": asked.get("type_instrument"),
            "tool_type": asked.get("type_outil"),
            "region_code": asked["region"],
            "province_code": asked.get("province"),
            "commune_code": asked.get("commune"),
            "level": int(asked["niveau"]) if "niveau" in asked else None,
            "reached_on": day_of(asked["date_jalon"]),
        }


def official_attendance(truth: Truth) -> Iterator[Record]:
    """One row per official or elected person who agreed to be listed; certified from 60 at the exit test."""
    for one in truth.once("formations"):
        day = day_of(one.answers["date_fin"])
        agreed = [(rank, row) for rank, row in one.rows.get("participants", []) if row["consentement"] == "oui"]
        for rank, row in each_once(agreed):
            attended = 100 * number(row["heures_presence"]) / number(one.answers["heures_totales"])
            yield {
                "submission_id": one.submission_id,
                "repeat_index": rank,
                "person_id": row["_person"],
                "audience": "agent",
                "training_type": one.answers["theme"],
                "institution": one.answers["organisme"],
                "institution_type": row["type_institution"],
                "job_function": row["fonction"],
                "country_code": "ma",
                "sex": row["sexe"],
                "age_band": age_band(truth, row, day),
                "sector": None,
                "region_code": one.answers["region"],
                "is_completed": attended >= 80,
                "was_presented": "score_post" in row,
                "is_certified": row.get("score_post", 0) >= 60,
                "attendance_pct": rounded(attended, 1),
                "pre_score": number(row.get("score_pre")),
                "post_score": number(row.get("score_post")),
                "held_on": day,
            }


def _once_among(truth: Truth, form: str, holds: Callable[[Answers], bool]) -> list[Standing]:
    return [one for one in truth.once(form) if holds(one.answers)]


MARTS: dict[str, dict[str, Callable[[Truth], Iterator[Record]]]] = {
    "prim2": {
        "person": lambda truth: iter(persons(truth).values()),
        "person_card": person_card,
        "service_delivery": service_delivery,
        "grant_contract": grant_contract,
        "institution_milestone": institution_milestone,
        "training_attendance": official_attendance,
        "grant_payment": grant_payment,
        "organisation_assessment": organisation_assessment,
        "reception_point_observation": reception_point_observation,
        "gender_assessment": gender_assessment,
        "user_survey": user_survey,
        "feedback": feedback,
        "learning_product": learning_product,
    },
    "thamm_plus": {
        "person": lambda truth: iter(persons(truth).values()),
        "person_card": person_card,
        "orientation": orientation,
        "mobility_step": mobility_step,
        "training_attendance": lambda truth: chain(training_attendance(truth), agent_attendance(truth)),
        "return_survey": return_survey,
        "tracer_survey": tracer_survey,
        "mobility_checklist": mobility_checklist,
        "joint_decision": joint_decision,
        "job_offer": job_offer,
        "declaration": declaration,
        "employer_engagement": employer_engagement,
        "employer_survey": employer_survey,
        "institution_milestone": adopted_tool,
        "organisation_assessment": maturity,
        "feedback": feedback,
    },
}
"""By project: the marts it feeds, and what their records must be."""
