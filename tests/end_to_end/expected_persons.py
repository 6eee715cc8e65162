"""Who the registered persons are, and what several marts say of a person in the same way.

Plain Python over the truth; the marts themselves are in the modules beside, `expected_marts.py` names them all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

from tests.end_to_end.truth import Answers, Standing, Truth, age_band

Record = dict[str, Any]


@cache
def owners(truth: Truth) -> dict[str, str]:
    """Card, or file number → the person to whom the most recent registration gave it."""
    form, day = REGISTERS[truth.project]
    given = sorted(
        (day_of(one.answers[day]), one.submission_id, one.answers[CARDS[truth.project]], one.person)
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
            line = (day_of(one.answers[day]), one.submission_id, one.answers)
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


def arrival_of(one: Standing) -> tuple[dt.datetime, str]:
    assert one.sent_at is not None
    return one.sent_at, one.submission_id


def number(value: Any) -> Any:
    return None if value is None else Decimal(str(value))


def rounded(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def agreed(truth: Truth, among: list[Standing]) -> Iterator[tuple[Standing, Record]]:
    """Those who consented, each with what their registration says."""
    for one in among:
        if one.answers["consentement"] == "oui":
            yield one, registered_as(truth, one.person, one.answers)


def first(among: list[Standing], *names: str) -> list[Standing]:
    """For each person and these answers, the first."""
    kept: dict[tuple[Any, ...], Standing] = {}
    for one in among:
        kept.setdefault((one.person or one.submission_id, *(one.answers.get(name) for name in names)), one)
    return list(kept.values())


def about(truth: Truth, one: Standing, registered: Record, day: dt.date) -> Record:
    return {
        "submission_id": one.submission_id,
        "person_id": one.person,
        "sex": registered.get("sex") or one.answers.get("sexe"),
        "age_band": registered.get("age_band") or age_band(truth, one.answers, day),
        "region_code": registered.get("region_code") or one.answers.get("region"),
    }


def contract(one: Standing) -> Record:
    return {
        "sector": one.answers["secteur"],
        "is_renewal": one.answers["primo_renouvellement"] == "renouvellement",
        "contract_type": one.answers["type_contrat"],
    }


def each_once(rows: list[tuple[int, Answers]]) -> Iterator[tuple[int, Answers]]:
    seen = set()
    for rank, row in rows:
        person = row.get("_person")
        if person is None or person not in seen:
            seen.add(person)
            yield rank, row


def day_of(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


REGISTERS = {"prim2": ("beneficiaires", "date_enregistrement"), "thamm_plus": ("candidats", "date_orientation")}
CARDS = {"prim2": "code_carte", "thamm_plus": "numero_dossier"}
