"""A form changes while it is in use; what was filled before is read with what it was asked, under the names of today."""

from __future__ import annotations

from typing import Any

import pytest

from meal_pipelines.clean.corrections import read_log
from meal_pipelines.clean.findings import unknown_versions
from meal_pipelines.errors import ConfigurationError
from tests.clean.version_cases import LISTS, Versioned, declare, first_survey, kobo, old
from tests.stage_cases import VISITES, Bench, visit


@pytest.fixture
def source(bench: Bench) -> Versioned:
    bench.source = Versioned()
    return bench.source


def rows(bench: Bench) -> dict[str, dict[str, Any]]:
    return {row["submission_id"]: row for row in bench.table("cleaned")}


def test_a_question_required_since_a_later_version_does_not_cost_the_rows_of_before(
    bench: Bench, source: Versioned
) -> None:
    """Otherwise the whole register would be quarantined at the next rebuild."""
    survey = VISITES.replace("text,remarques,Remarques,,", "text,remarques,Remarques,yes,")
    declare(bench, survey=survey)
    source.contents = {"v1": kobo(first_survey(), LISTS)}
    bench.run(a=old("v1"), b=old("v2", remarques="vu"), c=old("v2"))
    assert set(rows(bench)) == {"a", "b"}
    assert bench.faults() == {("c", "", 0, "remarques", "required", "critical")}


def test_what_an_old_version_required_is_still_required_of_its_rows(bench: Bench, source: Versioned) -> None:
    """And on the condition that it had then."""
    content = kobo(
        [*first_survey(duree={"required": True, "relevant": "${ancien} = 'x'"}), {"type": "text", "name": "ancien"}],
        LISTS,
    )
    source.contents = {"v1": content}
    declare(bench, "changes:\n  - until: [v1]\n    removed: [ancien]\n")
    build = bench.run(a=old("v1", duree=None, ancien="x"), b=old("v1", duree=None, ancien="y"), c=old("v2", duree=None))
    assert bench.faults() == {("a", "", 0, "duree", "required", "critical")}
    assert set(rows(bench)) == {"b", "c"} and build.unknown == set()


def test_a_constraint_is_the_one_that_the_form_had_when_it_was_filled(bench: Bench, source: Versioned) -> None:
    """900 minutes were allowed once, and nobody may be told to correct them today."""
    source.contents = {"v1": kobo(first_survey(duree={"constraint": ". <= 1000"}), LISTS)}
    declare(bench)
    long = {"duree": "900", "poids": "5000"}
    bench.run(a=old("v1", **long), b=old("v1", **{**long, "duree": "2000"}), c=old("v2", **long))
    assert {fault[0] for fault in bench.faults()} == {"b", "c"}
    assert rows(bench)["a"]["duree"] == 900


def test_a_choice_of_then_is_kept_or_mapped(bench: Bench, source: Versioned) -> None:
    choices = {**LISTS, "sexe": ["F", "H", "NR", "femme"]}
    source.contents = {"v1": kobo(first_survey(), choices)}
    declare(bench, "changes:\n  - until: [v1]\n    choices: {sexe: {femme: F}}\n")
    bench.run(a=old("v1", sexe="NR"), b=old("v1", sexe="femme"), c=old("v1", sexe="Z"), d=old("v2", sexe="NR"))
    assert {key: row["sexe"] for key, row in rows(bench).items()} == {"a": "NR", "b": "F"}
    assert {fault[0] for fault in bench.faults()} == {"c", "d"}
    assert bench.form.questionnaire.choices["sexe"] != ()


def test_a_choice_that_only_another_version_offers_is_listed_until_somebody_decides(
    bench: Bench, source: Versioned
) -> None:
    """Added last night in Kobo's builder: accepted, since it was offered, and told, since nobody here has seen it."""
    source.contents = {"v1": kobo(first_survey(), {**LISTS, "sexe": ["F", "H", "NR"]})}
    declare(bench)
    build = bench.run(a=old("v1", sexe="NR"))
    assert build.readings.undecided_choices() == ["sexe : NR"]
    declare(bench, "changes:\n  - until: [v1]\n    choices: {sexe: {NR: NR}}\n")
    decided = bench.clean()
    assert decided is not None and decided.readings.undecided_choices() == []
    assert rows(bench)["a"]["sexe"] == "NR" and bench.faults() == set()


