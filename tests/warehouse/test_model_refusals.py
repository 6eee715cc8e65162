"""What the loader of `dbt_like_sql/` refuses, and that each refusal names file, line and remedy. No database needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.warehouse.models import load_models
from tests.warehouse.model_folder import (
    BETA,
    FILES,
    STAGING,
    VISIT_COLUMNS,
    VISIT_COUNT,
    VISITOR,
    VISITS,
    model,
    write_folder,
)

ANSWERS = "        data_type: bigint\n        description: Colonne answers\n        meta: {privacy: open}\n"


def refusal(folder: Path, **changed: str | None) -> str:
    """What the loader says of the small folder with these files changed."""
    write_folder(folder, **changed)
    with pytest.raises(ConfigurationError) as caught:
        load_models(folder, {VISITS.qualified: VISITS}, {"alpha"})
    return str(caught.value)


def test_an_unknown_column_is_named_with_its_line_and_the_columns_there_are(tmp_path: Path) -> None:
    said = refusal(tmp_path, staging__alpha_visit_sql=STAGING.replace("place, topics", "lieu, topics"))
    assert "staging/alpha_visit.sql, ligne 6 : la colonne « lieu » n'existe pas dans « alpha_visits »." in said
    assert "submission_id, person_id, place, topics, seen_on" in said


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("ranked.first_seen_on", "ranked.seen_first", "« ranked.seen_first » n'existe pas dans « ranked »"),
        (
            "ranked.visit = 1",
            "visits.visit = 1",
            "« visits.visit » : « visits » n'est pas lu ici. Lus ici : ranked",
        ),
        (
            "place.name_fr,",
            "place.nom,",
            "« place.nom » n'existe pas dans « place ». Colonnes de place : code",
        ),
        ("order by seen_on", "order by vu_le", "« vu_le » n'existe pas dans « visits »"),
        ("ranked.project,", "to_jsonb(ranked) as project,", "« ranked » désigne ici une ligne entière"),
    ],
)
def test_an_unknown_column_is_found_wherever_it_stands(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """A whole row (`to_jsonb(ranked)`) would let through columns that nobody declared."""
    changed = VISITOR.replace(old, new)
    line = 1 + changed[: changed.index(new)].count("\n")
    said = refusal(tmp_path, marts__visitor_sql=changed)
    assert expected in said
    assert said.startswith(f"marts/visitor.sql, ligne {line} : ")


def test_a_column_that_two_tables_have_must_say_which(tmp_path: Path) -> None:
    two = VISIT_COUNT.replace("v.person_id,\n        (select", "person_id,\n        (select").replace(
        "cross join", "inner join marts.visitor as w on true\n    cross join"
    )
    assert "ligne 7 : la colonne « person_id » est dans v et w." in refusal(tmp_path, marts__visit_count_sql=two)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select 1 as project; select 2", "un seul SELECT par fichier"),
        ("", "seul un SELECT est permis"),
        ("drop table marts.person", "seul un SELECT est permis"),
        ("with gone as (delete from marts.person returning *) select * from gone", "seul un SELECT est permis"),
        ("select project into marts.copy from marts.visitor", "seul un SELECT est permis"),
        ("select project from marts.visitor where (", "marts/visit_count.sql, ligne 1 : SQL mal formé"),
        ("select * from marts.visitor", "ligne 1 : « * » n'est permis que d'un bloc « with »"),
        ("select v.* from staging.alpha_visit as v", "ligne 1 : « * » n'est permis que d'un bloc « with »"),
        ("select project from raw.submission", "que « staging.… » et « marts.… ». « raw.submission » n'en est pas"),
        ("select project from pseudonymised.alpha_visits", "« pseudonymised.alpha_visits » n'en est pas"),
        ("select project from visitor", "« visitor » n'en est pas"),
        ("select project from marts.person", "la table « marts.person » n'existe pas. Connues : marts.place, marts."),
    ],
)  # fmt: skip
def test_a_mart_is_one_select_of_named_columns_from_staging_and_marts(tmp_path: Path, sql: str, expected: str) -> None:
    """`pseudonymised` is reached through staging, so that a change of form is absorbed in one file."""
    assert expected in refusal(tmp_path, marts__visit_count_sql=sql)


@pytest.mark.parametrize(
    "table", ["pseudonymised.beta_visits", "vault.identity", "marts.visitor", "staging.beta_visit"]
)
def test_a_staging_model_reads_its_own_projects_tables_only(tmp_path: Path, table: str) -> None:
    said = refusal(tmp_path, staging__alpha_visit_sql=STAGING.replace("pseudonymised.alpha_visits", table))
    assert "staging/alpha_visit.sql, ligne 7 : ce fichier ne lit que les tables « pseudonymised.alpha_… »." in said


def test_tables_that_read_one_another_in_a_circle_are_named(tmp_path: Path) -> None:
    circle = VISITOR.replace(
        "left join marts.place\n", "left join marts.visit_count as c on true\n    left join marts.place\n"
    )
    said = refusal(tmp_path, marts__visitor_sql=circle)
    assert "en rond" in said
    assert "marts.visit_count → marts.visitor" in said or "marts.visitor → marts.visit_count" in said
    assert ", ligne " in said


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("answers", "reponses", "le SELECT ne donne pas « reponses »"),
        ("      - name: answers\n" + ANSWERS, "", "« answers » n'est pas déclaré"),
        ("Colonne answers", "' '", "la description est vide"),
        ("        description: Colonne answers\n", "", "models.0.columns.3.description » : cette clé est obligatoire"),
        ("data_type: bigint", "data_type: 'bigint; drop table x'", "un type PostgreSQL en minuscules est attendu"),
        ("name: answers", "name: project", "la colonne « project » est déclarée deux fois"),
        ("[project, person_id]", "[project, personne]", "« personne » de la clé n'est pas une colonne de « visitor »"),
        ("name: visit_count", "name: visites", "le fichier marts/visites.sql n'existe pas"),
        ("name: visit_count", "name: visitor", "« visitor » est déjà déclaré (marts/schema.yml, ligne 3)"),
        ("description: Réponses. Une ligne par personne.", "# sans", "clé « models.0.description »"),
    ],
)  # fmt: skip
def test_what_is_declared_and_what_is_written_must_agree(tmp_path: Path, old: str, new: str, expected: str) -> None:
    content = FILES["marts/schema.yml"]
    assert old in content
    said = refusal(tmp_path, marts__schema_yml=content.replace(old, new, 1))
    assert expected in said
    assert "marts/schema.yml, ligne " in said


def test_columns_in_another_order_are_refused(tmp_path: Path) -> None:
    """A union pairs columns by position: the declared order is part of the contract."""
    turned = BETA.replace("    person_id,\n    place as place_code,", "    place as place_code,\n    person_id,")
    said = refusal(tmp_path, staging__beta_visit_sql=turned)
    assert "l'ordre du SELECT est « project, place_code, person_id, topics, seen_on »" in said


def test_a_file_without_an_entry_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, staging__schema_beta_yml=None)
    assert "staging/beta_visit.sql n'a pas d'entrée dans staging/schema_beta….yml." in said


def test_a_staging_model_bears_the_name_of_its_project(tmp_path: Path) -> None:
    entry = "version: 2\nmodels:\n" + model("alpha_visit", "Visites.", VISIT_COLUMNS, project="alpha")
    said = refusal(tmp_path, staging__schema_beta_yml=entry)
    assert "écrivez « project: beta », le projet que nomme ce fichier" in said
    assert "le nom doit commencer par « beta_ »" in said


def test_a_seed_and_a_mart_may_not_share_a_name(tmp_path: Path) -> None:
    seeds = FILES["seeds/schema.yml"].replace("name: place", "name: visitor")
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "visitor.csv").write_text(FILES["seeds/place.csv"], encoding="utf-8")
    said = refusal(tmp_path, seeds__schema_yml=seeds, seeds__place_csv=None)
    assert "« marts.visitor » existe déjà (marts/visitor.sql)" in said


def test_a_seeds_header_is_what_is_declared(tmp_path: Path) -> None:
    said = refusal(tmp_path, seeds__place_csv=FILES["seeds/place.csv"].replace("name_fr", "nom"))
    assert "seeds/place.csv, ligne 1 : l'en-tête est « code, nom, population »" in said


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    said = refusal(tmp_path, marts__visit_count_sql="select 1", staging__beta_visit_sql="drop table x")
    assert len(said.splitlines()) == 2
