"""Exports of a server as sources: pages of Kobo's API saved to disk, and workbooks with linked sheets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from meal_pipelines.collect.export import ExportedPages, ExportedWorkbook
from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.model import RepeatSheet
from tests.collect.workbook_cases import rows
from tests.project.xlsforms import workbook


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


# Saved pages --------------------------------------------------------------------------------------------------


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


# Orphans --------------------------------------------------------------------------------------------------------


def test_rows_of_a_repeat_that_belong_to_nobody_are_told_by_their_lines(tmp_path: Path) -> None:
    """They have no place in raw; the submissions and the other rows are read, and no key is quoted."""
    lines = {
        "main": [["uuid"], ["a"], ["b"]],
        "roster": [["menage", "age"], ["a", 1], ["secret", 2], ["b", 3], ["z", 4]],
    }
    workbook(tmp_path / "export.xlsx", **lines)
    source = exported(tmp_path)
    found = rows(source)
    assert {key: len(row["membres"]) for key, row in found.items()} == {"a": 1, "b": 1}
    [remark] = source.remarks()
    assert "feuille « roster », 2 lignes orphelines laissées (lignes 3 et 5)" in remark and "secret" not in remark


def test_choices_that_stand_twice_are_told_with_the_file(tmp_path: Path) -> None:
    workbook(tmp_path / "export.xlsx", main=[["uuid"], ["a"]])
    source = exported(tmp_path, repeats={}, duplicate_choices=(("eau", "surface"),))
    assert list(rows(source)) == ["a"]
    assert source.remarks() == ["export.xlsx : choix en double dans le questionnaire : « surface » dans « eau »."]


def test_the_receipt_of_an_export_says_what_it_held_and_why_it_was_refused(tmp_path: Path) -> None:
    file = workbook(tmp_path / "export.xlsx", main=[["uuid"], ["a"]], roster=[["menage"], ["a"], ["a"]])
    source = exported(tmp_path)
    rows(source)
    [receipt] = source.receipts
    assert (receipt.rows, receipt.state, receipt.size) == (1, "read", file.stat().st_size)
    assert "feuille « roster » : 2 lignes" in receipt.told
    workbook(file, main=[["uuid"], ["a"], ["a"]], roster=[["menage"]])
    with pytest.raises(ConfigurationError):
        rows(source)
    assert source.receipts[0].state == "refused" and "une même clé" in source.receipts[0].told
