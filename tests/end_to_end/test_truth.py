"""Every figure equals the generator's truth, worked out a second time without the SQL and without the compiler."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache
from math import isclose
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import sql

from tests.end_to_end.conftest import PROJECTS, Demo
from tests.end_to_end.expected_marts import MARTS
from tests.end_to_end.expected_persons import REGISTERS, owners
from tests.end_to_end.truth import Truth
from tests.recompute import Expressions, Key, Row, recompute

CLOSE = Fraction(1, 10**9)
EXPRESSIONS: dict[str, Expressions] = {
    "P2-IMP-1": {"where": lambda record: record["milestone_type"] == "cotation"},
    "P2-IMP-2": {"where": lambda record: record["survey"] == "acces"},
    "P2-OC-1": {"value": lambda record: int(record["is_functional"])},
    "P2-OC-3": {
        "where": lambda record: record["survey"] == "satisfaction",
        "numerator": lambda record: record["satisfaction_score"] >= 4,
    },
    "P2-OC-4": {
        "where": lambda record: record["is_counted"],
        "numerator": lambda record: int(record["measures_applied"] >= 3),
    },
    "P2-OP1.2-1": {"where": lambda record: record["has_progressed"]},
    "P2-OP1.1-3": {"numerator": lambda record: int(record["gender_level"] in (1, 2))},
    "P2-OP1.2-2": {"where": lambda record: record["organisation"].startswith("osc_")},
    "P2-OP2.1-1": {"where": lambda record: record["milestone_type"] == "instrument"},
    "P2-OP2.1-2": {"where": lambda record: record["milestone_type"] == "outil"},
    "P2-OP2.1-3": {"where": lambda record: record["milestone_type"] == "plan"},
    "P2-OP2.2-1": {"where": lambda record: record["is_completed"] and record["is_certified"]},
    "P2-X-1": {"numerator": lambda record: int(record["is_answered_in_time"])},
    "TH-OC1-1": {"where": lambda record: record["step"] == "depart" and record["is_confirmed"]},
    "TH-OC1-3": {"numerator": lambda record: int(record["is_protective"])},
    "TH-OC2-1": {"where": lambda record: record["step"] == "arrivee_poste"},
    "TH-OP1.1-1": {"where": lambda record: record["milestone_type"] == "outil"},
    "TH-OP1.2-1": {
        "where": lambda record: record["audience"] == "agent" and record["is_completed"] and record["is_certified"]
    },
    "TH-OP1.2-2": {
        "where": lambda record: record["status"] != "annulee",
        "numerator": lambda record: int(record["is_in_time"]),
    },
    "TH-OP2.1-2": {"where": lambda record: record["audience"] == "candidat" and record["is_completed"]},
    "TH-OP2.1-3": {
        "where": lambda record: record["audience"] == "candidat",
        "numerator": lambda record: int(record["was_presented"] and record["is_certified"]),
        "denominator": lambda record: int(record["was_presented"]),
    },
    "TH-X-1": {"numerator": lambda record: int(record["is_answered_in_time"])},
}
"""The logframes' expressions, as a reader understands them."""
INDICATORS = {
    "prim2": 17,
    "thamm_plus": 18,
}
"""How many each logframe has."""


@cache
def truth_of(sample: Path, project: str) -> Truth:
    return Truth(project, sample / project)


@cache
def records(truth: Truth, mart: str) -> list[dict[str, Any]]:
    return list(MARTS[truth.project][mart](truth))


@cache
def expected(truth: Truth) -> dict[str, dict[Key, Row]]:
    """Every value of every indicator of a project."""
    entries = truth.logframe["indicators"]
    kinds = {entry["code"]: entry["measure"]["kind"] for entry in entries}
    found: dict[str, dict[Key, Row]] = {}
    for entry in sorted(entries, key=lambda entry: entry["measure"]["kind"] == "derived"):
        mart = entry["measure"].get("mart")
        found[entry["code"]] = recompute(
            entry,
            records(truth, mart) if mart else [],
            truth.declared["starts_on"],
            truth.declared["ends_on"],
            truth.last_day(),
            truth.logframe["dimensions"],
            expressions=EXPRESSIONS,
            computed=found,
            kinds=kinds,
        )
    return found


