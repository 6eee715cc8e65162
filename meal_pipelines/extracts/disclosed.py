"""Which figures about persons each extract would show, and the same values with the hidden ones taken out.

What is hidden is decided in `protect/disclosure/`, for all extracts at once. A figure that an extract shows and that is
not offered here would leave unprotected: whoever adds one to a file adds it here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg2 import sql

from meal_pipelines.extracts.donor_codes import concerns
from meal_pipelines.extracts.extract import Check
from meal_pipelines.extracts.too_few import publication_rules, published
from meal_pipelines.extracts.values import (
    ADDITIVE,
    SEX,
    UNKNOWN,
    WOMEN,
    Cell,
    Value,
    by_dimension,
    in_quarters,
    in_year,
    label_of,
    quarters,
    to_date,
)
from meal_pipelines.extracts.wording import INTERNAL
from meal_pipelines.indicators.reports.frozen import Freeze, frozen_on, frozen_year
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator, Logframe
from meal_pipelines.protect.disclosure import (
    NOTHING,
    PRIMARY,
    SECONDARY,
    Figures,
    Key,
    Offer,
    Protection,
    Publication,
    about_persons,
    decide,
)

OPSYS, THEMA, TEI, AFD, TRACKING, IATI = "opsys", "thema", "tei", "afd", "tracking", "iati"
CAMPAIGNS = (THEMA, TEI, AFD)
"""Recipients of annual campaigns; each has a table of its own name."""
SHARE, UNITS = "share_of_women", "units"
QUARTERS = 8
"""How many closed quarters the tracking sheet shows."""


@dataclass(frozen=True)
class Disclosed:
    """What may be shown to one recipient. protects: False when the project says that it is shown everything · frozen: the
    report that its figures were read from, None when they follow the data · rules: the logframe's, of too few records.
    """

    recipient: str
    protection: Protection
    protects: bool
    codes: frozenset[str]
    threshold: int
    approved_by: str
    frozen: Freeze | None = None
    rules: Mapping[str, int] = field(default_factory=dict)

    def values(self, values: Mapping[str, Value], kind: str) -> dict[str, Value]:
        """The same values by indicator, with marks where figures are hidden."""
        return {code: self.value(value, kind) for code, value in values.items()}

    def value(self, value: Value, kind: str) -> Value:
        return published(self._protected(value, kind), value, self.rules)

    def _protected(self, value: Value, kind: str) -> Value:
        if not self.protects or value.indicator not in self.codes:
            return value
        key = key_of(value, kind)
        mark = self.protection.mark(self.recipient, key)
        cells = {name: self._cells(key, name, given) for name, given in value.cells.items()}
        sizes = [
            self.protection.mark(self.recipient, key.within((), name)) for name in ("numerator", "denominator", UNITS)
        ]
        if mark is None and not any(sizes):
            return replace(value, cells=cells)
        return replace(
            value, value=None if mark else value.value, mark=mark, units=None, is_size_hidden=True,
            numerator=None, denominator=None, trend=None if mark else value.trend, cells=cells,
        )  # fmt: skip

    @property
    def notes(self) -> list[str]:
        """What a file says of it, in French; without a figure."""
        if not self.protects:
            return [INTERNAL]
        return [
            f"Une case « < {self.threshold} » cache un petit nombre de personnes ; une case « s » cache un chiffre qui "
            "permettrait de retrouver un petit nombre, quelle que soit sa taille. Ni l'une ni l'autre ne veut dire zéro.",
            "Le seuil peut être plus élevé pour certaines ventilations : la case le dit. Ne remplacez pas ces cases par "
            "une différence ou une somme faite à la main.",
            f"Seuils approuvés par : {self.approved_by}.",
        ]

    @property
    def frozen_notes(self) -> list[str]:
        """What a file says of the frozen report it was made from, in French; empty when its figures follow the data."""
        return [self.frozen.note] if self.frozen is not None else []

    def check(self) -> Check:
        """The control of this extract: counts only."""
        protection, name, asked = self.protection, "petits_effectifs", "Aucune cellule masquée ne peut être recalculée"
        if not self.protects:
            return Check(name, asked, None, "Destinataire non protégé (project.yaml, disclosure) : usage interne.")
        primary, secondary = (protection.count(self.recipient, reason) for reason in (PRIMARY, SECONDARY))
        text = (
            f"{primary} cellule(s) trop petite(s) et {secondary} autre(s) masquées, soit {protection.lost_pct(self.recipient)} % "
            f"des chiffres sur des personnes ({protection.offered.get(self.recipient, 0)}). Seuil {self.threshold}, "
            f"approuvé par : {self.approved_by}."
        )
        if not protection.is_optimal:
            text += (
                " Le temps a manqué pour masquer le moins possible : le résultat est aussi sûr, avec plus de cellules."
            )
        if protection.exposed:
            text += (
                f" {protection.exposed} effectif(s) se retrouvent déjà par des publications antérieures, quoi qu'on masque "
                "maintenant : prévenez la personne chargée de la protection des données."
            )
        return Check(name, asked, protection.exposed == 0, text)

    def share(self, value: Value, kind: str) -> str | None:
        """What stands in the place of the share of women; None where it may be shown."""
        if not self.protects or value.indicator not in self.codes:
            return None
        return self.protection.mark(self.recipient, key_of(value, kind).within((), SHARE))

    def _cells(self, total: Key, dimension: str, cells: Mapping[str, Cell]) -> dict[str, Cell]:
        """Sizes go where any category is hidden, and where no count says them: they would tell it."""
        marks = {
            name: self.protection.mark(self.recipient, total.within(((dimension, name),))) for name in cells
        }  # fmt: skip
        is_known = not any(marks.values()) and (self.recipient, total) not in self.protection.marks
        return {
            name: Cell(
                None if marks[name] else cell.value, cell.units if is_known and cell.units == cell.value else None,
                marks[name],
            )
            for name, cell in cells.items()
        }  # fmt: skip


def disclosed(
    cursor: Any, project: LoadedProject, logframe: Logframe, recipient: str, *, until: dt.date, year: int
) -> Disclosed:
    """Decide for all extracts of a project with data until a month's end, and what one of them may show.

    year: of the annual campaigns. In the caller's transaction.
    """
    settings = project.project.disclosure
    protected = [indicator for indicator in logframe.indicators if about_persons(indicator, settings.without_persons)]
    codes = frozenset(indicator.code for indicator in protected)
    readers = [name for name in (OPSYS, *CAMPAIGNS, TRACKING, IATI) if settings.recipient(name).protect]
    protection = _decided(cursor, project, logframe, protected, readers, until, year) if codes and readers else NOTHING
    given = settings.recipient(recipient)
    frozen = frozen_year(cursor, project.id, year) if recipient in CAMPAIGNS else frozen_on(cursor, project.id, until)
    return Disclosed(
        recipient, protection, recipient in readers, codes, settings.threshold_of(recipient, []),
        given.approved_by or settings.approved_by, frozen, publication_rules(logframe),
    )  # fmt: skip


def cumulated_until(year: int, reporting_date: dt.date, frozen: Freeze | None) -> dt.date:
    """Where a campaign's figures since the start stop: with its year, its data, or the frozen report it is made from."""
    until = min(dt.date(year, 12, 31), reporting_date)
    return until if frozen is None else min(until, frozen.period_end)


