"""The questionnaire as its XLSForm says it, and what is said of a file that is not one."""

from __future__ import annotations

from pathlib import Path

import pytest

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.questionnaire import MAIN
from meal_pipelines.project.xlsform import read_questionnaire
from tests.project.xlsforms import CHOICES, SURVEY, form, workbook


def test_groups_give_paths_and_pass_on_their_relevance(tmp_path: Path) -> None:
    """Kobo sends `identite/nom`; a question inside a hidden group is hidden, whatever its own line says."""
    header = ["type", "name", "label", "relevant"]
    lines = [
        ["begin group", "identite", "Identité", "${accord} = 'oui'"],
        ["begin_group", "adresse", "Adresse", "${a} = 1"],
        ["text", "rue", "Rue", "${b} = 2"],
        ["end_group"],
        ["text", "nom", "Nom", ""],
        ["end group"],
        ["text", "fin", "Fin", ""],
    ]
    read = read_questionnaire(workbook(tmp_path / "f.xlsx", survey=[header, *lines]))
    rue, nom, fin = read.main.questions
    assert (rue.path, nom.path, fin.path) == ("identite/adresse/rue", "identite/nom", "fin")
    assert rue.relevant == ("${accord} = 'oui'", "${a} = 1", "${b} = 2")
    assert (nom.relevant, fin.relevant) == (("${accord} = 'oui'",), ())


def test_repeats_are_tables_and_know_the_one_around_them(tmp_path: Path) -> None:
    """A repeat inside a repeat is a table of its own; the relevance around a repeat decides whether its rows exist."""
    read = read_questionnaire(
        form(
            tmp_path / "f.xlsx",
            ["begin_repeat", "Menage", "Ménage"],
            ["begin_repeat", "membre", "Membre"],
            ["text", "nom", "Nom"],
            ["end_repeat"],
            ["integer", "taille", "Taille"],
            ["end_repeat"],
            ["text", "nom", "Nom de l'enquêteur·rice"],
        )
    )
    assert list(read.tables) == [MAIN, "menage", "membre"]
    assert read.tables["membre"].parent == "menage" and read.tables["menage"].parent == MAIN
    assert read.tables["membre"].path == "Menage/membre"
    assert read.tables["membre"].questions[0].path == "Menage/membre/nom"
    assert set(read.scope("membre")) == {"nom", "taille"}
    assert read.scope("membre")["nom"].table == "membre", "the nearest question of that name is meant"


def test_a_name_asked_twice_gets_a_column_of_its_own(tmp_path: Path) -> None:
    """XLSForm allows one name in two groups; a table does not allow two columns of one name."""
    lines = [["begin_group", "a"], ["text", "nom"], ["end_group"], ["begin_group", "b"], ["text", "nom"], ["end_group"]]
    read = read_questionnaire(form(tmp_path / "f.xlsx", *lines))
    assert [question.column for question in read.main.questions] == ["nom", "q_nom"]
    assert [question.path for question in read.main.questions] == ["a/nom", "b/nom"]


def test_a_question_never_takes_a_column_of_the_warehouse(tmp_path: Path) -> None:
    """« version » and « person_id » are ours; published questionnaires use both."""
    read = read_questionnaire(form(tmp_path / "f.xlsx", ["text", "version"], ["text", "Person_ID"]))
    assert [question.column for question in read.main.questions] == ["q_version", "q_person_id"]


def test_long_names_stay_apart_within_what_postgresql_can_hold(tmp_path: Path) -> None:
    """PostgreSQL cuts an identifier at 63 bytes without a word: two questions would become one column."""
    names = [f"{'q' * 70}_{number}" for number in range(2)]
    read = read_questionnaire(form(tmp_path / "f.xlsx", *(["text", name] for name in names)))
    columns = [question.column for question in read.main.questions]
    assert len(set(columns)) == 2 and all(len(column.encode()) <= 63 for column in columns)


def test_types_are_read_under_all_their_spellings(tmp_path: Path) -> None:
    kinds = ["select one sexe", "select_multiple sexe", "int", "gps", "photo", "datetime", "note", "start"]
    read = read_questionnaire(form(tmp_path / "f.xlsx", *([kind, f"q{n}"] for n, kind in enumerate(kinds))))
    types = [question.type for question in read.main.questions]
    assert types == ["select_one", "select_multiple", "integer", "geopoint", "image", "dateTime", "start"]
    assert read.main.questions[0].list_name == "sexe"


def test_labels_are_read_in_every_language_and_shown_in_french(tmp_path: Path) -> None:
    read = read_questionnaire(form(tmp_path / "f.xlsx", ["text", "nom", "Nom", "الاسم"]))
    [question] = read.main.questions
    assert question.labels == {"Français (fr)": "Nom", "العربية (ar)": "الاسم"} and question.label == "Nom"


def test_what_the_device_notes_by_itself_is_said_in_words(tmp_path: Path) -> None:
    """XLSForm gives these questions no label, and « today » tells an analyst nothing of whose day it is."""
    [begun] = read_questionnaire(form(tmp_path / "f.xlsx", ["start", "start", ""])).main.questions
    assert begun.label == "Moment où le remplissage a commencé, selon l'appareil"


def test_other_is_a_choice_where_the_form_offers_it(tmp_path: Path) -> None:
    """`or_other` adds the code « other » to the list at deployment: it is not out of the list."""
    read = read_questionnaire(form(tmp_path / "f.xlsx", ["select_one sexe or_other", "sexe"]))
    assert [choice.name for choice in read.choices["sexe"]] == ["F", "H", "other"]


