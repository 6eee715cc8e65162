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
from math import ceil, floor, sqrt
from statistics import NormalDist, median, median_low
from typing import Any

Record = Mapping[str, Any]
Key = tuple[str, str, frozenset[tuple[str, str]]]
Row = tuple[Any, ...]
"""numerator, denominator, value, units; and, for a survey, the bounds of its interval"""
NEEDS_VALUE = ("mean", "median", "quantile", "latest", "score")
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
    if measure["kind"] == "ratio_of":
        return _ratio_of(indicator, list(records), starts_on, ends_on, cutoff, dimensions, expressions or {})
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
        and not (measure["kind"] in ("count_unique", "latest", "score") and read("unit", record) is None)
        and not (measure["kind"] in NEEDS_VALUE and read("value", record) is None)
        and not (measure["kind"] == "ratio" and None in (read("numerator", record), read("denominator", record)))
        and (measure["kind"] != "survey_ratio" or _is_in_design(measure, record, read))
    ]
    categories = _categories(indicator, counted, dimensions)
    ends = _period_ends(starts_on, last_day)
    found: dict[Key, Row] = {}
    during = [(_periods_of(read("date", record), starts_on, last_day), record) for record in counted]
    for kind, label in ends:
        if measure["kind"] in ("latest", "score"):
            inside = [record for record in counted if read("date", record) <= ends[kind, label]]
            inside = _last_words(inside, read, _all_dimensions(indicator))
        else:
            inside = [record for periods, record in during if (kind, label) in periods]
        if "wave" in measure:
            inside = _last_wave(inside, counted, read)
        by_category = defaultdict(list)
        for record in inside:
            for grouping in _groupings(indicator):
                by_category[_category(record, grouping)].append(record)
        for category in categories:
            if measure["kind"] == "survey_ratio":
                row: Row | None = survey_share(measure, by_category[category], by_category[frozenset()], read)
            else:
                row = _measure(measure, by_category[category], read, total=not category)
            if row is not None:
                found[kind, label, category] = row
    return found


def _last_wave(inside: list[Record], counted: list[Record], read: Callable[[str, Record], Any]) -> list[Record]:
    """Of one period, the records of the survey's round that began last, to the month."""
    began: dict[str, tuple[int, int]] = {}
    for record in sorted(counted, key=lambda record: read("date", record), reverse=True):
        began[read("wave", record)] = (read("date", record).year, read("date", record).month)
    met = sorted({read("wave", record) for record in inside}, key=lambda wave: (began[wave], wave))
    return [record for record in inside if read("wave", record) == met[-1]]


def _reader(measure: Mapping[str, Any], given: Expressions) -> Callable[[str, Record], Any]:
    def read(key: str, record: Record) -> Any:
        if key in given:
            return given[key](record)
        written = str(measure.get(key, "true" if measure["kind"] == "survey_ratio" else "1"))
        if written == "true":
            return True
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
        known = [value for record in records if (value := read("value", record)) is not None]
        amount = _sum(known) if known or not records else None
        return amount, None, amount, len(records)
    if kind == "ratio":
        numerator = _sum(read("numerator", record) for record in records)
        denominator = _sum(read("denominator", record) for record in records)
        value = Fraction(str(measure.get("scale", 100))) * numerator / denominator if denominator else None
        return numerator, denominator, value, len(records)
    values = sorted(Fraction(read("value", record)) for record in records)
    if kind == "mean":
        mean = _sum(values) / len(values) if values else None
        return _sum(values) if values else None, Fraction(len(values)), mean, len(values)
    if kind == "median":
        return None, None, median(values) if values else None, len(values)
    if kind == "quantile":
        return None, None, _quantile(values, Fraction(str(measure["quantile"]))) if values else None, len(values)
    if kind == "score":
        if measure.get("show") == "distribution":
            return None, None, Fraction(len(values)), len(values)
        return None, None, median_low(values) if values else None, len(values)
    rule = measure.get("total", "none")
    if rule == "none":
        if total or len(values) > 1:
            return None
        return None, None, values[0] if values else None, len(values)
    value = None if not values else _sum(values) if rule == "sum" else _sum(values) / len(values)
    return None, None, value, len(values)


def _quantile(values: list[Fraction], quantile: Fraction) -> Fraction:
    """Of values in order: at quantile × (n - 1) counted from 0, in proportion between two neighbours."""
    place = quantile * (len(values) - 1)
    low = values[floor(place)]
    return low + (values[ceil(place)] - low) * (place - floor(place))


