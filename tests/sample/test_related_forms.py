"""Forms that speak of the same things: what one repeats of another was said there before, and when each is filled."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.load import load_project
from meal_pipelines.sample import generate
from meal_pipelines.settings import CHECKOUT
from tests.sample.conftest import Generated

prim2 = pytest.mark.parametrize("sample", ["prim2"], indirect=True)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@prim2
def test_a_payment_is_a_part_of_a_contract_signed_before_it(sample: Generated) -> None:
    """Or the officer would look for errors that only the generator made. The first contract alone may be later."""
    contracts = {line["answers"]["numero_contrat"]: line["answers"] for line in sample.truth("subventions")}
    first = min(contracts.values(), key=lambda contract: day(contract["date_signature"]))
    payments = [line["answers"] for line in sample.truth("paiements")]
    assert len(payments) > 15
    for payment in payments:
        contract = contracts[payment["numero_contrat"]]
        rate = 1 if payment["devise"] == "MAD" else 10.8
        assert 0.15 < payment["montant"] * rate / contract["montant_mad"] < 0.45
        if contract is not first:
            assert (day(payment["date_paiement"]) - day(contract["date_signature"])).days >= 19
    assert len({payment["numero_contrat"] for payment in payments}) > 5


@prim2
def test_whoever_leaves_a_grant_has_had_it_for_a_while(sample: Generated) -> None:
    """But for the first contract of all, as above."""
    contracts = [line["answers"] for line in sample.truth("subventions")]
    first = min(contracts, key=lambda contract: day(contract["date_signature"]))["organisation"]
    for line in sample.truth("capacites_osc"):
        asked = line["answers"]
        signed = [day(one["date_signature"]) for one in contracts if one["organisation"] == asked["organisation"]]
        if asked["moment"] == "sortie" and asked["organisation"] != first:
            assert (day(asked["date_evaluation"]) - min(signed)).days >= 329


@prim2
def test_a_form_of_some_months_is_filled_in_those_months(sample: Generated) -> None:
    """Three waves of a survey, not one that never ends."""
    seen = {
        line["answers"]["date_enquete"][:7]
        for line in sample.truth("enquete_usagers")
        if "date_enquete" in line["answers"]
    }
    waves = {"2026-03", "2026-04", "2026-05", "2027-07", "2027-08", "2029-01", "2029-02"}
    late = {"2026-02", "2027-06", "2028-12"}
    assert waves - {"2026-03"} <= seen <= waves | late


@prim2
def test_those_who_are_trained_are_grown_up(sample: Generated) -> None:
    """Officials and elected persons are no children, though children are registered."""
    ages = []
    for line in sample.truth("formations"):
        year = day(line["answers"]["date_fin"]).year
        ages += [year - row["annee_naissance"] for row in line["answers"]["participants"] if "annee_naissance" in row]
    assert len(ages) > 50 and min(ages) >= 21


def test_a_form_that_repeats_a_question_nobody_asks_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "prim2"
    shutil.copytree(CHECKOUT / "projects" / "prim2", folder)
    text = (folder / "sample.yaml").read_text(encoding="utf-8")
    wrong = text.replace("question: numero_contrat, after_days: 20", "question: numero, after_days: 20")
    assert wrong != text
    (folder / "sample.yaml").write_text(wrong, encoding="utf-8")
    loaded = load_project(folder, {"KOBO_URL": "https://kobo.example", "KOBO_TOKEN": "jeton"})
    with pytest.raises(ConfigurationError, match="« paiements » reprend « numero » de « subventions »"):
        generate(loaded, 100, 1, tmp_path / "out")
