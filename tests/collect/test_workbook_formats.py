"""The same register in every format that partners send: XLSX, XLS, ODS, CSV in any encoding, hidden parts and all."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.collect.workbook_cases import (
    ARABIC_LABELS,
    LABELS,
    Lines,
    a_form,
    csv_file,
    fixture,
    ods,
    ods_cell,
    ods_row,
    partner,
    refusal,
    rows,
    xlsx,
)

REGISTER = {
    "S-01": {"code": "S-01", "osc": "Oujda Azur", "signee_le": "2026-05-04", "montant": "125000.5", "region": "02", "femme": "oui"},
    "S-02": {"code": "S-02", "osc": "Oujda Azur", "signee_le": "2026-05-06", "montant": "90000", "region": "09", "femme": "non"},
    "S-03": {"code": "S-03", "osc": "جمعية الأمل", "signee_le": "2026-05-08", "montant": "75000", "region": "02", "femme": "non"},
    "S-04": {"code": "S-04", "osc": "Tiznit", "signee_le": "2026-03-12", "montant": "1250000.75", "region": "09", "femme": "oui"},
}  # fmt: skip
"""What `partenaire.xls` and `partenaire.ods` say; LibreOffice made both from one workbook."""


def one(tmp_path: Path, file: Path, **source: Any) -> tuple[dict[str, dict[str, Any]], str]:
    """What is read of the only file of an inbox, and its receipt."""
    opened = partner(a_form(tmp_path, **source), tmp_path)
    found = rows(opened)
    [receipt] = opened.receipts
    assert receipt.file == file.name
    return found, receipt.told


@pytest.mark.parametrize("name", ["partenaire.xls", "partenaire.ods"])
def test_a_workbook_with_a_title_merged_cells_a_hidden_row_a_total_and_a_hidden_sheet(
    name: str, tmp_path: Path
) -> None:
    """An organisation merged over two contracts stands for both; a day without format is a day; hidden rows are data."""
    found, told = one(tmp_path, fixture(name, tmp_path / "boite" / f"subventions{Path(name).suffix}"))
    assert found == REGISTER
    for said in (
        "4 lignes lues",
        "1 ligne masquée lue comme les autres",
        "1 feuille masquée non lue",
        "ligne de total laissée (ligne 8)",
    ):
        assert said in told


def test_merged_cells_of_an_xlsx_stand_for_all_their_lines(tmp_path: Path) -> None:
    """Down, and not across: a title over three columns is no answer to three questions; nor is what only a merge fills a row."""
    file = xlsx(
        tmp_path / "boite" / "subventions.xlsx",
        [
            ["Identité", None, "Registre"],
            ["code", "osc", "region"],
            ["S-01", "A", "02"],
            ["S-02", None, None],
            ["S-03", "B", None],
        ],
    )
    book = openpyxl.load_workbook(file)
    page = book["Subventions"]
    for cells in ("A1:B1", "B3:B4", "C3:C5", "B5:B9"):
        page.merge_cells(cells)
    book.save(file)
    found, _ = one(tmp_path, file)
    assert found == {
        "S-01": {"code": "S-01", "osc": "A", "region": "02"},
        "S-02": {"code": "S-02", "osc": "A", "region": "02"},
        "S-03": {"code": "S-03", "osc": "B", "region": "02"},
    }


def test_hidden_rows_are_read_and_counted(tmp_path: Path) -> None:
    """A filter that was left on hides rows; they are still part of the register."""
    file = xlsx(tmp_path / "boite" / "subventions.xlsx", [["code"], *([f"S-{n}"] for n in range(6))])
    book = openpyxl.load_workbook(file)
    for line in (3, 4):
        book["Subventions"].row_dimensions[line].hidden = True
    book.save(file)
    found, told = one(tmp_path, file)
    assert len(found) == 6 and "2 lignes masquées lues comme les autres" in told


def test_a_hidden_sheet_is_never_chosen_even_by_its_name(tmp_path: Path) -> None:
    form = a_form(tmp_path)
    file = xlsx(tmp_path / "boite" / "subventions.xlsx", [["code"], ["S-01"]], Feuil2=[["code"], ["S-02"]])
    book = openpyxl.load_workbook(file)
    book["Subventions"].sheet_state = "hidden"
    book.save(file)
    assert "la feuille « Subventions » est masquée. Affichez-la" in refusal(partner(form, tmp_path))
    book["Feuil2"].title = " SUBVENTIONS"
    book.save(file)
    assert list(rows(partner(form, tmp_path))) == ["S-02"]


def test_a_sheet_that_is_missing_or_that_could_be_two_is_refused(tmp_path: Path) -> None:
    form = a_form(tmp_path)
    file = xlsx(tmp_path / "boite" / "subventions.xlsx", [["code"], ["S-01"]], sheet="Feuil1", Autre=[["Secret"]])
    assert "la feuille « Subventions » manque (feuilles présentes : Feuil1, la 2e)" in refusal(partner(form, tmp_path))
    xlsx(file, [["code"], ["S-01"]], **{"sheet": "subventions", "Sübventions": [["code"]]})
    assert "plusieurs feuilles se nomment presque « Subventions »" in refusal(partner(form, tmp_path))


def test_cells_in_error_and_formulas_never_computed_are_told(tmp_path: Path) -> None:
    """Both would pass for empty cells: #DIV/0!, and what a program wrote without computing it."""
    found, told = one(tmp_path, fixture("erreurs.xls", tmp_path / "boite" / "subventions.xls"))
    assert found["S-01"] == {"code": "S-01", "signee_le": "2026-05-08"} and found["S-03"]["montant"] == "5"
    assert "cases en erreur (#N/A, #REF!…), lues comme vides : lignes 2 et 3" in told
    (tmp_path / "boite" / "subventions.xls").unlink()
    file = xlsx(
        tmp_path / "boite" / "subventions.xlsx", [["code", "montant", "osc"], ["S-01", "=2+3", "=A2"], ["S-02", 5, "x"]]
    )
    found, told = one(tmp_path, file)
    assert found["S-01"] == {"code": "S-01"}
    assert "formules jamais calculées, lues comme vides" in told and ": ligne 2" in told


