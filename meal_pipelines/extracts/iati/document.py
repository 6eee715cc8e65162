"""The IATI activity file of one project, version 2.03: results, indicators, baselines, periods, targets, actual values.

Elements stand in the order that the schema demands, which is not the same for a baseline and for a target. A hidden figure
has no element; a comment says that there is one. Judged by `validity` before it is put in place.
Source: IATI Standard 2.03, iati-activities-schema.xsd; code lists ResultType, IndicatorMeasure, IndicatorVocabulary.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from lxml import etree

from meal_pipelines.extracts.cells import writable
from meal_pipelines.extracts.donor_codes import is_verified
from meal_pipelines.extracts.iati.rows import PERCENTAGE, RESULT_TYPES, IatiRow, can_be_added, reported_results
from meal_pipelines.extracts.too_few import is_too_few, rule_told
from meal_pipelines.extracts.wording import ILLUSTRATIVE, MEASURES, day, sentence
from meal_pipelines.project.iati import Organisation
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.logframe import Indicator, Logframe, Result

VERSION = "2.03"
SCHEMA = Path(__file__).parent / "iati_2_03" / "iati-activities-schema.xsd"
OWN, SDG = "99", "9"
"""Codes of the list IndicatorVocabulary: the reporting organisation's own, and the Sustainable Development Goals'."""
ROLES = {"funding": "1", "accountable": "2", "extending": "3", "implementing": "4"}
PLANNED_START, PLANNED_END = "1", "3"
PIPELINE, IMPLEMENTATION, FINALISATION = "1", "2", "3"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True)
class Activity:
    """Everything that the file says."""

    project: LoadedProject
    logframe: Logframe
    reporting_date: dt.date
    rows: Sequence[IatiRow]
    notes: Sequence[str]


def iati_document(activity: Activity, *, made_at: dt.datetime) -> bytes:
    """The file as UTF-8. made_at: with its time zone; the only thing in it that the content does not decide."""
    root = etree.Element("iati-activities", version=VERSION)
    root.set("generated-datetime", made_at.isoformat(timespec="seconds"))
    for text in _remarks(activity):
        root.append(etree.Comment(f" {writable(text).replace('--', '—')} "))
    _activity(etree.SubElement(root, "iati-activity"), activity)
    etree.indent(root)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def validity(document: bytes) -> list[str]:
    """What the schema finds wrong, by line; nothing when the file is valid."""
    schema = etree.XMLSchema(etree.parse(SCHEMA))
    if schema.validate(etree.fromstring(document)):
        return []
    return [f"ligne {entry.line} : {entry.message}" for entry in schema.error_log]


def _remarks(activity: Activity) -> list[str]:
    """What a person must know before the file is published, at its head."""
    said = activity.project.project
    remarks = [f"{said.name} : résultats au {day(activity.reporting_date)}.", f"Dates : {sentence(said.dates_status)}"]
    if activity.logframe.illustrative:
        remarks.append(f"NE PAS PUBLIER. {ILLUSTRATIVE}")
    if points := said.iati.open_points():
        remarks.append(f"À confirmer dans project.yaml (iati) avant toute publication : {', '.join(points)}.")
    return [*remarks, *activity.notes]


def _activity(element: etree._Element, activity: Activity) -> None:
    said = activity.project.project
    element.set(LANGUAGE, "fr")
    etree.SubElement(element, "iati-identifier").text = writable(said.iati.identifier)
    _organisation(etree.SubElement(element, "reporting-org"), said.iati.reporting_org)
    _text(etree.SubElement(element, "title"), said.name)
    _text(etree.SubElement(element, "description", type="1"), f"{said.label}. {activity.logframe.source}.")
    for role, organisation in _participants(activity.project):
        _organisation(etree.SubElement(element, "participating-org", role=ROLES[role]), organisation)
    etree.SubElement(element, "activity-status", code=_status(activity))
    for kind, on in ((PLANNED_START, said.starts_on), (PLANNED_END, said.ends_on)):
        date = etree.SubElement(element, "activity-date", type=kind)
        date.set("iso-date", on.isoformat())
        _text(date, sentence(said.dates_status))
    for code, percentage in said.iati.countries.items():
        etree.SubElement(element, "recipient-country", code=code, percentage=str(percentage))
    rows: dict[str, list[IatiRow]] = {}
    for row in activity.rows:
        rows.setdefault(row.indicator, []).append(row)
    for result, indicators in reported_results(activity.logframe):
        _result(element, activity, result, indicators, rows)


def _participants(project: LoadedProject) -> list[tuple[str, Organisation]]:
    """Those that `iati:` names; without any, the donors by name, since the standard wants one."""
    said = project.project
    if said.iati.participants:
        return [(at.role, at) for at in said.iati.participants]
    return [("funding", Organisation(name=name)) for name in said.donors or [said.iati.reporting_org.name]]


def _organisation(element: etree._Element, organisation: Organisation) -> None:
    element.set("ref", writable(organisation.ref))
    element.set("type", writable(organisation.type))
    _text(element, organisation.name)


def _status(activity: Activity) -> str:
    said, today = activity.project.project, activity.reporting_date
    if today < said.starts_on:
        return PIPELINE
    return IMPLEMENTATION if today < said.ends_on else FINALISATION


def _result(
    parent: etree._Element,
    activity: Activity,
    result: Result,
    indicators: Sequence[Indicator],
    rows: Mapping[str, Sequence[IatiRow]],
) -> None:
    element = etree.SubElement(parent, "result", type=RESULT_TYPES[result.level])
    element.set("aggregation-status", _yes(all(can_be_added(at) for at in indicators)))
    _text(etree.SubElement(element, "title"), f"{result.code} — {result.label}")
    if result.assumptions:
        assumptions = " ".join(sentence(text) for text in result.assumptions)
        _text(etree.SubElement(element, "description"), f"Hypothèses : {assumptions}")
    for indicator in indicators:
        _indicator(element, activity, indicator, rows.get(indicator.code, []))


def _indicator(parent: etree._Element, activity: Activity, indicator: Indicator, rows: Sequence[IatiRow]) -> None:
    element = etree.SubElement(parent, "indicator", measure=rows[0].measure if rows else PERCENTAGE)
    element.set("ascending", _yes(indicator.direction == "asc"))
    element.set("aggregation-status", _yes(can_be_added(indicator)))
    _text(etree.SubElement(element, "title"), indicator.label)
    _text(etree.SubElement(element, "description"), _description(indicator, rows))
    _references(element, activity, indicator)
    for row in rows:
        if row.value_type == "baseline" and row.value is not None:
            baseline = etree.SubElement(element, "baseline", year=str(row.period_end.year))
            baseline.set("iso-date", row.period_end.isoformat())
            _figure(baseline, row, f"Statut : {row.status}")
    periodic = [row for row in rows if row.value_type in ("target", "actual")]
    for span in sorted({(row.period_start, row.period_end) for row in periodic}):
        _period(element, indicator, span, [at for at in periodic if (at.period_start, at.period_end) == span])


def _references(element: etree._Element, activity: Activity, indicator: Indicator) -> None:
    """The project's own code, and a donor's only where a person has verified it on an exact match."""
    own = etree.SubElement(element, "reference", vocabulary=OWN, code=indicator.code)
    if activity.project.project.iati.indicator_uri:
        own.set("indicator-uri", writable(activity.project.project.iati.indicator_uri))
    for donor in indicator.donors.values():
        if donor.mode in ("predefined", "matched") and is_verified(donor):
            vocabulary = SDG if donor.framework in ("ODD", "SDG") else OWN
            reference = etree.SubElement(element, "reference", vocabulary=vocabulary, code=writable(donor.code))
            if donor.source.startswith("https://"):
                reference.set("indicator-uri", writable(donor.source))


def _description(indicator: Indicator, rows: Sequence[IatiRow]) -> str:
    """Method, unit, what is hidden or declared, what cannot be a number, limits: what the file's figures do not say."""
    parts = [f"{MEASURES[indicator.measure.kind]} ; unité : {indicator.unit}.", sentence(indicator.calculation)]
    parts.append(rule_told(indicator))
    parts += [
        f"Cible au {day(row.period_end)} : {row.value_text} (par rapport à la référence)."
        for row in rows
        if row.value_type == "target" and row.value_text
    ]
    if not any(row.value_type == "baseline" and row.value is not None for row in rows):
        parts.append(f"Pas de valeur de référence chiffrée : {sentence(indicator.baseline.status)}")
    if hidden := _hidden([row for row in rows if row.declared_source is None]):
        parts.append(hidden)
    if not any(row.value_type == "actual" for row in rows):
        parts.append("Valeur actuelle : non mesurée, ce qui ne veut pas dire zéro.")
    parts += [
        f"À part des valeurs de ce fichier et sans s'y additionner : {row.value_text}."
        for row in rows
        if row.declared_source is not None
    ]
    parts.append(f"Limites : {sentence(indicator.limits)}" if sentence(indicator.limits) else "")
    return " ".join(part for part in parts if part)