def test_each_of_several_choices_is_mapped(bench: Bench, source: Versioned) -> None:
    declare(bench, "changes:\n  - until: [v1]\n    choices: {besoins: {soins: sante}}\n")
    bench.run(a=old("v1", besoins="soins emploi sante"))
    assert rows(bench)["a"]["besoins"] == ["sante", "emploi"]


def test_a_renamed_question_arrives_under_its_new_name_even_from_another_group(bench: Bench, source: Versioned) -> None:
    survey = first_survey(telephone={"name": "gsm"}, identite={"name": "personne"})
    source.contents = {"v1": kobo(survey, LISTS)}
    declare(bench, "changes:\n  - until: [v1]\n    renamed: {gsm: telephone}\n")
    row = {
        path.replace("identite/telephone", "personne/gsm").replace("identite/", "personne/"): value
        for path, value in old("v1").items()
    }
    build = bench.run(a=row, b=old("v2"))
    first, second = rows(bench).values()
    assert first["personal"] == second["personal"] and first["sexe"] == "F"
    assert build.unknown == set() and bench.faults() == set()


def test_without_a_mapping_a_renamed_question_is_named_and_sealed(bench: Bench, source: Versioned) -> None:
    """Nothing is guessed from a likeness of names."""
    source.contents = {"v1": kobo(first_survey(telephone={"name": "gsm"}), LISTS)}
    declare(bench)
    row = {path.replace("telephone", "gsm"): value for path, value in old("v1").items()}
    build = bench.run(a=row)
    assert build.unknown == {"identite/gsm"}
    assert rows(bench)["a"]["personal"]["?"] == {"identite/gsm": "0612345678"}


CUT = "changes:\n  - until: [v1]\n    split: {nom_complet: {into: [nom, remarques], on: ' '}}\n"


def test_an_answer_is_cut_only_where_it_is_certain(bench: Bench, source: Versioned) -> None:
    """« El Idrissi Omar » has three words for two questions: whoever knows the person decides."""
    content = kobo([*first_survey(nom=None), {"type": "text", "name": "nom_complet", "required": True}], LISTS)
    source.contents = {"v1": content}
    declare(bench, CUT)
    bench.run(a=old("v1", nom=None, nom_complet="Alaoui  Omar"), b=old("v1", nom=None, nom_complet="El Idrissi Omar"))
    assert bench.faults() == {
        ("b", "", 0, "nom", "split", "critical"), ("b", "", 0, "remarques", "split", "critical"),
    }  # fmt: skip
    messages = bench.query("select distinct message from quality.rejection where project = %s", bench.project.id)
    assert all("« nom » et « remarques »" in text and "Idrissi" not in text for (text,) in messages)


def test_what_cannot_be_cut_is_mended_by_the_cleaning_log(bench: Bench, source: Versioned) -> None:
    declare(bench, CUT)
    given = "El Idrissi Omar"
    log = f"submission_id,question,old_value,new_value\nb,nom,{given},El Idrissi\nb,remarques,{given},Omar\n"
    (bench.folder / "visites.corrections.csv").write_text(log, encoding="utf-8")
    bench.run(b=old("v1", nom=None, nom_complet=given))
    assert bench.faults() == set()
    personal = rows(bench)["b"]["personal"]
    assert (personal["nom"], personal["remarques"]) == ("El Idrissi", "Omar")


