"""What an officer reads when an entry of the logframe is wrong: file, line, what, and what to write instead."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import extensions

from meal_pipelines.errors import ConfigurationError, MealError
from meal_pipelines.indicators import check_logframe, discard, prepare
from meal_pipelines.warehouse.tables import TableSpec
from tests.indicators.conftest import Fill
from tests.indicators.logframes import MARTS, indicator, write_project

SUM: dict[str, Any] = {"kind": "sum"}
COUNT: dict[str, Any] = {"kind": "count_unique", "unit": "person_id"}


def _message(folder: Path, *indicators: dict[str, Any]) -> str:
    project = write_project(folder / "essai", [*indicators])
    with pytest.raises(ConfigurationError) as caught:
        check_logframe(project, MARTS)
    return str(caught.value)


def _line(folder: Path, text: str) -> int:
    lines = (folder / "essai" / "logframe.yaml").read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def test_an_unknown_column_is_named_with_its_file_its_line_and_the_columns_there_are(tmp_path: Path):
    """The officer knows the questionnaire's names, not the mart's."""
    message = _message(tmp_path, indicator("S-1", SUM), indicator("S-2", {**SUM, "where": "sexe = 'F'"}))
    assert message == (
        f"essai/logframe.yaml, ligne {_line(tmp_path, 'where:')}, S-2 : la colonne « sexe » n'existe pas dans "
        "marts.essai_participation. Colonnes : project, submission_id, repeat_index, person_id, sex, sector, is_new, "
        "score, level, done_on, sent_at. Corrigez le nom."
    )


@pytest.mark.parametrize(
    "text",
    [
        "select 1", "1; drop table marts.person", "(select max(score) from raw.submission)", "sum(score)", "score over ()",
        "pg_sleep(10)", "pg_read_file('x')", "current_user", "now()", "score in (select 1)", "exists (select 1)",
        "lag(score) over (order by score)", "%(x)s", ":x", "$1", "score --", "score /*", "'", "*", "score, level", "",
        "'a'::regclass", "t.score", "vault.person.name", "(((", "not", "set role meal_dpo",
        "query_to_xml('select 1', true, true, '')",
    ],
)  # fmt: skip
def test_only_an_expression_over_the_columns_is_accepted(tmp_path: Path, text: str):
    """A measure is configuration that runs as the pipeline, which may read everything: it gets columns and scalars."""
    if text == "score --":  # a comment is harmless, and gone from what runs
        check_logframe(write_project(tmp_path / "essai", [indicator("S-1", {**SUM, "value": text})]), MARTS)
        return
    message = _message(tmp_path, indicator("S-1", {**SUM, "value": text}))
    assert message.startswith(f"essai/logframe.yaml, ligne {_line(tmp_path, 'value:')}, S-1 : ")


@pytest.mark.parametrize(
    ("measure", "key", "said"),
    [
        ({"where": "level = 'haut'"}, "where", "« level = 'haut' » compare un nombre (level) et un texte ('haut')"),
        ({"where": "sex = 2"}, "where", "« sex = 2 » compare un texte (sex) et un nombre (2)"),
        ({"where": "done_on >= '2026-02-31'"}, "where", "compare une date (done_on) et un texte ('2026-02-31')"),
        ({"where": "level"}, "where", "« level » donne un nombre ; il faut ici une condition (vrai ou faux)"),
        ({"value": "sex"}, "value", "« sex » donne un texte ; il faut ici un nombre"),
        ({"value": "is_new"}, "value", "« is_new » donne une condition (vrai ou faux) ; il faut ici un nombre"),
        ({"value": "case when is_new then sex else 1 end"}, "value", "mêle un texte (sex) et un nombre (1)"),
        ({"value": "score + sex"}, "value", "« score + sex » calcule avec un texte (sex)"),
        ({"value": "length(level)"}, "value", "traite comme un texte un nombre (level)"),
        ({"where": "is_new and score"}, "where", "relie par « and » ou « or » un nombre (score)"),
        ({"date": "score"}, "date", "un indicateur se date par une colonne de type date"),
        ({"date": "sex || 'x'"}, "date", "donne un texte ; il faut ici une date"),
    ],
)
def test_types_that_do_not_go_together_are_refused_before_anything_runs(
    tmp_path: Path, measure: dict[str, Any], key: str, said: str
):
    """PostgreSQL would say so at night, on the first row; the officer is told while writing."""
    message = _message(tmp_path, indicator("S-1", {**SUM, **measure}))
    assert message.startswith(f"essai/logframe.yaml, ligne {_line(tmp_path, f'{key}:')}, S-1 : ")
    assert said in message


@pytest.mark.parametrize(
    "where",
    [
        "level = '3'", "score between 1 and 5.5", "done_on >= '2026-03-01'", "done_on - done_on = 0", "sex in ('F', 'H')",
        "coalesce(sex, 'x') <> ''", "extract(year from done_on) = 2026", "date_trunc('month', done_on) = done_on",
        "done_on + interval '1 month' > done_on", "done_on + 3 > done_on", "is_new = 'true'", "length(sex) > 1",
        "nullif(level, 0) is null", "case sex when 'F' then is_new end", "sent_at > done_on", "greatest(score, level) > 2",
        "cast(sex as int) > 2", "starts_with(sex, 'F')", "round(score, 1) > -level", "null", "sex is distinct from sector",
    ],
)  # fmt: skip
def test_what_postgresql_accepts_is_not_refused(
    tmp_path: Path, connection: extensions.connection, fill: Fill, where: str
):
    """A wrong refusal would stop an officer who is right: each of these runs."""
    fill([], dt.date(2026, 4, 2))
    project = write_project(tmp_path / "essai", [indicator("S-1", {**SUM, "where": where})])
    computation = prepare(connection, project, MARTS, run_id=None, rebuild=True)
    discard(connection, computation)


def test_every_mistake_is_told_at_once(tmp_path: Path):
    """One run, one list to correct."""
    message = _message(
        tmp_path,
        indicator("S-1", {**SUM, "value": "inconnue"}),
        indicator("S-2", {**SUM, "mart": "absente"}),
        indicator("S-3", {**SUM, "date": "sent_at"}),
        indicator("S-4", {**SUM, "date": "score"}),
    )
    assert [line.split(" : ")[0][-3:] for line in message.splitlines()] == ["S-1", "S-2", "S-3", "S-4"]
    assert "Tables : participation" in message
    assert "« sent_at » est de type timestamptz" in message, "the day of a moment depends on where one stands"


def test_a_dimension_that_the_mart_does_not_have_is_refused(tmp_path: Path):
    """The dimension is declared, the column is missing."""
    mart = TableSpec("marts", "essai", "", tuple(c for c in MARTS["participation"].columns if c.name != "sex"), ())
    project = write_project(tmp_path / "essai", [indicator("S-1", SUM, disaggregations=["sex"])])
    with pytest.raises(ConfigurationError, match=r"la colonne « sex » n'existe pas dans marts\.essai"):
        check_logframe(project, {"participation": mart})


def test_a_derived_indicator_needs_the_crossings_it_divides(tmp_path: Path):
    """The share of women by sector asks for the women of each sector."""
    share = {"kind": "derived", "numerator": "U-1", "numerator_where": {"sex": "F"}, "denominator": "U-1"}
    message = _message(
        tmp_path,
        indicator("U-1", COUNT, disaggregations=["sex", "sector"]),
        indicator("D-1", share, disaggregations=["sector"]),
    )
    assert "pour être ventilé par « sector », U-1 doit l'être par « sector, sex »" in message


def test_derived_indicators_that_divide_each_other_are_refused(tmp_path: Path):
    """There would be no first one."""
    message = _message(
        tmp_path,
        indicator("D-1", {"kind": "derived", "numerator": "D-2", "denominator": "D-2"}),
        indicator("D-2", {"kind": "derived", "numerator": "D-1", "denominator": "D-1"}),
    )
    assert "D-1, D-2 se calculent l'un par l'autre" in message


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"targets": {"M12": {"F": 3}}}, "dites par quelle dimension avec la clé « by »"),
        ({"targets": {"M12": {"F": 3}}, "by": "sex"}, "« sex » n'est pas dans « disaggregations »"),
        ({"targets": [{"month": 12, "value": 1}, {"month": 12, "value": 2}]}, "deux cibles pour le même mois"),
    ],
)
def test_targets_that_no_value_can_meet_are_refused(tmp_path: Path, entry: dict[str, Any], expected: str):
    """A target by category is compared with values by that category."""
    assert expected in _message(tmp_path, indicator("U-1", COUNT, **entry))


def test_what_postgresql_refuses_is_told_without_the_value(
    tmp_path: Path, connection: extensions.connection, fill: Fill
):
    """PostgreSQL quotes the value it could not read; a person's answer must not reach a log."""
    row = {
        "submission_id": "s",
        "repeat_index": 1,
        "person_id": "secret-4711",
        "sex": "F",
        "sector": None,
        "is_new": None,
    }
    fill([{**row, "score": 1, "level": 1, "done_on": dt.date(2026, 4, 1)}], dt.date(2026, 4, 2))
    project = write_project(tmp_path / "essai", [indicator("S-1", {**SUM, "value": "cast(person_id as int)"})])
    with pytest.raises(ConfigurationError) as caught:
        prepare(connection, project, MARTS, run_id=None)
    assert "S-1 : " in str(caught.value) and "22P02" in str(caught.value)
    assert "4711" not in str(caught.value)


def test_a_mart_that_was_never_built_is_told_as_such(tmp_path: Path, connection: extensions.connection):
    """Not « relation does not exist »."""
    mart = TableSpec("marts", "essai_absente", "", MARTS["participation"].columns, ())
    project = write_project(tmp_path / "essai", [indicator("S-1", SUM)])
    with pytest.raises(MealError, match=r"marts\.essai_absente n'existe pas encore.*meal run --stage marts"):
        prepare(connection, project, {"participation": mart}, run_id=None)
