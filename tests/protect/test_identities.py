"""From cleaned to pseudonymised: what is shown of a person, what goes to the vault, and that nothing else gets out."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from psycopg2 import sql

from meal_pipelines.errors import MealError
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.warehouse import Warehouse
from tests.stage_cases import PROJECT, Bench, Memory, bench_of, visit

PLANTED = {
    "nom": "Zzquartz Idrissi", "telephone": "+212612398745", "prenom": "Wqyx", "naissance": "1957", "remarques": "Kvxword",
    "inconnue": "Jqzword", "nouvelle": "Pqvword", "commune": "02.411.99.77", "position": "33.123987 -6.123987 0 0",
}  # fmt: skip
"""Answers of every class that must not be shown."""
# Words and numbers that occur nowhere else; a year or a code is not looked for, being a part of many a key.
TRACES = ("Zzquartz", "612398745", "Wqyx", "Kvxword", "Jqzword", "Pqvword", "02.411.99", "33.123987")


def planted(**changes: Any) -> dict[str, Any]:
    """A visit full of identities, in the form and in its repeat."""
    answers = {name: text for name, text in PLANTED.items() if name != "prenom"}
    member = {"membres/prenom": PLANTED["prenom"], "membres/lien": "enfant", "membres/age": "7"}
    return visit(**{**answers, "membres": [member], **changes})


def workshop(*people: dict[str, str]) -> dict[str, Any]:
    return {"theme": "CV", "participants": [{f"participants/{k}": v for k, v in person.items()} for person in people]}


def test_a_person_met_in_two_forms_has_one_pseudonym(bench: Bench) -> None:
    """Registered in one form, listed among the participants of another, the phone written otherwise."""
    bench.run(a=visit(telephone="06 12 34 56 78"), b=visit(telephone="0699999999"))
    rows = {
        "w": workshop(
            {"telephone": "+212612345678", "naissance": "1990", "nom": "EL-IDRISSI"},
            {"nom": "idrissi el", "naissance": "1990"},
            {"nom": "Sans Année"},
        )
    }
    bench.sync("ateliers", Memory(rows))
    bench.clean("ateliers")
    build = bench.protect("ateliers")
    assert build is not None and (build.persons, build.without_person) == (2, 1)
    first, second = (row["person_id"] for row in bench.table("pseudonymised"))
    by_phone, by_name, nobody = (row["person_id"] for row in bench.table("pseudonymised", "__participants", "ateliers"))
    assert by_phone == first != second and nobody is None
    assert by_name not in (None, first), "a name is another key than a phone: who gave no phone is met by name only"


def test_the_same_person_cannot_be_followed_into_another_project(bench: Bench, warehouse: Warehouse) -> None:
    with bench_of(warehouse, bench.folder.parent, keyring=bench.keyring) as other:
        for each in (bench, other):
            each.run(a=visit())
        assert bench.table("pseudonymised")[0]["person_id"] != other.table("pseudonymised")[0]["person_id"]


def test_quasi_identifiers_are_shown_coarser(bench: Bench) -> None:
    """An age on the day of the visit, a province for a commune; what is missing stays empty."""
    bench.run(
        a=visit(naissance="1957"),
        b=visit(naissance="2008", commune=None),
        c=visit(naissance="2007", commune="04.421.01.01"),
    )
    shown = [(row["age_band"], row["province_code"]) for row in bench.table("pseudonymised")]
    assert shown == [("60+", "02.411"), ("18-34", None), ("18-34", "04.421")]
    assert not {"naissance", "commune", "nom", "telephone", "personal"} & set(bench.table("pseudonymised")[0])


def test_positions_are_rounded_and_numbers_shown_as_bands(bench: Bench) -> None:
    """Neither the place nor the number itself is in the table."""
    coarser = (
        "commune: province\n        position: {to: rounded, step: 0.1}\n        duree: {to: band, bounds: [30, 60]}"
    )
    text = PROJECT.replace("commune: province", coarser).replace("prenom, position]", "prenom]")
    bench.redeclare(text.replace("sexe, duree, poids", "sexe, poids"))
    bench.run(a=visit(position="34.6814 -1.9086 540 4.2", duree="45"), b=visit(duree=None))
    shown = [(row["position_rounded"], row["duree_band"]) for row in bench.table("pseudonymised")]
    assert shown == [("34.7 -1.9", "30 à < 60"), (None, None)]
    assert not {"position", "duree"} & set(bench.table("pseudonymised")[0])


def test_the_day_of_an_age_may_stand_in_the_form_around_a_repeat(bench: Bench) -> None:
    """Members are as old as on the day of the visit, which is asked once."""
    text = PROJECT.replace("lien, age, note", "lien, note").replace(
        "        commune: province",
        "        commune: province\n        age: {to: age_band, of: birth_year, on: jour, into: band}",
    )
    bench.redeclare(text)
    members = [{"membres/lien": "enfant", "membres/age": str(year)} for year in (90, 20)]
    bench.run(a=visit(membres=members))
    assert [row["band"] for row in bench.table("pseudonymised", "__membres")] == ["60+", "60+"]


def test_the_vault_holds_identifiers_sealed_at_their_place(bench: Bench) -> None:
    """Only who has the ring reads a name, and only identifiers are there."""
    bench.run(a=planted())
    [(person, repeat, index, blob)] = bench.query(
        "select person_id, repeat, repeat_index, sealed from vault.identity where project = %s", bench.project.id
    )
    assert (repeat, index) == ("", 0) and person == bench.table("pseudonymised")[0]["person_id"]
    place = f"vault|{bench.project.id}|visites||a|0"
    assert bench.unsealed(blob, place) == {key: PLANTED[key] for key in ("nom", "telephone", "position")}
    with pytest.raises(MealError):
        bench.unsealed(blob, place.replace("|a|", "|b|"))


def test_sealed_answers_do_not_open_on_another_row(bench: Bench) -> None:
    """Whoever writes to the database cannot give a person the name of another."""
    bench.run(a=visit(), b=visit(nom="Autre"))
    with bench.warehouse.connect() as connection, connection.cursor() as cursor:
        table = sql.Identifier("cleaned", bench.form.table)
        swap = (
            "update {0} set personal = (select personal from {0} where submission_id = 'b') where submission_id = 'a'"
        )
        cursor.execute(sql.SQL(swap).format(table))
    bench.source.rows = {"a": visit(), "b": visit(nom="Autre"), "c": visit()}
    with bench.warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "update quality.build set fingerprint = 'x' where table_name = %s", (f"pseudonymised.{bench.form.table}",)
        )
    with pytest.raises(MealError, match="altérées, déplacées, ou la clé n'est pas la bonne"):
        bench.protect()


def test_no_identity_is_in_any_table_outside_the_sealed_ones(bench: Bench) -> None:
    """Faults, corrections, builds, loads, statistics of the tables: every text of the warehouse is searched."""
    (bench.folder / "visites.corrections.csv").write_text(
        "submission_id,question,old_value,new_value\n"
        f"a,nom,{PLANTED['nom']},Zzquartz Alami\nb,telephone,{PLANTED['telephone']},0\n",
        encoding="utf-8",
    )
    wrong = planted(
        duree=PLANTED["nom"], jour=PLANTED["telephone"], besoins=PLANTED["remarques"], sexe=PLANTED["inconnue"]
    )
    bench.run(a=planted(), b=wrong, c=planted(accord="non"))
    found = {
        (schema, table, trace)
        for schema, table, text in every_text(bench.warehouse)
        for trace in TRACES
        if trace in text
    }
    assert found == set()
    opened = bench.table("cleaned")[0]["personal"]
    assert opened["nom"] == "Zzquartz Alami" and opened["?"] == {"nouvelle": "Pqvword"}, (
        "and yet they are there, sealed"
    )


def every_text(warehouse: Warehouse) -> list[tuple[str, str, str]]:
    """(schema, table, row as text) of every row of every table, and of PostgreSQL's own statistics."""
    rows = []
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema not in ('pg_catalog', 'information_schema')"
        )
        for schema, table in [*cursor.fetchall(), ("pg_catalog", "pg_stats")]:
            cursor.execute(sql.SQL("select t::text from {} as t").format(sql.Identifier(schema, table)))
            rows += [(schema, table, text) for (text,) in cursor.fetchall()]
    return rows


def test_a_wrong_key_says_so_and_quotes_nobody(bench: Bench) -> None:
    """The exception ends up in Dagster's event log."""
    bench.source.rows = {"a": planted()}
    bench.sync()
    bench.keyring = Keyring(1, {1: b"x" * 32}, b"y" * 32)
    with pytest.raises(MealError) as refusal:
        bench.clean()
    told = "".join(traceback.format_exception(refusal.value))
    assert "trousseau" in told and not any(trace in told for trace in TRACES)
    assert bench.query("select * from quality.build where project = %s", bench.project.id) == []


def test_a_refusal_of_the_database_quotes_nobody(bench: Bench) -> None:
    """PostgreSQL repeats the offending value in its messages: here a constraint that somebody added."""
    bench.run(a=visit())
    with bench.warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("alter table {} add constraint courte check (duree < 40)").format(
                sql.Identifier("cleaned", bench.form.table)
            )
        )
    bench.source.rows = {"a": planted(duree="478")}
    bench.sync()
    with pytest.raises(MealError) as refusal:
        bench.clean()
    told = "".join(traceback.format_exception(refusal.value))
    assert "courte" in told and "478" not in str(refusal.value).replace(bench.project.id, "")
    assert not any(trace in told for trace in TRACES)