def test_further_columns_of_a_choice_are_kept_for_cascades(tmp_path: Path) -> None:
    choices = [["list_name", "name", "label", "region"], ["province", "02.411", "Oujda", "02"]]
    read = read_questionnaire(form(tmp_path / "f.xlsx", ["select_one province", "province"], choices=choices))
    assert read.choices["province"][0].attributes == {"region": "02"}


def test_numbers_in_cells_are_codes_and_not_decimals(tmp_path: Path) -> None:
    """Excel holds the code 1 as 1.0; submissions say « 1 »."""
    choices = [["list_name", "name", "label"], ["note", 1, "Un"], ["note", 2, "Deux"]]
    read = read_questionnaire(form(tmp_path / "f.xlsx", ["select_one note", "note"], choices=choices))  # type: ignore[arg-type]
    assert [choice.name for choice in read.choices["note"]] == ["1", "2"]


def test_a_list_that_is_missing_is_told_and_stops_nothing(tmp_path: Path) -> None:
    read = read_questionnaire(form(tmp_path / "f.xlsx", ["select_one inconnue", "q"]))
    assert read.main.questions[0].list_name is None
    assert read.warnings == (
        "f.xlsx, feuille « survey », ligne 2 : la liste de choix « inconnue » n'est pas dans la feuille « choices » ; "
        "les réponses à « q » ne sont comparées à aucune liste.",
    )


def test_a_pair_of_csv_files_reads_as_the_workbook_of_the_same_lines(tmp_path: Path) -> None:
    """Published surveys come as two CSV files; Excel writes a BOM at the head of each."""
    lines = [*SURVEY, ["select_one sexe", "sexe", "Sexe", "الجنس"]]
    for name, sheet in (("survey.csv", lines), ("choices.csv", CHOICES)):
        (tmp_path / name).write_text("\n".join(",".join(line) for line in sheet), encoding="utf-8-sig")
    pair = read_questionnaire(tmp_path / "survey.csv", tmp_path / "choices.csv")
    book = read_questionnaire(workbook(tmp_path / "f.xlsx", survey=lines, choices=CHOICES))
    assert (pair.tables, pair.choices) == (book.tables, book.choices)


def test_the_fingerprint_follows_what_is_read_and_nothing_else(tmp_path: Path) -> None:
    """A workbook saved again is another file; only another question, label or rule is another questionnaire."""
    first = read_questionnaire(form(tmp_path / "a.xlsx", ["text", "nom", "Nom"])).fingerprint
    assert read_questionnaire(form(tmp_path / "b.xlsx", ["text", "nom", "Nom"])).fingerprint == first
    assert read_questionnaire(form(tmp_path / "c.xlsx", ["text", "nom", "Le nom"])).fingerprint != first


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([["text", "a"], ["chiffre", "b"]], "ligne 3 : le type « chiffre » n'existe pas"),
        ([["text", ""]], "ligne 2 : une question « text » n'a pas de nom"),
        ([["begin_group", "g"], ["text", "a"]], "ligne 2 : « g » commence et ne finit jamais"),
        ([["text", "a"], ["end_repeat"]], "ligne 3 : « end_repeat » ne ferme rien qui soit ouvert"),
        ([["begin_repeat", "r"], ["end_group"]], "ligne 3 : « end_group » ne ferme rien qui soit ouvert"),
        (
            [["begin_repeat", "r"], ["end_repeat"], ["begin_repeat", "R"], ["end_repeat"]],
            "ligne 4 : deux répétitions s'appellent « R »",
        ),
    ],
)
def test_a_mistake_is_said_once_with_its_sheet_and_line(lines: list[list[str]], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        read_questionnaire(form(tmp_path / "visites.xlsx", *lines))
    assert str(refusal.value) == f"visites.xlsx, feuille « survey », {said}. Corrigez le questionnaire, puis relancez."


def test_the_line_is_the_one_that_excel_shows(tmp_path: Path) -> None:
    """Empty lines between modules count."""
    with pytest.raises(ConfigurationError, match="ligne 5"):
        read_questionnaire(form(tmp_path / "f.xlsx", ["text", "a"], [], [], ["chiffre", "b"]))


def test_a_name_asked_three_times_in_one_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="« nom » est posée plus d'une fois"):
        read_questionnaire(form(tmp_path / "f.xlsx", *[["text", "nom"]] * 3))


def test_a_workbook_without_a_survey_sheet_is_not_an_xlsform(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="la feuille « survey » manque"):
        read_questionnaire(workbook(tmp_path / "f.xlsx", Feuil1=SURVEY))


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """A renamed Word document, a missing file, a CSV saved by Excel in its own encoding."""
    (tmp_path / "word.xlsx").write_bytes(b"\xd0\xcf\x11\xe0 ceci n'est pas un classeur")
    (tmp_path / "latin.csv").write_bytes("type,name,label\ntext,nom,Prénom\n".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"word\.xlsx n'est pas un classeur lisible"):
        read_questionnaire(tmp_path / "word.xlsx")
    with pytest.raises(ConfigurationError, match=r"Questionnaire introuvable : .*absent\.xlsx"):
        read_questionnaire(tmp_path / "absent.xlsx")
    with pytest.raises(ConfigurationError, match=r"latin\.csv\. Il faut un CSV en UTF-8"):
        read_questionnaire(tmp_path / "latin.csv", tmp_path / "latin.csv")
