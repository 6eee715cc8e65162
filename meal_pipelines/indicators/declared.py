"""Values that partners give only as aggregates: judged, and published with their own status in `indicators.declared`.

They never enter `indicators.value`. What cannot be taken stays where it was, and `quality.rejection` says why, in the
words of whoever declared; the collection's answer to the partner shows it too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from psycopg2 import extras, sql

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.indicators.opening import UNKNOWN
from meal_pipelines.indicators.periods import Calendar, Period
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator, Logframe
from meal_pipelines.warehouse.tables import TableSpec, identifiers

STATUS = "déclaré"
COLUMNS = (
    "form", "submission_id", "indicator", "period_kind", "period", "dimension", "category", "value", "units", "method",
    "source", "declared_by", "received_on",
)  # fmt: skip
"""What the mart of declarations must have, besides `project`."""

RULES = {
    "declaration_indicateur": "indicateur",
    "declaration_periode": "periode",
    "declaration_ventilation": "categorie",
    "declaration_valeur": "valeur",
    "declaration_methode": "methode_dedoublonnage",
    "declaration_doublon": "indicateur",
}
"""Name of each rule → the question it is about."""


@dataclass(frozen=True)
class Declaration:
    """One line that a partner declared: a row of the mart."""

    form: str
    submission_id: str
    indicator: str | None
    period_kind: str | None
    period: str | None
    dimension: str | None
    category: str | None
    value: Decimal | None
    units: int | None
    method: str | None
    source: str | None
    declared_by: str | None
    received_on: dt.date | None

    @property
    def disaggregation(self) -> dict[str, str]:
        return {self.dimension: self.category} if self.dimension and self.category else {}

    @property
    def cell(self) -> tuple[Any, ...]:
        """What may be declared once by each source."""
        return (self.indicator, self.period_kind, self.period, self.dimension, self.category, self.source)


@dataclass(frozen=True)
class Refusal:
    """Why a declaration is not taken. rule: of `RULES` · message: French, without the value declared."""

    declaration: Declaration
    rule: str
    message: str


def check_declarations(project: LoadedProject, marts: Mapping[str, TableSpec]) -> None:
    """Raises: ConfigurationError, when the mart of declarations is not there, or lacks a column."""
    name = project.logframe.declarations if project.logframe is not None else None
    if name is None:
        return
    assert project.logframe_lines is not None
    where = project.logframe_lines.at("declarations")
    if name not in marts:
        raise ConfigurationError(f"{where} : la table « {name} » n'existe pas. Corrigez le nom.")
    missing = sorted({"project", *COLUMNS} - set(marts[name].names()))
    if missing:
        raise ConfigurationError(f"{where} : il manque à la table « {name} » : {', '.join(missing)}.")


def write_declared(cursor: Any, project: LoadedProject) -> None:
    """Replace the declared values of a project and what is said of its declarations; part of the caller's transaction."""
    cursor.execute("delete from indicators.declared where project = %s", (project.id,))
    logframe = project.logframe
    if logframe is None or logframe.declarations is None:
        return
    declarations = _read(cursor, project.id, logframe.declarations)
    periods = _periods(project)
    refusals = judge(logframe, periods, declarations)
    refused = {id(refusal.declaration) for refusal in refusals}
    extras.execute_values(
        cursor,
        "insert into indicators.declared (project, indicator, period_kind, period, period_start, period_end,"
        " disaggregation, value, units, method, source, declared_by, received_on) values %s",
        [
            _row(project.id, periods[one.period_kind or "", one.period or ""], one)
            for one in declarations
            if id(one) not in refused
        ],
    )
    _tell(cursor, project.id, {one.form for one in declarations}, refusals)


def judge(logframe: Logframe, periods: dict[tuple[str, str], Period], declarations: list[Declaration]) -> list[Refusal]:
    """At most one refusal per declaration: the first thing that is wrong with it."""
    entries = {entry.code: entry for entry in logframe.indicators}
    refusals, standing = [], []
    for one in declarations:
        wrong = next(_wrong(one, entries, logframe, periods), None)
        if wrong is None:
            standing.append(one)
        else:
            refusals.append(Refusal(one, *wrong))
    return refusals + list(_repeated(standing))