def _is_in_design(measure: Mapping[str, Any], record: Record, read: Callable[[str, Record], Any]) -> bool:
    if "stratum" in measure and read("stratum", record) is None:
        return False
    if "wave" in measure and read("wave", record) is None:
        return False
    if "weight" in measure and (read("weight", record) is None or read("weight", record) <= 0):
        return False
    return "population" not in measure or read("stratum", record) in measure["population"]


def survey_share(
    measure: Mapping[str, Any], records: list[Record], sample: list[Record], read: Callable[[str, Record], Any]
) -> Row:
    """A share with its interval, from the textbook: the variance of the linearised values, record by record.

    records: those of the category; sample: everybody sampled in the period. Lohr, « Sampling: Design and Analysis », 4.1
    and 4.3 (ratios and domains); Kott and Carr (1997) for the interval.
    """
    strata = [read("stratum", each) if "stratum" in measure else "" for each in sample]
    population = measure.get("population", {})
    inside = {id(each) for each in records}
    says, counts, weights = [], [], []
    for each, stratum in zip(sample, strata, strict=True):
        answer = read("numerator", each)
        asked = id(each) in inside and read("denominator", each) is True and answer is not None
        counts.append(int(asked))
        says.append(int(asked and answer is True))
        weight = Fraction(read("weight", each)) if "weight" in measure else Fraction(1)
        if population and "weight" not in measure:
            weight = Fraction(population[stratum], strata.count(stratum))
        weights.append(weight)
    answered = sum((w * x for w, x in zip(weights, counts, strict=True)), Fraction(0))
    yes = sum((w * y for w, y in zip(weights, says, strict=True)), Fraction(0))
    if not answered:
        return yes, answered, None, 0, None, None
    share, size = yes / answered, Fraction(sum(counts))
    residuals = [w * (y - share * x) / answered for w, y, x in zip(weights, says, counts, strict=True)]
    if "stratum" in measure or "weight" in measure:
        variance = _variance(residuals, strata, population)
        if variance > Fraction(1, 10**15) and 0 < share < 1:
            size = share * (1 - share) / variance
    scale = Fraction(str(measure.get("scale", 100)))
    low, high = wilson(float(share), float(size))
    return yes, answered, scale * share, sum(counts), float(scale) * low, float(scale) * high


def _variance(residuals: list[Fraction], strata: list[Any], population: Mapping[str, int]) -> Fraction:
    total = Fraction(0)
    everywhere = sum(residuals, Fraction(0)) / len(residuals)
    for stratum in set(strata):
        own = [z for z, where in zip(residuals, strata, strict=True) if where == stratum]
        left_out = max(1 - Fraction(len(own), population[stratum]), Fraction(0)) if population else Fraction(1)
        if len(own) == 1:
            total += left_out * (own[0] - everywhere) ** 2
        else:
            mean = sum(own, Fraction(0)) / len(own)
            total += left_out * Fraction(len(own), len(own) - 1) * sum((z - mean) ** 2 for z in own)
    return total


def wilson(share: float, size: float) -> tuple[float, float]:
    """The interval of 95 % in which a share of that many answers lies."""
    z = NormalDist().inv_cdf(0.975)
    centre = (share + z * z / (2 * size)) / (1 + z * z / size)
    reach = z / (1 + z * z / size) * sqrt(share * (1 - share) / size + z * z / (4 * size * size))
    return max(centre - reach, 0.0), min(centre + reach, 1.0)


def _ratio_of(
    indicator: Mapping[str, Any],
    records: list[Record],
    starts_on: dt.date,
    ends_on: dt.date,
    cutoff: dt.date | None,
    dimensions: Mapping[str, Any],
    expressions: Mapping[str, Expressions],
) -> dict[Key, Row]:
    """Both counts by themselves, then divided; expressions are those of « CODE/numerator » and « CODE/denominator »."""
    measure, found = indicator["measure"], {}
    for part in ("numerator", "denominator"):
        entry = {**indicator, "measure": measure[part], "code": f"{indicator['code']}/{part}"}
        found[part] = recompute(entry, records, starts_on, ends_on, cutoff, dimensions, expressions=expressions)
    rows: dict[Key, Row] = {}
    for key in found["numerator"].keys() | found["denominator"].keys():
        above = found["numerator"][key][2] if key in found["numerator"] else Fraction(0)
        below = found["denominator"][key][2] if key in found["denominator"] else Fraction(0)
        units = found["denominator"][key][3] if key in found["denominator"] else 0
        value = Fraction(str(measure.get("scale", 100))) * above / below if above is not None and below else None
        rows[key] = (above, below, value, units)
    return rows


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
    for (kind, label, category), (_, _, denominator, units, *_) in computed[measure["denominator"]].items():
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