@pytest.fixture(params=PROJECTS)
def truth(request: pytest.FixtureRequest, demo: Demo) -> Truth:
    return truth_of(demo.sample, request.param)


@pytest.fixture
def persons(demo: Demo, truth: Truth) -> dict[str, str]:
    """Pseudonym → how the truth calls the person, for everyone in the project's pseudonymised tables."""
    met: dict[str, set[str]] = {}
    for form, declared in truth.declared["forms"].items():
        for one in truth.standing(form):
            places = [("", 0, one.person)]
            places += [(name, rank, row.get("_person")) for name, rows in one.rows.items() for rank, row in rows]
            for repeat, rank, person in places:
                pseudonym = _pseudonyms(demo, truth.project, form, repeat).get((one.submission_id, rank))
                assert (pseudonym is None) == (person is None), (form, declared["code"], repeat)
                if pseudonym is not None and person is not None:
                    met.setdefault(pseudonym, set()).add(person)
    assert all(len(names) == 1 for names in met.values()), "one pseudonym for two persons"
    return {pseudonym: names.pop() for pseudonym, names in met.items()}


@cache
def _pseudonyms(demo: Demo, project: str, form: str, repeat: str) -> dict[tuple[str, int], str]:
    table = f"{project}_{form}__{repeat}" if repeat else f"{project}_{form}"
    columns = demo.query(
        "select column_name from information_schema.columns where table_schema = 'pseudonymised' and table_name = %s",
        table,
    )
    if ("person_id",) not in columns:
        return {}
    index = sql.Identifier("repeat_index") if repeat else sql.Literal(0)
    with demo.warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("select submission_id, {}, person_id from {}").format(index, sql.Identifier("pseudonymised", table))
        )
        return {(submission, rank): person for submission, rank, person in cursor.fetchall() if person is not None}


def test_a_person_has_one_pseudonym_in_the_marts_wherever_and_however_they_are_met(
    demo: Demo, truth: Truth, persons: dict[str, str]
) -> None:
    """Phones are written in six ways, names in four, and a card stands for all of them; two persons must not become
    one, nor one two. Only a card whose registration does not stand (deleted, in quarantine) names nobody known, even
    where another registration of the same person stands."""
    assert len(set(persons.values())) == truth.summary["unique_persons"]
    found: dict[str, set[str]] = {}
    for mart in MARTS[truth.project]:
        seen: dict[str, set[str]] = {}
        for pseudonym in _met(demo, truth.project, mart):
            seen.setdefault(persons[pseudonym], set()).add(pseudonym)
            found.setdefault(persons[pseudonym], set()).add(pseudonym)
        assert all(len(pseudonyms) == 1 for pseudonyms in seen.values()), mart
    known = set(owners(truth).values()) - _registered_in_vain(truth)
    lost = [person for person, pseudonyms in found.items() if len(pseudonyms) > 1 and person in known]
    assert lost == []
    assert len(known) > 100, "too few cards to prove anything"


def _registered_in_vain(truth: Truth) -> set[str]:
    """Persons with a registration that was deleted or is in quarantine."""
    register, _ = REGISTERS[truth.project]
    standing = {one.submission_id for one in truth.standing(register)}
    lines = [line for line in truth.lines(register) if line["submission_id"] not in standing]
    return {line["answers"]["_person"] for line in lines if "_person" in line["answers"]}


