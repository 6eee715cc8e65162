"""Splink on the clear text of the same records: its model, its training, its clusters at several thresholds.

As its guide advises: text cleaned, blocking on what is seldom wrong, u estimated at random, m by expectation maximisation.
"""

from __future__ import annotations

import logging
from typing import Any

THRESHOLDS = (0.5, 0.9, 0.99)


def clustered(records: list[dict[str, str]], card: str) -> dict[float, list[Any]]:
    """By threshold of probability, the group of each record; a record that shows a card alone is a group of its own."""
    import pandas as pd
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    from meal_pipelines.protect.persons.normalise import code, name, phone

    logging.getLogger("splink").setLevel(logging.ERROR)
    cleaners = {"first": ("prenom", name), "family": ("nom", name), "phone": ("telephone", phone), "card": (card, code)}
    named = [place for place, record in enumerate(records) if "nom" in record]
    told = [records[place] for place in named]
    frame = pd.DataFrame({"unique_id": named})
    for column, (question, cleaned) in cleaners.items():
        frame[column] = [cleaned(record[question]) if record.get(question) else None for record in told]
    frame["year"] = [int(record["annee_naissance"]) if record.get("annee_naissance") else None for record in told]
    frame["sex"] = [record.get("sexe") for record in told]
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.JaroWinklerAtThresholds("first", [0.92, 0.8]).configure(term_frequency_adjustments=True),
            cl.JaroWinklerAtThresholds("family", [0.92, 0.8]).configure(term_frequency_adjustments=True),
            cl.LevenshteinAtThresholds("phone", 1),
            cl.CustomComparison(output_column_name="year", comparison_levels=_years()),
            cl.ExactMatch("card"),
            cl.ExactMatch("sex"),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("phone"), block_on("card"), block_on("first", "family"), block_on("family", "year"), block_on("first", "year"),
        ],
    )  # fmt: skip
    linker = Linker(frame, settings, db_api=DuckDBAPI())
    linker.training.estimate_probability_two_random_records_match(
        [block_on("phone", "year"), block_on("card")], recall=0.9
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=2_000_000, seed=1)
    for rule in (block_on("phone"), block_on("first", "family", "year")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    predicted = linker.inference.predict(threshold_match_probability=min(THRESHOLDS))
    found = {}
    for threshold in THRESHOLDS:
        groups = linker.clustering.cluster_pairwise_predictions_at_threshold(predicted, threshold).as_pandas_dataframe()
        own = dict(zip(groups["unique_id"].tolist(), groups["cluster_id"].tolist(), strict=True))
        found[threshold] = [own.get(place, ("card", place)) for place in range(len(records))]
    return found


def _years() -> list[Any]:
    import splink.comparison_level_library as levels

    return [
        levels.NullLevel("year"),
        levels.ExactMatchLevel("year"),
        levels.AbsoluteDifferenceLevel("year", difference_threshold=1),
        levels.ElseLevel(),
    ]