def _hidden(rows: Sequence[IatiRow]) -> str:
    """How many figures are absent, and of which breakdowns; nothing of their size."""
    few = sum(is_too_few(row.mark) for row in rows)
    hidden = [row for row in rows if row.mark is not None and not is_too_few(row.mark)]
    told = [f"{few} chiffre(s) absent(s) faute d'assez de réponses."] if few else []
    return " ".join([*told, *([_protected(hidden)] if hidden else [])])


def _protected(hidden: Sequence[IatiRow]) -> str:
    names = dict.fromkeys(row.dimension or "total" for row in hidden)
    return (
        f"{len(hidden)} chiffre(s) absent(s) pour protéger de petits groupes de personnes ({', '.join(names)}) : "
        "une catégorie absente ne vaut pas zéro."
    )


def _period(
    parent: etree._Element, indicator: Indicator, span: tuple[dt.date, dt.date], rows: Sequence[IatiRow]
) -> None:
    shown = [row for row in rows if row.value is not None]
    if not shown:
        return
    period = etree.SubElement(parent, "period")
    etree.SubElement(period, "period-start").set("iso-date", span[0].isoformat())
    etree.SubElement(period, "period-end").set("iso-date", span[1].isoformat())
    for kind in ("target", "actual"):
        for row in shown:
            if row.value_type == kind:
                _figure(etree.SubElement(period, kind), row, _comment(indicator, row, rows))


