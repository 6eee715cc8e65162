"""Shares of surveys and their intervals, against those that R's `survey` package gives for its own example sample.

`survey/answers.R` says how the fixture was made. R gives the share and its standard error for five designs, of all, of
domains within and across strata, and of a ratio; the interval is solved here from Wilson's equation.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from psycopg2 import extensions, sql
from scipy.stats import norm

from meal_pipelines.indicators import columnar, discard, prepare
from tests.indicators.conftest import Fill
from tests.indicators.logframes import MARTS, indicator, write_project

FOLDER = Path(__file__).parent / "survey"
DAY = dt.date(2026, 4, 2)
DESIGNS: Mapping[str, Mapping[str, Any]] = {
    "stratified_population": {"stratum": "sector", "population": {"E": 4421, "H": 755, "M": 1018}},
    "stratified": {"stratum": "sector"},
    "stratified_weights": {"stratum": "sector", "weight": "score"},
    "weights": {"weight": "score"},
    "lone": {"stratum": "sex", "weight": "score"},
}
QUESTIONS: Mapping[str, Mapping[str, str]] = {
    "sch.wide": {"numerator": "level in (1, 3)"},
    "awards": {"numerator": "level >= 2", "denominator": "level in (1, 3)"},
}


def _schools() -> list[dict[str, Any]]:
    """One record a school: its type, the stratum, whether it has a stratum of its own, what it answers, its weight."""
    with (FOLDER / "schools.csv").open(encoding="utf-8") as file:
        return [
            {
                "submission_id": f"s{number}", "repeat_index": 1, "person_id": None, "sector": line["stype"],
                "sex": line["lone"], "is_new": line["comp.imp"] == "1", "score": line["w"],
                "level": int(line["sch.wide"]) + 2 * int(line["awards"]), "done_on": DAY,
            }
            for number, line in enumerate(csv.DictReader(file))
        ]  # fmt: skip


def _wilson(share: float, error: float, asked: int) -> tuple[float, float]:
    """The shares π at which (share - π)² is z² times the variance of a simple sample that is as precise as this one."""
    size = share * (1 - share) / error**2 if error else asked
    wide = norm.ppf(0.975) ** 2 / size
    low, high = sorted(np.roots([1 + wide, -2 * share - wide, share * share]))
    return float(low), float(high)


@pytest.mark.parametrize("large", [False, True], ids=["postgresql", "duckdb"])
def test_shares_and_intervals_are_those_of_another_survey_package(
    connection: extensions.connection, fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    """Both engines, every design: a variance that is wrong by the thousandth part is found."""
    codes = {(design, question): f"X-{design}-{question}".upper().replace("_", "-").replace(".", "-")[:30]
             for design in DESIGNS for question in QUESTIONS}  # fmt: skip
    project = write_project(
        tmp_path / "essai",
        [
            indicator(
                code, {"kind": "survey_ratio", "scale": 1, **DESIGNS[design], **QUESTIONS[question]},
                disaggregations=["sector", "is_new"],
            )
            for (design, question), code in codes.items()
        ],
    )  # fmt: skip
    if large:
        monkeypatch.setattr(columnar, "LARGE", 0)
    fill(_schools(), DAY)
    computation = prepare(connection, project, MARTS, run_id="essai", rebuild=True)
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "select indicator, disaggregation, value, units, ci_low, ci_high from {} where period_kind = 'to_date'"
            ).format(sql.Identifier("build", computation.table.staged))
        )
        found = {(code, _among(pairs)): row for code, pairs, *row in cursor.fetchall()}
    discard(connection, computation)
    with (FOLDER / "answers.csv").open(encoding="utf-8") as file:
        answers = list(csv.DictReader(file))
    assert len(answers) == 8 * len(DESIGNS)
    for line in answers:
        value, units, low, high = found[codes[line["design"], line["question"]], line["among"]]
        share = float(line["share"])
        expected = share, *_wilson(share, float(line["error"]), units)
        assert (float(value), float(low), float(high)) == pytest.approx(expected, abs=2e-8), line


def _among(pairs: Mapping[str, str]) -> str:
    return "+".join(f"{name}={value}" for name, value in sorted(pairs.items()))
