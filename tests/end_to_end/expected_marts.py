"""What each mart must hold, worked out from the truth by what its description says, in plain Python.

One function per mart; each gives one record per row of the mart, with the mart's columns but `project`. Persons are
called as the truth calls them.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

from meal_pipelines.settings import CHECKOUT
from tests.end_to_end.expected_accountability import feedback, learning_product, user_survey
from tests.end_to_end.expected_institutions import (
    adopted_tool,
    declaration,
    employer_engagement,
    employer_survey,
    job_offer,
    joint_decision,
)
from tests.end_to_end.expected_organisations import (
    gender_assessment,
    grant_payment,
    organisation_assessment,
    reception_point_observation,
)
from tests.end_to_end.truth import Answers, Standing, Truth

Record = dict[str, Any]


@cache
def owners(truth: Truth) -> dict[str, str]:
    """Card, or file number → the person to whom the most recent registration gave it."""
    form, day = REGISTERS[truth.project]
    given = sorted(
        (_day(one.answers[day]), one.submission_id, one.answers[CARDS[truth.project]], one.person)
        for one in truth.standing(form)
        if one.person is not None and CARDS[truth.project] in one.answers
    )
    return {card: person for _, _, card, person in given}


@cache
def persons(truth: Truth) -> dict[str, Record]:
    """Who consented to be registered: as in the most recent registration; first met at the earliest."""
    form, day = REGISTERS[truth.project]
    registered: dict[str, list[tuple[dt.date, str, Answers]]] = {}
    for one in truth.standing(form):
        if one.answers["consentement"] == "oui" and one.person is not None:
            line = (_day(one.answers[day]), one.submission_id, one.answers)
            registered.setdefault(one.person, []).append(line)
    found = {}
    for person, lines in registered.items():
        last_day, _, answers = max(lines, key=lambda line: line[:2])
        found[person] = {
            "person_id": person,
            "sex": answers["sexe"],
            "age_band": age_band(truth, answers, last_day),
            "target_group": answers.get("groupe_cible"),
            "nationality_code": answers.get("nationalite"),
            "region_code": answers["region"],
            "province_code": answers["province"],
            "first_met_on": min(line[0] for line in lines),
        }
    return found


def registered_as(truth: Truth, person: str | None, answers: Answers) -> Record:
    """What the registration says of whoever gave these answers: under the card shown, else of the person."""
    card = answers.get(CARDS[truth.project])
    owner = person if card is None else owners(truth).get(card)
    return persons(truth).get(owner or "", {})


def person_card(truth: Truth) -> Iterator[Record]:
    """One row per card given to a registered person."""
    for person in owners(truth).values():
        yield {"person_id": person, "is_shared": False}


def service_delivery(truth: Truth) -> Iterator[Record]:
    """One row per person served by one delivery; who is listed twice counts on the first line."""
    for one in truth.once("prestations"):
        day = _day(one.answers["date_prestation"])
        for rank, row in _each_once(one.rows.get("personnes", [])):
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
            "signed_on": _day(one.answers["date_signature"]),
            "ends_on": _day(one.answers["date_fin"]),
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
            "reached_on": _day(asked["date_jalon"]),
        }


def orientation(truth: Truth) -> Iterator[Record]:
    """One row per interview of a candidate who consented."""
    for one, registered in _agreed(truth, truth.once("candidats")):
        day = _day(one.answers["date_orientation"])
        yield {**_about(truth, one, registered, day), **_contract(one), "oriented_on": day}


def mobility_step(truth: Truth) -> Iterator[Record]:
    """One row per step; the confirmed sending before the others, then the earliest."""
    agreed = [one for one in truth.standing("parcours") if one.answers["consentement"] == "oui"]
    agreed.sort(key=lambda one: (_confirmed(one.answers) is not True, *arrival_of(one)))
    for one, registered in _agreed(truth, _first(agreed, "etape", "date_etape")):
        asked, day = one.answers, _day(one.answers["date_etape"])
        validated = day if asked["etape"] == "offre_validee" else _day(asked["offre_validee_le"])
        yield {
            **_about(truth, one, registered, day),
            **_contract(one),
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
        day = _day(one.answers["date_fin"])
        for rank, row in _each_once(one.rows.get("participants", [])):
            registered = registered_as(truth, row["_person"], row)
            attended = 100 * number(row["heures_presence"]) / number(one.answers["heures_totales"])
            yield {
                "submission_id": one.submission_id,
                "repeat_index": rank,
                "person_id": row["_person"],
                "training_type": one.answers["type_formation"],
                "institution": one.answers["institution"],
                "institution_type": None,
                "job_function": None,
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


def official_attendance(truth: Truth) -> Iterator[Record]:
    """One row per official or elected person who agreed to be listed; certified from 60 at the exit test."""
    for one in truth.once("formations"):
        day = _day(one.answers["date_fin"])
        agreed = [(rank, row) for rank, row in one.rows.get("participants", []) if row["consentement"] == "oui"]
        for rank, row in _each_once(agreed):
            attended = 100 * number(row["heures_presence"]) / number(one.answers["heures_totales"])
            yield {
                "submission_id": one.submission_id,
                "repeat_index": rank,
                "person_id": row["_person"],
                "training_type": one.answers["theme"],
                "institution": one.answers["organisme"],
                "institution_type": row["type_institution"],
                "job_function": row["fonction"],
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


def return_survey(truth: Truth) -> Iterator[Record]:
    """One row per cohort interview; costs in months of the same person's income, at the seed's rate."""
    surveys = sorted(truth.standing("retours"), key=arrival_of)
    for one, registered in _agreed(truth, _first(surveys, "date_enquete")):
        asked, day = one.answers, _day(one.answers["date_enquete"])
        income = number(asked["revenu_mensuel_eur"])
        in_mad = income * _rate(day)
        cost = number(asked["cout_recrutement_mad"])
        yield {
            **_about(truth, one, registered, day),
            **_contract(one),
            "support_type": asked.get("type_appui"),
            "was_supported": asked["appui_recu"] == "oui",
            "situation": asked.get("situation"),
            "recruitment_cost_mad": cost,
            "monthly_income_eur": income,
            "monthly_income_mad": rounded(in_mad, 2),
            "cost_in_months": rounded(cost / in_mad, 4),
            "returned_on": _day(asked["date_retour"]) if "date_retour" in asked else None,
            "surveyed_on": day,
        }


def tracer_survey(truth: Truth) -> Iterator[Record]:
    """One row per person and return: what she first answered."""
    surveys = sorted(
        truth.standing("suivi_6_mois"), key=lambda one: (one.answers.get("date_enquete", ""), *arrival_of(one))
    )
    for one, registered in _agreed(truth, _first(surveys, "date_retour")):
        day = _day(one.answers["date_enquete"])
        yield {
            **_about(truth, one, registered, day),
            **_contract(one),
            "situation": one.answers["situation"],
            "is_active": one.answers["situation"] in ("emploi_salarie", "activite_propre", "nouvelle_mobilite"),
            "returned_on": _day(one.answers["date_retour"]),
            "surveyed_on": day,
        }


def mobility_checklist(truth: Truth) -> Iterator[Record]:
    """One row per departure: its last check; who the person is, the register alone says."""
    checks = sorted(
        truth.standing("controle_parcours"), key=lambda one: (one.answers["date_controle"], *arrival_of(one))
    )
    for one in _first(checks[::-1], "date_depart"):
        registered = registered_as(truth, one.person, one.answers)
        met = {column: one.answers[question] == "oui" for column, question in CRITERIA.items()}
        yield {
            "submission_id": one.submission_id,
            "person_id": one.person,
            "sex": registered.get("sex"),
            "age_band": registered.get("age_band"),
            "region_code": registered.get("region_code"),
            **_contract(one),
            **met,
            "is_protective": all(met.values()),
            "departed_on": _day(one.answers["date_depart"]),
            "checked_on": _day(one.answers["date_controle"]),
        }


def arrival_of(one: Standing) -> tuple[dt.datetime, str]:
    assert one.sent_at is not None
    return one.sent_at, one.submission_id


def age_band(truth: Truth, answers: Answers, day: dt.date) -> str | None:
    """The project's band of an age that day, from the year of birth."""
    if "annee_naissance" not in answers:
        return None
    age = day.year - answers["annee_naissance"]
    for band in truth.declared["age_bands"]:
        least, most = band.replace("+", "-999").split("-")
        if int(least) <= age <= int(most):
            return str(band)
    return None


