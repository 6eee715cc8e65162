"""What partners declare: published apart with its method, and what is wrong with a declaration is told and kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import extensions, extras, sql

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.indicators import check_logframe, prepare, publish
from meal_pipelines.indicators.declared import COLUMNS
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.warehouse.tables import Column, TableSpec, create_table, identifiers
from tests.indicators.conftest import Fill
from tests.indicators.logframes import MARTS, PROJECT, indicator, write_project

TYPES = {"value": "numeric", "units": "bigint", "received_on": "date"}
MART = TableSpec(
    "marts", "essai_declaration", "Déclarations d'essai. Une ligne par valeur.",
    (Column("project", "text", ""), *(Column(name, TYPES.get(name, "text"), "") for name in COLUMNS)), (),
)  # fmt: skip
GOOD: dict[str, Any] = {
    "form": "declarations", "submission_id": "d1", "indicator": "U-1", "period_kind": "quarter", "period": "2026-Q2",
    "dimension": None, "category": None, "value": 120, "units": None, "method": "numero_dossier", "source": "anapec",
    "declared_by": "statistiques", "received_on": dt.date(2026, 7, 3),
}  # fmt: skip


@pytest.fixture(scope="module")
def mart(connection: extensions.connection) -> Iterator[None]:
    """The mart of declarations, empty; nothing of it is left behind."""
    with connection.cursor() as cursor:
        create_table(cursor, MART.schema, MART.name, MART.columns)
    connection.commit()
    yield
    connection.rollback()
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("drop table {}").format(sql.Identifier(MART.schema, MART.name)))
        cursor.execute("delete from indicators.declared where project = %s", (PROJECT,))
        cursor.execute("delete from quality.rejection where project = %s", (PROJECT,))
    connection.commit()


def _project(folder: Path, **logframe: Any) -> LoadedProject:
    count = {"kind": "count_unique", "unit": "person_id"}
    loaded = write_project(folder / "essai", [indicator("U-1", count, disaggregations=["sex"])])
    assert loaded.logframe is not None
    return replace(loaded, logframe=loaded.logframe.model_copy(update={"declarations": MART.name, **logframe}))


def _declare(connection: extensions.connection, project: LoadedProject, *lines: dict[str, Any]) -> None:
    """These lines are the mart's; the project's indicators are published."""
    with connection.cursor() as cursor:
        table = sql.Identifier(MART.schema, MART.name)
        cursor.execute(sql.SQL("delete from {}").format(table))
        statement = sql.SQL("insert into {} (project, {}) values %s").format(table, identifiers(COLUMNS))
        rows = [(PROJECT, *(line[name] for name in COLUMNS)) for line in lines]
        extras.execute_values(cursor, statement.as_string(cursor), [*rows, ("autre", *rows[0][1:])])
    connection.commit()
    publish(connection, prepare(connection, project, MARTS, run_id=None))


def _rejected(connection: extensions.connection) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select submission_id, rule, severity, message from quality.rejection"
            " where project = %s and state = 'open' order by submission_id",
            (PROJECT,),
        )
        return cursor.fetchall()


def test_a_declared_value_stands_apart_with_its_method(
    tmp_path: Path, connection: extensions.connection, fill: Fill, mart: None
):
    """A value that a partner declares is never added to persons that were counted, nor shown for one of them."""
    fill([], dt.date(2026, 7, 4))
    women = {**GOOD, "submission_id": "d2", "dimension": "sex", "category": "F", "value": 40, "units": 38}
    _declare(connection, _project(tmp_path), GOOD, women)
    with connection.cursor() as cursor:
        cursor.execute(
            "select indicator, period_kind, period, period_start, period_end, disaggregation, value, units, method, source,"
            " declared_by, received_on from indicators.declared where project = %s order by value desc",
            (PROJECT,),
        )
        start = ("U-1", "quarter", "2026-Q2", dt.date(2026, 4, 1), dt.date(2026, 6, 30))
        said = ("numero_dossier", "anapec", "statistiques", dt.date(2026, 7, 3))
        assert cursor.fetchall() == [
            (*start, {}, Decimal(120), None, *said),
            (*start, {"sex": "F"}, Decimal(40), 38, *said),
        ]
        cursor.execute(
            "select value from indicators.value where project = %s and period = '2026-Q2' and disaggregation = '{}'",
            (PROJECT,),
        )
        assert cursor.fetchall() == [(0,)], "the counted value is what was counted"
    assert _rejected(connection) == []


@pytest.mark.parametrize(
    ("change", "rule", "said"),
    [
        ({"indicator": "U-9"}, "declaration_indicateur", "n'est pas dans le cadre logique"),
        ({"period": "2026-Q5"}, "declaration_periode", "Ce n'est pas une période du projet"),
        ({"period_kind": "month"}, "declaration_periode", "Ce n'est pas une période du projet"),
        ({"period": "2031-Q1"}, "declaration_periode", "Ce n'est pas une période du projet"),
        ({"dimension": "sector", "category": "agri"}, "declaration_ventilation", "Ventilations : sex."),
        ({"dimension": "sex", "category": "Femme"}, "declaration_ventilation", "Catégories : F, H, inconnu."),
        ({"dimension": "sex"}, "declaration_ventilation", "ni l'une ni l'autre pour le total"),
        ({"value": None}, "declaration_valeur", "Une valeur inconnue ne se déclare pas"),
        ({"method": None}, "declaration_methode", "comment les doubles comptes ont été évités"),
    ],
)
def test_what_cannot_be_taken_is_told_and_stays_visible(
    tmp_path: Path,
    connection: extensions.connection,
    fill: Fill,
    mart: None,
    change: dict[str, Any],
    rule: str,
    said: str,
):
    """The good line beside it is published all the same; once the line is corrected, the refusal is resolved."""
    fill([], dt.date(2026, 7, 4))
    project = _project(tmp_path)
    _declare(connection, project, GOOD, {**GOOD, "submission_id": "d2", "source": "ofii", **change})
    rejected = _rejected(connection)
    assert [line[:3] for line in rejected] == [("d2", rule, "critical")]
    assert said in rejected[0][3] and "120" not in rejected[0][3]
    with connection.cursor() as cursor:
        cursor.execute("select source from indicators.declared where project = %s", (PROJECT,))
        assert cursor.fetchall() == [("anapec",)]
    _declare(connection, project, GOOD, {**GOOD, "submission_id": "d2", "source": "ofii"})
    assert _rejected(connection) == []


def test_of_two_declarations_of_one_cell_the_last_received_stands(
    tmp_path: Path, connection: extensions.connection, fill: Fill, mart: None
):
    """Two sources may declare the same cell: each stands by itself, and neither is added to the other."""
    fill([], dt.date(2026, 9, 1))
    later = {**GOOD, "submission_id": "d0", "value": 125, "received_on": dt.date(2026, 8, 1)}
    _declare(connection, _project(tmp_path), GOOD, later, {**GOOD, "submission_id": "d3", "source": "ofii", "value": 9})
    with connection.cursor() as cursor:
        cursor.execute("select source, value from indicators.declared where project = %s order by 1", (PROJECT,))
        assert cursor.fetchall() == [("anapec", 125), ("ofii", 9)]
    assert [line[:2] for line in _rejected(connection)] == [("d1", "declaration_doublon")]


def test_a_mart_that_is_not_one_of_declarations_is_refused(tmp_path: Path):
    """Its name is the officer's to write, its columns the analyst's."""
    project = _project(tmp_path, declarations="participation")
    with pytest.raises(ConfigurationError, match="il manque à la table « participation » : category, declared_by"):
        check_logframe(project, MARTS)
    with pytest.raises(ConfigurationError, match="la table « absente » n'existe pas"):
        check_logframe(_project(tmp_path, declarations="absente"), MARTS)
