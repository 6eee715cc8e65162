"""Persons are made of pseudonyms the same way in whatever order ties come, and nothing joins what a reviewer kept apart."""

from __future__ import annotations

import datetime as dt
import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from meal_pipelines.protect.persons.components import Tie, joined

DAY = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
PEOPLE = [f"p{number}" for number in range(8)]
SENT = {person: DAY + dt.timedelta(days=(7 * place) % 8) for place, person in enumerate(PEOPLE)}

ties = st.lists(
    st.builds(
        lambda rank, key, who: Tie(rank, str(key), tuple(sorted(who)), f"k{rank}"),
        st.integers(-1, 2),
        st.integers(0, 99),
        st.sets(st.sampled_from(PEOPLE), min_size=2, max_size=3),
    ),
    max_size=10,
)
pairs = st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)).filter(lambda p: p[0] < p[1]), max_size=4)


@given(ties)
def test_without_refusals_persons_are_the_connected_parts_and_the_earliest_pseudonym_is_kept(found: list[Tie]) -> None:
    edges = [(PEOPLE.index(tie.persons[0]), PEOPLE.index(person)) for tie in found for person in tie.persons[1:]]
    rows, columns = np.array(edges, dtype=int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(PEOPLE), len(PEOPLE)))
    _, labels = connected_components(graph, directed=False)
    links = joined(SENT, found, [])
    for label in set(labels.tolist()):
        part = {person for person, own in zip(PEOPLE, labels.tolist(), strict=True) if own == label}
        first = min(part, key=lambda person: (SENT[person], person))
        assert {person: links[person].kept for person in part if person in links} == dict.fromkeys(
            part - {first}, first
        )


@given(ties, pairs, st.integers())
def test_the_order_in_which_ties_are_known_changes_nothing(
    found: list[Tie], apart: list[tuple[str, str]], seed: int
) -> None:
    shuffled, refused = list(found), list(apart)
    random.Random(seed).shuffle(shuffled)
    random.Random(seed).shuffle(refused)
    assert joined(SENT, found, apart) == joined(dict(reversed(SENT.items())), shuffled, refused)


@given(ties, pairs)
def test_two_persons_stay_two_whatever_joins_others_to_each(found: list[Tie], apart: list[tuple[str, str]]) -> None:
    """A chain would be the easiest way round a refusal."""
    links = joined(SENT, found, apart)
    shown = {person: links[person].kept if person in links else person for person in PEOPLE}
    assert all(shown[one] != shown[other] for one, other in apart)


def test_a_tie_says_why_and_the_surest_is_told() -> None:
    found = joined(SENT, [Tie(1, "b", ("p0", "p1"), "carte"), Tie(0, "c", ("p0", "p1"), "telephone")], [])
    assert {kept.because for kept in found.values()} == {"telephone"}


def test_whoever_was_sent_without_a_date_is_never_kept() -> None:
    assert joined({"a": None, "b": DAY}, [Tie(0, "k", ("a", "b"), "k")], [])["a"].kept == "b"


def test_a_tie_with_somebody_unknown_joins_nobody() -> None:
    """Of a pseudonym whose last row was erased only the others' keys are left."""
    assert joined({"a": DAY}, [Tie(0, "k", ("a", "gone"), "k")], []) == {}