def number(value: Any) -> Any:
    return None if value is None else Decimal(str(value))


def rounded(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def _once_among(truth: Truth, form: str, holds: Callable[[Answers], bool]) -> list[Standing]:
    return [one for one in truth.once(form) if holds(one.answers)]


def _agreed(truth: Truth, among: list[Standing]) -> Iterator[tuple[Standing, Record]]:
    """Those who consented, each with what their registration says."""
    for one in among:
        if one.answers["consentement"] == "oui":
            yield one, registered_as(truth, one.person, one.answers)


def _first(among: list[Standing], *names: str) -> list[Standing]:
    """For each person and these answers, the first."""
    kept: dict[tuple[Any, ...], Standing] = {}
    for one in among:
        kept.setdefault((one.person or one.submission_id, *(one.answers.get(name) for name in names)), one)
    return list(kept.values())


def _about(truth: Truth, one: Standing, registered: Record, day: dt.date) -> Record:
    return {
        "submission_id": one.submission_id,
        "person_id": one.person,
        "sex": registered.get("sex") or one.answers.get("sexe"),
        "age_band": registered.get("age_band") or age_band(truth, one.answers, day),
        "region_code": registered.get("region_code") or one.answers.get("region"),
    }


def _contract(one: Standing) -> Record:
    return {
        "sector": one.answers["secteur"],
        "is_renewal": one.answers["primo_renouvellement"] == "renouvellement",
        "contract_type": one.answers["type_contrat"],
    }


def _confirmed(answers: Answers) -> bool | None:
    return answers["entree_confirmee"] == "oui" if "entree_confirmee" in answers else None


def _each_once(rows: list[tuple[int, Answers]]) -> Iterator[tuple[int, Answers]]:
    seen = set()
    for rank, row in rows:
        person = row.get("_person")
        if person is None or person not in seen:
            seen.add(person)
            yield rank, row


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def _rate(day: dt.date) -> Decimal:
    with (CHECKOUT / "dbt_like_sql" / "seeds" / "exchange_rate.csv").open(encoding="utf-8") as file:
        rates = [(_day(line["valid_from"]), Decimal(line["rate"])) for line in csv.DictReader(file)]
    return max(rate for rate in rates if rate[0] <= day)[1]


CRITERIA = {
    "is_contract_understood": "contrat_compris",
    "is_copy_given": "copie_remise",
    "is_without_illicit_fee": "aucun_frais_illicite",
    "is_housing_compliant": "logement_conforme",
    "is_socially_covered": "couverture_sociale",
    "is_complaint_channel_known": "canal_plainte",
}
REGISTERS = {"prim2": ("beneficiaires", "date_enregistrement"), "thamm_plus": ("candidats", "date_orientation")}
CARDS = {"prim2": "code_carte", "thamm_plus": "numero_dossier"}
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
        "training_attendance": training_attendance,
        "return_survey": return_survey,
        "tracer_survey": tracer_survey,
        "mobility_checklist": mobility_checklist,
        "joint_decision": joint_decision,
        "job_offer": job_offer,
        "declaration": declaration,
        "employer_engagement": employer_engagement,
        "employer_survey": employer_survey,
        "institution_milestone": adopted_tool,
        "feedback": feedback,
    },
}
"""By project: the marts it feeds, and what their records must be."""