def test_days_counted_from_1904_are_the_same_days(tmp_path: Path) -> None:
    """Workbooks of old Macintosh computers count from 1904; a day without format is only a number there."""
    file = xlsx(tmp_path / "boite" / "subventions.xlsx", [["code", "signee_le"], ["S-01", 46150 - 1462]])
    book = openpyxl.load_workbook(file)
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904  # type: ignore[attr-defined]
    book.save(file)
    assert one(tmp_path, file)[0]["S-01"]["signee_le"] == "2026-05-08"


def test_merged_hidden_and_true_cells_of_an_ods(tmp_path: Path) -> None:
    """What Calamine does not say of OpenDocument: spans, filtered lines, TRUE and FALSE."""
    covered, over_two = "<table:covered-table-cell/>", 'table:number-rows-spanned="2"'
    truth = '<table:table-cell office:value-type="boolean" office:boolean-value="{}"/>'
    made = "".join(
        [
            ods_row(["code", "osc", "femme"]),
            f"<table:table-row>{ods_cell('S-01')}{ods_cell('A', over_two)}{truth.format('true')}</table:table-row>",
            f'<table:table-row table:visibility="filter">{ods_cell("S-02")}{covered}{truth.format("false")}</table:table-row>',
            '<table:table-row table:number-rows-repeated="3"><table:table-cell/></table:table-row>',
            ods_row(["S-03", "B", None], 'table:visibility="collapse"'),
        ]
    )
    hidden = 'table:visibility="collapse"'
    other = f'<table:table table:name="Avant">{ods_row(["x"], hidden)}</table:table>'
    file = ods(tmp_path / "boite" / "subventions.ods", [], before=other, rows=made)
    found, told = one(tmp_path, file)
    assert found == {
        "S-01": {"code": "S-01", "osc": "A", "femme": "oui"},
        "S-02": {"code": "S-02", "osc": "A", "femme": "non"},
        "S-03": {"code": "S-03", "osc": "B"},
    }
    assert "2 lignes masquées lues comme les autres" in told


# Text files ---------------------------------------------------------------------------------------------------

