"""A figure is walked back to records which, counted again in plain Python, make it; and to the questions they answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from statistics import median
from typing import Any

import pytest

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.indicators.formula import formula_sentences
from meal_pipelines.indicators.lineage import lineages
from meal_pipelines.indicators.reports.contributing import marts_of
from meal_pipelines.indicators.trace import Asked, Part, Trace, trace
from meal_pipelines.warehouse import Warehouse
from tests.reports.house import INDICATORS, House, house_of, measured, some_visits

PERIODS = {("month", "2026-05"), ("semester", "2026-S1"), ("to_date", "2026-04")}
SURVEY = measured("E-1", {"kind": "survey_ratio", "numerator": "weight_kg >= 53"}, disaggregations=["sex"])
ROUNDS = measured(
    "E-2", {"kind": "survey_ratio", "numerator": "weight_kg >= 53", "wave": "sex"}, disaggregations=["province_code"]
)
"""Women are met from May on, men in April, and one of them again at the end of May."""
KINDS = {entry["code"]: entry["measure"]["kind"] for entry in [*INDICATORS, SURVEY, ROUNDS]}


@pytest.fixture(scope="module")
def house(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house_of(warehouse, tmp_path_factory.mktemp("traces")) as made:
        made.rows = some_visits()
        made.indicators += [SURVEY, ROUNDS]
        made.rows["v9"] = made.rows["v6"] | {"jour": "2026-05-30", "poids": "99"}
        made.night()
        made.freeze()
        yield made


def _trace(house: House, asked: Asked) -> Trace:
    marts = {name: mart.spec for name, mart in marts_of(house.bench.project, house.models).items()}
    with house.connection, house.connection.cursor() as cursor:
        return trace(cursor, house.bench.project, marts, asked)


def _column(part: Part, name: str) -> list[Any]:
    return [row[part.columns.index(name)] for row in part.rows]


def _counted(found: Trace) -> Fraction | None:
    """The figure, from the rows alone."""
    kind, parts = KINDS[found.indicator.code], found.parts
    if kind == "derived":
        above, below = (len(set(_column(part, "unit"))) for part in parts)
        return Fraction(100 * above, below) if below else None
    [part] = parts
    if kind == "survey_ratio":
        yes, asked = (
            sum(map(Fraction, _column(part, name)), Fraction(0)) for name in ("weighted_yes", "weighted_asked")
        )
        return 100 * yes / asked if asked else None
    if kind == "count_unique":
        return Fraction(len(set(_column(part, "unit"))))
    if kind == "sum":
        return sum(map(Fraction, _column(part, "total")), Fraction(0))
    if kind == "ratio":
        above, below = (sum(map(Fraction, _column(part, name)), Fraction(0)) for name in ("numerator", "denominator"))
        return 100 * above / below if below else None
    values = [Fraction(value) for value in _column(part, "value")]
    return (median(values) if kind == "median" else sum(values, Fraction(0))) if values else None


def test_the_rows_of_every_cell_make_its_value(house: House) -> None:
    """Every kind of measure, periods of three lengths, every category that has a value."""
    cells = house.query(
        "select indicator, period_kind, period, disaggregation, value from indicators.value where project = %s",
        house.name,
    )
    tried = set()
    for code, kind, period, disaggregation, value in cells:
        if (kind, period) not in PERIODS:
            continue
        found = _trace(house, Asked(code, period, disaggregation, kind))
        counted = _counted(found)
        assert found.published.value == value
        assert (counted is None) == (value is None) or value == 0, (code, kind, period, disaggregation)
        assert abs((counted or 0) - Fraction(value or 0)) < Fraction(1, 10**12), (code, kind, period, disaggregation)
        tried.add(code)
    assert tried == set(KINDS)


def test_of_a_survey_in_rounds_only_those_of_the_last_are_behind_its_share(house: House) -> None:
    """The man met again in May is of a round that was over: he does not bring it back."""
    waves = {
        label: set(_column(_trace(house, Asked("E-2", label, {}, kind)).parts[0], "wave"))
        for kind, label in (("semester", "2026-S1"), ("to_date", "2026-04"))
    }
    assert waves == {"2026-S1": {"F"}, "2026-04": {"H"}}


def test_what_was_reported_stands_beside_what_is_published(house: House) -> None:
    found = _trace(house, Asked("U-1", "2026-05", {"sex": "F"}))
    [reported] = found.reported
    assert (reported.version, reported.label, reported.value) == (1, "Rapport de mai", found.published.value)
    assert found.published.value == Decimal(4) and found.period.start == dt.date(2026, 5, 1)


def test_a_share_of_a_survey_comes_with_its_interval_and_other_figures_with_none(house: House) -> None:
    share, persons = (_trace(house, Asked(code, "2026-S1", {})).published for code in ("E-1", "U-1"))
    assert share.low is not None and share.value is not None and share.high is not None
    assert 0 < share.low < share.value < share.high < 100
    assert (persons.low, persons.high) == (None, None)


def test_each_column_leads_to_the_questions_it_comes_from(house: House) -> None:
    marts = {name: mart.spec for name, mart in marts_of(house.bench.project, house.models).items()}
    lineage = lineages(house.bench.project, marts)["S-1"]
    [amount] = [column for column in lineage.columns if column.column == "amount_mad"]
    told = {
        (source.table.partition(".")[2], source.column): [each.path for each in source.questions]
        for source in amount.sources
    }
    assert told == {
        (f"{house.name}_visites", "duree"): ["duree"],
        (f"rate_{house.name}", "mad_per_min"): [],
    }
    assert lineage.forms == ["visites"]


def test_a_category_is_known_by_its_code_or_by_the_words_that_people_read(house: House) -> None:
    by_code, by_words = (_trace(house, Asked("U-1", "2026-05", cell)) for cell in ({"sex": "F"}, {"Sexe": "femmes"}))
    assert by_words.disaggregation == {"sex": "F"} and by_words.published == by_code.published


def test_a_category_that_exists_and_was_not_measured_in_a_period_is_no_error(house: House) -> None:
    """« Non mesuré » is an answer; a category that nobody has is not."""
    assert _trace(house, Asked("U-1", "2026-05", {"sex": "inconnu"})).published.value in (None, 0)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked("X-1", "2026-05", {}), "n'a pas d'indicateur"),
        (Asked("U-1", "2026-13", {}), "n'est pas une période mesurée"),
        (Asked("S-1", "2026-05", {"sex": "F"}), "n'est pas ventilé par « sex ».*province_code"),
        (
            Asked("U-1", "2026-05", {"sex": "Z"}),
            r"« Z » n'est pas une catégorie de « Sexe » \(sex\). Catégories : F \(Femmes\), H",
        ),
        (Asked("U-1", "2026-05", {"province_code": "99.999"}), "« 99.999 » n'est pas une catégorie.*02.411"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(house: House, asked: Asked, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        _trace(house, asked)


def test_a_formula_is_said_in_words_with_the_names_of_the_columns(house: House) -> None:
    marts = {name: mart.spec for name, mart in marts_of(house.bench.project, house.models).items()}
    assert house.bench.project.logframe is not None
    logframe = house.bench.project.logframe
    said = {entry.code: " ".join(formula_sentences(entry, marts, logframe.dimensions)) for entry in logframe.indicators}
    assert "valeurs différentes de « Colonne person_id » (person_id)" in said["U-1"]
    assert "Médiane de « Colonne duration_min »" in said["M-1"]
    assert "weight_kg >= 53, parmi toutes les réponses, multipliée par 100" in said["E-1"]
    assert said["D-1"] == "Valeur de U-1 (restreint à Sexe : Femmes) divisée par celle de U-1, multipliée par 100."
