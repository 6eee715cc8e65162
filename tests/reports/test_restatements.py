"""After a freeze everything happens at once; each cause is worth what plain Python finds, and they add up to the difference."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from copy import deepcopy
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import sql

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.extracts.restatement_sheets import changed_sentences, write_restatements
from meal_pipelines.extracts.values import Labels
from meal_pipelines.indicators.reports.contributing import marts_of
from meal_pipelines.indicators.reports.frozen import chosen
from meal_pipelines.indicators.reports.restate import Restatements, restatements
from meal_pipelines.indicators.told import Explanation, record_restatements
from meal_pipelines.warehouse import Warehouse
from tests.extracts.logframes import sheet
from tests.recompute import Key, recompute
from tests.reports.house import DIMENSIONS, INDICATORS, RATES, House, house_of, some_visits
from tests.stage_cases import visit

START, END, MAY = dt.date(2026, 3, 1), dt.date(2029, 2, 28), dt.date(2026, 5, 31)
KINDS = {entry["code"]: entry["measure"]["kind"] for entry in INDICATORS}
LATE = visit(nom="Tardive", telephone="0611111112", sexe="F", jour="2026-05-20", duree="90", poids="70",
             commune="04.421.01.01")  # fmt: skip
ORDER = ("deletion", "edit", "correction", "merge", "late", "reference", "definition")
Values = dict[tuple[str, Key], Fraction]


@pytest.fixture(scope="module")
def house(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Frozen at the end of May; then a night that brings everything, and a merge."""
    with house_of(warehouse, tmp_path_factory.mktemp("reports")) as made:
        made.rows = some_visits()
        made.night()
        made.freeze()
        for gone in ("v2", "v7"):  # v8 says the same as v7, and counts from now on
            del made.rows[gone]
        made.rows["v1"]["duree"] = "44"
        made.rows["v3"]["identite/sexe"] = "H"
        made.rows["late"] = LATE
        made.rates = {**RATES, "04.421": "5"}
        log = (
            "submission_id,repeat,repeat_index,question,old_value,new_value,issue,author\nv0,,0,duree,10,25,saisie,a\n"
        )
        (made.bench.folder / "visites.corrections.csv").write_text(log, encoding="utf-8")
        made.indicators[0]["measure"] = {**made.indicators[0]["measure"], "where": "duration_min > 30"}
        made.night()
        _merge(made, "v5", "v4")
        made.measure()
        yield made


def _merge(house: House, one: str, other: str) -> None:
    """The person of a visit turns out to be that of another: her rows are shown under the other's pseudonym."""
    table = sql.Identifier("pseudonymised", f"{house.name}_visites")
    with house.connection, house.connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("update {t} set person_id = (select person_id from {t} where submission_id = %s) where submission_id = %s")
            .format(t=table), (other, one),
        )  # fmt: skip
        cursor.execute(
            "update quality.build set build_no = build_no + 1 where table_name = %s",
            (f"pseudonymised.{house.name}_visites",),
        )


def _states() -> list[tuple[str, dict[str, dict[str, Any]], Mapping[str, str], bool]]:
    """What the figures are made of at each step: submissions, rates, and whether U-1 is defined anew."""
    rows = {name: _plain(row) for name, row in some_visits().items()}
    states = [("reported", deepcopy(rows), RATES, False)]
    for cause in ORDER:
        rates, is_new = states[-1][2], states[-1][3]
        if cause == "deletion":
            del rows["v2"], rows["v7"]
        elif cause == "edit":
            rows["v1"]["duration_min"], rows["v3"]["sex"] = 44, "H"
        elif cause == "correction":
            rows["v0"]["duration_min"] = 25
        elif cause == "merge":
            rows["v5"]["person_id"] = rows["v4"]["person_id"]
        elif cause == "late":
            rows["late"] = _plain(LATE)
        elif cause == "reference":
            rates = {**RATES, "04.421": "5"}
        else:
            is_new = True
        states.append((cause, deepcopy(rows), rates, is_new))
    return states


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "person_id": row["identite/telephone"], "sex": row["identite/sexe"], "province_code": row["commune"][:6],
        "duration_min": int(row["duree"]), "weight_kg": Fraction(row["poids"]), "seen_on": dt.date.fromisoformat(row["jour"]),
        "commune": row["commune"],
    }  # fmt: skip


def _values(rows: dict[str, dict[str, Any]], rates: Mapping[str, str], is_new: bool) -> Values:
    """Every value of every indicator until the end of May."""
    records, met = [], set()
    for name in sorted(rows):
        row = rows[name]
        same = (row["seen_on"], row["commune"], row["sex"])
        if same not in met:
            met.add(same)
            amount = row["duration_min"] * int(rates[row["province_code"]])
            records.append({**row, "submission_id": name, "repeat_index": 0, "amount_mad": amount})
    found: dict[str, dict[Key, Any]] = {}
    for entry in INDICATORS:
        asked, said = entry, {}
        if entry["code"] == "U-1" and is_new:
            asked = {**entry, "measure": {**entry["measure"], "where": "duration_min > 30"}}
            said = {"U-1": {"where": lambda record: record["duration_min"] > 30}}
        found[entry["code"]] = recompute(
            asked, records, START, END, MAY, DIMENSIONS, expressions=said, computed=found, kinds=KINDS
        )
    return {(code, key): row[2] or Fraction(0) for code, values in found.items() for key, row in values.items()}


