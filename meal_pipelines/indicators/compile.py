"""Turn an indicator's entry of the logframe into one set-based query.

The query is an opening written from the entry (`opening.py`), followed by the measure's own text in `measures/`. It
runs as it stands: it is what `indicators.definition.formula_sql` shows.

What counts is a record dated from the project's first day to the last day received, whose `where` holds, and which has
a unit (count_unique, latest) and a value (median, latest). An empty dimension is the category « inconnu ».
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.indicators import opening
from meal_pipelines.indicators.expressions import columns_of, parse_expression, require_column
from meal_pipelines.indicators.opening import OverMart, groupings
from meal_pipelines.indicators.periods import Calendar
from meal_pipelines.project.load import LoadedProject
from meal_pipelines.project.logframe import CountUnique, Derived, Indicator, Latest, Median, Ratio, Sum
from meal_pipelines.warehouse.tables import TableSpec

VALUES = ("indicators", "value")


@dataclass(frozen=True)
class Compiled:
    """One indicator's query. One row per period and category: period_kind, period, period_start, period_end,
    disaggregation, numerator, denominator, value, units.

    columns: what it reads of `mart`. inputs: the indicators it divides, when it is derived (mart is None then).
    """

    indicator: str
    kind: str
    sql: str
    mart: str | None
    columns: tuple[str, ...]
    inputs: tuple[str, ...] = ()


def compile_logframe(
    project: LoadedProject, marts: Mapping[str, TableSpec], calendar: Calendar, values: tuple[str, str] = VALUES
) -> dict[str, Compiled]:
    """Every indicator of a project by its code, each after those it divides.

    Raises: ConfigurationError, one line per mistake in the logframe.
    """
    if project.logframe is None:
        return {}
    compiled, problems = {}, []
    for indicator in project.logframe.indicators:
        try:
            compiled[indicator.code] = compile_indicator(project, indicator, marts, calendar, values)
        except ConfigurationError as problem:
            problems.append(str(problem))
    if problems:
        raise ConfigurationError("\n".join(problems))
    return _in_order(project, compiled)


def check_logframe(project: LoadedProject, marts: Mapping[str, TableSpec]) -> None:
    """Judge a logframe without a database.

    Raises: ConfigurationError, one line per mistake, each with file and line.
    """
    compile_logframe(project, marts, Calendar.of(project.project.starts_on, project.project.ends_on, None))


def compile_indicator(
    project: LoadedProject,
    indicator: Indicator,
    marts: Mapping[str, TableSpec],
    calendar: Calendar,
    values: tuple[str, str] = VALUES,
) -> Compiled:
    """Judge one entry and write its query.

    Args: marts, by name; values, the table or view that a derived indicator reads.
    Raises: ConfigurationError, with file and line, when the entry names a mart, a column or a crossing that does not
    exist, or holds something else than an expression.
    """
    _judge_targets(project, indicator)
    measure = indicator.measure
    if isinstance(measure, Derived):
        return _derived(project, indicator, measure, values)
    mart = marts.get(measure.mart)
    if mart is None:
        raise ConfigurationError(
            f"{located(project, indicator, 'measure', 'mart')}, {indicator.code} : la table « {measure.mart} » "
            f"n'existe pas. Tables : {', '.join(sorted(marts))}. Corrigez le nom."
        )
    assert project.logframe is not None
    records = _records(project, indicator, measure, mart, calendar)
    ctes = [
        opening.cte("periods", opening.periods(calendar), *opening.PERIOD_COLUMNS),
        opening.cte("groupings", opening.places(indicator), "dimensions", "places"),
        opening.cte("declared", opening.declared(indicator, project.logframe.dimensions)),
        opening.cte("options", opening.options(measure)),
        opening.cte("records", records),
    ]
    sql = opening.assemble(ctes, opening.text("categories") + "\n" + opening.text(measure.kind))
    return Compiled(indicator.code, measure.kind, sql, measure.mart, tuple(sorted(columns_of(records))))


def entry_of(project: LoadedProject, code: str) -> Indicator:
    """The logframe's entry of an indicator; it is there."""
    assert project.logframe is not None, "only a project with a logframe"
    return next(entry for entry in project.logframe.indicators if entry.code == code)