def _wrong(
    one: Declaration, entries: dict[str, Indicator], logframe: Logframe, periods: dict[tuple[str, str], Period]
) -> Iterator[tuple[str, str]]:
    entry = entries.get(one.indicator or "")
    if entry is None:
        yield (
            "declaration_indicateur",
            (
                "Cet indicateur n'est pas dans le cadre logique. Écrivez son code, par exemple "
                f"{next(iter(entries), 'P2-OC-1')}."
            ),
        )
        return
    if (one.period_kind, one.period) not in periods:
        yield (
            "declaration_periode",
            (
                "Ce n'est pas une période du projet. Écrivez 2026-03 pour un mois ou un cumul, 2026-Q1, 2026-S1, 2026 ou A1, "
                "avec le type de période qui convient."
            ),
        )
    if bool(one.dimension) != bool(one.category):
        yield "declaration_ventilation", "Donnez la ventilation et sa catégorie, ou ni l'une ni l'autre pour le total."
    elif one.dimension and one.dimension not in entry.disaggregations:
        yield (
            "declaration_ventilation",
            (f"{entry.code} n'est pas ventilé ainsi. Ventilations : {', '.join(entry.disaggregations) or 'aucune'}."),
        )
    elif one.dimension and one.category not in (*logframe.dimensions[one.dimension].values, UNKNOWN):
        known = ", ".join(logframe.dimensions[one.dimension].values)
        yield "declaration_ventilation", f"Cette catégorie n'existe pas. Catégories : {known}, {UNKNOWN}."
    if one.value is None or one.received_on is None or not one.source:
        yield "declaration_valeur", "Il manque la valeur, la source ou la date. Une valeur inconnue ne se déclare pas."
    if not one.method:
        yield "declaration_methode", "Dites comment les doubles comptes ont été évités, ou qu'ils ne l'ont pas été."


def _repeated(declarations: list[Declaration]) -> Iterator[Refusal]:
    """Of two declarations of one cell by one source, the one received last stands."""
    last: dict[tuple[Any, ...], Declaration] = {}
    for one in sorted(declarations, key=lambda one: (one.received_on or dt.date.min, one.submission_id)):
        earlier = last.get(one.cell)
        if earlier is not None:
            yield Refusal(
                earlier,
                "declaration_doublon",
                "La même source a déclaré plus tard la même case (indicateur, période, ventilation) : c'est cette autre "
                "déclaration qui compte. Corrigez la première ligne plutôt que d'en ajouter une.",
            )
        last[one.cell] = one


def _read(cursor: Any, project: str, mart: str) -> list[Declaration]:
    cursor.execute(
        sql.SQL("select {} from {} where project = %s order by submission_id").format(
            identifiers(COLUMNS), sql.Identifier("marts", mart)
        ),
        (project,),
    )
    return [Declaration(*row) for row in cursor.fetchall()]


def _periods(project: LoadedProject) -> dict[tuple[str, str], Period]:
    """Every period of the project, to its end."""
    plan = project.project
    calendar = Calendar.of(plan.starts_on, plan.ends_on, plan.ends_on)
    return {(period.kind, period.label): period for period in calendar.periods}


def _row(project: str, period: Period, one: Declaration) -> tuple[Any, ...]:
    return (
        *(project, one.indicator, period.kind, period.label, period.start, period.end),
        *(extras.Json(one.disaggregation), one.value, one.units, one.method, one.source, one.declared_by),
        one.received_on,
    )


def _tell(cursor: Any, project: str, forms: Iterable[str], refusals: list[Refusal]) -> None:
    """Keep what is wrong visible; what is no longer wrong is resolved."""
    found = [(one.declaration.form, one.declaration.submission_id, one.rule, one.message) for one in refusals]
    cursor.execute(
        "update quality.rejection as r set state = 'resolved' where r.project = %s and r.state = 'open'"
        " and r.rule = any(%s) and r.form = any(%s)"
        " and not exists (select 1 from unnest(%s::text[], %s::text[]) as f (submission_id, rule)"
        "  where f.submission_id = r.submission_id and f.rule = r.rule)",
        (project, list(RULES), sorted(forms), [one[1] for one in found], [one[2] for one in found]),
    )
    for form, submission_id, rule, message in found:
        cursor.execute(
            "insert into quality.rejection (project, form, submission_id, question, rule, message, severity)"
            " select %(project)s, %(form)s, %(submission)s, %(question)s, %(rule)s, %(message)s, 'critical'"
            " where not exists (select 1 from quality.rejection as r where r.project = %(project)s and r.form = %(form)s"
            "  and r.submission_id = %(submission)s and r.rule = %(rule)s and r.state = 'open')",
            {
                "project": project, "form": form, "submission": submission_id, "question": RULES[rule], "rule": rule,
                "message": message,
            },
        )  # fmt: skip
