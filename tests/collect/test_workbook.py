"""Partner workbooks and exported workbooks: what people do to a spreadsheet, and what is understood of it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import orjson
import pytest

from meal_pipelines.collect.export import ExportedPages, ExportedWorkbook
from meal_pipelines.collect.source import Source
from meal_pipelines.collect.workbook import PartnerWorkbooks
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.model import RepeatSheet
from meal_pipelines.project.questionnaire import Questionnaire
from meal_pipelines.project.xlsform import read_questionnaire
from tests.project.xlsforms import form, workbook

Cells = list[list[Any]]


@pytest.fixture
def questionnaire(tmp_path: Path) -> Questionnaire:
    return read_questionnaire(
        form(
            tmp_path / "subventions.xlsx",
            ["text", "code", "Code de la subvention", "رمز المنحة"],
            ["text", "osc", "Organisation bénéficiaire"],
            ["date", "signee_le", "Date de signature"],
            ["decimal", "montant_mad", "Montant (MAD)"],
        )
    )


def partner(tmp_path: Path, questionnaire: Questionnaire, **changes: Any) -> PartnerWorkbooks:
    (tmp_path / "boite").mkdir(exist_ok=True)
    given: dict[str, Any] = {"sheet": "Subventions", "key": ("code",), "submitted_at": "signee_le", **changes}
    return PartnerWorkbooks(tmp_path / "boite", "subventions*.xlsx", questionnaire=questionnaire, **given)


def sheet(tmp_path: Path, name: str, *lines: list[Any], title: str = "Subventions") -> Path:
    (tmp_path / "boite").mkdir(exist_ok=True)
    return workbook(tmp_path / "boite" / name, **{title: [list(line) for line in lines]})


def rows(source: Source, after: str | None = None) -> dict[str, dict[str, Any]]:
    """Every submission of a sweep by its id, which also checks the contract of pages."""
    found: dict[str, dict[str, Any]] = {}
    place = after
    for page in source.sweep(after):
        assert page.after == place
        keys = [submission.submission_id for submission in page.submissions]
        assert keys == sorted(keys, key=lambda key: int(key) if source.order == "numeric" else key)  # type: ignore[return-value]
        assert page.through is None or page.through == keys[-1]
        found |= {s.submission_id: orjson.loads(s.payload) for s in page.submissions}
        place = page.through
    assert place is None
    return found


def test_headers_are_names_or_labels_however_they_are_written(tmp_path: Path, questionnaire: Questionnaire) -> None:
    """Partners type the labels they see, add a star, forget an accent; a column of their own is kept."""
    header = ["رمز المنحة", "  organisation BENEFICIAIRE *", "signee_le", "Montant  (mad)", "Remarque interne"]
    sheet(tmp_path, "subventions.xlsx", header, ["S-01", "Oujda Azur", dt.datetime(2026, 5, 4), 125000.0, "à revoir"])
    assert rows(partner(tmp_path, questionnaire)) == {
        "S-01": {
            "code": "S-01", "osc": "Oujda Azur", "signee_le": "2026-05-04", "montant_mad": "125000",
            "Remarque interne": "à revoir",
        }
    }  # fmt: skip


def test_empty_lines_and_cells_say_nothing(tmp_path: Path, questionnaire: Questionnaire) -> None:
    sheet(tmp_path, "subventions.xlsx", ["code", "osc"], ["S-01", None], [None, None], [" ", ""], ["S-02", "B"])
    assert rows(partner(tmp_path, questionnaire)) == {"S-01": {"code": "S-01"}, "S-02": {"code": "S-02", "osc": "B"}}


def test_a_row_sent_again_in_a_later_file_replaces_the_earlier_one(
    tmp_path: Path, questionnaire: Questionnaire
) -> None:
    """The inbox keeps every file; Excel's lock files are none of them."""
    sheet(tmp_path, "subventions-2026-05.xlsx", ["code", "osc"], ["S-01", "Ancien"], ["S-02", "B"])
    sheet(tmp_path, "subventions-2026-06.xlsx", ["code", "osc"], ["S-01", "Nouveau"])
    (tmp_path / "boite" / "~$subventions-2026-06.xlsx").write_bytes(b"verrou")
    found = rows(partner(tmp_path, questionnaire))
    assert {key: row["osc"] for key, row in found.items()} == {"S-01": "Nouveau", "S-02": "B"}


def test_a_sweep_is_taken_up_after_a_key(tmp_path: Path, questionnaire: Questionnaire) -> None:
    lines = [[f"S-{number:04}", "x"] for number in range(1203)]
    sheet(tmp_path, "subventions.xlsx", ["code", "osc"], *lines)
    source = partner(tmp_path, questionnaire)
    assert len(rows(source)) == 1203 and list(rows(source, after="S-1200")) == ["S-1201", "S-1202"]


def test_the_day_of_sending_is_a_question_of_the_workbook(tmp_path: Path, questionnaire: Questionnaire) -> None:
    """At noon, so that no time zone moves it to another day; a text that is no date is no day."""
    sheet(tmp_path, "subventions.xlsx", ["code", "signee_le"], ["S-01", "31/12/2026"], ["S-02", "bientôt"])
    [page, _] = partner(tmp_path, questionnaire).sweep()
    assert [s.submitted_at for s in page.submissions] == ["2026-12-31T12:00:00+00:00", None]


def test_a_key_of_several_questions_names_a_row(tmp_path: Path, questionnaire: Questionnaire) -> None:
    sheet(tmp_path, "subventions.xlsx", ["code", "osc"], ["S-01", "A"], ["S-01", "B"])
    assert list(rows(partner(tmp_path, questionnaire, key=("code", "osc")))) == ["S-01/A", "S-01/B"]