def _found(house: House) -> Restatements:
    with house.connection.cursor() as cursor:
        freeze = chosen(cursor, house.name, None)
    house.connection.rollback()
    return restatements(house.connection, house.bench.project, freeze, marts_of(house.bench.project, house.models))


def _over(kind: str, period: str) -> bool:
    return (kind, period) in {
        ("month", "2026-03"),
        ("month", "2026-04"),
        ("month", "2026-05"),
        ("quarter", "2026-Q1"),
    } or (kind == "to_date" and period <= "2026-05")


def test_every_cause_of_every_cell_is_what_a_second_computation_finds(house: House) -> None:
    """Seven causes, six kinds of measure, every period and category: what is not restated did not change either."""
    steps = [(cause, _values(rows, rates, is_new)) for cause, rows, rates, is_new in _states()]
    expected: dict[tuple[str, Key], dict[str, Fraction]] = {}
    for (_, before), (cause, after) in pairwise(steps):
        for cell in before.keys() | after.keys():
            change = after.get(cell, Fraction(0)) - before.get(cell, Fraction(0))
            if change and _over(*cell[1][:2]):
                expected.setdefault(cell, {})[cause] = change
    found = {
        (cell.indicator, (cell.period_kind, cell.period, frozenset(cell.disaggregation.items()))): cell
        for cell in _found(house).cells
    }
    assert found.keys() == expected.keys()
    for name, causes in expected.items():
        assert found[name].causes.keys() == causes.keys(), name
        for cause, change in causes.items():
            assert abs(Fraction(found[name].causes[cause]) - change) < Fraction(1, 10**12), (name, cause)
    told = {cause for causes in expected.values() for cause in causes}
    assert told == set(ORDER), "the scenario has every cause"
    assert {code for code, _ in expected} == set(KINDS), "and touches every kind of measure"


def test_causes_add_up_to_the_difference_exactly(house: House) -> None:
    cells = _found(house).cells
    assert all(sum(cell.causes.values()) == cell.difference for cell in cells) and len(cells) > 30


def test_each_changed_submission_has_one_cause(house: House) -> None:
    changed = {cause: count for cause, count in _found(house).changed.items() if count}
    assert changed == {"deletion": 2, "edit": 2, "correction": 1, "merge": 1, "late": 1, "reference": 1}


def test_looking_changes_nothing_and_leaves_no_table(house: House) -> None:
    first = _found(house)
    assert _found(house).cells == first.cells
    assert house.query("select count(*) from indicators.restatement where project = %s", house.name) == [(0,)]


def test_what_was_told_is_kept_with_who_approved_it_and_never_without(house: House) -> None:
    found = _found(house)
    cells = [cell for cell in found.cells if cell.indicator == "S-1" and cell.period_kind == "to_date"]
    with house.connection, house.connection.cursor() as cursor:
        with pytest.raises(ConfigurationError, match="--approved-by"):
            record_restatements(cursor, found.freeze, cells, Explanation("Saisie corrigée", " ", "Personne d'essai"))
        said = Explanation("Saisie corrigée", "Cheffe de projet", "Personne d'essai", dt.date(2026, 6, 12))
        assert record_restatements(cursor, found.freeze, cells, said) == len(cells) > 1
    rows = house.query(
        "select disaggregation, difference, reported, value_now, causes, reason, approved_by, told_on, recorded_by"
        " from indicators.restatement where project = %s", house.name,
    )  # fmt: skip
    assert len(rows) == len(cells)
    assert all(sum(Fraction(part) for part in row[4].values()) == Fraction(row[1]) == row[3] - row[2] for row in rows)
    assert {row[5:] for row in rows} == {
        ("Saisie corrigée", "Cheffe de projet", dt.date(2026, 6, 12), "Personne d'essai")
    }


def test_the_workbook_has_every_cell_and_says_that_it_is_internal(house: House, tmp_path: Path) -> None:
    """Small numbers are not hidden in it: it lies where no extract does."""
    found = _found(house)
    with house.connection, house.connection.cursor() as cursor:
        assert house.bench.project.logframe is not None
        labels = Labels.read(cursor, house.bench.project.logframe)
    path = write_restatements(found, house.bench.project, labels, tmp_path)
    assert path == tmp_path / house.name / "interne" / "ecarts_2026-05_v1.xlsx"
    lines = sheet(path, "Ecarts")
    assert lines[3][:7] == ["Indicateur", "Durée", "Période", "Ventilation", "Remis", "Aujourd'hui", "Écart"]
    assert len(lines) - 4 == len(found.cells)
    for line, cell in zip(lines[4:], found.cells, strict=True):
        assert (
            line[6]
            == pytest.approx(sum(part for part in line[7:] if part != "–"))
            == pytest.approx(float(cell.difference))
        )
    assert "Usage interne" in " ".join(str(text) for line in sheet(path, "Lisez-moi") for text in line)


def test_a_definition_that_was_changed_back_and_not_computed_since_is_told_as_such(house: House) -> None:
    """« Modèles ou programme » sent the officer to look for what nobody had touched."""
    wanted = house.indicators[0]
    house.indicators[0] = {
        **wanted,
        "measure": {key: text for key, text in wanted["measure"].items() if key != "where"},
    }
    house.declare()
    try:
        found = _found(house)
    finally:
        house.indicators[0] = wanted
        house.declare()
    causes = {cause for cell in found.cells if cell.indicator == "U-1" for cause in cell.causes}
    assert "pending" in causes and not causes & {"program", "definition"}
    assert found.outdated[0] == "U-1" and any("À recalculer : U-1" in each for each in changed_sentences(found))
    assert not _found(house).outdated
