"""One partner workbook: what people do to a spreadsheet, and what is understood of it, or refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from meal_pipelines.collect.workbook import PartnerWorkbooks
from tests.collect.workbook_cases import ARABIC_LABELS, LABELS, Lines, a_form, partner, payloads, refusal, rows, xlsx

WHOLE = ["Numéro du contrat", "Organisation bénéficiaire", "Date de signature", "Montant (MAD)"]


def read(tmp_path: Path, lines: Lines, **source: Any) -> dict[str, dict[str, Any]]:
    """The submissions of a workbook with these lines."""
    form = a_form(tmp_path, **source)
    xlsx(tmp_path / "boite" / "subventions.xlsx", lines)
    return rows(partner(form, tmp_path))


def refused(tmp_path: Path, lines: Lines, **source: Any) -> str:
    form = a_form(tmp_path, **source)
    xlsx(tmp_path / "boite" / "subventions.xlsx", lines)
    return refusal(partner(form, tmp_path))


def noted(tmp_path: Path, lines: Lines) -> str:
    """The receipt of a workbook with these lines."""
    form = a_form(tmp_path)
    xlsx(tmp_path / "boite" / "subventions.xlsx", lines)
    source = partner(form, tmp_path)
    rows(source)
    [receipt] = source.receipts
    return receipt.told


# The header ---------------------------------------------------------------------------------------------------


def test_headers_are_names_or_labels_however_they_are_written(tmp_path: Path) -> None:
    """Partners type the labels they see, add a star, forget an accent, change the order; a column of their own is kept."""
    header = ["  organisation  BENEFICIAIRE *", "رَقْم العقد", "signee_le", "Remarque interne", "montant mad :"]
    found = read(tmp_path, [header, ["Oujda Azur", "S-01", dt.datetime(2026, 5, 4), "à revoir", 125000.0]])
    assert found == {
        "S-01": {
            "code": "S-01", "osc": "Oujda Azur", "signee_le": "2026-05-04", "montant": "125000",
            "Remarque interne": "à revoir",
        }
    }  # fmt: skip


def test_one_cell_may_hold_both_languages(tmp_path: Path) -> None:
    header = ["Numéro du contrat / رقم العقد", "الجمعية المستفيدة\nOrganisation bénéficiaire", "Région | ville"]
    assert read(tmp_path, [header, ["S-01", "Azur", "Fès"]]) == {
        "S-01": {"code": "S-01", "osc": "Azur", "Région | ville": "Fès"}
    }


def test_an_older_wording_is_known_once_project_yaml_says_it(tmp_path: Path) -> None:
    """A label that was changed is not guessed: without its declaration the column is unknown, and kept."""
    lines = [["code", "Montant signé"], ["S-01", 5]]
    assert read(tmp_path, lines) == {"S-01": {"code": "S-01", "Montant signé": "5"}}
    for headers in ({"montant": "Montant signé"}, {"montant": ["Somme", "MONTANT SIGNE"]}):
        assert read(tmp_path, lines, headers=headers) == {"S-01": {"code": "S-01", "montant": "5"}}


def test_the_header_is_found_under_titles_and_repeated_in_other_languages(tmp_path: Path) -> None:
    """As in our own template: a title, French labels, Arabic labels, names; and again at the top of each printed page."""
    names = ["code", "osc", "montant"]
    lines = [
        ["Registre des subventions", None, None], [None, None, None], ["Région", "Oriental", None],
        [f"{LABELS[name]} *" for name in names], [ARABIC_LABELS[name] for name in names], names,
        ["S-01", "A", 1], [LABELS[name] for name in names], ["S-02", "B", 2],
    ]  # fmt: skip
    assert list(read(tmp_path, lines)) == ["S-01", "S-02"]
    assert "en-têtes répétés laissés (ligne 8)" in noted(tmp_path, lines)


def test_a_column_without_header_and_two_columns_of_the_same_name_are_kept_apart(tmp_path: Path) -> None:
    """Nothing is lost, and no server key is imitated."""
    found = read(tmp_path, [["code", "Note", "Note", None, "$original", "_id"], ["S-01", "a", "b", "c", "d", "e"]])
    assert found == {
        "S-01": {"code": "S-01", "Note": "a", "Note (2)": "b", "colonne D": "c", "original": "d", "id": "e"}
    }
    told = noted(tmp_path, [["code", "Note", "Autre"], ["S-01", "a", None]])
    assert "colonnes inconnues du questionnaire, gardées scellées : B." in told and "Note" not in told


def test_two_columns_for_one_question_are_refused_by_their_names(tmp_path: Path) -> None:
    said = refused(tmp_path, [["code", "Montant (MAD)", "Notes", "montant"], ["S-01", 1, None, 2]])
    assert "deux colonnes répondent à la même question (montant)" in said
    assert "« Montant (MAD) » (colonne B) et « montant » (colonne D)" in said and "subventions.xlsx" in said


def test_one_column_for_two_questions_is_refused_by_its_name(tmp_path: Path) -> None:
    lines = [["code", "Nom de l'organisme"], ["S-01", "Secret"]]
    said = refused(tmp_path, lines, headers={"osc": "Nom de l'organisme", "remarques": "nom de l’organisme"})
    assert "l'en-tête « Nom de l'organisme » (colonne B) peut désigner plusieurs questions : osc, remarques" in said
    assert "Secret" not in said


def test_a_required_column_that_is_missing_is_refused_with_what_to_write(tmp_path: Path) -> None:
    """The header that resembles it is pointed at, never quoted (it may name somebody) and never taken for it."""
    said = refused(tmp_path, [["N° du contrat", *WHOLE[1:]], ["S-01", "Secret", None, None]])
    assert said == (
        "subventions.xlsx, feuille « Subventions », ligne 1 : la colonne « Numéro du contrat » (code), qui identifie les "
        "lignes, manque ; l'en-tête de la colonne A lui ressemble. Écrivez cet en-tête comme dans le modèle, ou déclarez l'ancien "
        "intitulé sous « headers: » dans project.yaml. Rien n'a été lu de ce fichier."
    )


def test_a_sheet_without_header_is_refused_and_none_of_its_cells_is_quoted(tmp_path: Path) -> None:
    """Its first line is one of data: names of people, perhaps."""
    for lines in ([["S-01", "Secret"], ["S-02", "Secret"]], [["Secret", "Oriental", "Observations"]], [[]]):
        said = refused(tmp_path, lines)
        assert "Secret" not in said and "S-01" not in said
        assert "aucune ligne d'en-têtes" in said or "la colonne « Numéro du contrat » (code)" in said


# Lines --------------------------------------------------------------------------------------------------------


def test_empty_lines_and_cells_say_nothing(tmp_path: Path) -> None:
    lines = [["code", "osc"], ["S-01", None], [None, None], [" ", "\u200f"], ["S-02", "B\u00a0"]]
    assert read(tmp_path, lines) == {"S-01": {"code": "S-01"}, "S-02": {"code": "S-02", "osc": "B"}}


@pytest.mark.parametrize(
    "total",
    [["TOTAL", None, 3], [None, "Total général :", 3], [None, "Sous-total Oriental", 3], [None, "المجموع", 3], ["الإجمالي", None, 3],
     ["Totaux", "2 OSC", 3], [None, None, None, "TOTAL au 30/06"]],
)  # fmt: skip
def test_a_line_of_totals_is_left_and_told(total: list[Any], tmp_path: Path) -> None:
    lines = [["code", "osc", "montant", "remarques"], ["S-01", "A", 1], ["S-02", "B", 2], total]
    assert list(read(tmp_path, lines)) == ["S-01", "S-02"]
    assert "1 ligne de total laissée (ligne 4)" in noted(tmp_path, lines)


def test_a_row_that_speaks_of_a_total_is_still_a_row(tmp_path: Path) -> None:
    """An organisation may be called so; a total has no key, or is called nothing else."""
    lines = [["osc", "code"], ["Total Énergies Solidaires", "S-01"], ["Total", "S-02"]]
    assert list(read(tmp_path, lines)) == ["S-01", "S-02"]
    said = refused(
        tmp_path, [["osc", "code", "remarques"], ["A", "S-01", None], ["Total Énergies Solidaires", None, "à Oujda"]]
    )
    assert "ligne 3 : rien sous « Numéro du contrat »" in said


def test_a_line_that_nobody_can_place_refuses_the_file_by_its_number(tmp_path: Path) -> None:
    """A remark at the bottom, or a row whose number was forgotten: which of the two, only the partner knows."""
    lines = [
        ["code", "osc"],
        ["S-01", "A"],
        [None, "Secret"],
        ["S-02", "B"],
        [None, "Source : secret"],
        ["arrêté", None],
    ]
    said = refused(tmp_path, lines)
    assert "feuille « Subventions », lignes 3 et 5 : rien sous « Numéro du contrat », qui identifie les lignes" in said
    assert "ecret" not in said and "Rien n'a été lu de ce fichier" in said


def test_a_key_of_several_questions_names_a_row(tmp_path: Path) -> None:
    lines = [["code", "osc"], ["S-01", "A"], ["S-01", "B"]]
    assert list(read(tmp_path, lines, key=["code", "osc"])) == ["S-01/A", "S-01/B"]


def test_the_figures_of_a_key_are_the_same_in_every_script(tmp_path: Path) -> None:
    """Typed on an Arabic or a Persian keyboard, or taken for a number by the spreadsheet, it is the same contract."""
    for key in ("١٠٤٢", "۱۰۴۲", 1042, 1042.0, "\u200f1042 "):
        assert list(read(tmp_path, [["code"], [key]])) == ["1042"]


def test_one_key_with_two_answers_refuses_the_file_by_its_lines(tmp_path: Path) -> None:
    """Which one is right, nobody could say; the same line twice does no harm."""
    lines = [["code", "osc", "montant"], ["S-01", "A", 5], ["S-01", "A", "5"], ["S-02", "B", 1], ["S-02", "Secret", 1]]
    assert list(read(tmp_path, lines[:4])) == ["S-01", "S-02"]
    assert "lignes en double, identiques, lues une fois (ligne 3)" in noted(tmp_path, lines[:4])
    said = refused(tmp_path, lines)
    assert "la même valeur sous « Numéro du contrat » et des réponses différentes (lignes 4 et 5)" in said
    assert "Secret" not in said and "S-02" not in said


def test_the_day_of_sending_is_a_question_of_the_workbook(tmp_path: Path) -> None:
    """At noon, so that no time zone moves it to another day; a text that is no date is no day."""
    form = a_form(tmp_path)
    xlsx(tmp_path / "boite" / "subventions.xlsx", [["code", "signee_le"], ["S-01", "31/12/2026"], ["S-02", "bientôt"]])
    [page, _] = partner(form, tmp_path).sweep()
    assert [s.submitted_at for s in page.submissions] == ["2026-12-31T12:00:00+00:00", None]


def test_a_row_remembers_its_file_and_its_line_and_hides_its_answers(tmp_path: Path) -> None:
    form = a_form(tmp_path)
    xlsx(tmp_path / "boite" / "subventions.xlsx", [["code", "osc"], [None, None], ["S-01", "Secret"]])
    [page, _] = partner(form, tmp_path, conceal=lambda key: f"h{len(key)}").sweep()
    [submission] = page.submissions
    assert (submission.submission_id, submission.instance_id) == ("h4", "subventions.xlsx#3")
    assert "Secret" not in repr(submission) and "S-01" not in repr(submission)


def test_what_was_typed_is_kept_beside_what_is_understood(tmp_path: Path) -> None:
    """Raw loses nothing: a label turned into its code, a number of days turned into a date, can be looked up."""
    form = a_form(tmp_path)
    header = ["code", "region", "signee_le", "montant", "remarques"]
    xlsx(tmp_path / "boite" / "subventions.xlsx", [header, ["S-01", "oriental", 46150, "1 250,5", "12/3"]])
    found = dict(payloads(partner(form, tmp_path)))
    assert found["S-01"] == {
        "code": "S-01", "region": "02", "signee_le": "2026-05-08", "montant": "1250.5", "remarques": "12/3",
        "$original": {"region": "oriental", "signee_le": "46150", "montant": "1 250,5"},
    }  # fmt: skip


# Repeats ------------------------------------------------------------------------------------------------------

CONTRACTS: Lines = [["code"], ["S-01"], ["S-02"]]


def with_members(tmp_path: Path, members: Lines) -> PartnerWorkbooks:
    form = a_form(tmp_path, repeats={"membre": {"sheet": "Membres", "parent": "Contrat"}})
    xlsx(tmp_path / "boite" / "subventions.xlsx", CONTRACTS, Membres=members)
    return partner(form, tmp_path)


@pytest.mark.parametrize("parent", ["Contrat", "code", "numero du contrat *"])
def test_a_sheet_of_members_is_joined_to_its_contracts(parent: str, tmp_path: Path) -> None:
    """By the header that project.yaml gives, or as the contract's own number is called."""
    found = rows(with_members(tmp_path, [["Nom", parent, "Âge"], ["Amal", "S-02", "٣٠"], ["Idir", "S-02", 41.0]]))
    assert found["S-02"]["membre"] == [
        {"nom": "Amal", "age": "30", "$original": {"age": "٣٠"}},
        {"nom": "Idir", "age": "41"},
    ]
    assert "membre" not in found["S-01"]


def test_a_member_of_no_contract_refuses_the_file_by_its_line(tmp_path: Path) -> None:
    said = refusal(with_members(tmp_path, [["nom", "code"], ["Amal", "S-01"], ["Secret", "S-09"]]))
    assert "feuille « Membres », ligne 3 : aucune ligne de la feuille « Subventions » n'a cette clé" in said
    assert "Secret" not in said and "S-09" not in said
