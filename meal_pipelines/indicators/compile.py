"""Turn an indicator's entry of the logframe into one set-based query, and judge the entry on the way.

Which records count is in `records.py`, how a query is put together in `query.py` (and in `query_file.py`, for one that
is written by hand). It runs as it stands: it is what `indicators.definition.formula_sql` shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from sqlglot import exp

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.indicators import opening
from meal_pipelines.indicators.declared import check_declarations
from meal_pipelines.indicators.opening import groupings
from meal_pipelines.indicators.periods import Calendar
from meal_pipelines.indicators.query import Piece, joined, piece
from meal_pipelines.indicators.query_file import query_from_file
from meal_pipelines.indicators.records import records_of
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator
from meal_pipelines.project.measures import CountUnique, Derived, FromSql, OverMart, RatioOf, Sum
from meal_pipelines.warehouse.tables import TableSpec

VALUES = ("indicators", "value")


@dataclass(frozen=True)
class Compiled:
    """One indicator's query. One row per period and category: period_kind, period, period_start, period_end,
    disaggregation, numerator, denominator, value, units, ci_low, ci_high.

    marts: by name, with the columns read of each. inputs: the indicators it divides, when it is derived. pieces: the
    measures over marts that it is made of; none when it is derived or written by hand. options: beside two pieces.
    """

    indicator: str
    kind: str
    sql: str
    marts: Mapping[str, tuple[str, ...]]
    inputs: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()
    options: exp.CTE | None = None


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
    check_declarations(project, marts)
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
    if isinstance(measure, FromSql):
        where = partial(located, project, indicator, "measure")
        found = {name: _mart(name, marts, f"{where('marts')}, {indicator.code}") for name in measure.marts}
        text = query_from_file(project, indicator, measure, found, calendar, where)
        return Compiled(indicator.code, measure.kind, text, {name: tuple(spec.names()) for name, spec in found.items()})
    if isinstance(measure, RatioOf):
        options = opening.cte("options", opening.options(measure))
        parts = (("numerator", measure.numerator), ("denominator", measure.denominator))
        over = [(part.mart, _piece(project, indicator, part, marts, calendar, name)) for name, part in parts]
        return _from_pieces(indicator, over, options)
    return _from_pieces(indicator, [(measure.mart, _piece(project, indicator, measure, marts, calendar))], None)


def _from_pieces(indicator: Indicator, over: list[tuple[str, Piece]], options: exp.CTE | None) -> Compiled:
    read: dict[str, set[str]] = {}
    for mart, each in over:
        read.setdefault(mart, set()).update(each.records.columns())
    pieces = tuple(each for _, each in over)
    columns = {mart: tuple(sorted(names)) for mart, names in read.items()}
    text = joined(pieces, options, Piece.text)
    return Compiled(indicator.code, indicator.measure.kind, text, columns, (), pieces, options)


def _piece(
    project: LoadedProject,
    indicator: Indicator,
    measure: OverMart,
    marts: Mapping[str, TableSpec],
    calendar: Calendar,
    *keys: str,
) -> Piece:
    """One measure over one mart. keys: where it stands in the entry's `measure`."""
    assert project.logframe is not None

    def where(key: str) -> str:
        place = ("measure", *keys, key) if key else ("disaggregations",)
        return f"{located(project, indicator, *place)}, {indicator.code}"

    mart = _mart(measure.mart, marts, where("mart"))
    names = opening.dimensions(indicator)
    records = records_of(measure, names, project.id, mart, calendar, where)
    return piece(measure, records, indicator, project.logframe.dimensions, calendar)


def _mart(name: str, marts: Mapping[str, TableSpec], where: str) -> TableSpec:
    mart = marts.get(name)
    if mart is None:
        raise ConfigurationError(
            f"{where} : la table « {name} » n'existe pas. Tables : {', '.join(sorted(marts))}. Corrigez le nom."
        )
    return mart


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
        opening.cte("groupings", opening.places(indicator), *opening.GROUPING_COLUMNS),
        opening.cte("options", opening.derivation(measure, counts=counts)),
    ]
    sql = opening.assemble(ctes, opening.text("derived"))
    inputs = tuple(dict.fromkeys((measure.numerator, measure.denominator)))
    return Compiled(indicator.code, measure.kind, sql, {}, inputs)


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