def _comment(indicator: Indicator, row: IatiRow, rows: Sequence[IatiRow]) -> str:
    """Beside each total: what it covers, its status, and what is absent below it."""
    if row.dimension is not None:
        return ""
    if row.value_type == "target":
        return f"Statut : {row.status}."
    sense = "Cumul depuis le démarrage." if indicator.cumulative else "Valeur à la fin de la période."
    return f"{sense} {_hidden([at for at in rows if at.value_type == 'actual'])}".strip()


def _figure(element: etree._Element, row: IatiRow, comment: str) -> None:
    """Value, dimension and comment, in the order that holds for baselines, targets and actual values alike."""
    assert row.value is not None
    element.set("value", plain_number(row.value))
    if row.dimension is not None:
        etree.SubElement(element, "dimension", name=writable(row.dimension), value=writable(row.category or ""))
    if comment and row.dimension is None:
        _text(etree.SubElement(element, "comment"), comment)


def plain_number(value: Decimal) -> str:
    """`2431.5`: at most two decimals, without an exponent or a useless zero."""
    rounded = round(value, 2)
    return f"{rounded:f}".rstrip("0").rstrip(".") if "." in f"{rounded:f}" else f"{rounded:f}"


def _text(element: etree._Element, text: str) -> None:
    etree.SubElement(element, "narrative").text = writable(text)


def _yes(value: bool) -> str:
    return "true" if value else "false"
