"""What the marts of organisations must hold: payments, capacity grids, gender measures, reception points.

Worked out from the truth as those of `expected_marts.py` are, and sharing no code with the SQL.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from meal_pipelines.settings import CHECKOUT
from tests.end_to_end.truth import Standing, Truth

Record = dict[str, Any]
FUNCTIONS = ("gouvernance", "projets", "finances", "equipe", "partenariats", "genre")
CRITERIA = ("acte", "local", "agent", "horaires", "registre", "referencement", "budget", "confidentialite")
MEASURES = ("engagement", "referent", "donnees", "budget", "prevention")


def grant_payment(truth: Truth) -> Iterator[Record]:
    """One row per payment, in both currencies to the cent; whom it pays is known by its contract."""
    contracts = {one.answers["numero_contrat"]: one.answers for one in truth.standing("subventions")}
    for one in truth.standing("paiements"):
        asked, paid = one.answers, _day(one.answers["date_paiement"])
        contract = contracts.get(asked["numero_contrat"], {})
        amount, (rate, status) = Decimal(str(asked["montant"])), _rate(paid)
        yield {
            "payment_id": asked["numero_paiement"],
            "submission_id": one.submission_id,
            "grant_id": asked["numero_contrat"],
            "organisation": contract.get("organisation"),
            "organisation_type": contract.get("type_organisation"),
            "region_code": contract.get("region"),
            "donor": asked["bailleur"],
            "currency": asked["devise"],
            "amount": amount,
            "mad_per_eur": rate,
            "rate_status": status,
            "amount_mad": amount if asked["devise"] == "MAD" else _rounded(amount * rate, 2),
            "amount_eur": amount if asked["devise"] == "EUR" else _rounded(amount / rate, 2),
            "paid_on": paid,
        }


def organisation_assessment(truth: Truth) -> Iterator[Record]:
    """One row per grid and function; progress is that of the mean since the organisation's first grid on entry."""
    grids = truth.once("capacites_osc")
    for one in grids:
        asked, assessed = one.answers, _day(one.answers["date_evaluation"])
        entries = [_when(g) for g in grids if g.answers["organisation"] == asked["organisation"] and _enters(g)]
        before = min(entries, default=None)
        initial = None
        if asked["moment"] == "sortie" and before is not None and before[0] < assessed:
            initial = next(_mean(grid) for grid in grids if grid.submission_id == before[1])
        for function in FUNCTIONS:
            yield {
                "submission_id": one.submission_id,
                "function_code": function,
                "organisation_id": asked["organisation"],
                "organisation_type": asked["type_organisation"],
                "is_women_led": asked["dirigee_par_femme"] == "oui",
                "region_code": asked["region"],
                "assessment_type": asked["moment"],
                "score": int(asked[f"score_{function}"]),
                "overall_score": _rounded(_mean(one), 4),
                "initial_score": None if initial is None else _rounded(initial, 4),
                "has_progressed": None if initial is None else _mean(one) - initial >= 1,
                "assessed_on": assessed,
            }


def gender_assessment(truth: Truth) -> Iterator[Record]:
    """One row per assessment; each organisation's first one, verified and a year after the support began, is counted."""
    seen = set()
    for one in sorted(truth.standing("mesures_genre"), key=_when):
        asked, assessed, since = (
            one.answers,
            _day(one.answers["date_evaluation"]),
            _day(one.answers["date_debut_appui"]),
        )
        place = asked.get("commune") or asked.get("province") or asked["region"]
        identity = [asked["type_organisation"], place, asked.get("secteur_service")]
        named = asked.get("organisation") or ":".join(part for part in identity if part)
        due = asked["verifiee"] == "oui" and (assessed - since).days >= 365
        yield {
            "submission_id": one.submission_id,
            "organisation_id": named,
            "organisation_category": asked["type_organisation"],
            "region_code": asked["region"],
            "is_verified": asked["verifiee"] == "oui",
            "measures_applied": sum(asked[f"mesure_{name}"] == "oui" for name in MEASURES),
            "is_counted": due and named not in seen,
            "support_started_on": since,
            "assessed_on": assessed,
        }
        if due:
            seen.add(named)


def reception_point_observation(truth: Truth) -> Iterator[Record]:
    """One row per observation; who is closed meets nothing."""
    for one in truth.once("dispositifs"):
        asked = one.answers
        met = sum(asked.get(f"critere_{name}") == "oui" for name in CRITERIA)
        yield {
            "submission_id": one.submission_id,
            "reception_point_id": asked["dispositif"],
            "reception_point_type": asked["type_dispositif"],
            "region_code": asked["region"],
            "province_code": asked["province"],
            "commune_code": asked.get("commune"),
            "is_open": asked["etat"] == "ouvert",
            "criteria_met": met,
            "is_functional": asked["etat"] == "ouvert" and met >= 6,
            "observed_on": _day(asked["date_observation"]),
        }


def _enters(grid: Standing) -> bool:
    return bool(grid.answers["moment"] == "entree")


def _when(one: Standing) -> tuple[dt.date, str]:
    return _day(one.answers["date_evaluation"]), one.submission_id


def _mean(grid: Standing) -> Decimal:
    return Decimal(sum(int(grid.answers[f"score_{function}"]) for function in FUNCTIONS)) / len(FUNCTIONS)


def _rounded(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def _rate(day: dt.date) -> tuple[Decimal, str]:
    with (CHECKOUT / "dbt_like_sql" / "seeds" / "exchange_rate.csv").open(encoding="utf-8") as file:
        rates = [(_day(line["valid_from"]), Decimal(line["rate"]), line["status"]) for line in csv.DictReader(file)]
    return max(rate for rate in rates if rate[0] <= day)[1:]