def test_answers_are_joined_only_when_every_part_is_there(bench: Bench, source: Versioned) -> None:
    declare(
        bench,
        "changes:\n  - until: [v1]\n    merged:\n      telephone: {of: [indicatif, numero], with: '', optional: [indicatif]}\n"
        "      nom: [petit_nom, grand_nom]\n",
    )
    bench.run(
        a=old("v1", telephone=None, nom=None, indicatif="+212", numero="612345678", petit_nom="A", grand_nom="B"),
        b=old("v1", telephone=None, nom=None, numero="0612345678", grand_nom="B"),
    )
    assert bench.faults() == {("b", "", 0, "nom", "merge", "critical")}
    personal = rows(bench)["a"]["personal"]
    assert (personal["telephone"], personal["nom"]) == ("+212612345678", "A B")


@pytest.mark.parametrize(
    ("rule", "given", "read"),
    [
        ("{from: text, values: {une heure: '60'}}", "une heure", 60),
        ("{factor: 60}", "1.5", 90),
        ("{factor: 60}", "2", 120),
        ("{from: decimal}", "30.0", 30),
    ],
)
def test_an_answer_of_another_type_is_read_as_reviewed(
    rule: str, given: str, read: int, bench: Bench, source: Versioned
) -> None:
    declare(bench, f"changes:\n  - until: [v1]\n    retyped: {{duree: {rule}}}\n")
    bench.run(a=old("v1", duree=given, poids="5000"), b=old("v1", duree="longtemps"))
    assert rows(bench)["a"]["duree"] == read
    assert bench.faults() == {("b", "", 0, "duree", "type", "warning")}


def test_changes_follow_one_another_and_each_is_written_once(bench: Bench, source: Versioned) -> None:
    """tel → gsm → telephone: rows of the first version go through both changes, those of the second through one."""
    declare(
        bench,
        "changes:\n  - until: [v1]\n    renamed: {tel: gsm}\n    choices: {sexe: {f: Fe}}\n"
        "  - until: [v2]\n    renamed: {gsm: telephone}\n    choices: {sexe: {Fe: F}}\n",
    )
    build = bench.run(
        a=old("v1", telephone=None, tel="1", sexe="f"),
        b=old("v2", telephone=None, gsm="2", sexe="Fe"),
        c=old("v3", telephone="3"),
    )
    assert {key: (row["personal"]["telephone"], row["sexe"]) for key, row in rows(bench).items()} == {
        "a": ("1", "F"), "b": ("2", "F"), "c": ("3", "F"),
    }  # fmt: skip
    assert build.unknown == set()


def test_a_name_used_again_for_another_question_is_not_mistaken(bench: Bench, source: Versioned) -> None:
    """« remarques » was the phone number once."""
    declare(bench, "changes:\n  - until: [v1]\n    renamed: {remarques: telephone}\n")
    bench.run(a=old("v1", telephone=None, remarques="0612"), b=old("v2", remarques="vu"))
    found = {
        key: (row["personal"].get("telephone"), row["personal"].get("remarques")) for key, row in rows(bench).items()
    }
    assert found == {"a": ("0612", None), "b": ("0612345678", "vu")}


def test_repeats_and_what_is_in_them_are_renamed_too(bench: Bench, source: Versioned) -> None:
    survey = first_survey(membres={"name": "foyer"}, lien={"name": "parente"})
    source.contents = {"v1": kobo(survey, {**LISTS, "lien": ["enfant", "epoux"]})}
    declare(
        bench,
        "changes:\n  - until: [v1]\n    repeats: {foyer: membres}\n    renamed: {parente: lien}\n"
        "    choices: {membres/lien: {epoux: conjoint}}\n",
    )
    members = [{"foyer/prenom": "Aïcha", "foyer/parente": "epoux", "foyer/age": "40"}, {"foyer/parente": "enfant"}]
    build = bench.run(a={**old("v1"), "foyer": members}, b=old("v2", membres=[{"membres/lien": "enfant"}]))
    found = [(row["submission_id"], row["repeat_index"], row["lien"]) for row in bench.table("cleaned", "__membres")]
    assert found == [("a", 1, "conjoint"), ("a", 2, "enfant"), ("b", 1, "enfant")]
    assert build.unknown == set() and bench.faults() == set()


