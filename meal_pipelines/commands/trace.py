"""The command `meal trace`: one figure, from the questions it comes from to the pseudonymous records behind it.

Words in, work done elsewhere, words out, as in `cli.py`.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meal_pipelines.commands.command import Demo, explained, settings_of
from meal_pipelines.errors import ConfigurationError

if TYPE_CHECKING:
    from meal_pipelines.indicators.lineage import Lineage
    from meal_pipelines.indicators.trace import Part, Trace
    from meal_pipelines.project.loaded import LoadedProject

tracing = typer.Typer()
HEADINGS = {
    "submission_id": "soumission", "repeat_index": "ligne", "dated_on": "date", "unit": "unité", "value": "valeur",
    "total": "somme", "numerator": "numérateur", "denominator": "dénominateur", "stratum": "strate", "asked": "réponses",
    "weighted_yes": "oui (poids)", "weighted_asked": "réponses (poids)", "squared_yes": "oui (poids²)",
    "squared_asked": "réponses (poids²)", "survey": "enquête",
}  # fmt: skip
"""What the columns of the records are called; those of a mart's own key keep their name, which is its documentation's."""


@tracing.command()
@explained
def trace(
    indicator: Annotated[str, typer.Argument(metavar="INDICATEUR", help="Son code, par exemple P2-OC-2.")],
    period: Annotated[
        str, typer.Option(help="2028-12, 2028-Q4, 2028-S2, 2028 ou A3 ; un mois est le cumul d'un indicateur cumulé.")
    ],
    where: Annotated[
        list[str] | None, typer.Option(help="La cellule : ventilation=catégorie (peut se répéter).")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="month ou to_date, quand le nom d'un mois désigne l'autre.")] = None,
    first: Annotated[int, typer.Option(min=0, help="Combien de lignes montrer.")] = 10,
    to: Annotated[
        Path | None, typer.Option("--csv", help="Écrire toutes les lignes dans ce fichier (pseudonymes).")
    ] = None,
    sql: Annotated[bool, typer.Option("--sql", help="Montrer aussi la requête.")] = False,
    demo: Demo = False,
) -> None:
    """Remonter un chiffre : définition, questions, tables, valeur, valeurs figées, et les lignes derrière lui."""
    from meal_pipelines.display.screen import console
    from meal_pipelines.extracts.extract import logframe_of
    from meal_pipelines.extracts.restatement_sheets import cell_name
    from meal_pipelines.extracts.values import Labels
    from meal_pipelines.indicators.formula import formula_sentences
    from meal_pipelines.indicators.lineage import lineages
    from meal_pipelines.indicators.reports.contributing import marts_of
    from meal_pipelines.indicators.trace import Asked
    from meal_pipelines.indicators.trace import trace as walk_back
    from meal_pipelines.project.load import load_projects
    from meal_pipelines.warehouse.connection import Warehouse

    settings = settings_of(demo)
    project = _project_of(load_projects(settings), indicator)
    logframe = logframe_of(project)
    specs = {name: mart.spec for name, mart in marts_of(project).items()}
    asked = Asked(indicator, period, _cell(where or []), kind)
    with Warehouse.open(settings) as warehouse, warehouse.connect() as connection, connection.cursor() as cursor:
        found, labels = walk_back(cursor, project, specs, asked), Labels.read(cursor, logframe)
    told = [*_definition(found, formula_sentences(found.indicator, specs, logframe.dimensions))]
    told += [*_origins(lineages(project, specs)[indicator]), *_values(found, cell_name(found.disaggregation, labels))]
    for line in told:
        console.print(line, soft_wrap=True, markup=False)
    if sql:
        console.print(found.formula_sql, soft_wrap=True, markup=False)
    for part in found.parts:
        for line in _rows(part, first):
            console.print(line, soft_wrap=True, markup=False)
    if to is not None:
        console.print(f"{_write(found.parts, to)} ligne(s) dans {to} : usage interne.", soft_wrap=True, markup=False)


def _project_of(projects: dict[str, LoadedProject], code: str) -> LoadedProject:
    for project in projects.values():
        if project.logframe is not None and code in {entry.code for entry in project.logframe.indicators}:
            return project
    known = ", ".join(entry.code for each in projects.values() if each.logframe for entry in each.logframe.indicators)
    raise ConfigurationError(f"Aucun projet n'a d'indicateur « {code} ». Connus : {known}.")


def _cell(pairs: Sequence[str]) -> dict[str, str]:
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise ConfigurationError(
            "Écrivez « --where ventilation=catégorie », par exemple « --where Sexe=Femmes » ou « --where sex=F »."
        )
    return dict(pair.split("=", 1) for pair in pairs)


def _definition(found: Trace, formula: Sequence[str]) -> list[str]:
    indicator = found.indicator
    return [
        f"{indicator.code} · {indicator.label} ({indicator.unit})",
        f"  Définition : {indicator.calculation}",
        *(f"  {sentence}" for sentence in formula),
    ]


def _origins(lineage: Lineage) -> list[str]:
    """Each column that is read, with the questions and the columns it comes from."""
    lines = ["D'où vient chaque colonne :"]
    for column in lineage.columns:
        lines.append(f"  {column.description.partition('.')[0]} (marts.{column.mart}.{column.column})")
        for source in column.sources:
            asked = ", ".join(f"« {each.label} » ({each.form}, {each.path})" for each in source.questions)
            lines.append(f"    ← {source.table}.{source.column}" + (f" ← {asked}" if asked else ""))
    return lines


def _values(found: Trace, cell: str) -> list[str]:
    from meal_pipelines.collect.history import moment_told
    from meal_pipelines.extracts.too_few import is_enough
    from meal_pipelines.extracts.wording import NOT_MEASURED, number

    today = found.published
    value = number(today.value) if today.value is not None else NOT_MEASURED
    if today.low is not None and today.high is not None:
        value += f", entre {number(today.low)} et {number(today.high)} à 95 %"
    units = f"{number(today.units or 0)} {'unités' if (today.units or 0) > 1 else 'unité'}"
    least = found.indicator.publish_from
    if today.value is not None and not is_enough(today.units, least):
        units += f", à ne pas publier : n < {least}"
    at = f", calculée le {moment_told(today.computed_at)}" if today.computed_at else ""
    lines = [f"Valeur, du {found.period.start:%d/%m/%Y} au {found.period.end:%d/%m/%Y}, {cell} : {value} ({units}{at})"]
    for each in found.reported:
        given = number(each.value) if each.value is not None else NOT_MEASURED
        lines.append(
            f"  remise dans « {each.label} » ({each.period} v{each.version}, figé le {each.frozen_at:%d/%m/%Y}) : {given}"
        )
    return lines


def _rows(part: Part, first: int) -> list[str]:
    units = len({row[part.columns.index("unit")] for row in part.rows}) if "unit" in part.columns else None
    counted = f", {units} unité(s) différente(s)" if units is not None else ""
    name = f"{part.name}, " if part.name else ""
    lines = [f"Lignes de {part.mart} ({name}{part.indicator}) : {len(part.rows)}{counted}"]
    if first and part.rows:
        lines += [
            "  " + " | ".join(_headings(part)),
            *("  " + " | ".join(map(_shown, row)) for row in part.rows[:first]),
        ]
    return lines


def _write(parts: Sequence[Part], path: Path) -> int:
    """Everything, in one CSV that a French Excel opens; a text is never a formula there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        for part in parts:
            writer.writerow(["partie", "indicateur", "table", *_headings(part)])
            for row in part.rows:
                writer.writerow([part.name, part.indicator, part.mart, *map(_safe, row)])
    return sum(len(part.rows) for part in parts)


def _headings(part: Part) -> list[str]:
    """What each column is; the name itself for a column of the mart's own."""
    return [HEADINGS.get(name, name) for name in part.columns]


def _shown(value: object) -> str:
    return "–" if value is None else str(value)


def _safe(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if isinstance(value, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
