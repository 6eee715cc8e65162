"""Other writings of communes and provinces: their code of the census of 2014, and names that are not the official one.

Read from the seeds of `dbt_like_sql/`. Only what is certain is here: a code of 2014 whose commune was found by its name in its
province, an alias that no other place bears. Which choice a text stands for is decided in `choices.py`.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import cache

from meal_pipelines.collect.sheets.spelling import bare
from meal_pipelines.project.places import are_places
from meal_pipelines.settings import CHECKOUT

SEEDS = CHECKOUT / "dbt_like_sql" / "seeds"
SURE = "exact_name_in_province"


def other_writings(codes: Collection[str]) -> Mapping[str, frozenset[str]]:
    """By text (its bare spelling), the codes of these for which it may stand; nothing when they are no places."""
    if not are_places(codes):
        return {}
    known = _known()
    found = {text: frozenset(code for code in of if code in codes) for text, of in known.items()}
    return {text: of for text, of in found.items() if of}


@cache
def _known() -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for row in _rows("commune_code_2014"):
        if row["method"] == SURE:
            found[bare(row["code_2014"])].add(row["commune_code"])
    for row in _rows("place_alias"):
        found[bare(row["alias"])].add(row["code"])
    return {text: frozenset(codes) for text, codes in found.items()}


def _rows(seed: str) -> Iterator[dict[str, str]]:
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)