def _met(demo: Demo, project: str, mart: str) -> set[str]:
    with demo.warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select 1 from information_schema.columns where table_schema = 'marts' and table_name = %s"
            " and column_name = 'person_id'",
            (mart,),
        )
        if cursor.fetchone() is None:
            return set()
        cursor.execute(
            sql.SQL("select distinct person_id from {} where project = %s and person_id is not null").format(
                sql.Identifier("marts", mart)
            ),
            (project,),
        )
        return {pseudonym for (pseudonym,) in cursor.fetchall()}


def test_each_mart_holds_the_records_that_its_description_promises(
    demo: Demo, truth: Truth, persons: dict[str, str]
) -> None:
    for mart in MARTS[truth.project]:
        with demo.warehouse.connect() as connection, connection.cursor() as cursor:
            cursor.execute(
                sql.SQL("select * from {} where project = %s").format(sql.Identifier("marts", mart)), (truth.project,)
            )
            names = [column.name for column in cursor.description]
            found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        for row in found:
            del row["project"]
            row.pop("card_id", None)
            if row.get("person_id") is not None:
                row["person_id"] = persons[row["person_id"]]
        wanted = records(truth, mart)
        assert sorted(map(_written, found)) == sorted(map(_written, wanted)), mart


def test_each_indicator_equals_the_truth_in_every_period_and_category(demo: Demo, truth: Truth) -> None:
    """None missing, none too many; counts and sums exactly, quotients and medians to nine digits."""
    wanted = expected(truth)
    assert len(wanted) == INDICATORS[truth.project]
    found = _values(demo, truth.project)
    assert found.keys() == wanted.keys()
    for code, rows in wanted.items():
        missing, more = rows.keys() - found[code].keys(), found[code].keys() - rows.keys()
        assert not missing and not more, (
            f"{code}: {len(missing)} missing, {len(more)} too many: {[*missing, *more][:3]}"
        )
        wrong = [(key, rows[key], found[code][key]) for key in rows if not _agree(rows[key], found[code][key])]
        assert not wrong, f"{code}: {len(wrong)} of {len(rows)} differ: {wrong[:3]}"


def test_the_truth_is_not_trivial(truth: Truth) -> None:
    """A sample in which nothing happens would prove nothing."""
    for code, rows in expected(truth).items():
        kinds = {kind for kind, _, _ in rows}
        assert kinds == {"month", "quarter", "semester", "year", "project_year", "to_date"}, code
    counted = sum(1 for rows in expected(truth).values() for row in rows.values() if row[2])
    assert counted > 1000


def _values(demo: Demo, project: str) -> dict[str, dict[Key, Row]]:
    found: dict[str, dict[Key, Row]] = {}
    for code, kind, period, category, numerator, denominator, value, units, low, high in demo.query(
        "select indicator, period_kind, period, disaggregation, numerator, denominator, value, units, ci_low, ci_high"
        " from indicators.value where project = %s", project,
    ):  # fmt: skip
        row = (_fraction(numerator), _fraction(denominator), _fraction(value), units, _float(low), _float(high))
        found.setdefault(code, {})[kind, period, frozenset(category.items())] = row
    return found


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _fraction(value: Decimal | None) -> Fraction | None:
    return None if value is None else Fraction(value)


def _agree(one: Row, other: Row) -> bool:
    """The bounds of an interval to six digits: the square root in them is taken in two ways."""
    bounds = zip((*one[4:], None, None)[:2], (*other[4:], None, None)[:2], strict=True)
    return (
        one[3] == other[3]
        and all(_same(a, b) for a, b in zip(one[:3], other[:3], strict=True))
        and all(a is b if a is None or b is None else isclose(a, b, rel_tol=1e-6, abs_tol=1e-6) for a, b in bounds)
    )


def _same(one: Fraction | None, other: Fraction | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= CLOSE * abs(one)


def _written(row: Mapping[str, Any]) -> str:
    """A record as text, columns in one order, decimals without useless zeros."""
    return repr(
        sorted((name, value.normalize() if isinstance(value, Decimal) else value) for name, value in row.items())
    )