def test_what_was_removed_is_silent_and_what_nobody_reviewed_is_named(bench: Bench, source: Versioned) -> None:
    """A reviewed decision, a group and a repeat included; the answers stay sealed in raw."""
    group = [("begin_group", "g"), ("text", "vieux"), ("text", "autre"), ("end_group", "")]
    repeat = [("begin_repeat", "visiteurs"), ("text", "qui"), ("end_repeat", "")]
    survey = [*first_survey(), *({"type": kind, "name": name} for kind, name in [*group, *repeat])]
    source.contents = {"v1": kobo(survey, LISTS)}
    declare(bench, "changes:\n  - until: [v1]\n    removed: [vieux, visiteurs]\n")
    build = bench.run(a={**old("v1"), "g/vieux": "x", "g/autre": "y", "visiteurs": [{"visiteurs/qui": "z"}]})
    assert build.unknown == {"g/autre"}
    assert rows(bench)["a"]["personal"]["?"] == {"g/autre": "y"}


def test_a_version_that_nothing_describes_is_named_and_read_as_the_file_says(bench: Bench, source: Versioned) -> None:
    declare(bench, "unknown_as: v1\nchanges:\n  - until: [v1]\n    renamed: {tel: telephone}\n")
    build = bench.run(a=old("v0", telephone=None, tel="1"), b=old("v1", telephone=None, tel="2"))
    assert build.readings.unknown == {"v0"}
    assert [row["personal"]["telephone"] for row in rows(bench).values()] == ["1", "2"]


def test_an_unknown_version_stays_named_until_it_is_described(bench: Bench, source: Versioned) -> None:
    """The nights that follow look at other rows only; the assumption still stands behind the figures."""
    file = "changes:\n  - until: [{0}]\n    renamed: {{tel: telephone}}\n"
    declare(bench, file.format("v1"))
    source.rows = {"a": old("v0"), "b": old("v1")}
    bench.sync()
    bench.clean()
    assert unknown_versions(bench.warehouse, bench.form) == ["v0"]
    source.rows["c"] = old("v1")
    bench.sync()
    build = bench.clean()
    assert build is not None and not build.whole and build.readings.unknown == set()
    assert unknown_versions(bench.warehouse, bench.form) == ["v0"]
    declare(bench, file.format("v0, v1"))
    bench.clean()
    assert unknown_versions(bench.warehouse, bench.form) == []


def test_without_any_described_version_nothing_is_unknown(bench: Bench, source: Versioned) -> None:
    """An export says a version and cannot describe it: there is nothing to compare it with."""
    build = bench.run(a=old("v0"), b=visit())
    assert build.readings.unknown == set() and build.readings.known == {}


def test_a_version_deployed_again_without_a_difference_rebuilds_nothing(bench: Bench, source: Versioned) -> None:
    """A label corrected in the builder is a new version for Kobo."""
    bench.run(a=old("v1"))
    content = {
        "sheets": {
            name: [[line, cells] for line, cells in found] for name, found in bench.form.questionnaire.sheets.items()
        }
    }
    source.contents = {"v1": content, "v2": content}
    source.rows = {"a": old("v1"), "b": old("v2")}
    bench.sync()
    build = bench.clean()
    assert build is not None and not build.whole and build.readings.known == {}


