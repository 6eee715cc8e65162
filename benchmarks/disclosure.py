"""(j) What is hidden of a table, and whether it holds: our solver beside τ-Argus, on published examples and on tables of ours.

Everybody gets the same table, the same cells that are too small, the same values that must stay possible and the same costs;
everybody's pattern is attacked alike. The examples' own results, as printed, stand in the remark of our line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import partial

import orjson

from benchmarks.case import Case, Figures, stopwatch
from benchmarks.place import Place
from benchmarks.suppression import Outcome, as_published, attacked, our_cost, plainly
from benchmarks.tables import EXAMPLES, TOTAL, Codes, Published, Table, small
from benchmarks.tau_argus import protected

THRESHOLD = 5
SUBMISSIONS = 400
"""Generated for the tables of ours: as many as a first quarter of a project has, so that many cells are small."""
PLACES = "lieu"
CROSSED = {
    "place_sex": (PLACES, "sexe"),
    "place_nationality": (PLACES, "nationalite"),
    "nationality_sex_group": ("nationalite", "sexe", "groupe_cible"),
    "place_sex_group": (PLACES, "sexe", "groupe_cible"),
}
LABELS = {
    "turnover": "rtauargus",
    "ages": "GaussSuppression, tableau 4",
    "widths": "GaussSuppression, tableau 9",
    "regions": "sdcTable, protectTable",
    "known": "sdcTable, SIMPLEHEURISTIC",
    "place_sex": "lieu × sexe",
    "place_nationality": "lieu × nationalité",
    "nationality_sex_group": "nationalité × sexe × groupe",
    "place_sex_group": "lieu × sexe × groupe",
}
METHODS = {"OPT": "τ-Argus, optimal", "MOD": "τ-Argus, modulaire"}


def of_sample(place: Place, name: str) -> Published:
    """Persons of PRIM 2 by these questions, regions with their provinces; under the threshold, all that « < 5 » says."""
    from meal_pipelines.sample import generate

    folder = place.folder / "disclosure-sample"
    if not folder.exists():
        generate(place.project(), SUBMISSIONS, 1, folder)
    lines = map(orjson.loads, (folder / "truth" / "beneficiaires.jsonl").read_bytes().splitlines())
    answers = [line["answers"] for line in lines if line["state"] == "present"]
    table = counted([{**given, PLACES: given.get("province")} for given in answers], CROSSED[name])
    return Published(table, small(table, THRESHOLD), {}, "échantillon", threshold=THRESHOLD)


def counted(answers: Collection[Mapping[str, str | None]], crossed: tuple[str, ...]) -> Table:
    """How many answer what; whoever did not answer one of the questions is left out."""
    rows = [
        tuple(str(given[name]) for name in crossed) for given in answers if all(given.get(name) for name in crossed)
    ]
    dimensions = {}
    for place, name in enumerate(crossed):
        codes = sorted({row[place] for row in rows})
        tops = sorted({code.partition(".")[0] for code in codes}) if name == PLACES else codes
        groups = {top: tuple(code for code in codes if code.startswith(f"{top}.")) for top in tops}
        dimensions[name] = {TOTAL: tuple(tops), **(groups if name == PLACES else {})}
    return Table(dimensions, Counter(rows))


def told(outcome: Outcome) -> str:
    attack = f"attaque : {outcome.found} trop bien connues" if outcome.found else "attaque : rien"
    return f"{outcome.primary} + {outcome.secondary} masquées, perdu {outcome.lost:.0f} ; {attack}"


def _given(place: Place, name: str) -> Published:
    return EXAMPLES[name]() if name in EXAMPLES else of_sample(place, name)


def ours(place: Place, name: str) -> Figures:
    given = _given(place, name)
    with stopwatch() as watch:
        hidden = plainly(given.table, given.needs)
    notes = [told(attacked(given.table, given.needs, hidden))]
    for method, pattern in given.theirs.items():
        notes.append(f"publié ({method}) : {told(attacked(given.table, given.needs, pattern))}")
    if given.theirs:
        notes.append(given.source)
    return Figures(watch.seconds, len(given.table.values), note=". ".join(notes))


def printed(place: Place, name: str) -> Figures:
    """What the platform shows of it: nothing is kept in the warehouse."""
    given = _given(place, name)
    assert given.threshold is not None
    needs, width = small(given.table, given.threshold), float(given.threshold)
    with place.warehouse() as warehouse, warehouse.connect() as connection, connection.cursor() as cursor:
        with stopwatch() as watch:
            marks, is_best = as_published(cursor, given.table, given.threshold)
        connection.rollback()
    note = told(attacked(given.table, needs, marks.keys(), marks, width))
    return Figures(watch.seconds, len(given.table.values), note=note if is_best else f"{note} ; temps écoulé")


def theirs(place: Place, name: str, method: str) -> Figures:
    given = _given(place, name)
    folder = place.folder / "tau-argus"
    with stopwatch() as watch:
        hidden: frozenset[Codes] = protected(given.table, given.needs, our_cost, method, folder)
    return Figures(watch.seconds, len(given.table.values), note=told(attacked(given.table, given.needs, hidden)))


def _cases() -> Iterator[Case]:
    for name, shown in LABELS.items():
        group = f"disclosure.{name}"
        yield Case(f"{group}.ours", group, f"meal ({shown})", partial(ours, name=name), is_reference=True, repeats=1)
        if name in CROSSED or EXAMPLES[name]().threshold is not None:
            label = f"comme publié par meal ({shown})"
            yield Case(f"{group}.printed", group, label, partial(printed, name=name), repeats=1)
        for method, label in METHODS.items():
            run = partial(theirs, name=name, method=method)
            yield Case(f"{group}.{method}", group, f"{label} ({shown})", run, repeats=1)


CASES = tuple(_cases())