def located(project: LoadedProject, indicator: Indicator, *keys: str) -> str:
    """« prim2/logframe.yaml, ligne 48 », for messages about an indicator's entry."""
    assert project.logframe is not None and project.logframe_lines is not None, "only a project with a logframe"
    return project.logframe_lines.at("indicators", project.logframe.indicators.index(indicator), *keys)


def _judge_targets(project: LoadedProject, indicator: Indicator) -> None:
    given = [*(target.by for target in indicator.targets), indicator.baseline.by]
    if indicator.by is None and any(given):
        raise ConfigurationError(
            f"{located(project, indicator)}, {indicator.code} : des valeurs sont données par catégorie ; "
            "dites par quelle dimension avec la clé « by »."
        )
    if indicator.by is not None and (indicator.by,) not in groupings(indicator):
        raise ConfigurationError(
            f"{located(project, indicator, 'by')}, {indicator.code} : « {indicator.by} » n'est pas dans "
            "« disaggregations ». Ajoutez-la."
        )
    months = [target.month for target in indicator.targets]
    if len(set(months)) < len(months):
        raise ConfigurationError(
            f"{located(project, indicator, 'targets')}, {indicator.code} : deux cibles pour le même mois. "
            "Gardez-en une."
        )


def _records(
    project: LoadedProject, indicator: Indicator, measure: OverMart, mart: TableSpec, calendar: Calendar
) -> exp.Select:
    """The records that count, with their slice, their dimensions and what the measure's own text works on.

    Records that the measure does not tell apart are grouped at once: the scan is where the rows are many.
    """

    def parsed(key: str, text: str) -> exp.Expr:
        where = f"{located(project, indicator, 'measure', key)}, {indicator.code}"
        tree = parse_expression(text, mart, where)
        return tree if isinstance(tree, (exp.Column, exp.Literal, exp.Case)) else exp.Paren(this=tree)

    names = opening.dimensions(indicator)
    for name in names:
        require_column(name, mart, f"{located(project, indicator, 'disaggregations')}, {indicator.code}")
    require_column("project", mart, f"{located(project, indicator, 'measure', 'mart')}, {indicator.code}")
    date = parsed("date", measure.date)
    _judge_date(date, mart, f"{located(project, indicator, 'measure', 'date')}, {indicator.code}")
    shown: dict[str, exp.Expr] = {
        "slice": exp.func("width_bucket", date, opening.days(calendar.slices()), dialect="postgres"),
        "dims": opening.cast(exp.array(*(opening.category(name) for name in names), dialect="postgres"), "text[]"),
    }
    told_apart, sums = _measured(measure, parsed, mart, date)
    kept: list[exp.Expr] = [
        exp.column("project", quoted=True).eq(exp.Literal.string(project.id)),
        exp.GTE(this=date.copy(), expression=opening.day(calendar.starts_on)),
        exp.LTE(this=date.copy(), expression=opening.day(calendar.until)),
    ]
    if measure.where is not None:
        kept.append(parsed("where", measure.where))
    needed = {CountUnique: ("unit",), Latest: ("unit", "value"), Median: ("value",)}.get(type(measure), ())
    kept += [exp.Not(this=exp.Is(this=told_apart[name].copy(), expression=exp.null())) for name in needed]
    shown |= told_apart
    select = exp.select(*(exp.alias_(value, name) for name, value in (shown | sums).items()))
    select = select.from_(exp.table_(mart.name, db=mart.schema, quoted=True)).where(*kept)
    if isinstance(measure, Latest):
        return select
    # By position: a name would mean the mart's column where it has one of that name.
    return select.group_by(*(exp.Literal.number(place) for place in range(1, len(shown) + 1)))