def test_a_change_of_the_file_builds_the_form_anew(bench: Bench, source: Versioned) -> None:
    bench.run(a=old("v1", telephone=None, tel="1"))
    declare(bench, "changes:\n  - until: [v1]\n    renamed: {tel: telephone}\n")
    build = bench.clean()
    assert build is not None and build.whole and build.unknown == set()
    assert rows(bench)["a"]["personal"]["telephone"] == "1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("changes:\n  - renamed: {tel: telephone}\n", "ligne 2, clé « changes.0.until » : cette clé est obligatoire"),
        ("changes:\n  - until: [v1]\n    renamed: {tel: telefone}\n", "ligne 2 : la question « telefone » n'existe ni dans"),
        ("changes:\n  - until: [v1]\n    split: {a: {into: [nom, telephone]}}\n", "« on » (le texte qui sépare) ou « pattern »"),
        ("changes:\n  - until: [v1]\n    renamed: {a: nom, b: nom}\n", "« nom » viendrait de plusieurs endroits"),
        ("changes:\n  - until: [v1]\n    renamed: {a: nom}\n    removed: [a]\n", "« a » est à la fois retirée et reprise"),
        ("changes:\n  - until: [v1]\n  - until: [v1]\n", "la version « v1 » est nommée deux fois"),
        ("unknown_as: v9\nchanges:\n  - until: [v1]\n", "« unknown_as » nomme la version « v9 »"),
        ("changes:\n  - until: [v1]\n    repeats: {a: Membres}\n", "ligne 3 : la répétition « Membres » n'existe pas"),
        ("changes:\n  - until: [v1]\n    effaced: [a]\n", "ligne 3, clé « changes.0.effaced » : cette clé est inconnue"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_said_with_its_line(text: str, said: str, bench: Bench) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        declare(bench, text)
    assert "forms/visites.yaml" in str(refusal.value) and said in str(refusal.value)


def test_an_old_version_in_a_repeat_requires_what_it_required(bench: Bench, source: Versioned) -> None:
    """A row of a repeat has no version of its own: its submission's counts."""
    source.contents = {"v1": kobo(first_survey(lien={"required": False}), LISTS)}
    declare(bench)
    member = [{"membres/prenom": "Omar"}]
    bench.run(a=old("v1", membres=member), b=old("v2", membres=member))
    assert bench.faults() == {("b", "membres", 1, "lien", "required", "critical")}


def test_a_line_of_the_cleaning_log_counts_whichever_name_it_was_written_under(bench: Bench, source: Versioned) -> None:
    """The officer corrected `gsm` and the code `f` before the form changed; the line is not lost with the old names."""
    declare(bench, "changes:\n  - until: [v1]\n    renamed: {gsm: telephone}\n    choices: {sexe: {f: F, h: H}}\n")
    log = "submission_id,question,old_value,new_value\na,gsm,1,2\na,sexe,f,h\nb,telephone,1,3\nb,sexe,F,H\n"
    (bench.folder / "visites.corrections.csv").write_text(log, encoding="utf-8")
    row = old("v1", telephone=None, gsm="1", sexe="f")
    build = bench.run(a=row, b=row)
    assert [outcome.state for outcome in build.corrections] == ["applied"] * 4
    assert [(each["personal"]["telephone"], each["sexe"]) for each in rows(bench).values()] == [("2", "H"), ("3", "H")]


def test_the_audit_judges_each_row_by_what_its_version_asked(bench: Bench, source: Versioned) -> None:
    """A critical expectation that forgot this would keep the whole table from being published; rows of today still count."""
    from expectations.cleaned import suite_for
    from expectations.engine import judge
    from meal_pipelines.clean import stage

    survey = VISITES.replace("integer,duree,Durée,,", "integer,duree,Durée,yes,")
    declare(bench, survey=survey)
    content = kobo(first_survey(lien={"required": False}), {**LISTS, "sexe": ["F", "H", "NR"]})
    source.contents = {"v1": content}
    source.rows = {"a": old("v1", duree=None, sexe="NR", membres=[{"membres/prenom": "Omar"}]), "b": old("v2")}
    bench.sync()
    build = stage.prepare(
        bench.warehouse, bench.keyring, bench.project, bench.form, read_log(bench.folder / "none.csv")
    )
    assert build is not None and build.quarantined == 0
    url = bench.warehouse.url().render_as_string(hide_password=False)

    def failing(readings: Any) -> set[str]:
        found = set()
        for spec, table in zip(build.specs, bench.form.questionnaire.tables.values(), strict=True):
            suite = suite_for(bench.project.project, bench.form, table, spec, readings)
            results = judge(url, suite, staged=spec.staged, candidate=spec.staged)
            found |= {result.expectation.name for result in results if result.blocks}
        return found

    assert failing(build.readings) == set()
    assert failing(None) == {"duree_renseigne", "sexe_dans_la_liste", "lien_renseigne"}
    stage.discard(bench.warehouse, build)
