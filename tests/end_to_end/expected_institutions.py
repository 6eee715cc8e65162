"""What the marts about institutions and employers must hold, where no registered person is concerned.

Worked out from the truth as those of `expected_marts.py` are, and sharing no code with the SQL.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.end_to_end.truth import Answers, Standing, Truth, age_band

Record = dict[str, Any]
FUNCTIONS = ("prospection", "offres", "orientation", "selection", "preparation", "formalites", "suivi", "retour")


def joint_decision(truth: Truth) -> Iterator[Record]:
    """One row per decision; in time when executed on the day it was due, or before."""
    for one in truth.standing("decisions"):
        asked = one.answers
        due, done = _day(asked, "echeance"), _day(asked, "date_execution")
        yield {
            "decision_id": asked["numero_decision"],
            "submission_id": one.submission_id,
            "body": asked["instance"],
            "institution": asked["institution_chargee"],
            "status": asked["etat"],
            "is_in_time": asked["etat"] == "executee" and done is not None and due is not None and done <= due,
            "decided_on": _day(asked, "date_reunion"),
            "due_on": due,
            "executed_on": done,
        }


def declaration(truth: Truth) -> Iterator[Record]:
    """One row per value that a partner declares, in the logframe's words."""
    for one in truth.standing("declarations"):
        asked = one.answers
        yield {
            "form": "declarations",
            "submission_id": one.submission_id,
            "indicator": asked["indicateur"],
            "period_kind": asked["type_periode"],
            "period": asked["periode"],
            "dimension": {"sexe": "sex"}.get(asked.get("ventilation", "")),
            "category": asked.get("categorie"),
            "value": Decimal(asked["valeur"]),
            "units": None,
            "method": asked["methode_dedoublonnage"],
            "source": asked["organisme"],
            "declared_by": asked["fonction_declarante"],
            "received_on": _day(asked, "date_declaration"),
        }


def job_offer(truth: Truth) -> Iterator[Record]:
    """One row per offer, on the day of its validation, and one more that takes its posts back if it was cancelled."""
    for one in truth.standing("offres"):
        asked = one.answers
        offer = {
            "offer_id": asked["numero_offre"],
            "submission_id": one.submission_id,
            "employer": asked["employeur"],
            "sector": asked["secteur"],
            "season": asked["saison"],
            "contract_type": asked["type_contrat"],
        }
        posts = int(asked["postes"])
        yield {**offer, "movement": "validation", "posts": posts, "effective_on": _day(asked, "date_validation")}
        if asked["etat"] == "annulee":
            yield {**offer, "movement": "annulation", "posts": -posts, "effective_on": _day(asked, "date_annulation")}


def employer_engagement(truth: Truth) -> Iterator[Record]:
    """One row per commitment signed."""
    for one in truth.once("employeurs"):
        if one.answers["type_fiche"] == "engagement":
            yield {
                **_employer(one),
                "is_filed": one.answers["piece_archivee"] == "oui",
                "signed_on": _day(one.answers, "date_fiche"),
            }


def employer_survey(truth: Truth) -> Iterator[Record]:
    """One row per questionnaire, answered or not; satisfied from 4 of 5."""
    for one in truth.once("employeurs"):
        if one.answers["type_fiche"] == "fin_saison":
            answered = one.answers["a_repondu"] == "oui"
            note = int(one.answers["note_adequation"]) if answered else None
            yield {
                **_employer(one),
                "has_responded": answered,
                "adequacy_score": note,
                "is_satisfied": None if note is None else note in (4, 5),
                "would_hire_again": one.answers["recruterait_encore"] == "oui" if answered else None,
                "surveyed_on": _day(one.answers, "date_fiche"),
            }


def adopted_tool(truth: Truth) -> Iterator[Record]:
    """One milestone per tool and institution that adopted it; nobody's region."""
    for one in truth.once("institutions"):
        institution = one.answers["institution"]
        yield {
            "submission_id": one.submission_id,
            "institution_id": institution,
            "institution_type": "ministere" if institution == "miepeec" else "etablissement_public",
            "milestone_type": "outil",
            "instrument_type": None,
            "tool_type": one.answers["type_outil"],
            "region_code": None,
            "province_code": None,
            "commune_code": None,
            "level": None,
            "reached_on": _day(one.answers, "date_adoption"),
        }


def agent_attendance(truth: Truth) -> Iterator[Record]:
    """One row per agent of an institution in a session; completed from 80 % of its hours, passed from 60 of 100."""
    for one in truth.once("formations_agents"):
        seen, ended = set(), dt.date.fromisoformat(one.answers["date_fin"])
        for rank, row in one.rows.get("participants", []):
            if one.answers["consentement"] != "oui" or row["_person"] in seen:
                continue
            seen.add(row["_person"])
            attended = 100 * Decimal(str(row["heures_presence"])) / Decimal(str(one.answers["heures_totales"]))
            score = Decimal(str(row["score_post"])) if "score_post" in row else None
            yield {
                "submission_id": one.submission_id,
                "repeat_index": rank,
                "person_id": row["_person"],
                "audience": "agent",
                "training_type": one.answers["theme"],
                "institution": one.answers["organisme"],
                "institution_type": row["institution_agent"],
                "job_function": None,
                "country_code": {"MA": "ma", "FR": "fr"}[row["pays_exercice"]],
                "sex": row["sexe"],
                "age_band": age_band(truth, row, ended),
                "sector": None,
                "region_code": None,
                "is_completed": attended >= 80,
                "was_presented": score is not None,
                "is_certified": score is not None and score >= 60,
                "attendance_pct": attended.quantize(Decimal("0.1"), ROUND_HALF_UP),
                "pre_score": None,
                "post_score": score,
                "held_on": ended,
            }


def maturity(truth: Truth) -> Iterator[Record]:
    """One row per grid of ANAPEC and function, with the mean of the grid."""
    for one in truth.once("maturite_anapec"):
        levels = {name: int(one.answers[f"niveau_{name}"]) for name in FUNCTIONS}
        for name, level in levels.items():
            yield {
                "submission_id": one.submission_id,
                "function_code": name,
                "organisation_id": "anapec",
                "organisation_type": None,
                "is_women_led": None,
                "region_code": None,
                "assessment_type": None,
                "score": level,
                "overall_score": (Decimal(sum(levels.values())) / 8).quantize(Decimal("0.0001"), ROUND_HALF_UP),
                "initial_score": None,
                "has_progressed": None,
                "assessed_on": _day(one.answers, "date_cotation"),
            }


def _employer(one: Standing) -> Record:
    return {
        "submission_id": one.submission_id,
        "employer": one.answers["employeur"],
        "sector": one.answers["secteur"],
        "size_band": one.answers["taille"],
        "region_fr_code": one.answers["region_fr"],
    }


def _day(answers: Answers, name: str) -> dt.date | None:
    return dt.date.fromisoformat(answers[name]) if name in answers else None