def key_of(value: Value, kind: str) -> Key:
    """The name of a value's total."""
    labels = {
        "to_date": label_of(value.period_end),
        "year": f"{value.period_end.year}",
        "quarter": f"{value.period_end.year}-Q{(value.period_end.month + 2) // 3}",
    }
    return Key(value.indicator, kind, labels[kind])


def _decided(
    cursor: Any,
    project: LoadedProject,
    logframe: Logframe,
    protected: Sequence[Indicator],
    readers: Sequence[str],
    until: dt.date,
    year: int,
) -> Protection:
    shown = _Shown(cursor, project, protected, readers, until, year, publication_rules(logframe))
    figures = Figures.read(cursor, project.id, logframe, shown.periods())
    spans = {(key.kind, key.period): (at.start, at.end) for key, at in figures.found.items()}
    last = min(until, project.project.ends_on)
    cut = {name: (max(start, project.project.starts_on), min(end, last)) for name, (start, end) in spans.items()}
    offers = list(dict.fromkeys(offer for offer in shown.offers(figures)))
    return decide(cursor, project.id, project.project.disclosure, figures, offers, shown.publications, cut)


class _Shown:
    """Everything about persons that the protected extracts of one evening would show."""

    def __init__(
        self,
        cursor: Any,
        project: LoadedProject,
        protected: Sequence[Indicator],
        readers: Sequence[str],
        until: dt.date,
        year: int,
        rules: Mapping[str, int],
    ) -> None:
        self._rules = rules
        self._indicators = {indicator.code: indicator for indicator in protected}
        self.publications: list[Publication] = []
        self._values: list[tuple[str, str, Value]] = []
        month = label_of(until)
        if OPSYS in readers:
            self._add(OPSYS, month, "to_date", to_date(cursor, project.id, until).values())
        if IATI in readers:
            self._add(IATI, month, "to_date", to_date(cursor, project.id, until).values())
        for campaign in CAMPAIGNS:
            if campaign in readers and is_open(cursor, campaign, project.id, year):
                self._add(campaign, str(year), "year", in_year(cursor, project.id, year).values())
                end = cumulated_until(year, until, frozen_year(cursor, project.id, year))
                self._add(campaign, str(year), "to_date", to_date(cursor, project.id, end).values())
        if TRACKING in readers:
            spans = quarters(until, QUARTERS)
            self._add(TRACKING, month, "to_date", to_date(cursor, project.id, until).values())
            found = in_quarters(cursor, project.id, spans[0][0], spans[-1][1], reported_on=until)
            self._add(TRACKING, month, "quarter", found.values())

    def _add(self, recipient: str, publication: str, kind: str, values: Iterable[Value]) -> None:
        if (recipient, publication) not in self.publications:
            self.publications.append((recipient, publication))
        self._values += [
            (recipient, kind, published(value, value, self._rules))
            for value in values
            if value.indicator in self._indicators
        ]

    def periods(self) -> set[tuple[str, str, int | None]]:
        return {(kind, key_of(value, kind).period, value.freeze_id) for _, kind, value in self._values}

    def offers(self, figures: Figures) -> Iterator[Offer]:
        labels = dict(self.publications)
        for recipient, kind, value in self._values:
            indicator = self._indicators[value.indicator]
            if recipient in CAMPAIGNS and not concerns(indicator, recipient):
                continue
            for key in _keys(recipient, kind, value, indicator):
                yield _offer(recipient, labels[recipient], key, figures)
            if recipient == OPSYS and value.value is not None and indicator.measure.kind not in ADDITIVE:
                yield from _sizes(labels[recipient], key_of(value, kind), figures)
            if recipient in CAMPAIGNS and kind == "year" and (known := known_sexes(indicator, value)):
                total = key_of(value, kind)
                parts = tuple(total.within(((SEX, name),)) for name in known)
                women = tuple(part for part in parts if part.cell == ((SEX, WOMEN),))
                yield Offer(recipient, labels[recipient], total.within((), SHARE), women, parts)


