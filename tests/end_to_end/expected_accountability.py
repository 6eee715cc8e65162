"""What the marts of accountability and learning must hold: feedback, learning products.

Worked out from the truth as those of `expected_marts.py` are, and sharing no code with the SQL.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

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


def _working_days_after(day: dt.date, count: int) -> dt.date:
    """Counted one by one; Saturday and Sunday are not worked."""
    while count:
        day += dt.timedelta(days=1)
        count -= day.isoweekday() < 6
    return day


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)
