"""The template of a form: what it offers and controls, and that what is filled in comes back as it was meant."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import openpyxl
import pytest
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from meal_pipelines.clean.readings import Readings
from meal_pipelines.collect.template import write_template
from meal_pipelines.collect.template.rules import Bounds, bounds
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.deployed import content_of, deployed_questionnaire
from meal_pipelines.project.load import load_project, load_projects
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.project.questionnaire import MAIN
from meal_pipelines.settings import Settings
from tests.collect.workbook_cases import ARABIC_LABELS, LABELS, QUESTIONS, a_project, partner, refusal, rows

Language = Literal["fr", "ar"]
FIRST = 5
"""The first line to fill in."""


def made(project: LoadedProject, file: Path, language: Language = "fr") -> openpyxl.Workbook:
    write_template(project, project.forms["subventions"], file, language)
    return openpyxl.load_workbook(file)


def rules(sheet: Worksheet) -> dict[str, DataValidation]:
    """By the question of the column, as the hidden line of names says."""
    found = {}
    for rule in sheet.data_validations.dataValidation:
        [cells] = rule.sqref.ranges
        found[str(sheet.cell(4, cells.min_col).value)] = rule
        assert (cells.min_row, cells.max_row, cells.min_col) == (FIRST, 5004, cells.max_col)
    return found


def offered(book: openpyxl.Workbook, formula: str) -> list[str]:
    """What a plain list offers: the cells of the hidden sheet that its formula names."""
    name, _, cells = formula.partition("!")
    return [str(row[0].value) for row in book[name.strip("'")][cells.replace("$", "")]]


def test_a_template_has_both_languages_lists_and_a_stamp_and_hides_what_is_not_to_be_touched(tmp_path: Path) -> None:
    book = made(a_project(tmp_path), tmp_path / "modele.xlsx")
    assert book.sheetnames == ["Mode d'emploi", "Subventions", "_meal", "_listes"]
    assert [book[name].sheet_state for name in book.sheetnames] == ["visible", "visible", "veryHidden", "veryHidden"]
    sheet = book["Subventions"]
    asked = range(1, len(QUESTIONS) + 1)
    assert [sheet.cell(2, place).value for place in asked] == [
        LABELS[name] + (" *" if name == "code" else "") for name in QUESTIONS
    ]
    assert [sheet.cell(3, place).value for place in asked] == [
        ARABIC_LABELS[name] + (" *" if name == "code" else "") for name in QUESTIONS
    ]
    assert [sheet.cell(4, place).value for place in asked] == QUESTIONS and sheet.row_dimensions[4].hidden
    assert sheet.freeze_panes == "B5" and not sheet.sheet_view.rightToLeft
    note = sheet["A2"].comment
    assert note is not None and "Une ligne par contrat." in note.text


def test_cells_accept_what_the_questionnaire_accepts(tmp_path: Path) -> None:
    book = made(a_project(tmp_path), tmp_path / "modele.xlsx")
    sheet = book["Subventions"]
    found = rules(sheet)
    assert offered(book, found["region"].formula1) == ["Oriental", "Souss-Massa"]
    assert offered(book, found["femme"].formula1) == ["Oui", "Non"]
    assert (found["signee_le"].type, found["signee_le"].formula1, found["signee_le"].formula2) == (
        "date",
        "46082",
        "TODAY()",
    )
    assert (found["montant"].type, found["montant"].formula1) == ("custom", "AND(ISNUMBER(D5),D5>0,D5<=5000000)")
    assert (found["membres"].type, found["membres"].formula1) == ("whole", "1")
    assert (found["code"].type, found["code"].formula1) == ("custom", "COUNTIF($A$5:$A$5004,A5)=1")
    assert found["code"].error == "Cette valeur est déjà sur une autre ligne du classeur."
    assert (
        found["montant"].error == "Un montant positif."
        and found["montant"].prompt == "Un nombre. En dirhams. Un montant positif."
    )
    assert "séparés par des points-virgules" in str(found["besoins"].prompt) and found["besoins"].type in (None, "none")
    assert [sheet.column_dimensions[c].number_format for c in "ABCDE"] == ["@", "@", "dd/mm/yyyy", "#,##0.##", "0"]
    assert all(
        len(r.promptTitle or "") <= 32 and len(r.prompt or "") <= 255 and len(r.error or "") <= 225
        for r in found.values()
    )


def test_a_cascade_offers_the_choices_of_the_answer_beside(tmp_path: Path) -> None:
    """« Centre » is a province of both regions: under each of them, once."""
    book = made(a_project(tmp_path), tmp_path / "modele.xlsx")
    formula = rules(book["Subventions"])["province"].formula1
    beside = [[cell.value for cell in column] for column in book["_listes"].columns]
    [pairs] = [list(zip(a, b, strict=True)) for a, b in pairwise(beside) if "Berkane" in b]
    assert [pair for pair in pairs if pair[0]] == [
        ("Oriental", "Oujda-Angad"), ("Oriental", "Berkane"), ("Oriental", "Centre"), ("Souss-Massa", "Centre"),
    ]  # fmt: skip
    assert formula.startswith("OFFSET('_listes'!$") and "MATCH($F5," in formula


def test_a_template_in_arabic_is_read_from_right_to_left(tmp_path: Path) -> None:
    book = made(a_project(tmp_path), tmp_path / "modele.xlsx", "ar")
    sheet = book["Subventions"]
    assert sheet.sheet_view.rightToLeft and book["طريقة الاستعمال"].sheet_view.rightToLeft
    assert sheet["B2"].value == ARABIC_LABELS["osc"] and sheet["B3"].value == LABELS["osc"]
    assert offered(book, rules(sheet)["region"].formula1) == ["الشرق", "سوس-ماسة"]


FILLED = {
    "code": "S-01", "osc": "Oujda Azur", "signee_le": "12/05/2026", "montant": 125000.5, "membres": 12, "besoins": "Santé ; Papiers",
    "heure": "14:30",
}  # fmt: skip
MEANT = {
    "code": "S-01", "osc": "Oujda Azur", "signee_le": "2026-05-12", "montant": "125000.5", "membres": "12", "besoins": "sante papiers",
    "heure": "14:30:00", "region": "09", "province": "09.900", "femme": "oui",
}  # fmt: skip


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_what_is_chosen_in_the_lists_comes_back_as_codes(language: Language, tmp_path: Path) -> None:
    """Filled in as a partner does, with the labels that the lists offer."""
    project = a_project(tmp_path)
    file = tmp_path / "boite" / "subventions.xlsx"
    book = made(project, file, language)
    sheet = book["Subventions"]
    chosen = {
        "region": offered(book, rules(sheet)["region"].formula1)[1],
        "province": {"fr": "Centre", "ar": "المركز"}[language],
        "femme": offered(book, rules(sheet)["femme"].formula1)[0],
    }
    for place in range(1, len(QUESTIONS) + 1):
        sheet.cell(FIRST, place).value = {**FILLED, **chosen}.get(str(sheet.cell(4, place).value))
    book.save(file)
    source = partner(project.forms["subventions"], tmp_path)
    assert rows(source) == {"S-01": MEANT}
    [receipt] = source.receipts
    assert receipt.notes == [] and receipt.warnings == []


def test_the_version_of_a_template_comes_back_with_its_rows(tmp_path: Path) -> None:
    """Even when the questionnaire has changed since; the receipt says so."""
    project = a_project(tmp_path)
    file = tmp_path / "boite" / "subventions.xlsx"
    book = made(project, file)
    version = str(book["_meal"]["B3"].value)
    book["Subventions"]["A5"] = "S-01"
    book.save(file)
    survey = tmp_path / "subventions.csv"
    survey.write_text(survey.read_text(encoding="utf-8").replace("Observations", "Remarques"), encoding="utf-8")
    source = partner(load_project(tmp_path, {}).forms["subventions"], tmp_path)
    [page, _] = source.sweep()
    assert page.submissions[0].form_version == version and len(version) == 12
    assert f"modèle de la version {version}, le questionnaire est à la version" in source.receipts[0].told


def test_the_workbook_of_another_form_is_refused(tmp_path: Path) -> None:
    project = a_project(tmp_path)
    file = tmp_path / "boite" / "subventions.xlsx"
    book = made(project, file)
    book["Subventions"]["A5"] = "Secret"
    book["_meal"]["B2"] = "candidats"
    book.save(file)
    said = refusal(partner(project.forms["subventions"], tmp_path))
    assert "ce classeur est fait pour le formulaire « candidats » du projet « essai »" in said and "Secret" not in said


def test_members_have_a_sheet_of_their_own(tmp_path: Path) -> None:
    project = a_project(tmp_path, repeats={"membre": {"sheet": "Membres", "parent": "Contrat"}})
    file = tmp_path / "boite" / "subventions.xlsx"
    book = made(project, file)
    members, contracts = book["Membres"], book["Subventions"]
    assert [members.cell(2, place).value for place in (1, 2, 3)] == ["Numéro du contrat *", "Nom", "Âge"]
    assert "code" not in rules(members) or rules(members)["code"].type != "custom"
    contracts["A5"] = "S-01"
    for line, (name, age) in enumerate((("Amal", 30), ("Idir", 41)), start=FIRST):
        for place, value in enumerate(("S-01", name, age), start=1):
            members.cell(line, place).value = value
    book.save(file)
    assert rows(partner(project.forms["subventions"], tmp_path)) == {
        "S-01": {"code": "S-01", "membre": [{"nom": "Amal", "age": "30"}, {"nom": "Idir", "age": "41"}]}
    }


def test_a_file_that_is_there_already_is_never_written_over(tmp_path: Path) -> None:
    """It may have been filled in."""
    project = a_project(tmp_path)
    made(project, tmp_path / "modele.xlsx")
    before = (tmp_path / "modele.xlsx").read_bytes()
    with pytest.raises(ConfigurationError, match="existe déjà, et pourrait avoir été rempli"):
        made(project, tmp_path / "modele.xlsx")
    assert (tmp_path / "modele.xlsx").read_bytes() == before


def test_a_form_that_is_not_received_in_workbooks_has_no_template(tmp_path: Path) -> None:
    projects = load_projects(Settings.load(environ={"MEAL_HOME": str(tmp_path)}))
    with pytest.raises(ConfigurationError, match="« parcours » n'est pas reçu en classeurs"):
        write_template(projects["thamm_plus"], projects["thamm_plus"].forms["parcours"], tmp_path / "x.xlsx")


@pytest.mark.parametrize(("project", "form"), [("prim2", "subventions"), ("thamm_plus", "candidats")])
def test_the_registers_of_both_projects_have_a_template_that_can_be_read(
    project: str, form: str, tmp_path: Path
) -> None:
    """Every label is told from the others, in both languages; asterisks that make words bold on a phone are nowhere."""
    loaded = load_projects(Settings.load(environ={"MEAL_HOME": str(tmp_path)}))[project]
    sheet = str(loaded.forms[form].form.source.sheet)
    for language in ("fr", "ar"):
        file = tmp_path / language / "boite" / f"{form}.xlsx"
        write_template(loaded, loaded.forms[form], file, language)
        book = openpyxl.load_workbook(file)
        [key] = loaded.forms[form].form.source.key
        for cell in (cell for sheet_of in book for row in sheet_of.iter_rows() for cell in row):
            assert "**" not in f"{cell.value}{cell.comment.text if cell.comment else ''}", cell.coordinate
        for place in range(1, book[sheet].max_column + 1):
            if book[sheet].cell(4, place).value == key:
                book[sheet].cell(FIRST, place).value = "ANA-2026-00042"
        book.save(file)
        assert rows(partner(loaded.forms[form], tmp_path / language)) == {"ANA-2026-00042": {key: "ANA-2026-00042"}}


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        (". >= 5 and . <= 480", Bounds("5", False, "480", False)),
        (".>0 and .<20", Bounds("0", True, "20", True)),
        (". <= today() and . >= date('2026-03-01')", Bounds("46082", False, "TODAY()", False)),
        (". >= -3.5", Bounds("-3.5", False)),
        (". >= 5 or . = -999", Bounds()),
        ("not(. >= 5)", Bounds()),
        (". > ${date_signature}", Bounds()),
        (". >= 5 and regex(., '^[0-9]+$')", Bounds("5", False)),
        ("", Bounds()),
    ],
)
def test_the_bounds_of_a_constraint_are_carried_over_and_nothing_more(constraint: str, expected: Bounds) -> None:
    """A spreadsheet must never refuse an answer that the questionnaire accepts."""
    assert bounds(constraint) == expected


def test_the_command_writes_a_template_under_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from meal_pipelines.cli import app

    monkeypatch.setenv("MEAL_OUT", str(tmp_path))
    monkeypatch.setenv("MEAL_HOME", str(tmp_path / "home"))
    for arguments in ([], ["--language", "ar"]):
        ran: Any = CliRunner().invoke(app, ["forms", "template", "subventions", "-p", "prim2", *arguments])
        assert ran.exit_code == 0, ran.output
    names = sorted(path.name for path in (tmp_path / "prim2" / "modeles").iterdir())
    assert [name.partition("_")[0] for name in names] == ["subventions"] * 2 and names[1].endswith("_ar.xlsx")
    assert CliRunner().invoke(app, ["forms", "template", "inconnu", "-p", "prim2"]).exit_code == 2


def test_a_template_of_before_is_read_with_what_it_asked(tmp_path: Path) -> None:
    """A column renamed since is found under its old name, one required since is not missed, and today's template still asks it."""
    project = a_project(tmp_path)
    before = project.forms["subventions"]
    file = tmp_path / "boite" / "subventions.xlsx"
    book = made(project, file)
    filled = {**FILLED, "remarques": "Payé en deux fois"}
    for place in range(1, len(QUESTIONS) + 1):
        book["Subventions"].cell(FIRST, place).value = filled.get(str(book["Subventions"].cell(4, place).value))
    book.save(file)
    survey = tmp_path / "subventions.csv"
    header = survey.read_text(encoding="utf-8").splitlines()[0].split(",")
    added = {"type": "text", "name": "convention", header[2]: "Convention", "required": "yes"}
    text = survey.read_text(encoding="utf-8").replace(",remarques,", ",commentaires,")
    survey.write_text(text + ",".join(added.get(name, "") for name in header) + "\n", encoding="utf-8")
    declared = (tmp_path / "project.yaml").read_text(encoding="utf-8").replace("remarques", "commentaires")
    (tmp_path / "project.yaml").write_text(declared, encoding="utf-8")
    (tmp_path / "forms").mkdir()
    change = f"changes:\n  - until: [{before.own_version}]\n    renamed: {{remarques: commentaires}}\n"
    (tmp_path / "forms" / "subventions.yaml").write_text(change, encoding="utf-8")
    today = load_project(tmp_path, {}).forms["subventions"]
    source = partner(today, tmp_path)
    [page, _] = source.sweep()
    [submission] = page.submissions
    assert submission.form_version == before.own_version and "commentaires" not in source.receipts[0].told
    readings = Readings(today, {before.own_version: content_of(before.questionnaire)})
    reading = readings.of(submission.form_version)
    assert reading is not None
    table = reading.extract([submission.payload])[MAIN]
    assert table.answers["commentaires"].rows() == [filled["remarques"]] and table.unknown == set()
    required = {question.name: question.required for question in reading.form.questionnaire.main.questions}
    asked_today = today.questionnaire.main.question("convention")
    assert required["convention"] == "" and asked_today is not None and asked_today.required == "yes"
    [kept] = source.form_versions()
    read = deployed_questionnaire(kept.form_version, kept.content)
    assert kept.form_version == today.own_version and read is not None
    assert read.tables == today.questionnaire.tables