def known_sexes(indicator: Indicator, value: Value) -> list[str]:
    """The categories of sex that a share of women is made of; none where there is no such share."""
    if SEX not in indicator.disaggregations or indicator.measure.kind not in ADDITIVE:
        return []
    cells = value.cells.get(SEX, {})
    known = sorted(name for name, cell in cells.items() if name != UNKNOWN and cell.value is not None)
    return known if any(cells[name].value for name in known) else []


def _keys(recipient: str, kind: str, value: Value, indicator: Indicator) -> Iterator[Key]:
    """The total, and the categories that this recipient is shown."""
    total = key_of(value, kind)
    if value.value is not None:
        yield total
    shown: Iterable[str] = indicator.disaggregations
    if recipient not in (OPSYS, IATI) and value.value is not None:
        shown = ()
    if recipient == TRACKING and value.value is None:
        shown = [name for name in [by_dimension(indicator)] if name is not None]
    for dimension in shown:
        for name, cell in value.cells.get(dimension, {}).items():
            if cell.value is not None:
                yield total.within(((dimension, name),))


def _sizes(publication: str, total: Key, figures: Figures) -> Iterator[Offer]:
    """What the comment says of a rate or a median: its two counts, or how many it is about."""
    parts = figures.parts(total)
    if parts is None or parts[1] is None:
        yield Offer(OPSYS, publication, total.within((), UNITS), units=figures.found[total].units)
        return
    yield Offer(OPSYS, publication, total.within((), "numerator"), (parts[0],))
    yield Offer(OPSYS, publication, total.within((), "denominator"), (parts[1],))


def _offer(recipient: str, publication: str, key: Key, figures: Figures) -> Offer:
    parts = figures.parts(key)
    if parts is None:
        return Offer(recipient, publication, key, units=figures.found[key].units)
    numerator, denominator = parts
    return Offer(recipient, publication, key, (numerator,), (denominator,) if denominator else ())


def is_open(cursor: Any, recipient: str, project: str, year: int) -> bool:
    """A campaign that was frozen or sent is not written again: it is an earlier publication."""
    cursor.execute(
        sql.SQL("select exists (select from {} where project = %s and campaign_year = %s and status <> 'open')").format(
            sql.Identifier("extracts", recipient)
        ),
        (project, year),
    )
    return not cursor.fetchone()[0]
