"""What an indicator must be, worked out a second time in plain Python, record by record and day by day.

It shares nothing with `meal_pipelines/indicators/`: no SQL, no slices, no calendar arithmetic. Slow on purpose.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import cache
from itertools import product
from statistics import median
from typing import Any

Record = Mapping[str, Any]
Key = tuple[str, str, frozenset[tuple[str, str]]]
Row = tuple[Fraction | None, Fraction | None, Fraction | None, int]
"""numerator, denominator, value, units"""
Expressions = Mapping[str, Callable[[Record], Any]]
"""For one indicator: what `where`, `value`, `numerator`, `denominator`, `unit` or `date` says of a record."""


def recompute(
    indicator: Mapping[str, Any],
    records: Iterable[Record],
    starts_on: dt.date,
    ends_on: dt.date,
    cutoff: dt.date | None,
    dimensions: Mapping[str, Any],
    *,
    expressions: Mapping[str, Expressions] | None = None,
    computed: Mapping[str, Mapping[Key, Row]] | None = None,
    kinds: Mapping[str, str] | None = None,
) -> dict[Key, Row]:
    """Every value of one indicator, by (period_kind, period, the pairs of its disaggregation).

    Args: indicator and dimensions, as they stand in the YAML; records, those of the project in the indicator's mart;
    expressions, by indicator code, Python for what is not a bare column or a number. For a derived indicator: computed,
    what this function returned for its inputs, by code; kinds, the kind of measure of each input.
    """
    measure = indicator["measure"]
    if measure["kind"] == "derived":
        return _derived(indicator, computed or {}, kinds or {})
    last_day = None if cutoff is None or cutoff < starts_on else min(cutoff, ends_on)
    if last_day is None:
        return {}
    read = _reader(measure, (expressions or {}).get(indicator["code"], {}))
    counted = [
        record
        for record in records
        if (day := read("date", record)) is not None
        and starts_on <= day <= last_day
        and ("where" not in measure or read("where", record) is True)
        and not (measure["kind"] in ("count_unique", "latest") and read("unit", record) is None)
        and not (measure["kind"] in ("median", "latest") and read("value", record) is None)
    ]
    categories = _categories(indicator, counted, dimensions)
    ends = _period_ends(starts_on, last_day)
    found: dict[Key, Row] = {}
    during = [(_periods_of(read("date", record), starts_on, last_day), record) for record in counted]
    for kind, label in ends:
        if measure["kind"] == "latest":
            inside = [record for record in counted if read("date", record) <= ends[kind, label]]
            inside = _last_words(inside, read, _all_dimensions(indicator))
        else:
            inside = [record for periods, record in during if (kind, label) in periods]
        by_category = defaultdict(list)
        for record in inside:
            for grouping in _groupings(indicator):
                by_category[_category(record, grouping)].append(record)
        for category in categories:
            row = _measure(measure, by_category[category], read, total=not category)
            if row is not None:
                found[kind, label, category] = row
    return found


def _reader(measure: Mapping[str, Any], given: Expressions) -> Callable[[str, Record], Any]:
    def read(key: str, record: Record) -> Any:
        if key in given:
            return given[key](record)
        written = str(measure.get(key, "1"))
        if written.lstrip("-").replace(".", "", 1).isdigit():
            return Fraction(written)
        return record[written]

    return read


def _measure(
    measure: Mapping[str, Any], records: list[Record], read: Callable[[str, Record], Any], *, total: bool
) -> Row | None:
    kind = measure["kind"]
    if kind == "count_unique":
        count = len({read("unit", record) for record in records})
        return Fraction(count), None, Fraction(count), count
    if kind == "sum":
        amount = _sum(read("value", record) for record in records)
        return amount, None, amount, len(records)
    if kind == "ratio":
        numerator = _sum(read("numerator", record) for record in records)
        denominator = _sum(read("denominator", record) for record in records)
        value = Fraction(str(measure.get("scale", 100))) * numerator / denominator if denominator else None
        return numerator, denominator, value, len(records)
    values = [Fraction(read("value", record)) for record in records]
    if kind == "median":
        return None, None, median(values) if values else None, len(values)
    rule = measure.get("total", "none")
    if rule == "none":
        if total or len(values) > 1:
            return None
        return None, None, values[0] if values else None, len(values)
    value = None if not values else _sum(values) if rule == "sum" else _sum(values) / len(values)
    return None, None, value, len(values)


def _sum(values: Iterable[Any]) -> Fraction:
    return sum((Fraction(value) for value in values if value is not None), Fraction(0))


def _last_words(records: list[Record], read: Callable[[str, Record], Any], dimensions: list[str]) -> list[Record]:
    last: dict[Any, tuple[Any, Record]] = {}
    for record in records:
        rank = (
            read("date", record),
            record.get("submission_id") or "",
            record.get("repeat_index") or 0,
            Fraction(read("value", record)),
            [_text(record[name]) for name in dimensions],
        )
        unit = read("unit", record)
        if unit not in last or rank > last[unit][0]:
            last[unit] = (rank, record)
    return [record for _, record in last.values()]


def _derived(
    indicator: Mapping[str, Any], computed: Mapping[str, Mapping[Key, Row]], kinds: Mapping[str, str]
) -> dict[Key, Row]:
    measure = indicator["measure"]
    fixed = frozenset(measure.get("numerator_where", {}).items())
    nothing = Fraction(0) if kinds.get(measure["numerator"]) in ("count_unique", "sum") else None
    wanted = {frozenset(grouping) for grouping in _groupings(indicator)}
    found: dict[Key, Row] = {}
    for (kind, label, category), (_, _, denominator, units) in computed[measure["denominator"]].items():
        if frozenset(name for name, _ in category) not in wanted:
            continue
        above = computed[measure["numerator"]].get((kind, label, category | fixed))
        numerator = nothing if above is None else above[2]
        value = None
        if numerator is not None and denominator:
            value = Fraction(str(measure.get("scale", 100))) * numerator / denominator
        found[kind, label, category] = (numerator, denominator, value, units)
    return found


def _groupings(indicator: Mapping[str, Any]) -> list[list[str]]:
    singles = [[name] for name in indicator.get("disaggregations", [])]
    distinct = {frozenset(grouping): list(grouping) for grouping in [[], *singles, *indicator.get("crossings", [])]}
    return list(distinct.values())


def _all_dimensions(indicator: Mapping[str, Any]) -> list[str]:
    return sorted({name for grouping in _groupings(indicator) for name in grouping})


def _categories(
    indicator: Mapping[str, Any], records: list[Record], dimensions: Mapping[str, Any]
) -> set[frozenset[tuple[str, str]]]:
    found = set()
    for grouping in _groupings(indicator):
        found |= {_category(record, grouping) for record in records}
        declared = [[(name, str(code)) for code in (dimensions[name].get("values") or {})] for name in grouping]
        found |= {frozenset(pairs) for pairs in product(*declared)}
    return found


def _category(record: Record, grouping: list[str]) -> frozenset[tuple[str, str]]:
    return frozenset((name, _text(record[name])) for name in grouping)


def _text(value: Any) -> str:
    if value is None:
        return "inconnu"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _period_ends(starts_on: dt.date, last_day: dt.date) -> dict[tuple[str, str], dt.date]:
    """Every period in which there is a day of the project, with its last such day."""
    found: dict[tuple[str, str], dt.date] = {}
    day = starts_on
    while day <= last_day:
        for period in _labels(day, starts_on):
            found[period] = day
        found["to_date", f"{day:%Y-%m}"] = day
        day += dt.timedelta(days=1)
    return found


@cache
def _periods_of(day: dt.date, starts_on: dt.date, last_day: dt.date) -> set[tuple[str, str]]:
    """The periods a record counts in: those its day lies in, and every cumulative one from its month on."""
    found = set(_labels(day, starts_on))
    while day <= last_day or f"{day:%Y-%m}" == f"{last_day:%Y-%m}":
        found.add(("to_date", f"{day:%Y-%m}"))
        day = (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
    return found


def _labels(day: dt.date, starts_on: dt.date) -> list[tuple[str, str]]:
    years = 1
    while _anniversary(starts_on, years) <= day:
        years += 1
    return [
        ("month", f"{day:%Y-%m}"),
        ("quarter", f"{day.year}-Q{[1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4][day.month - 1]}"),
        ("semester", f"{day.year}-S{1 if day.month <= 6 else 2}"),
        ("year", str(day.year)),
        ("project_year", f"A{years}"),
    ]


def _anniversary(starts_on: dt.date, years: int) -> dt.date:
    try:
        return starts_on.replace(year=starts_on.year + years)
    except ValueError:
        return starts_on.replace(year=starts_on.year + years, day=28)
