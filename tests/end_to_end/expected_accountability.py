"""What the marts of accountability and learning must hold: feedback, surveys of users, learning products.

Worked out from the truth as those of `expected_marts.py` are, and sharing no code with the SQL.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

from meal_pipelines.settings import CHECKOUT
from tests.end_to_end.truth import Truth, arrival

Record = dict[str, Any]


def feedback(truth: Truth) -> Iterator[Record]:
    """One row per complaint; of the separate circuit, only its delays."""
    for one in truth.once("plaintes"):
        asked, received = one.answers, _day(one.answers["date_reception"])
        apart = asked["circuit_separe"] == "oui"
        due = received + dt.timedelta(days=2) if apart else _working_days_after(received, 15)
        answered = asked.get("date_accuse" if apart else "date_reponse")
        yield {
            "submission_id": one.submission_id,
            "channel": asked.get("canal"),
            "category": "circuit_separe" if apart else asked["categorie"],
            "is_sensitive": apart,
            "country_code": asked.get("pays") if truth.project == "thamm_plus" else "ma",
            "region_code": asked.get("region"),
            "sex": asked.get("sexe"),
            "is_answered_in_time": answered is not None and _day(answered) <= due,
            "received_on": received,
            "due_on": due,
            "answered_on": _day(answered) if answered else None,
        }


def user_survey(truth: Truth) -> Iterator[Record]:
    """One row per respondent of either survey; a refusal is none."""
    for form in ("satisfaction", "enquete_usagers"):
        for one in truth.standing(form):
            asked, is_access = one.answers, form == "enquete_usagers"
            if asked["consentement"] != "oui":
                continue
            stratum = ":".join((asked.get("vague", ""), asked["region"], asked["groupe_cible"], asked["sexe"]))
            yield {
                "survey": "acces" if is_access else "satisfaction",
                "submission_id": one.submission_id,
                "wave": asked.get("vague"),
                "stratum": stratum if is_access else None,
                "weight": Decimal(str(asked["poids"])) if is_access else Decimal(1),
                "service_type": asked.get("type_prestation"),
                "sex": asked["sexe"],
                "age_band": asked["tranche_age"],
                "target_group": asked["groupe_cible"],
                "region_code": asked["region"],
                "province_code": asked["province"],
                "has_disability": _yes(asked.get("handicap_wgss")),
                "has_sought_service": _yes(asked.get("a_cherche")),
                "has_obtained_service": _yes(asked.get("a_obtenu")),
                "satisfaction_score": None if is_access else int(asked["note"]),
                "surveyed_on": _day(asked["date_enquete"]),
            }


def learning_product(truth: Truth) -> Iterator[Record]:
    """One row per product: its first dissemination, or the latest stage."""
    products: dict[str, list[tuple[bool, dt.date, str, Record]]] = {}
    for one in sorted(truth.standing("capitalisation"), key=arrival):
        reached = _day(one.answers["date_statut"])
        line = (one.answers["statut"] == "diffuse", reached, one.submission_id, one.answers)
        products.setdefault(one.answers["code_produit"], []).append(line)
    for code, lines in products.items():
        out = sorted((line for line in lines if line[0]), key=lambda line: (line[1], line[2]))
        kept = out[0] if out else min(lines, key=lambda line: (-line[1].toordinal(), line[2]))
        yield {
            "product_code": code,
            "submission_id": kept[2],
            "product_type": kept[3]["type_produit"],
            "language": kept[3]["langue"],
            "topic": kept[3]["axe"],
            "stage": kept[3]["statut"],
            "is_disseminated": kept[0],
            "stage_on": kept[1],
        }


def _yes(answer: str | None) -> bool | None:
    return None if answer is None else answer == "oui"


def _working_days_after(day: dt.date, count: int) -> dt.date:
    """Counted one by one; Saturday, Sunday and a public holiday are not worked."""
    holidays = _holidays()
    while count:
        day += dt.timedelta(days=1)
        count -= day.isoweekday() < 6 and day not in holidays
    return day


@cache
def _holidays() -> set[dt.date]:
    with (CHECKOUT / "dbt_like_sql" / "seeds" / "public_holiday.csv").open(encoding="utf-8") as file:
        return {_day(line["holiday_on"]) for line in csv.DictReader(file) if line["country_code"] == "ma"}


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)