@pytest.mark.parametrize(
    ("lines", "title", "said"),
    [
        ([["code"], ["S-01"]], "Feuil1", "la feuille « Subventions » manque (feuilles présentes : Feuil1). Rien n'a été lu."),
        ([["code", "osc"], [None, "Secret"]], "Subventions", "la colonne « code », qui identifie les lignes, manque ou est vide"),
        ([["osc"], ["Secret"]], "Subventions", "la colonne « code », qui identifie les lignes, manque ou est vide"),
    ],
)  # fmt: skip
def test_a_workbook_that_cannot_be_understood_is_refused_whole(
    lines: Cells, title: str, said: str, tmp_path: Path, questionnaire: Questionnaire
) -> None:
    """Half a workbook would pass for deletions; and the refusal quotes no cell."""
    sheet(tmp_path, "subventions.xlsx", *lines, title=title)
    with pytest.raises(ConfigurationError) as refusal:
        rows(partner(tmp_path, questionnaire))
    assert (
        "subventions.xlsx" in str(refusal.value) and said in str(refusal.value) and "Secret" not in str(refusal.value)
    )


def test_an_inbox_that_is_empty_or_gone_is_not_a_deletion_of_everything(
    tmp_path: Path, questionnaire: Questionnaire
) -> None:
    source = partner(tmp_path, questionnaire)
    with pytest.raises(ConfigurationError, match=r"Aucun classeur « subventions\*\.xlsx »"):
        rows(source)
    (tmp_path / "boite").rmdir()
    with pytest.raises(ConfigurationError, match="Le dossier des classeurs n'existe pas"):
        rows(source)


# Exports of a server ------------------------------------------------------------------------------------------


def exported(tmp_path: Path, **changes: Any) -> ExportedWorkbook:
    given: dict[str, Any] = {"repeats": {"membres": RepeatSheet(sheet="roster", parent="menage")}, **changes}
    return ExportedWorkbook(tmp_path / "export.xlsx", "main", ("uuid",), **given)


def test_the_sheets_of_an_export_come_back_as_submissions_with_their_repeats(tmp_path: Path) -> None:
    lines = {
        "main": [["uuid", "end", "taille"], ["b", "2026-05-04T10:00:00+0100", 2], ["a", "4 mai", 1]],
        "roster": [["menage", "age"], ["b", 30], ["a", 7], ["b", 31]],
    }
    workbook(tmp_path / "export.xlsx", **lines)
    source = exported(tmp_path, submitted_at="end")
    found = rows(source)
    assert [member["age"] for member in found["b"]["membres"]] == ["30", "31"]
    assert [member["age"] for member in found["a"]["membres"]] == ["7"]
    [page, _] = source.sweep()
    assert [s.submitted_at for s in page.submissions] == [None, "2026-05-04T10:00:00+01:00"]


def test_one_key_for_two_rows_of_an_export_is_refused(tmp_path: Path) -> None:
    """One of the two would vanish; which one, nobody could say."""
    workbook(tmp_path / "export.xlsx", main=[["uuid"], ["a"], ["a"]], roster=[["menage"]])
    with pytest.raises(ConfigurationError, match="une même clé"):
        rows(exported(tmp_path))


def test_a_repeat_without_its_sheet_or_its_parent_is_refused(tmp_path: Path) -> None:
    workbook(tmp_path / "export.xlsx", main=[["uuid"], ["a"]])
    with pytest.raises(ConfigurationError, match="la feuille « roster » manque"):
        rows(exported(tmp_path))
    workbook(tmp_path / "export.xlsx", main=[["uuid"], ["a"]], roster=[["menage", "age"], [None, 7]])
    with pytest.raises(ConfigurationError, match="la colonne « menage »"):
        rows(exported(tmp_path))


def test_an_export_that_is_no_workbook_or_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"Classeur introuvable : .*export\.xlsx"):
        rows(exported(tmp_path))
    (tmp_path / "export.xlsx").write_text("code,osc", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"export\.xlsx n'est pas un classeur lisible"):
        rows(exported(tmp_path))


def pages(folder: Path, **files: list[int]) -> ExportedPages:
    for name, ids in files.items():
        body = {"count": len(ids), "results": [{"_id": key, "_uuid": f"u{key}"} for key in ids]}
        (folder / f"{name.replace('_', '-')}.json").write_bytes(orjson.dumps(body))
    return ExportedPages(folder)


def test_saved_pages_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """In alphabetical order page-10 comes before page-2, and two thousand rows would pass for deleted."""
    source = pages(tmp_path, page_1=[1, 2], page_2=[3], page_10=[20, 21])
    assert list(rows(source)) == ["1", "2", "3", "20", "21"]
    assert list(rows(source, after="2")) == ["3", "20", "21"]


@pytest.mark.parametrize(
    "files", [{"page_1": [1, 3, 2]}, {"page_1": [3, 4], "page_2": [1, 2]}, {"page_1": [1, 2], "page_2": [2, 3]}]
)
def test_saved_pages_out_of_order_are_refused(files: dict[str, list[int]], tmp_path: Path) -> None:
    """Reading on would leave rows out without a word."""
    with pytest.raises(ConfigurationError, match="ne se suivent pas par « _id » croissant"):
        rows(pages(tmp_path, **files))


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[1]", b'{"results": [{"a": 1}]}', b'{"results": [1]}'])
def test_what_is_not_a_page_is_named(body: bytes, tmp_path: Path) -> None:
    (tmp_path / "page-1.json").write_bytes(body)
    with pytest.raises(ConfigurationError, match=r"page-1\.json"):
        rows(ExportedPages(tmp_path))