FRENCH: Lines = [
    ["Numéro du contrat", "Organisation bénéficiaire", "Région"],
    ["S-01", "École d'été, à Oujda", "Oriental"],
    ["S-02", "ŒUVRE CRÉÉE", "02"],
]
ARABIC: Lines = [
    [ARABIC_LABELS[name] for name in ("code", "osc", "region")],
    ["S-01", "جمعية الأمل", "الشرق"],
    ["S-02", "تعاونية النساء ; وجدة", "سوس ماسة"],
]


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
@pytest.mark.parametrize(
    ("lines", "encoding"),
    [(FRENCH, encoding) for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252")]
    + [(ARABIC, encoding) for encoding in ("utf-8", "utf-16", "cp1256")],
)  # fmt: skip
def test_a_csv_is_read_in_its_encoding_and_with_its_separator(
    lines: Lines, encoding: str, separator: str, tmp_path: Path
) -> None:
    file = csv_file(tmp_path / "boite" / "subventions.csv", lines, separator=separator, encoding=encoding)
    found, told = one(tmp_path, file)
    expected = {line[0]: {"code": line[0], "osc": line[1], "region": "02"} for line in lines[1:]}
    if lines is ARABIC:
        expected["S-02"]["region"] = "09"
    assert found == expected
    spoken = {"utf-8-sig": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "cp1252": "Windows-1252",
              "cp1256": "Windows-1256 (arabe)"}.get(encoding, encoding.upper())  # fmt: skip
    assert f"lu comme texte {spoken}, colonnes séparées par" in told


def test_the_line_that_excel_adds_to_name_the_separator_is_not_data(tmp_path: Path) -> None:
    (tmp_path / "boite").mkdir()
    (tmp_path / "boite" / "subventions.csv").write_text('sep=,\r\ncode,osc\r\n"S-01","a;b;c"\r\n', encoding="utf-8")
    found, told = one(tmp_path, tmp_path / "boite" / "subventions.csv")
    assert found == {"S-01": {"code": "S-01", "osc": "a;b;c"}} and "une virgule" in told


def test_arabic_values_under_latin_headers_are_recognised(tmp_path: Path) -> None:
    """The header says nothing of the code page; French small letters are the same bytes in both."""
    lines = [["code", "osc", "remarques"], ["S-01", "جمعية الأمل", "reçu à Oujda"], ["S-02", "النجاح", ""]]
    found, _ = one(tmp_path, csv_file(tmp_path / "boite" / "subventions.csv", lines, encoding="cp1256"))
    assert found["S-01"]["osc"] == "جمعية الأمل" and found["S-01"]["remarques"] == "reçu à Oujda"
    lines = [["code", "osc"], ["S-01", "CRÉÉE À FÈS"], ["S-02", "Île d’Été"]]
    found, _ = one(tmp_path, csv_file(tmp_path / "boite" / "subventions.csv", lines, encoding="cp1252"))
    assert [row["osc"] for row in found.values()] == ["CRÉÉE À FÈS", "Île d’Été"]


def test_a_text_with_several_lines_in_a_cell_keeps_its_place(tmp_path: Path) -> None:
    lines = [["code", "remarques"], ["S-01", 'première\nligne "citée"; suite'], ["S-02", "b"]]
    found, _ = one(tmp_path, csv_file(tmp_path / "boite" / "subventions.csv", lines))
    assert found["S-01"]["remarques"] == 'première\nligne "citée"; suite' and "S-02" in found


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("subventions.csv", b'code;osc\r\n"S-01;Secret\r\nS-02;b\r\n', "un guillemet est mal placé ou n'est jamais refermé"),
        ("subventions.csv", b"PK\x03\x04\x14\x00" + bytes(range(256)), "n'est pas un fichier texte, malgré son nom"),
        ("subventions.csv", b"", "est vide"),
        ("subventions.xlsx", b"", "est vide"),
        ("subventions.xlsx", b"code;osc\nS-01;Secret\n", "n'est pas un classeur lisible"),
        ("subventions.xls", b"<html><table><tr><td>Secret</td></tr></table></html>", "n'est pas un classeur lisible"),
        ("subventions.xlsx", b"PK\x03\x04" + b"\x00" * 500, "n'est pas un classeur lisible"),
        ("subventions.ods", b"PK\x03\x04" + b"\x00" * 500, "n'est pas un classeur lisible"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_with_what_to_do(
    name: str, content: bytes, said: str, tmp_path: Path
) -> None:
    form = a_form(tmp_path)
    (tmp_path / "boite" / name).write_bytes(content)
    why = refusal(partner(form, tmp_path))
    assert said in why and name in why and "Secret" not in why


def test_half_a_workbook_is_refused(tmp_path: Path) -> None:
    """Copied up to its middle."""
    form = a_form(tmp_path)
    file = xlsx(tmp_path / "boite" / "subventions.xlsx", [["code"], *([f"S-{n}"] for n in range(200))])
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert "abîmé, en cours de copie" in refusal(partner(form, tmp_path))


def test_a_password_is_asked_to_be_removed(tmp_path: Path) -> None:
    form = a_form(tmp_path)
    fixture("protege.xlsx", tmp_path / "boite" / "subventions.xlsx")
    assert "est protégé par un mot de passe. Retirez-le" in refusal(partner(form, tmp_path))


def test_a_csv_cannot_hold_several_sheets(tmp_path: Path) -> None:
    form = a_form(tmp_path, repeats={"membre": {"sheet": "Membres", "parent": "code"}})
    csv_file(tmp_path / "boite" / "subventions.csv", [["code"], ["S-01"]])
    assert "un fichier texte n'a qu'une feuille" in refusal(partner(form, tmp_path))


def test_the_same_register_says_the_same_in_every_format(tmp_path: Path) -> None:
    """Real dates, Excel's numbers, texts: the format is the partner's affair."""
    header = [LABELS[name] for name in ("code", "signee_le", "montant", "region")]
    day = dt.date(2026, 5, 4)
    variants = {
        "subventions.xlsx": [header, ["S-01", day, 1234.5, "Oriental"]],
        "subventions.ods": [header, ["S-01", day, 1234.5, "الشرق"]],
        "subventions.csv": [header, ["S-01", "04/05/2026", "1 234,5", "02"]],
        "subventions.tsv": [header, ["S-01", "4 mai 2026", "١٢٣٤٫٥", "ORIENTAL"]],
    }
    seen = []
    for name, lines in variants.items():
        file = tmp_path / "boite" / name
        writer = {"xlsx": xlsx, "ods": ods}.get(file.suffix[1:], csv_file)
        writer(file, lines)  # type: ignore[operator]
        seen.append(one(tmp_path, file)[0])
        file.unlink()
    assert seen == [seen[0]] * 4
    assert seen[0] == {"S-01": {"code": "S-01", "signee_le": "2026-05-04", "montant": "1234.5", "region": "02"}}