def _measured(
    measure: OverMart, parsed: Callable[[str, str], exp.Expr], mart: TableSpec, date: exp.Expr
) -> tuple[dict[str, exp.Expr], dict[str, exp.Expr]]:
    """What a measure tells records apart by, besides slice and dimensions; and the sums it takes of the others."""

    def numeric(key: str, text: str) -> exp.Expr:
        return opening.cast(parsed(key, text), "numeric")

    units: dict[str, exp.Expr] = {"units": exp.Count(this=exp.Star())}
    if isinstance(measure, CountUnique):
        return {"unit": parsed("unit", measure.unit)}, {}
    if isinstance(measure, Sum):
        return {}, {"total": exp.Sum(this=numeric("value", measure.value)), **units}
    if isinstance(measure, Ratio):
        numerator, denominator = numeric("numerator", measure.numerator), numeric("denominator", measure.denominator)
        return {}, {"numerator": exp.Sum(this=numerator), "denominator": exp.Sum(this=denominator), **units}
    value = numeric("value", measure.value)
    if isinstance(measure, Median):
        return {"value": value}, units
    found: dict[str, exp.Expr] = {"unit": parsed("unit", measure.unit), "value": value, "dated_on": date.copy()}
    # Two records of a unit on one day: the submission whose identifier comes last, so that every run agrees.
    for name, empty in (("submission_id", exp.Literal.string("")), ("repeat_index", exp.Literal.number("0"))):
        present = mart.column(name) is not None
        found[name] = exp.func("coalesce", exp.column(name, quoted=True), empty) if present else empty
    return found, {}


def _judge_date(date: exp.Expr, mart: TableSpec, where: str) -> None:
    column = mart.column(date.name) if isinstance(date, exp.Column) else None
    if column is not None and column.type != "date":
        raise ConfigurationError(
            f"{where} : « {column.name} » est de type {column.type} ; "
            "un indicateur se date par une colonne de type date."
        )


def _derived(project: LoadedProject, indicator: Indicator, measure: Derived, values: tuple[str, str]) -> Compiled:
    numerator, denominator = entry_of(project, measure.numerator), entry_of(project, measure.denominator)
    fixed = set(measure.numerator_where)
    for grouping in groupings(indicator):
        for source, needed in ((numerator, {*grouping, *fixed}), (denominator, {*grouping})):
            if tuple(sorted(needed)) not in groupings(source) or fixed & set(grouping):
                raise ConfigurationError(
                    f"{located(project, indicator, 'measure')}, {indicator.code} : pour être ventilé par "
                    f"« {', '.join(grouping) or 'total'} », {source.code} doit l'être par "
                    f"« {', '.join(sorted(needed))} ». Ajoutez ce croisement à ses « crossings », "
                    "ou retirez la ventilation."
                )
    columns = ("indicator", "period_kind", "period", "period_start", "period_end", "disaggregation", "value", "units")
    measured = exp.select(*columns).from_(exp.table_(values[1], db=values[0], quoted=True))
    counts = isinstance(numerator.measure, (CountUnique, Sum))
    ctes = [
        opening.cte("measured", measured.where(exp.column("project").eq(exp.Literal.string(project.id)))),
        opening.cte("groupings", opening.places(indicator), "dimensions", "places"),
        opening.cte("options", opening.derivation(measure, counts=counts)),
    ]
    sql = opening.assemble(ctes, opening.text("derived"))
    inputs = tuple(dict.fromkeys((measure.numerator, measure.denominator)))
    return Compiled(indicator.code, measure.kind, sql, None, (), inputs)


def _in_order(project: LoadedProject, compiled: dict[str, Compiled]) -> dict[str, Compiled]:
    assert project.logframe is not None
    ordered: dict[str, Compiled] = {}
    waiting = dict(compiled)
    while waiting:
        ready = [code for code, query in waiting.items() if all(code_in in ordered for code_in in query.inputs)]
        if not ready:
            entry = next(entry for entry in project.logframe.indicators if entry.code in waiting)
            raise ConfigurationError(
                f"{located(project, entry, 'measure')} : {', '.join(waiting)} se calculent l'un par l'autre. "
                "Donnez à l'un d'eux une mesure sur une table."
            )
        ordered |= {code: waiting.pop(code) for code in ready}
    return ordered
