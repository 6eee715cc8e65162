"""A table under construction to judge, on real PostgreSQL, and a small project with one form and one repeat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from psycopg2 import sql

from expectations.engine import judge
from expectations.model import Expectation, Result, Suite
from meal_pipelines.project.load import load_project
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.warehouse import Warehouse
from meal_pipelines.warehouse.tables import Column, create_table

PROJECT = """
project:      essai
name:         Essai
label:        Un projet d'essai
starts_on:    2026-03-01
ends_on:      2029-02-28
dates_status: illustratives
age_bands:    ["0-17", "18-59", "60+"]
persons:
  keys: [[telephone, naissance]]
sources:
  dossier: {kind: export, path: donnees}
forms:
  visites:
    label: Visites
    code:  F-VIS
    unit:  visite
    questionnaire: {survey: survey.csv, choices: choices.csv}
    source: {use: dossier, file: visites.csv}
    frequency: monthly
    consent: accord = oui
    privacy:
      identifier: [telephone]
      quasi_identifier:
        naissance: {to: age_band, of: birth_year, on: jour}
        commune: province
        lieu:      {to: rounded, step: 0.1}
        revenu:    {to: band, bounds: [0, 1000]}
      free_text: [remarques]
      sensitive: [besoins]
      open: [accord, jour, duree, sexe, motif, "âge déclaré", note_de_visite, lien]
"""
SURVEY = """type,name,label::Français (fr),required,relevant,constraint
select_one oui_non,accord,La personne accepte-t-elle ?,yes,,
date,jour,Jour de la visite,yes,,. <= today() and . >= date('2026-04-01')
text,telephone,Téléphone,yes,${accord} = 'oui',
integer,naissance,Année de naissance,,,
select_one communes,commune,Commune,,,
geopoint,lieu,Lieu,,,
integer,revenu,Revenu,,,
integer,duree,Durée,,,. >= 5 and . <= 480
decimal,âge déclaré,Âge déclaré,,,. > 0 or . = -1
select_one sexe,sexe,Sexe,yes,${accord} = 'oui',
text,motif,Motif,yes,selected(${besoins}; 'autre'),
select_multiple besoin,besoins,Besoins,,,
text,remarques,Remarques,,,
text,inconnue,Une question que personne n'a classée,,,
begin repeat,enfants,Enfants,,,
integer,note_de_visite,Note,true(),,. > 0 and . < 20
begin repeat,suites,Suites,,,
text,lien,Lien,,,
end repeat,,,,,
end repeat,,,,,
"""
CHOICES = """list_name,name,label::Français (fr)
oui_non,oui,Oui
oui_non,non,Non
sexe,F,Femme
sexe,H,Homme
besoin,sante,Santé
besoin,emploi,Emploi
communes,02.411.01.01,Oujda
"""


class Bench:
    """Tables in `build` and what a suite says of them."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self._made: list[tuple[str, str]] = []

    def make(self, name: str, columns: Sequence[Column], rows: Sequence[Sequence[Any]], schema: str = "build") -> str:
        """Make a table of some rows, in place of the one of that name."""
        self.drop(schema, name)
        with self.warehouse.connect() as connection, connection.cursor() as cursor:
            create_table(cursor, schema, name, columns)
            for row in rows:
                values = sql.SQL(", ").join([sql.Placeholder()] * len(columns))
                cursor.execute(sql.SQL("insert into {} values ({})").format(sql.Identifier(schema, name), values), row)
        self._made.append((schema, name))
        return name

    def judge(self, expectations: Sequence[Expectation], table: str, candidate: str | None = None) -> dict[str, Result]:
        """The results by name; the candidate is the staged table itself unless told."""
        suite = Suite("essai.table", tuple(expectations))
        results = judge(self.url, suite, staged=table, candidate=candidate or table)
        return {result.expectation.name: result for result in results}

    @property
    def url(self) -> sa.URL:
        return self.warehouse.url("pipeline")

    def drop(self, schema: str, name: str) -> None:
        with self.warehouse.connect() as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("drop table if exists {} cascade").format(sql.Identifier(schema, name)))

    def clear(self) -> None:
        for schema, name in self._made:
            self.drop(schema, name)


@pytest.fixture
def bench(warehouse: Warehouse) -> Iterator[Bench]:
    made = Bench(warehouse)
    yield made
    made.clear()


@pytest.fixture
def project(tmp_path: Path) -> LoadedProject:
    folder = tmp_path / "essai"
    folder.mkdir()
    for name, text in (("project.yaml", PROJECT), ("survey.csv", SURVEY), ("choices.csv", CHOICES)):
        (folder / name).write_text(text, encoding="utf-8")
    return load_project(folder, {})
